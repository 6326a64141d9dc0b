"""Orders on the console's pages: into trips, cancelled, imported."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from depannini_dashmap.tests.console_rows import (
    make_order,
    make_trip,
    make_vehicle,
    signed_in,
)
from fleet.tests.sheets import upload
from orders.models import Order
from trips.models import Trip, TripStop

pytestmark = pytest.mark.django_db
ORDERS = "/admin/orders/order/"


def test_an_order_names_its_trip(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    order = make_order(dispatcher, company_a)
    path = f"/admin/orders/order/{order.pk}/change/"
    assert "/admin/dispatch/orders/into-trip/" in nadia.get(path).content.decode()
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(order,))
    assert f'href="/admin/dispatch/trips/{trip.pk}/"' in nadia.get(path).content.decode()


def test_orders_go_into_a_trip_and_each_result_is_shown(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(taken := make_order(dispatcher, company_a),))
    free = make_order(dispatcher, company_a)
    ids = f"{taken.pk},{free.pk}"
    assert nadia.get(f"/admin/dispatch/orders/into-trip/?ids={ids}").status_code == 200
    answer = nadia.post("/admin/dispatch/orders/into-trip/", {"ids": ids, "kind": "existing", "trip": trip.pk})
    page = answer.content.decode()
    assert "1 done, 1 skipped" in page
    assert "is already in a trip" in page
    assert TripStop.objects.filter(trip=trip).count() == 4


def test_a_new_trip_is_made_with_its_orders_or_not_at_all(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    vehicle, order = make_vehicle(dispatcher, company_a), make_order(dispatcher, company_a)
    form = {"ids": order.pk, "kind": "new", "name": "Noon", "vehicle": vehicle.pk}
    day = {"planned_start_date": "2030-01-02", "planned_start_time": "12:00"}
    assert "This field is required" in nadia.post("/admin/dispatch/orders/into-trip/", form).content.decode()
    made = nadia.post("/admin/dispatch/orders/into-trip/", {**form, **day}, follow=True)
    assert "1 order added" in made.content.decode()
    assert made.redirect_chain[-1][0] == f"/admin/dispatch/trips/{Trip.objects.get().pk}/"
    again = nadia.post("/admin/dispatch/orders/into-trip/", {**form, **day})
    assert "is already in a trip" in again.content.decode()
    assert [trip.name for trip in Trip.objects.all()] == ["Noon"]


def test_the_action_of_the_list_leads_to_the_page(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    orders = [make_order(dispatcher, company_a) for _ in range(2)]
    chosen = {"action": "into_trip", "_selected_action": [order.pk for order in orders]}
    answer = nadia.post(reverse("admin:orders_order_changelist"), chosen)
    assert answer["Location"] == f"/admin/dispatch/orders/into-trip/?ids={orders[0].pk},{orders[1].pk}"


def test_an_empty_sheet_is_there_to_fill_in(nadia: Client, viewer: Any) -> None:
    page = nadia.get("/admin/orders/order/import/").content.decode()
    assert 'href="/admin/orders/order/import/empty.csv"' in page
    sheet = nadia.get("/admin/orders/order/import/empty.csv")
    assert sheet["Content-Disposition"] == 'attachment; filename="order.csv"'
    header = sheet.content.decode("utf-8-sig").strip()
    assert header.startswith("order_number,reference,company,customer_name,")
    answer = upload(nadia, header + "\n,R1,,Hotel" + "," * (header.count(",") - 3) + "\n", "orders.csv", ORDERS)
    assert "This field may not be blank." in answer.content.decode()
    assert signed_in(viewer).get("/admin/orders/order/import/empty.csv").status_code == 403


def test_orders_are_cancelled_after_a_question(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    free, carried = make_order(dispatcher, company_a), make_order(dispatcher, company_a)
    make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(carried,))
    path = "/admin/dispatch/orders/cancel/"
    assert "Cancel the order" in nadia.get(f"/admin/orders/order/{free.pk}/change/").content.decode()
    assert "Cancel the order" not in nadia.get(f"/admin/orders/order/{carried.pk}/change/").content.decode()
    page = nadia.post(path, {"ids": f"{free.pk},{carried.pk}"}).content.decode()
    assert "1 done" in page or "cancelled" in page
    assert [Order.objects.get(pk=one.pk).status for one in (free, carried)] == ["cancelled", "assigned"]
    delivered = make_order(dispatcher, company_a)
    Order.objects.filter(pk=delivered.pk).update(status="delivered")
    assert "is delivered already" in nadia.post(path, {"ids": str(delivered.pk)}, follow=True).content.decode()
    assert Order.objects.get(pk=delivered.pk).status == "delivered"
    nadia.post(path, {"ids": str(free.pk)}, follow=True)
    assert "is cancelled already" in nadia.post(path, {"ids": str(free.pk)}, follow=True).content.decode()


def test_the_only_company_is_chosen_already(nadia: Client, salim: Client, company_a: Any, company_b: Any) -> None:
    for path in ("/admin/orders/order/add/", "/admin/fleet/vehicle/add/"):
        assert f'<option value="{company_a.pk}" selected>' in nadia.get(path).content.decode(), path
        assert f'<option value="{company_a.pk}" selected>' not in salim.get(path).content.decode(), path
