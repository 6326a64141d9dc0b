"""What all pages share: cost, links, languages, escaping, search."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assistance.models import ChatMessage, Offer
from depannini_dashmap.tests.console_rows import EVIL, make_order, make_request, make_trip, make_vehicle
from orders.services import update_order

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("rows", [1, 3])
def test_the_pages_cost_the_same_with_more_rows(
    rows: int,
    dispatcher: Any,
    company_a: Any,
    client_user: Any,
    assistant_user: Any,
    nadia: Client,
    salim: Client,
    django_assert_num_queries: Any,
) -> None:
    orders = [make_order(dispatcher, company_a) for _ in range(rows)]
    carried = tuple(make_order(dispatcher, company_a) for _ in range(rows))
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=carried)
    job = make_request(client_user)
    for number in range(rows):
        ChatMessage.objects.create(assistance=job, sender=client_user, message=str(number))
        Offer.objects.create(assistance=job, assistant=assistant_user, wave=number + 1, closed_at=timezone.now(), reason="declined")
    ids, held = (",".join(str(order.pk) for order in chosen) for chosen in (orders, carried))
    # Each: session, user, operators' group, roles, permissions of the user and of the groups; then
    costs = [
        (nadia, f"/admin/dispatch/trips/{trip.pk}/", 10),  # the trip, its stops, the role in its company, where its vehicle is
        (nadia, f"/admin/dispatch/trips/{trip.pk}/fill/", 8),  # the trip, orders that wait
        (nadia, f"/admin/dispatch/trips/{trip.pk}/take-out/?ids={held}", 8),  # the trip, its orders
        (nadia, f"/admin/dispatch/orders/into-trip/?ids={ids}", 9),  # orders, open trips, vehicles
        # an operator has no roles; the request, candidates, who declined, who is busy, offers, what they wrote
        (salim, f"/admin/dispatch/requests/{job.pk}/", 12),
    ]
    for browser, path, count in costs:
        browser.get(path)
        with django_assert_num_queries(count, info=path):
            assert browser.get(path).status_code == 200


def test_lists_lead_to_the_pages(dispatcher: Any, company_a: Any, client_user: Any, nadia: Client, salim: Client) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a))
    job = make_request(client_user)
    trips = nadia.get("/admin/trips/trip/").content.decode()
    assert f'href="/admin/dispatch/trips/{trip.pk}/"' in trips
    assert f'href="/admin/dispatch/requests/{job.pk}/"' in salim.get("/admin/assistance/assistance/").content.decode()
    assert ("column-company" in trips, "column-company" in salim.get("/admin/trips/trip/").content.decode()) == (False, True)


@pytest.mark.parametrize("ids", ["", "x", "1,%00", "9" * 30, "-1", "1;2"])
def test_ids_that_are_none_are_not_found(ids: str, salim: Client) -> None:
    for path in ("orders/into-trip", "trips/step/start", "people/resend", "vehicles/restore", "requests/cancel"):
        assert salim.get(f"/admin/dispatch/{path}/", {"ids": ids}).status_code == 404


def test_pages_speak_three_languages_and_the_api_one(nadia: Client, dispatcher: Any, api: Any) -> None:
    for language, direction, word in (("fr", "ltr", "Tableau de bord"), ("ar", "rtl", "اللوحة"), ("en", "ltr", "Board")):
        nadia.post("/admin/language/", {"language": language, "next": "/admin/"})
        page = nadia.get("/admin/").content.decode()
        assert f'<html lang="{language}" dir="{direction}">' in page
        assert word in page
    answer = api(dispatcher).get("/api/trips/999/", headers={"accept-language": "fr"})
    assert answer.json()["error"] == "Trip not found"


def test_the_language_switch_leads_nowhere_else(client: Client) -> None:
    answer = client.post("/admin/language/", {"language": "fr", "next": "https://evil.example/"})
    assert "evil" not in answer["Location"]


def test_markup_in_names_stays_text(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    vehicle = make_vehicle(dispatcher, company_a)
    trip = make_trip(dispatcher, vehicle, EVIL, (make_order(dispatcher, company_a, EVIL),))
    make_order(dispatcher, company_a, EVIL)
    for path in ("/admin/", f"/admin/dispatch/trips/{trip.pk}/", f"/admin/map/?trip={trip.pk}", "/admin/orders/order/"):
        answer = nadia.get(path)
        assert EVIL not in answer.content.decode(), path
        assert "script-src 'self'" in answer["Content-Security-Policy"].split("; ")


def test_no_page_holds_an_inline_script(salim: Client) -> None:
    for path in ("/admin/", "/admin/map/", "/admin/orders/order/", "/admin/trips/trip/add/", "/admin/orders/order/import/"):
        page = salim.get(path).content.decode()
        inline = [tag for tag in re.findall(r"<script[^>]*>", page) if "src=" not in tag and "json" not in tag]
        assert inline == [], path
        assert not re.search(r"\son(click|load|error|submit|change)=", page), path


@pytest.mark.parametrize("wanted", ["0661223344", "661223344", "+213661223344", "00213 661 22 33 44", "0661 22 33 44", "22-33-44"])
def test_numbers_are_found_however_they_are_written(wanted: str, dispatcher: Any, company_a: Any, nadia: Client, api: Any) -> None:
    order, other = make_order(dispatcher, company_a), make_order(dispatcher, company_a)
    for row, phone in ((order, "0661 22 33 44"), (other, "+213 (770) 11-22-33")):
        update_order(actor=dispatcher, order_id=row.pk, customer_phone=phone)
    page = nadia.get("/admin/orders/order/", {"q": wanted}).content.decode()
    assert [row.order_number in page for row in (order, other)] == [True, False]
    found = api(dispatcher).get("/api/orders/", {"search": wanted}).json()["results"]
    assert [row["id"] for row in found] == [order.pk]


@pytest.mark.parametrize("wanted", ["16 001 23", "1600123", "16-001-23", "16.001.23"])
def test_plates_are_found_however_they_are_written(wanted: str, dispatcher: Any, company_a: Any, nadia: Client, api: Any) -> None:
    vehicle = make_vehicle(dispatcher, company_a, "16-001 23")
    make_vehicle(dispatcher, company_a, "31-999-11")
    assert [row["id"] for row in api(dispatcher).get("/api/vehicles/", {"search": wanted}).json()["results"]] == [vehicle.pk]
    assert "16-001 23" in nadia.get("/admin/fleet/vehicle/", {"q": wanted}).content.decode()
