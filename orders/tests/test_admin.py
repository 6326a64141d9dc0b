"""The dispatchers' pages of orders: both stops on one page, services behind the buttons, sheets in and out."""

import pytest
from django.utils.translation import gettext, override

from fleet.tests.sheets import confirm, exported, upload
from orders.fake_orders import invent_orders
from orders.models import Order, OrderNumber, Stop
from orders.sheets import OrderResource
from orders.steps.trip_assignment import claim_for_trip
from orders.stops import HALF_LOCATION

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/order/"
HEADER = "customer_name,goods_description,goods_weight,requested_pickup_date,pickup_name,pickup_address,pickup_notes"


@pytest.fixture
def page(client):
    """Return a browser with a signed-in user."""

    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def order(company_a):
    return invent_orders(company_id=company_a.pk, count=1, seed=3)[0]


def bring(browser, sheet, name="orders.csv"):
    """Import a sheet in both steps; returns the page with the message."""
    return confirm(browser, upload(browser, sheet, name, LIST), LIST).content.decode()


def test_pages(page, dispatcher, dispatcher_b, order):
    browser = page(dispatcher)
    assert order.order_number in browser.get(LIST).content.decode()
    assert order.order_number in browser.get(f"{LIST}?waiting=yes&q=ORD").content.decode()
    body = browser.get(f"{LIST}{order.pk}/change/").content.decode()
    assert order.pickup_stop.address.replace("'", "&#x27;") in body
    foreign = page(dispatcher_b)
    assert order.order_number not in foreign.get(LIST).content.decode()
    assert foreign.get(f"{LIST}{order.pk}/history/").status_code == 404


def test_add_and_change_with_stops(page, dispatcher, company_a):
    browser = page(dispatcher)
    form = {
        "company": company_a.pk, "customer_name": "Amel", "goods_description": "Boxes", "goods_type": "standard",
        "pickup_name": "Dock", "pickup_address": "Oran", "pickup_latitude": "35.7", "pickup_longitude": "-0.6",
    }  # fmt: skip
    assert browser.post(f"{LIST}add/", form).status_code == 302
    order = Order.objects.get()
    assert (order.pickup_stop.name, order.delivery_stop, order.status) == ("Dock", None, "pending")
    assert order.order_number.startswith("ORD-")
    stop_id = order.pickup_stop_id
    assert browser.post(f"{LIST}{order.pk}/change/", {**form, "pickup_name": "Dock 2"}).status_code == 302
    order = Order.objects.get()
    assert (order.pickup_stop_id, order.pickup_stop.name) == (stop_id, "Dock 2")
    half = browser.post(f"{LIST}{order.pk}/change/", {**form, "delivery_name": "X"})
    assert half.context["adminform"].form.errors == {"delivery_address": ["This field is required."]}


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_half_a_location_is_an_error_of_its_field(page, dispatcher, company_a, language):
    browser = page(dispatcher)
    browser.cookies["django_language"] = language
    form = {
        "company": company_a.pk, "customer_name": "Amel", "goods_description": "Boxes", "goods_type": "standard",
        "pickup_name": "Dock", "pickup_address": "Oran", "pickup_latitude": "35.7",
        "delivery_name": "Yard", "delivery_address": "Oran", "delivery_latitude": "x", "delivery_longitude": "-0.6",
    }  # fmt: skip
    with override(language):
        errors = {"pickup_longitude": [gettext(HALF_LOCATION)], "delivery_latitude": [gettext("Enter a number.")]}
    assert browser.post(f"{LIST}add/", form).context["adminform"].form.errors == errors
    assert Order.objects.count() == 0


def test_a_sheet_with_half_a_location_names_the_column(page, dispatcher):
    sheet = "customer_name,goods_description,pickup_name,pickup_address,pickup_latitude,pickup_longitude\nAmel,Boxes,Dock,Oran,{}\n"
    answer = upload(page(dispatcher), sheet.format("35.7,"), path=LIST)
    [row] = answer.context["result"].invalid_rows
    assert row.error.message_dict == {"pickup_longitude": [HALF_LOCATION]}
    assert "1 new" in bring(page(dispatcher), sheet.format("35.7,-0.6"))
    assert "2 new" in bring(page(dispatcher), sheet.format(",") + "Ali,Boxes,Yard,Oran,0,0\n")


def test_delete_goes_through_the_service(page, dispatcher, order):
    browser = page(dispatcher)
    claim_for_trip([order.pk])
    refused = browser.post(f"{LIST}{order.pk}/delete/", {"post": "yes"}, follow=True)
    assert "The order is in a trip" in refused.content.decode()
    assert Order.objects.count() == 1
    Order.objects.update(is_in_trip=False)
    browser.post(f"{LIST}{order.pk}/delete/", {"post": "yes"})
    assert (Order.objects.count(), Stop.objects.count()) == (0, 0)


