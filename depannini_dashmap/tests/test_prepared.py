"""Statements planned once a connection: the same rows as ever, on any connection, in and after transactions."""

import pytest
from django.db import NotSupportedError, connection, transaction
from django.db.utils import DataError

from depannini_dashmap.lib.db.prepared import PreparedRows, Reader, Statement
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
