"""The dispatchers' pages of trips: own companies only, services behind the forms, a fixed number of queries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from trips.models import Trip
from trips.tests.world import loaded_trip, make_trip, make_vehicle

pytestmark = pytest.mark.django_db

LIST = "/admin/trips/trip/"
FORM = {
    "name": "Evening",
    "planned_start_date": "2024-03-01",
    "planned_start_time": "18:00",
    "notes": "",
    "dispatcher": "",
}

# What a browser sends back for the read-only table of stops.
STOPS = {"trip_stops-TOTAL_FORMS": 0, "trip_stops-INITIAL_FORMS": 0}


@pytest.fixture
def page(client):
    """Return a browser with a signed-in user."""

    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


def test_pages_open_on_live_rows_of_ones_own_companies(page, api, dispatcher, dispatcher_b):
    rest = api(dispatcher)
    trip, [order] = loaded_trip(rest, name="Live one")
    old = make_trip(rest, name="Old one")
    rest.put(f"/api/trips/{old}/", {"status": "cancelled"})
    browser = page(dispatcher)
    shown = browser.get(LIST).content.decode()
    assert "Live one" in shown
    assert "Old one" not in shown
    assert "Old one" in browser.get(f"{LIST}?state=cancelled").content.decode()
    assert "Old one" in browser.get(f"{LIST}?state=all&q=Old").content.decode()
    body = browser.get(f"{LIST}{trip}/change/").content.decode()
    assert order["order_number"] in body
    assert "Rungis" in body
    assert browser.get(f"{LIST}{old}/change/").status_code == 200
    assert browser.get(f"{LIST}{trip}/history/").status_code == 200
    foreign = page(dispatcher_b)
    assert "Live one" not in foreign.get(f"{LIST}?state=all").content.decode()
    assert foreign.get(f"{LIST}{trip}/change/", follow=True).redirect_chain
    assert foreign.get(f"{LIST}{trip}/history/").status_code == 404


def test_forms_go_through_the_services(page, api, dispatcher, dispatcher_b):
    rest = api(dispatcher)
    vehicle, foreign = make_vehicle(rest), make_vehicle(api(dispatcher_b))
    browser = page(dispatcher)
    assert browser.post(f"{LIST}add/", {**FORM, "vehicle": foreign}).status_code == 200
    assert not Trip.objects.exists()
    assert browser.post(f"{LIST}add/", {**FORM, "vehicle": vehicle}).status_code == 302
    trip = Trip.objects.get()
    assert (trip.name, trip.dispatcher, trip.company_id) == ("Evening", dispatcher, dispatcher.current_company_id)
    changed = {**FORM, **STOPS, "vehicle": vehicle, "name": "Night", "status": "completed"}
    assert browser.post(f"{LIST}{trip.pk}/change/", changed).status_code == 302
    trip.refresh_from_db()
    assert (trip.name, trip.status) == ("Night", "draft")
    assert browser.post(f"{LIST}{trip.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Trip.objects.exists()


def test_a_refusal_is_shown(page, api, dispatcher):
    rest = api(dispatcher)
    busy = make_vehicle(rest)
    for vehicle in (busy, None):
        trip = make_trip(rest, vehicle)
        rest.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    answer = page(dispatcher).post(f"{LIST}{trip}/change/", {**FORM, **STOPS, "vehicle": busy}, follow=True)
    assert "The vehicle has another trip in progress" in answer.content.decode()


def test_a_viewer_only_looks(page, api, dispatcher, viewer):
    trip = make_trip(api(dispatcher))
    browser = page(viewer)
    assert browser.get(f"{LIST}{trip}/change/").status_code == 200
    assert browser.post(f"{LIST}{trip}/change/", FORM).status_code == 403
    assert browser.post(f"{LIST}{trip}/delete/", {"post": "yes"}).status_code == 403


def test_the_list_takes_a_fixed_number_of_queries(page, api, dispatcher):
    rest, browser, counts = api(dispatcher), page(dispatcher), []
    make_trip(rest)
    for _ in range(2):
        browser.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(LIST).status_code == 200
        counts.append(len(queries))
        for _ in range(2):
            loaded_trip(rest)
    assert counts[0] == counts[1]


def test_a_company_sees_no_driver_of_the_one_that_its_vehicle_went_to(api, page, dispatcher, company_a):
    client = api(dispatcher)
    second = client.post("/api/companies/", {"name": "Second"}).json()["id"]
    van = make_vehicle(client, company=company_a.pk, driver_name="Ali Before", driver_phone="021 11 11")
    trip = make_trip(client, van)
    browser = page(dispatcher)
    pages = (LIST, f"/admin/dispatch/trips/{trip}/")
    for path in pages:
        assert "Ali Before" in browser.get(path).content.decode()
    client.put(f"/api/trips/{trip}/", {"status": "cancelled"})
    moved = client.put(f"/api/vehicles/{van}/", {"company": second, "driver_name": "Omar After", "driver_phone": "021 22 22"})
    assert moved.status_code == 200
    for path in pages:
        shown = browser.get(path).content.decode()
        assert "Omar After" not in shown and "021 22 22" not in shown, path
