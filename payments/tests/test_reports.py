"""The report of a month: what it counts and for whom, its workbook, and what it costs."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from accounts.models import User
from depannini_dashmap.console.reports.month_queries import Month, read_month
from fleet.services import create_vehicle
from orders.models import Order
from orders.stops import StopInput
from payments.services import record_payment
from trips.models import Trip, TripStop
from trips.services.stop_lists import add_order
from trips.services.trips import create_trip

pytestmark = pytest.mark.django_db
ASKED = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)  # the first of November in Algiers
NOVEMBER = Month(2026, 11)
PATH = "/admin/dispatch/report/"


def browser_of(user: Any) -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def ended_job(job_of: Any, **fields: Any) -> Any:
    times = {"accepted_at": ASKED + timedelta(minutes=4), "started_at": ASKED + timedelta(minutes=20), "ended_at": ASKED + timedelta(minutes=64)}
    return job_of(**{"created_at": ASKED, "distance_km": Decimal("12.5"), **times, **fields})


def driven_trip(actor: Any, company: Any, order_of: Any, plate: str = "16-1", day: str = "2026-11-05") -> Trip:
    vehicle = create_vehicle(actor=actor, company=company, license_plate=plate, make="Renault", model="Master", year=2020, capacity=3)
    ends = [StopInput(fields={"name": name, "address": "Alger", "latitude": lat, "longitude": "3"}) for name, lat in (("Port", "36"), ("Poste", "37"))]
    order = order_of(actor, status="pending", pickup_stop=ends[0], delivery_stop=ends[1])
    trip = create_trip(actor=actor, name="Tour", vehicle=vehicle, planned_start_date=day, planned_start_time="08:00")
    add_order(actor=actor, trip_id=trip.pk, order=order)
    start = datetime(2026, 11, 5, 8, tzinfo=UTC)
    Trip.objects.filter(pk=trip.pk).update(status="completed", actual_start_datetime=start, actual_end_datetime=start + timedelta(hours=2.5))
    for number, stop in enumerate(trip.trip_stops.order_by("sequence")):
        TripStop.objects.filter(pk=stop.pk).update(is_completed=True, actual_arrival_datetime=start + timedelta(minutes=30 * number))
    Order.objects.filter(pk=order.pk).update(status="delivered", created_at=start)
    return trip


def test_a_month_counts_what_was_asked_taken_and_driven(staff_user: Any, dispatcher: Any, company_a: Any, assistant_user: Any, job_of: Any, order_of: Any) -> None:
    done = ended_job(job_of)
    record_payment(actor=staff_user, assistance_id=done.pk, method="cash", amount=Decimal(1000))
    ended_job(job_of, status="canceled", assistant=None, accepted_at=None, started_at=None, reason="client_canceled")
    ended_job(job_of, created_at=ASKED - timedelta(hours=1))  # still October there
    driven_trip(dispatcher, company_a, order_of)
    found, names = read_month(staff_user, NOVEMBER)
    jobs, orders, trips = found.total_jobs, found.total_orders, found.total_trips
    assert (jobs.jobs, jobs.completed, jobs.canceled, jobs.km, jobs.hours) == (2, 1, 1, 12.5, 1.0)
    assert (jobs.answer_min, jobs.wait_min, jobs.worth, jobs.paid) == (4.0, 20.0, Decimal(3000), Decimal(1000))
    assert found.by_reason == {"client_canceled": 1} and found.by_assistant[assistant_user.pk].completed == 1
    assert names[assistant_user.pk] == "Karim Assistant"
    assert (orders.orders, orders.delivered, orders.worth) == (1, 1, Decimal(1500))
    assert (trips.trips, trips.stops, trips.hours, round(trips.km)) == (1, 2, 2.5, 111)
    assert [(plate, sums.trips) for (plate, _pk), sums in found.by_vehicle.items()] == [("16-1", 1)]
    first = found.by_day[NOVEMBER.first]
    assert (len(found.by_day), first.jobs, first.orders) == (30, 2, 0)


def test_each_sees_their_own_month(dispatcher: Any, dispatcher_b: Any, client_user: Any, company_a: Any, job_of: Any, order_of: Any) -> None:
    ended_job(job_of, billed_to="Garage Sahel")
    driven_trip(dispatcher, company_a, order_of)
    nadia, bilal = (browser_of(user).get(f"{PATH}?month=2026-11").content.decode() for user in (dispatcher, dispatcher_b))
    assert "Leila Hamdi" in nadia and "16-1" in nadia and "Garage Sahel" not in nadia and "By assistant" not in nadia
    assert "Leila Hamdi" not in bilal and "16-1" not in bilal
    assert browser_of(client_user).get(PATH).status_code == 302  # to the sign-in


@pytest.mark.parametrize("month", ["", "2026-13", "2026-00", "x", "1999-12", "2026-11 "])
def test_what_names_no_month_is_the_present_one(month: str, dispatcher: Any) -> None:
    assert browser_of(dispatcher).get(PATH, {"month": month}).status_code == 200


def test_december_ends_where_january_begins() -> None:
    december = Month(2026, 12)
    assert (december.next, december.previous, Month(2026, 1).previous) == (Month(2027, 1), Month(2026, 11), Month(2025, 12))
    assert len(december.days) == 31 and str(december) == "2026-12"


def test_the_workbook_has_numbers_and_no_formulas(staff_user: Any, dispatcher: Any, job_of: Any, order_of: Any) -> None:
    ended_job(job_of, billed_to="=HYPERLINK(1)")
    answer = browser_of(staff_user).get(f"{PATH}?month=2026-11&as=xlsx")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="report-2026-11.xlsx"'
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    assert book.sheetnames == ["By assistant", "Cancelled, by who ended it", "Jobs by who pays", "By vehicle", "Orders by customer", "By day"]
    payers = list(book["Jobs by who pays"].iter_rows())
    name, price = payers[1][0], payers[1][10]
    assert (name.value, name.data_type, price.value) == ("=HYPERLINK(1)", "s", 3000)
    assert book["By day"]["A2"].value == datetime(2026, 11, 1)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_report_asks_the_same_queries_whatever_the_rows(
    rows: int, staff_user: Any, dispatcher: Any, company_a: Any, job_of: Any, order_of: Any, django_assert_num_queries: Any
) -> None:
    for index in range(rows):
        ended_job(job_of, client=User.objects.create(username=f"client{index}"))
        driven_trip(dispatcher, company_a, order_of, plate=f"16-{index}")
    # The sign-in, and: jobs, orders, stops, trips, names; a dispatcher's roles, and none of the roadside.
    for user, count in ((staff_user, 10), (dispatcher, 9)):
        browser = browser_of(user)
        browser.get(PATH)
        with django_assert_num_queries(count, info=user.username):
            assert browser.get(f"{PATH}?month=2026-11").status_code == 200
