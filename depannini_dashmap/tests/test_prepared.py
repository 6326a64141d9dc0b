"""Statements planned once a connection: the same rows as ever, on any connection, in and after transactions."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, NotSupportedError, connection, transaction
from django.db.models import Value
from django.db.models.functions import Upper
from django.db.utils import DataError

from depannini_dashmap.lib.db.prepared import PreparedObjects, PreparedRows, Reader, Statement, typed, update_row
from fleet.models import Vehicle

IS_POSTGRESQL = connection.vendor == "postgresql"
ADD = Statement("SELECT CAST($1 AS integer) + CAST($2 AS integer), CAST($1 AS integer), '100 %'")
DIVIDE = Statement("SELECT 1 / CAST($1 AS integer)")


def prepared_now() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements" if IS_POSTGRESQL else "SELECT 1 WHERE false")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.django_db
def test_values_stand_where_their_numbers_are():
    assert ADD.rows(40, 2) == [(42, 40, "100 %")]


@pytest.mark.django_db
def test_the_same_without_preparing(settings):
    settings.DATABASE_PREPARE = False
    before = prepared_now()
    assert Statement(ADD.sql).rows(40, 2) == [(42, 40, "100 %")]
    assert prepared_now() == before


@pytest.mark.django_db
def test_preparing_is_no_query(django_assert_num_queries):
    fresh = Statement(ADD.sql)
    for _ in range(2):
        with django_assert_num_queries(1):
            fresh.rows(1, 1)


@pytest.mark.django_db(transaction=True)
def test_each_connection_prepares_for_itself():
    ADD.rows(1, 1)
    connection.close()
    assert ADD.rows(1, 2) == [(3, 1, "100 %")]


@pytest.mark.django_db(transaction=True)
def test_what_was_prepared_in_a_transaction_outlives_its_end():
    fresh = Statement(ADD.sql)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        fresh.rows(1, 1)
        raise ZeroDivisionError
    assert fresh.rows(1, 2) == [(3, 1, "100 %")]


@pytest.mark.django_db(transaction=True)
def test_a_broken_transaction_prepares_nothing_and_leaves_the_statement_whole():
    fresh = Statement(ADD.sql)
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic():
        transaction.set_rollback(True)
        fresh.rows(1, 1)
    assert fresh.rows(1, 2) == [(3, 1, "100 %")]


if IS_POSTGRESQL:

    @pytest.mark.django_db(transaction=True)
    def test_an_error_of_the_statement_is_its_own():
        for _ in range(2):
            with pytest.raises(DataError):
                DIVIDE.rows(0)
        assert DIVIDE.rows(1) == [(1,)]

    def test_what_cannot_be_prepared_says_why(transactional_db):
        with pytest.raises(NotSupportedError, match="cross-database"):
            Statement("SELECT $1::int FROM elsewhere.public.accounts_user").rows(1)

    @pytest.fixture
    def widened(transactional_db):
        """A statement that was prepared before a migration changed the type of what it gives."""
        statement = Statement("SELECT code FROM changing WHERE code <> $1")
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE changing AS SELECT 'a'::varchar(1) AS code")
        assert statement.rows("b") == [("a",)]
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE changing ALTER code TYPE varchar(2)")
        yield statement
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE changing")

    def test_a_migration_beneath_makes_it_prepare_again(widened):
        assert widened.rows("b") == [("a",)]

    def test_a_transaction_that_a_migration_hit_fails_once(widened):
        with pytest.raises(NotSupportedError), transaction.atomic():
            widened.rows("b")
        with transaction.atomic():
            assert widened.rows("b") == [("a",)]


@pytest.mark.django_db
def test_prepared_rows_know_the_reader_and_take_lists_of_values(dispatcher, dispatcher_b):
    van, truck = (
        Vehicle.objects.create(company=company, license_plate="A", make="F", model="T", year=2020, capacity=1)
        for company in (dispatcher.current_company, dispatcher_b.current_company)
    )
    plates = PreparedRows(
        lambda reader, *ids: Vehicle.objects.visible_to(reader).filter(pk__in=ids, license_plate="A").values_list("pk")
    )
    assert plates(dispatcher, van.pk, truck.pk) == [(van.pk,)]
    assert plates(dispatcher_b, van.pk, truck.pk) == [(truck.pk,)]
    assert sorted(plates(Reader(dispatcher.pk, True), van.pk, truck.pk)) == [(van.pk,), (truck.pk,)]


def a_van(company, plate: str = "A", **fields) -> Vehicle:
    return Vehicle(company=company, license_plate=plate, make="F", model="T", year=2020, capacity="1.5", **fields)


def make_van(company, plate: str = "A", **fields) -> Vehicle:
    van = a_van(company, plate, **fields)
    van.save(force_insert=True)
    return van


@pytest.mark.django_db
def test_prepared_objects_are_those_of_the_query(dispatcher):
    vans = [make_van(dispatcher.current_company, plate) for plate in "AB"]
    held = PreparedObjects(lambda pk: Vehicle.objects.select_related("company").filter(pk=pk).order_by().select_for_update(of=("self",)))
    for van in vans:
        with transaction.atomic():
            [found] = held(van.pk)
        stored = Vehicle.objects.get(pk=van.pk)
        fields = [field.attname for field in Vehicle._meta.concrete_fields]
        assert [getattr(found, name) for name in fields] == [getattr(stored, name) for name in fields]
        assert found._state.fields_cache["company"] == dispatcher.current_company
        assert not found._state.adding
    with transaction.atomic():
        assert held(0) == []


if IS_POSTGRESQL:

    @pytest.mark.django_db(transaction=True)
    def test_a_prepared_lock_needs_a_transaction(dispatcher):
        held = PreparedObjects(lambda pk: Vehicle.objects.filter(pk=pk).select_for_update())
        with transaction.atomic():
            held(1)
        with pytest.raises(transaction.TransactionManagementError):
            held(1)
        held_ids = PreparedRows(lambda _, pk: Vehicle.objects.filter(pk=pk).select_for_update().values_list("pk"))
        with transaction.atomic():
            assert held_ids(None, 1) == []
        with pytest.raises(transaction.TransactionManagementError):
            held_ids(None, 1)

    @pytest.mark.django_db
    def test_the_insert_of_a_few_objects_is_planned_once(dispatcher):
        make_van(dispatcher.current_company, "A")
        before = prepared_now()
        make_van(dispatcher.current_company, "B")
        assert prepared_now() == before
        for number in range(2):
            Vehicle.objects.bulk_create([a_van(dispatcher.current_company, f"{number}{end}") for end in "CD"])
            assert len(prepared_now() - before) == 1


@pytest.mark.django_db
def test_prepared_objects_are_asked_for_by_words_and_instants(dispatcher):
    van = make_van(dispatcher.current_company, "A")
    asked = PreparedObjects(
        lambda plate, at: Vehicle.objects.filter(
            license_plate=typed(plate, "varchar"), created_at__lte=typed(at, "timestamptz")
        ).order_by("pk")[:1]
    )
    assert asked("A", van.created_at) == [van]
    assert asked("A", van.created_at - timedelta(seconds=1)) == []
    assert asked("' OR 1=1", van.created_at) == []


@pytest.mark.django_db
def test_a_row_is_changed_by_its_key(dispatcher):
    company = dispatcher.current_company
    van, other = make_van(company, "A"), make_van(company, "B")
    for make in ("Renault", "Iveco"):
        assert update_row(Vehicle, van.pk, make=make, capacity="2.50", company_id=company.pk)
        van.refresh_from_db()
        assert (van.make, str(van.capacity)) == (make, "2.50")
    assert Vehicle.objects.get(pk=other.pk).make == "F"
    assert not update_row(Vehicle, 0, make="x")


@pytest.mark.django_db
def test_an_object_may_be_inserted_with_an_expression(dispatcher):
    plain = make_van(dispatcher.current_company, "A")
    counted = make_van(dispatcher.current_company, Upper(Value("b")))
    assert Vehicle.objects.get(pk=counted.pk).license_plate == "B"
    assert counted.pk > plain.pk


@pytest.mark.django_db
def test_several_objects_are_inserted_in_their_order(dispatcher):
    company = dispatcher.current_company
    for count in (2, 3, 11):
        plates = [f"{count}-{number}" for number in reversed(range(count))]
        made = Vehicle.objects.bulk_create([a_van(company, plate) for plate in plates])
        assert [Vehicle.objects.get(pk=van.pk).license_plate for van in made] == plates
    with_sql = [a_van(company, plate) for plate in ("X", Upper(Value("y")))]
    Vehicle.objects.bulk_create(with_sql)
    assert Vehicle.objects.filter(license_plate__in=["X", "Y"]).count() == 2


@pytest.mark.django_db
def test_a_prepared_insert_meets_the_constraints(dispatcher):
    make_van(dispatcher.current_company, "A")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_van(dispatcher.current_company, "A")
    assert make_van(dispatcher.current_company, "C").pk