@pytest.mark.parametrize("size", [1, 3])
def test_the_list_takes_a_fixed_number_of_queries(
    page,
    dispatcher,
    company_a,
    django_assert_num_queries,
    size,
):
    invent_orders(company_id=company_a.pk, count=size, seed=3)
    browser = page(dispatcher)
    browser.get(LIST)
    # session, user, operator?, roles; companies of the filter; dates of the hierarchy; count, orders with their stops
    with django_assert_num_queries(11):
        assert browser.get(LIST).status_code == 200


def test_import_makes_orders_with_stops_and_numbers(page, dispatcher, company_a):
    sheet = f"{HEADER}\nAmel,Boxes,12.5,2024-01-20,Dock,Oran,Gate B\nAli,Chairs,,,,,\n"
    assert "2 new" in bring(page(dispatcher), sheet)
    first, second = Order.objects.select_related("pickup_stop").order_by("pk")
    assert (first.customer_name, str(first.goods_weight), first.pickup_stop.name) == ("Amel", "12.50", "Dock")
    assert (second.pickup_stop, second.company) == (None, company_a)
    assert [first.order_number[-4:], second.order_number[-4:]] == ["0001", "0002"]
    assert OrderNumber.objects.get().last == 2


def test_a_dry_run_takes_no_numbers(page, dispatcher):
    upload(page(dispatcher), f"{HEADER}\nAmel,Boxes,,,,,\n", path=LIST)
    assert (Order.objects.count(), OrderNumber.objects.count()) == (0, 0)


def test_import_again_makes_no_duplicates(page, dispatcher):
    browser, sheet = page(dispatcher), f"{HEADER}\nAmel,Boxes,1,,,,\nAmel,Boxes,1,,,,\n"
    assert "2 new" in bring(browser, sheet)
    assert "0 new, 0 updated, 0 deleted and 2 skipped" in bring(browser, sheet)
    assert "1 new, 0 updated, 0 deleted and 2 skipped" in bring(browser, sheet + "Ali,Chairs,,,,,\n")
    referenced = "reference,customer_name,goods_description\nA-7,{},Boxes\n"
    assert "1 new" in bring(browser, referenced.format("Amel"))
    assert "0 new, 1 updated" in bring(browser, referenced.format("Lila"))
    assert Order.objects.get(reference="A-7").customer_name == "Lila"


def test_an_export_imports_again_and_its_changes_land(page, dispatcher, company_a):
    orders = invent_orders(company_id=company_a.pk, count=3, seed=3)
    browser = page(dispatcher)
    content = exported(browser, 0, LIST).getvalue().decode("utf-8-sig")
    assert "3 skipped" in bring(browser, content)
    changed = content.replace(orders[0].customer_name, "New Name")
    assert "0 new, 1 updated, 0 deleted and 2 skipped" in bring(browser, changed)
    assert Order.objects.get(pk=orders[0].pk).customer_name == "New Name"
    assert "3 skipped" in bring(browser, exported(browser, 1, LIST).getvalue(), "orders.xlsx")


def test_errors_name_row_and_cell_and_nothing_is_written(page, dispatcher, order):
    rows = [
        ",Amel,Boxes,1,2024-01-20,Dock,Oran,",
        ",,Boxes,NaN,32/01/2024,Dock,,95",
        "ORD-1999-0001,Amel,Boxes,,,,,",
    ]
    dry_run = upload(
        page(dispatcher), "\n".join(["order_number," + HEADER.replace("notes", "latitude"), *rows]), path=LIST
    )
    assert [(row.number, sorted(row.error_dict)) for row in dry_run.context["result"].invalid_rows] == [
        (2, ["customer_name", "goods_weight", "pickup_address", "pickup_latitude", "requested_pickup_date"]),
        (3, ["order_number"]),
    ]
    assert Order.objects.count() == 1


def test_foreign_numbers_are_unknown(page, dispatcher_b, order):
    dry_run = upload(page(dispatcher_b), f"order_number,{HEADER}\n{order.order_number},x,y,,,,,\n", path=LIST)
    assert list(dry_run.context["result"].invalid_rows[0].error_dict) == ["order_number"]


def test_columns_of_the_sheet_are_the_documented_ones():
    assert list(OrderResource.columns)[:4] == ["order_number", "reference", "company", "customer_name"]
    assert len(OrderResource.columns) == 36
