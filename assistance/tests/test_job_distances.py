"""The kilometres of completed jobs: by road where roads are known, asked once, else straight lines, each labelled."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from assistance.models import Assistance
from assistance.services.job_distances import measure_jobs
from depannini_dashmap.console.reports.month_queries import Month, read_month
from depannini_dashmap.lib.roads import routing

pytestmark = pytest.mark.django_db
NOW = timezone.now


@pytest.fixture
def job(client_user, assistant_user):
    """A job of 10 km in a straight line."""
    now = NOW()
    return Assistance.objects.create(
        client=client_user, assistant=assistant_user, status="completed", pickup_lat=36.75, pickup_lng=3.05, dropoff_lat=36.66, dropoff_lng=3.05,
        distance_km=Decimal("10.007"), total_price=2000, price_is_final=True, currency="DZD", radius_km=5, expires_at=now, created_at=now - timedelta(minutes=40),
        accepted_at=now - timedelta(minutes=30), started_at=now - timedelta(minutes=20), ended_at=now,
    )  # fmt: skip


@pytest.fixture
def roads(monkeypatch):
    """Answer every way with 13.5 km by road, and count the questions."""
    asked = []

    def route(points, **_):
        asked.append(points)
        return routing.Route("road", [routing.Leg(900, 13_500, "road")])

    monkeypatch.setattr(routing, "route", route)
    monkeypatch.setattr(routing, "is_known", lambda: True)
    return asked


def sums(user):
    day = timezone.localdate()
    return read_month(user, Month(day.year, day.month))[0].total_jobs


def test_the_way_by_road_is_asked_once_and_labelled(job, roads, staff_user):
    assert (sums(staff_user).km, sums(staff_user).road_km) == (10.007, 0)
    assert [measure_jobs(actor=None) for _ in range(2)] == [1, 0] and len(roads) == 1
    found = sums(staff_user)
    assert (found.km, found.road_km, found.straight_km) == (13.5, 13.5, 0)
    desk = Client()
    desk.force_login(staff_user, backend="django.contrib.auth.backends.ModelBackend")
    page = desk.get("/admin/dispatch/report/").content.decode()
    assert "13.5 by road, 0.0 in straight lines" in page and "km in straight lines" in page
    job.refresh_from_db()
    assert job.total_price == 2000, "the price stays that of the straight line"


def test_without_roads_jobs_wait_and_count_as_straight_lines(job, staff_user, monkeypatch):
    monkeypatch.setattr(routing, "is_known", lambda: False)
    assert measure_jobs(actor=None) == 0
    job.refresh_from_db()
    assert job.way_km is None and sums(staff_user).straight_km == 10.007


def test_an_engine_that_stops_answering_settles_nothing(job, monkeypatch):
    known = iter([True, False])
    monkeypatch.setattr(routing, "is_known", lambda: next(known))
    monkeypatch.setattr(routing, "route", lambda points, **_: routing.Route("straight_line", [routing.straight(*points)]))
    assert measure_jobs(actor=None) == 0
    job.refresh_from_db()
    assert job.way_source == ""


def test_where_no_road_leads_it_is_a_straight_line(job, roads, staff_user, monkeypatch):
    monkeypatch.setattr(routing, "route", lambda points, **_: routing.Route("straight_line", [routing.straight(*points)]))
    assert measure_jobs(actor=None) == 1
    job.refresh_from_db()
    assert (job.way_km, job.way_source) == (10.007, "straight") and sums(staff_user).straight_km == 10.007


@pytest.mark.parametrize("fields", [{"dropoff_lat": None, "dropoff_lng": None}, {"status": "ongoing", "ended_at": None}, {"status": "canceled", "reason": "client_canceled"}])
def test_what_was_not_carried_anywhere_is_not_asked(job, roads, fields):
    Assistance.objects.filter(pk=job.pk).update(**fields)
    assert measure_jobs(actor=None) == 0 and not roads


def test_a_round_asks_so_many_at_once(job, roads):
    rows = list(Assistance.objects.filter(pk=job.pk).values())
    for _ in range(24):
        Assistance.objects.create(**{name: value for name, value in rows[0].items() if name != "id"})
    assert [measure_jobs(actor=None) for _ in range(3)] == [20, 5, 0]
