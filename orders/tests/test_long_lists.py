"""Lists of orders whose cost does not grow with the history: which indexes answer them, and what is no longer counted."""

import json
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Company, Membership
from depannini_dashmap.lib.admin.bounded_pages import BoundedPaginator
from depannini_dashmap.lib.db.search import AddSearchIndex, search
from orders.fake_orders import invent_orders
from orders.models import Order

FIELDS = ("order_number", "customer_name", "customer_company", "customer_phone", "goods_description")
only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="plans of PostgreSQL")


@pytest.fixture
def many(company_a):
    """A thousand orders whose statistics the planner knows."""
    invent_orders(company_id=company_a.pk, count=1000, seed=5)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return company_a


def indexes_of(rows: QuerySet, *without: str) -> set[str]:
    """Return the indexes that PostgreSQL reads, where it may read no table from end to end, nor in other ways named."""
    with connection.cursor() as cursor:
        for way in ("seqscan", *without):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        sql, values = rows.query.sql_with_params()
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
        plan = cursor.fetchone()[0]
    return set(_named(plan if isinstance(plan, list) else json.loads(plan)))


def _named(plan):
    return (node["Index Name"] for node in _nodes(plan) if "Index Name" in node)


def _nodes(plan):
    """Yield each node of a plan in JSON."""
    if isinstance(plan, list):
        for each in plan:
            yield from _nodes(each)
    elif isinstance(plan, dict):
        if "Node Type" in plan:
            yield plan
        for each in plan.values():
            yield from _nodes(each)


@only_postgresql
def test_lists_are_read_in_the_order_of_an_index(dispatcher, many):
    rows = Order.objects.listed_for(dispatcher)
    assert indexes_of(rows.order_by("customer_name", "id")[:50]) == {"order_by_customer"}
    assert indexes_of(rows.order_by("-updated_at", "-id")[:50]) == {"order_changed"}
    cancelled = rows.filter(status="cancelled").order_by("-created_at", "-id")[:50]
    assert indexes_of(cancelled) == {"order_by_status"}
    assert indexes_of(Order.objects.order_by("customer_name", "id")[:50]) == {"order_customers"}


@only_postgresql
def test_open_orders_are_counted_from_an_index_of_their_own(many):
    assert indexes_of(Order.objects.open().order_by().values("status")) == {"order_open"}


@only_postgresql
def test_words_are_searched_by_their_trigrams(many):
    for text in ("Zarrouk", "tiles of glass", "0555 12 34 56"):
        found = search(Order.objects.order_by(), FIELDS, text.split(), text)
        assert indexes_of(found, "indexscan", "indexonlyscan") == {"order_words"}, text


@only_postgresql
def test_short_words_are_searched_by_their_trigrams(many):
    for text in ("qq", "q", "هد"):
        found = search(Order.objects.order_by(), FIELDS, [text], text)
        assert indexes_of(found, "indexscan", "indexonlyscan") == {"order_words"}, text


def test_short_words_are_found_at_the_beginnings_of_words(api, client, dispatcher, company_a):
    made = [Order(company=company_a, order_number=f"ORD-2024-{n}", customer_name=name) for n, name in enumerate(("Ly Haddad", "Haddad ly", "Family", "50% Ly_"))]
    Order.objects.bulk_create(made)
    client.force_login(dispatcher)
    for text, found in (("ly", {0, 1, 3}), ("l", {0, 1, 3}), ("_", set()), ("%", set()), ("fa", {2}), ("mily", {2}), ("ha ly", {0, 1})):
        rows = client.get(reverse("admin:orders_order_changelist"), {"q": text}).context["cl"].result_list
        assert {row.pk for row in rows} == {made[n].pk for n in found}, text
    answer = api(dispatcher).get("/api/orders/?search=ly").json()
    assert {row["id"] for row in answer["results"]} == {made[n].pk for n in (0, 1, 3)}
    assert b"at the beginnings of words" in client.get(reverse("admin:orders_order_changelist")).content


