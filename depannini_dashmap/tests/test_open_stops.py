"""Completing a trip from the console asks what became of each stop that is still open."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from depannini_dashmap.tests.console_rows import make_order, make_trip, make_vehicle
from orders.models import Order
from trips.models import Trip, TripStop
from trips.services.trips import update_trip

pytestmark = pytest.mark.django_db


@pytest.fixture
def nadia(dispatcher: Any) -> Client:
    """The browser of the dispatcher of the first company."""
    browser = Client()
    browser.force_login(dispatcher, backend=django_settings.AUTHENTICATION_BACKENDS[-1])
    return browser


@pytest.fixture
def trip(dispatcher: Any, company_a: Any) -> Trip:
    """A trip under way with two orders, nothing of which is done."""
    orders = tuple(make_order(dispatcher, company_a, customer) for customer in ("Pharmacie", "Hôtel"))
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=orders)
    for status in ("planned", "in_progress"):
        update_trip(actor=dispatcher, trip_id=trip.pk, status=status)
    trip.refresh_from_db()
    return trip


def _deliveries(trip: Trip) -> list[TripStop]:
    rows = TripStop.objects.filter(trip=trip, stop__stop_type="delivery").select_related("stop", "order")
    return list(rows.order_by("sequence"))


def _page(trip: Trip) -> str:
    return f"/admin/dispatch/trips/step/complete/?ids={trip.pk}"


def test_open_stops_are_listed_by_name_and_one_can_have_failed(nadia: Client, trip: Trip) -> None:
    carried, refused = _deliveries(trip)
    page = nadia.get(_page(trip)).content.decode()
    for row in trip.trip_stops.all():
        assert f'name="stop-{row.pk}"' in page
    assert "Pharmacie" in page and "Hôtel" in page
    answer = nadia.post(_page(trip), {"ids": trip.pk, f"stop-{refused.pk}": "failed", f"reason-{refused.pk}": "Closed"})
    assert answer.status_code == 302
    trip.refresh_from_db()
    refused.refresh_from_db()
    carried.refresh_from_db()
    assert trip.status == "completed"
    assert (refused.is_completed, refused.failed, refused.failure_reason) == (False, True, "Closed")
    assert (carried.is_completed, carried.failed) == (True, False)
    statuses = dict(Order.objects.values_list("customer_name", "status"))
    assert statuses["Pharmacie"] == "delivered" and statuses["Hôtel"] != "delivered"


def test_a_failure_needs_its_reason_and_nothing_typed_is_lost(nadia: Client, trip: Trip) -> None:
    first, second = _deliveries(trip)
    sent = {
        "ids": trip.pk,
        f"stop-{first.pk}": "failed",
        f"stop-{second.pk}": "failed",
        f"reason-{second.pk}": "Nobody there",
    }
    answer = nadia.post(_page(trip), sent)
    page = answer.content.decode()
    assert answer.status_code == 200 and "Say of each stop that failed why it did." in page and "Nobody there" in page
    assert page.count('value="failed" checked') == 2
    trip.refresh_from_db()
    assert trip.status == "in_progress" and not TripStop.objects.filter(trip=trip, failed=True).exists()


def test_all_count_as_done_unless_said_otherwise(nadia: Client, trip: Trip) -> None:
    assert nadia.post(_page(trip), {"ids": trip.pk}).status_code == 302
    trip.refresh_from_db()
    assert trip.status == "completed" and not TripStop.objects.filter(trip=trip, is_completed=False).exists()
    assert set(Order.objects.values_list("status", flat=True)) == {"delivered"}


def test_stops_are_asked_about_where_the_trip_is_completed_alone(nadia: Client, trip: Trip) -> None:
    assert 'name="stop-' not in nadia.get(f"/admin/dispatch/trips/step/cancel/?ids={trip.pk}").content.decode()


def test_the_page_takes_a_constant_number_of_queries(
    nadia: Client, trip: Trip, dispatcher: Any, company_a: Any, django_assert_num_queries: Any
) -> None:

    nadia.get(_page(trip))
    with CaptureQueriesContext(connection) as one:
        nadia.get(_page(trip))
    other = make_trip(dispatcher, make_vehicle(dispatcher, company_a, "16-9"), orders=(make_order(dispatcher, company_a, "Café"),))
    update_trip(actor=dispatcher, trip_id=other.pk, status="in_progress")
    with django_assert_num_queries(len(one)):
        page = nadia.get(f"{_page(trip)},{other.pk}").content.decode()
    assert "Café" in page
