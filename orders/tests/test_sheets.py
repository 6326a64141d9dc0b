"""Sheets of orders as people send them: final orders stay, duplicates are reported, the preview shows how each value was read."""

import pytest

from accounts.models import Company
from fleet.tests.sheets import confirm, upload
from orders.fake_orders import invent_orders
from orders.models import Order
from orders.services import update_order

LIST = "/admin/orders/order/"
DAILY = "reference,customer_name,goods_description\n1,{0} one,parcel\n2,{0} two,parcel\n"


@pytest.fixture
def browser(client, dispatcher):
    client.force_login(dispatcher)
    return client


def faults(answer) -> list[tuple[int, list[str]]]:
    return [(row.number, sorted(row.error_dict)) for row in answer.context["result"].invalid_rows]


def bring(browser, sheet, **choices):
    answer = upload(browser, sheet, "orders.csv", LIST, **choices)
    return confirm(browser, answer, LIST).content.decode()


@pytest.mark.parametrize("status", ["delivered", "cancelled"])
def test_a_finished_order_is_not_rewritten_by_its_reference(browser, dispatcher, status):
    bring(browser, DAILY.format("Monday"))
    update_order(actor=dispatcher, order_id=Order.objects.get(reference="1").pk, status=status)
    answer = upload(browser, DAILY.format("Tuesday"), "orders.csv", LIST)
    assert faults(answer) == [(1, ["reference"])]
    assert "Every row is a new order" in answer.content.decode()
    assert Order.objects.get(reference="1").customer_name == "Monday one"


def test_even_the_same_row_of_a_finished_order_is_named(browser, dispatcher):
    bring(browser, DAILY.format("Daily"))
    Order.objects.update(status="delivered")
    assert len(faults(upload(browser, DAILY.format("Daily"), "orders.csv", LIST))) == 2


def test_an_order_number_of_a_finished_order_may_stand_unchanged_only(browser, company_a):
    order = invent_orders(company_id=company_a.pk, count=1, seed=3)[0]
    Order.objects.update(status="delivered")
    sheet = f"order_number,customer_name,goods_description\n{order.order_number},{{}},{order.goods_description}\n"
    assert faults(upload(browser, sheet.format("Other"), "o.csv", LIST)) == [(1, ["order_number"])]
    assert "1 skipped" in bring(browser, sheet.format(order.customer_name))


def test_two_rows_of_one_reference_are_an_error_of_both(browser):
    sheet = "reference,customer_name,goods_description\nA,Amel,x\n\u0661,Ali,x\n1,Lila,x\nB,Omar,x\n"
    answer = upload(browser, sheet, "orders.csv", LIST)
    assert faults(answer) == [(2, ["reference"]), (3, ["reference"])]


def test_two_rows_of_one_order_by_number_and_by_reference(browser):
    bring(browser, DAILY.format("Monday"))
    number = Order.objects.get(reference="1").order_number
    sheet = f"order_number,reference,customer_name,goods_description\n{number},,Amel,x\n,1,Lila,x\n"
    assert faults(upload(browser, sheet, "orders.csv", LIST)) == [(2, ["reference"])]


def test_a_file_that_comes_again_is_taken_as_new_on_purpose(browser, company_a):
    plain = "customer_name,goods_description\nAmel,bread\n"
    for sheet in (DAILY.format("Daily"), plain):
        bring(browser, sheet)
        Order.objects.update(status="delivered")
        bring(browser, sheet, as_new="on")
        bring(browser, sheet, as_new="on")
    assert Order.objects.filter(company=company_a).count() == 9
    assert sorted(Order.objects.filter(customer_name="Daily one").values_list("reference", flat=True)) == [
        "1",
        "1 #2",
        "1 #3",
    ]
    assert "1 skipped" in bring(browser, plain)


def test_the_preview_shows_what_will_be_stored(browser):
    sheet = "status,customer_name,goods_description\ndelivered,Amel,bread\n"
    row = upload(browser, sheet, "orders.csv", LIST).context["result"].valid_rows()[0]
    assert "pending" in row.diff and "delivered" not in row.diff


def test_references_of_two_companies_are_two_keys(browser, dispatcher, company_a):
    other = Company.objects.create(name="Other")
    other.memberships.create(user=dispatcher)
    sheet = f"company,reference,customer_name,goods_description\n{company_a.name},1,Amel,x\nOther,1,Ali,x\n"
    assert "2 new" in bring(browser, sheet)


