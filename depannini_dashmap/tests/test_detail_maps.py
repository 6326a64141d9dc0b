"""The maps on the pages of one trip and one request: what they show, with and without roads, for whom, and at what cost."""

import html
import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from assistance.models import Assistance, AssistantProfile
from depannini_dashmap.lib.roads import osrm
from fleet.services import create_vehicle
from orders.models import Stop
from telematics.services.positions import record_position
from testing.roads import LIECHTENSTEIN
from trips.models import Trip, TripStop

pytestmark = pytest.mark.django_db
VADUZ, SCHAAN, RUGGELL = (47.1393, 9.5228), (47.1650, 9.5100), (47.2400, 9.5270)


@pytest.fixture(autouse=True)
def _nothing_rests():
    osrm.forget()
    yield
    osrm.forget()


@pytest.fixture
def nadia(dispatcher):
    browser = Client()
    browser.force_login(dispatcher)
    return browser


@pytest.fixture
def trip_of(dispatcher, company_a):
    def make(*places, plate="04521-116-16"):
        vehicle = create_vehicle(actor=dispatcher, company=company_a, license_plate=plate, make="x", model="y", year=2020, capacity="1.5")
        now = timezone.now()
        trip = Trip.objects.create(
            company=company_a, vehicle=vehicle, name="Tour", status="in_progress", planned_start_date=now.date(), planned_start_time=now.time(), actual_start_datetime=now
        )
        for number, place in enumerate(places, 1):
            stop = Stop.objects.create(company=company_a, name=f"Stop {number}", address="x", latitude=place and place[0], longitude=place and place[1])
            TripStop.objects.create(trip=trip, stop=stop, sequence=number)
        reading = {"latitude": VADUZ[0], "longitude": VADUZ[1], "speed": 30, "heading": 90, "timestamp": (now - timedelta(seconds=40)).isoformat()}
        record_position(actor=dispatcher, raw={"vehicle_id": vehicle.pk, **reading})
        return trip

    return make


def _map(browser, path):
    page = browser.get(path)
    assert page.status_code == 200
    return json.loads(html.unescape(re.search(r'data-map="([^"]*)"', page.content.decode())[1]))


def _page(trip):
    return f"/admin/dispatch/trips/{trip.pk}/"


def test_a_trip_shows_its_numbered_stops_its_line_and_its_vehicle(nadia, trip_of, use_roads):
    use_roads(LIECHTENSTEIN)
    trip = trip_of(VADUZ, None, SCHAAN, RUGGELL)
    shown = _map(nadia, _page(trip))
    assert [(place["label"], place["lat"]) for place in shown["places"]] == [("1", VADUZ[0]), ("3", SCHAAN[0]), ("4", RUGGELL[0])]
    assert shown["by_road"] and len(shown["line"]) > 50
    mover = shown["mover"]
    assert (mover["name"], mover["id"], mover["lat"], mover["heading"]) == ("04521-116-16", trip.vehicle_id, VADUZ[0], 90)
    assert mover["at"].endswith("Z")


def test_without_roads_the_line_is_straight_and_says_so(nadia, trip_of):
    shown = _map(nadia, _page(trip_of(VADUZ, SCHAAN)))
    assert not shown["by_road"]
    assert shown["line"] == [list(VADUZ), list(SCHAAN)]


def test_nobody_sees_where_a_vehicle_is_after_its_trip_or_once_it_works_for_others(nadia, trip_of, company_b):
    closed, sold = trip_of(VADUZ, plate="1"), trip_of(VADUZ, plate="2")
    Trip.objects.filter(pk=closed.pk).update(status="completed", actual_end_datetime=timezone.now())
    sold.vehicle.company = company_b
    sold.vehicle.save(update_fields=["company"])
    assert _map(nadia, _page(closed))["mover"] is None
    assert _map(nadia, _page(sold))["mover"] is None


@pytest.mark.parametrize("stops", [1, 5])
def test_the_page_of_a_trip_costs_the_same_with_any_stops(nadia, trip_of, stops, django_assert_num_queries):
    trip = trip_of(*[VADUZ, SCHAAN, RUGGELL, VADUZ, SCHAAN][:stops])
    nadia.get(_page(trip))
    # Session, user, and what they may (5), the trip, its stops, may they be changed, what is expected of them, the vehicle's place.
    with django_assert_num_queries(11):
        nadia.get(_page(trip))


@pytest.mark.parametrize(("status", "first"), [("accepted", SCHAAN), ("ongoing", SCHAAN), ("requested", VADUZ)])
def test_a_request_shows_its_place_its_assistant_and_its_destination(status, first, client_user, assistant_user, staff_user, use_roads):
    use_roads(LIECHTENSTEIN)
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(lat=SCHAAN[0], lng=SCHAAN[1], seen_at=timezone.now())
    now = timezone.now()
    job = Assistance.objects.create(
        client=client_user, status=status, assistant=assistant_user if status != "requested" else None, pickup_lat=VADUZ[0], pickup_lng=VADUZ[1], dropoff_lat=RUGGELL[0],
        dropoff_lng=RUGGELL[1], accepted_at=now if status != "requested" else None, radius_km=10, expires_at=now + timedelta(minutes=10),
    )  # fmt: skip
    browser = Client()
    browser.force_login(staff_user)
    shown = _map(browser, f"/admin/dispatch/requests/{job.pk}/")
    assert [place["kind"] for place in shown["places"]] == ["request", "dropoff"]
    assert shown["by_road"]
    assert abs(shown["line"][0][0] - first[0]) < 0.002
    assert (shown["mover"] or {}).get("id") == (assistant_user.pk if status != "requested" else None)
    passes_pickup = any(abs(lat - VADUZ[0]) < 0.001 and abs(lng - VADUZ[1]) < 0.002 for lat, lng in shown["line"])
    assert passes_pickup == (status != "ongoing")


def test_names_on_the_map_are_no_markup(nadia, trip_of):
    trip = trip_of(VADUZ)
    Stop.objects.update(name='"><script>alert(1)</script>')
    assert _map(nadia, _page(trip))["places"][0]["title"] == '1. "><script>alert(1)</script>'
    assert b"<script>alert(1)" not in nadia.get(_page(trip)).content