@only_postgresql
@pytest.mark.parametrize("address", ["/api/orders/?search=Zarrouk&page_size=20", "/admin/orders/order/?q=Zarrouk"])
def test_a_search_finds_its_page_before_it_joins_the_stops(api, client, dispatcher, many, address):
    """Else a word seems so dear to find by its trigrams that the whole history is read in order."""
    Order.objects.filter(pk__in=Order.objects.order_by("pk").values("pk")[:60]).update(customer_name="Amina Zarrouk")
    client.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
    caller = api(dispatcher) if address.startswith("/api") else client
    with CaptureQueriesContext(connection) as queries:
        assert caller.get(address).status_code == 200
    [page] = [each["sql"] for each in queries if "LIMIT" in each["sql"] and "goods_weight" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {page}")
        plan = cursor.fetchone()[0]
    [limit] = [node for node in _nodes(plan if isinstance(plan, list) else json.loads(plan)) if node["Node Type"] == "Limit"]
    assert {node["Relation Name"] for node in _nodes(limit) if "Relation Name" in node} == {"orders_order"}


@pytest.mark.parametrize(("few", "newest", "expected"), [(1000, 10, 9000), (5, 1000, 9000), (5, 300, 9000), (5, 300, 0)])
def test_a_word_that_old_orders_alone_have_is_found_newest_first(client, dispatcher, many, monkeypatch, few, newest, expected):
    """In whichever way the page is read: sorted, from the newest orders, or in the order of the list."""
    for name, value in (("FEW", few), ("NEWEST", newest), ("SORTED", expected)):
        monkeypatch.setattr(f"depannini_dashmap.lib.db.search.{name}", value)
    old = Order.objects.order_by("created_at", "id").values("pk")[:120]
    Order.objects.filter(pk__in=list(old.values_list("pk", flat=True))).update(goods_description="Velvet")
    every = list(Order.objects.filter(goods_description="Velvet").order_by("-created_at", "-id").values_list("pk", flat=True))
    client.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
    shown = [client.get(f"/admin/orders/order/?q=velvet&p={page}").context["cl"].result_list for page in (1, 2, 3)]
    assert [row.pk for page in shown for row in page] == every
    assert [len(page) for page in shown] == [50, 50, 20]


@only_postgresql
def test_a_whole_phone_number_is_searched_by_its_digits_once(dispatcher, many):
    found = str(search(Order.objects.order_by(), FIELDS, ["+213555123456"], "+213555123456").query)
    assert found.count('customer_phone"') == 2  # among the columns, and compared without its marks
    words = str(search(Order.objects.order_by(), FIELDS, ["+213", "555123456"], "+213 555123456").query)
    assert words.count('customer_phone"') == 4


@only_postgresql
def test_a_number_is_searched_by_its_beginning(dispatcher, many):
    found = search(Order.objects.listed_for(dispatcher), FIELDS, ["ORD-2024-0012"], "ORD-2024-0012")
    assert any(name.startswith("orders_order_order_number") for name in indexes_of(found.order_by()))


def test_a_number_finds_the_orders_that_begin_with_it(api, dispatcher, many):
    first = Order.objects.order_by("pk").first()
    Order.objects.filter(pk=first.pk + 1).update(goods_description=f"Returned from {first.order_number}")
    beginning = first.order_number[:-1]
    expected = Order.objects.filter(order_number__startswith=beginning).order_by("-created_at", "-id")
    found = api(dispatcher).get(f"/api/orders/?search={beginning.lower()}").json()["results"]
    assert [row["id"] for row in found] == list(expected.values_list("pk", flat=True))
    whole = api(dispatcher).get(f"/api/orders/?search={first.order_number}").json()["results"]
    assert [row["id"] for row in whole] == [first.pk]


@pytest.mark.parametrize("beginning", ["ord-2024", "ORD-2024-", "ORD-2024-0"])
def test_a_year_of_numbers_is_searched_by_the_number_alone(client, dispatcher, company_a, beginning):
    texts = {"ORD-2024-0001": "", "ORD-2023-0002": "Returned from ORD-2024-0001", "ORD-2024-0003": ""}
    made = [Order(company=company_a, order_number=number, goods_description=goods) for number, goods in texts.items()]
    Order.objects.bulk_create(made)
    client.force_login(dispatcher)
    found = client.get(reverse("admin:orders_order_changelist"), {"q": beginning}).context["cl"].result_list
    assert [row.pk for row in found] == [made[2].pk, made[0].pk]


def test_a_phone_is_found_in_any_spelling_and_words_need_no_digits_in_it(dispatcher, many):
    Order.objects.filter(pk=Order.objects.first().pk).update(customer_phone="+213 (555) 12-34-56", customer_name="Only Zohra 7777")
    rows = Order.objects.listed_for(dispatcher)
    for text in ("0555 123456", "+213555123456", "12-34-56", "Zohra 7777", "zohra"):
        assert search(rows, FIELDS, text.split(), text).count() == 1, text
    assert search(rows, FIELDS, ["Zohra", "9999999"], "Zohra 9999999").count() == 0


def test_pages_of_a_search_follow_one_another_in_the_order_asked_for(api, client, dispatcher, many):
    """In both directions, each with the rows and the stops of the whole list."""
    every = list(Order.objects.filter(goods_description__icontains="tiles").order_by("-customer_name", "-id"))
    assert len(every) > 40
    caller, pages, address = api(dispatcher), [], "/api/orders/?search=tiles&ordering=-customer_name&page_size=20"
    while address:
        pages.append(caller.get(address).json())
        address = pages[-1]["next"]
    rows = [row for page in pages for row in page["results"]]
    assert [(row["id"], row["pickup_stop"]["id"]) for row in rows] == [(each.pk, each.pickup_stop_id) for each in every]
    assert caller.get(pages[1]["previous"]).json()["results"] == pages[0]["results"]
    client.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
    shown = client.get("/admin/orders/order/?q=tiles&o=-2").context["cl"].result_list
    assert [order.pk for order in shown] == [each.pk for each in every][:50]


def test_a_list_shows_the_rows_of_ones_companies_and_no_others(dispatcher, many):
    foreign = Company.objects.create(name="Foreign")
    invent_orders(company_id=foreign.pk, count=3, seed=1)
    assert set(Order.objects.listed_for(dispatcher)) == set(Order.objects.visible_to(dispatcher))
    Membership.objects.create(user=dispatcher, company=foreign)
    again = type(dispatcher).objects.get(pk=dispatcher.pk)
    assert Order.objects.listed_for(again).count() == 1003
    Membership.objects.filter(user=dispatcher).delete()
    assert Order.objects.listed_for(type(dispatcher).objects.get(pk=dispatcher.pk)).count() == 0


def test_nothing_is_counted_beyond_the_last_page(dispatcher, many, monkeypatch):
    monkeypatch.setattr(BoundedPaginator, "PAGES", 2)
    pages = BoundedPaginator(Order.objects.order_by("pk"), 50)
    assert (pages.count, pages.num_pages, pages.is_cut) == (100, 2, True)
    pages = BoundedPaginator(Order.objects.order_by("pk"), 500)
    assert (pages.count, pages.num_pages, pages.is_cut) == (1000, 2, False)


def test_a_long_list_says_so_and_draws_no_dates(client, dispatcher, many, monkeypatch):
    client.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:orders_order_changelist")
    assert "toplinks" in client.get(address).content.decode()
    monkeypatch.setattr(BoundedPaginator, "PAGES", 2)
    page = client.get(address).content.decode()
    assert "More than 100 orders" in page
    assert "toplinks" not in page


def test_a_search_draws_no_dates(client, dispatcher, many):
    client.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:orders_order_changelist"), {"q": "a"}).content.decode()
    assert "toplinks" not in page


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_searches_work_where_the_extension_may_not_be_created(dispatcher, company_a):
    invent_orders(company_id=company_a.pk, count=3, seed=5)
    wanted = Order.objects.order_by("pk").first()
    state = SimpleNamespace(apps=apps)
    index = AddSearchIndex("order", "order_words", FIELDS)

    def has_index():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'order_words'")
            return cursor.fetchone() is not None

    def run(act, *before, after="SELECT 1"):
        with connection.schema_editor(atomic=False) as editor, connection.cursor() as cursor:
            for statement in before:
                cursor.execute(statement)
            act("orders", editor, state, state)
            cursor.execute(after)

    role = f"few_rights_{connection.settings_dict['NAME'][:40]}"
    try:
        run(index.database_backwards)
        assert not has_index()
        create = [f'CREATE ROLE "{role}"', f'SET ROLE "{role}"']
        run(index.database_forwards, "DROP EXTENSION pg_trgm", *create, after="RESET ROLE")
        assert not has_index()
        assert wanted in search(Order.objects.all(), FIELDS, [wanted.customer_name], wanted.customer_name)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute(f'DROP ROLE IF EXISTS "{role}"')
        run(index.database_forwards)
    assert has_index()
    assert wanted in search(Order.objects.all(), FIELDS, [wanted.customer_name], wanted.customer_name)