def test_good_rows_are_kept_and_bad_ones_come_back_as_a_sheet(browser):
    sheet = "Client;Marchandise;Poids\nAmel;x;1,5\n;y;2,5\nAli;#N/A;=3\n"
    answer = upload(browser, sheet, "orders.csv", LIST)
    page = answer.content.decode()
    assert "1,5 → 1.5" in page and "line 3" in page and "#N/A is an error" in page
    done = confirm(browser, answer, LIST)
    assert "1 new" in done.content.decode() and "2 rows were not imported: line 3, line 4" in done.content.decode()
    refused = browser.get(answer.context["refused_url"])
    lines = refused.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "customer_name;goods_description;goods_weight;error"
    assert lines[1].startswith(";y;2,5;line 3: customer_name: ") and lines[2].startswith("Ali;#N/A;'=3;\"line 4: goods_weight: ")
    mended = refused.content.decode("utf-8-sig").replace("#N/A", "z").replace("'=3", "3").replace("\n;", "\nLila;")
    assert "2 new" in bring(browser, mended)
    assert "2 skipped" in bring(browser, mended)
    assert "1 skipped" in bring(browser, "Client;Marchandise;Poids\nAmel;x;1,5\n")
    assert Order.objects.count() == 3


def test_refused_rows_are_shown_to_who_sent_them(browser, client, dispatcher_b):
    url = upload(browser, "customer_name,goods_description\n,x\n", "o.csv", LIST).context["refused_url"]
    assert browser.get(url).status_code == 200
    client.force_login(dispatcher_b)
    assert client.get(url).status_code == 404


def test_a_file_without_a_good_row_has_nothing_to_confirm(browser):
    answer = upload(browser, "customer_name,goods_description,colour\n,x,red\n", "o.csv", LIST)
    assert "confirm_form" not in answer.context
    assert "colour" in answer.content.decode()


def test_all_errors_of_a_row_are_reported_at_once(browser):
    sheet = "customer_name,goods_description,goods_weight,customer_phone\n,x,abc,2.13E+11\nAmel,#N/A,1,\nAli,x,1,\n"
    answer = upload(browser, sheet, "orders.csv", LIST)
    assert faults(answer) == [(1, ["customer_name", "customer_phone", "goods_weight"]), (2, ["goods_description"])]
    assert "1 new" in confirm(browser, answer, LIST).content.decode()
    assert Order.objects.get().customer_name == "Ali"


DELIVERY_ONLY = "reference,customer_name,goods_description,delivery_name,delivery_address\nD1,Amel,bread,Shop,1 rue du Port\n"


def test_a_row_with_only_a_delivery_is_picked_up_at_the_depot(browser, company_a):
    Company.objects.filter(pk=company_a.pk).update(depot_address="Zone 12, Rouiba", depot_latitude="36.7386", depot_longitude="3.2841")
    answer = upload(browser, DELIVERY_ONLY, "o.csv", LIST)
    assert f"Pickup: depot of {company_a.name}" in answer.content.decode()
    done = confirm(browser, answer, LIST).content.decode()
    stop = Order.objects.get().pickup_stop
    assert (stop.name, stop.address, str(stop.latitude)) == (company_a.name, "Zone 12, Rouiba", "36.738600")
    assert "1 of them is not on the map" in done and "/admin/dispatch/orders/locate/" in done
    assert "1 skipped" in bring(browser, DELIVERY_ONLY)


@pytest.mark.parametrize("sheet", [DELIVERY_ONLY, DELIVERY_ONLY.replace("reference,", "").replace("D1,", "")])
def test_without_a_depot_the_preview_says_what_to_do_and_the_file_mends_it_later(browser, company_a, sheet):
    answer = upload(browser, sheet, "o.csv", LIST)
    assert "No pickup, so no trip can take it" in answer.content.decode()
    confirm(browser, answer, LIST)
    assert Order.objects.get().pickup_stop is None
    Company.objects.filter(pk=company_a.pk).update(depot_address="Zone 12, Rouiba", depot_name="Depot")
    assert "1 updated" in bring(browser, sheet)
    assert Order.objects.get().pickup_stop.name == "Depot"
    assert "1 skipped" in bring(browser, sheet)


def test_a_row_with_a_pickup_or_without_a_stop_takes_no_depot(browser, company_a):
    Company.objects.filter(pk=company_a.pk).update(depot_address="Zone 12, Rouiba")
    bring(browser, "customer_name,goods_description,pickup_name,pickup_address,delivery_name,delivery_address\nA,x,P,1 rue,D,2 rue\nB,y,,,,\n")
    assert {order.customer_name: order.pickup_stop and order.pickup_stop.name for order in Order.objects.all()} == {"A": "P", "B": None}


def test_the_list_of_orders_to_locate_shrinks_as_it_is_worked_off(browser, company_a):
    sheet = "customer_name,goods_description,delivery_name,delivery_address,delivery_latitude,delivery_longitude\n"
    bring(browser, sheet + "On,x,D,1 rue,36.7,3.1\nOff,x,D,2 rue,,\nOver,x,D,3 rue,,\nBare,x,,,,\n")
    Order.objects.filter(customer_name="Over").update(status="delivered")

    def shown(query):
        return sorted(order.customer_name for order in browser.get(f"{LIST}?on_map={query}").context["cl"].result_list)

    assert (shown("no"), shown("yes")) == (["Off"], ["Bare", "On"])
    stop = Order.objects.get(customer_name="Off").delivery_stop
    stop.latitude, stop.longitude = 36, 3
    stop.save()
    assert shown("no") == []
