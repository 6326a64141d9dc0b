"""Lists: their envelope, filters, order, and a fixed number of queries."""

import json
from datetime import date, time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fleet.models import Vehicle
from orders.models import Stop
from trips.models import Trip, TripStop
from trips.tests.world import add_place, loaded_trip, make_order, make_trip, make_vehicle, stops_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def fill(company, dispatcher, trips, stops):
    vehicle = Vehicle.objects.create(company=company, license_plate="FULL", make="a", model="b", year=2020, capacity=1)
    common = {"company": company, "vehicle": vehicle, "dispatcher": dispatcher, "name": "x"}
    made = Trip.objects.bulk_create(
        Trip(**common, planned_start_date=date(2026, 1, 1), planned_start_time=time(8)) for _ in range(trips)
    )
    places = Stop.objects.bulk_create(
        Stop(company=company, name="n", address="a", latitude="36.700000", longitude="3.000000") for _ in range(stops)
    )
    TripStop.objects.bulk_create(
        TripStop(trip=trip, stop=place, sequence=number)
        for trip in made
        for number, place in enumerate(places, start=1)
    )


@pytest.mark.parametrize("trips", [1, 3, 500])
def test_a_list_of_trips_costs_three_queries(client, company_a, dispatcher, trips):
    fill(company_a, dispatcher, trips, stops=6)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get("/api/trips/")
    # 1 who calls, 2 the trips, 3 the stops of them all.
    assert len(queries) == 3, [query["sql"] for query in queries]
    results = answer.json()["results"]
    assert len(results) == trips
    assert {len(row["trip_stops"]) for row in results} == {6}


@pytest.mark.parametrize("trips", [1, 3])
def test_other_reads_cost_the_same_with_any_rows(client, company_a, dispatcher, trips):
    fill(company_a, dispatcher, trips, stops=trips)
    trip = Trip.objects.first()
    # 1 who calls, 2 the stops, 3 for one trip: where its vehicle is, and what is ahead
    expected = {"/api/trip-stops/": 2, f"/api/trip-stops/?trip={trip.pk}": 3}
    # 1 who calls, 2 the trip, 3 its stops
    expected |= {f"/api/trips/{trip.pk}/": 3, f"/api/trips/{trip.pk}/route.geojson": 3}
    for path, count in expected.items():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        assert len(queries) == count, path


def test_adding_an_order_costs_the_same_in_any_trip(client):
    trip, counts = make_trip(client), []
    for _ in range(4):
        order = make_order(client)
        with CaptureQueriesContext(connection) as queries:
            client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"], "sequence": 1})
        counts.append(len(queries))
    # The first finds no stops to renumber around.
    assert len(set(counts[1:])) == 1, counts


def test_filters_of_trips(client, dispatcher):
    one = make_trip(client, name="North", planned_start_date="2024-01-20")
    two = make_trip(client, name="South", planned_start_date="2024-02-20", notes="toll")
    client.put(f"/api/trips/{one}/", {"status": "planned"})
    [order_trip, [order]] = loaded_trip(client)
    vehicle = client.get(f"/api/trips/{one}/").json()["vehicle"]
    assert ids(client.get("/api/trips/")) == [order_trip, two, one]
    queries = {
        f"vehicle={vehicle}": [one],
        f"company={dispatcher.current_company_id}": [order_trip, two, one],
        f"dispatcher={dispatcher.pk}": [order_trip, two, one],
        f"order={order['id']}": [order_trip],
        "status=planned": [one],
        "status=planned,draft": [order_trip, two, one],
        "date=2024-02-20": [two],
        "date_from=2024-02-01": [two],
        "date_to=2024-01-31": [order_trip, one],
        "search=TOLL": [two],
        "search=%25": [],
        "updated_since=2020-01-01T00:00:00Z": [order_trip, two, one],
        "updated_since=2099-01-01T00:00:00Z": [],
        "ordering=planned_start_date": [one, order_trip, two],
        "ordering=-name": [two, one, order_trip],
        "vehicle=0": [],
        "vehicle=-1": [],
    }
    for query, expected in queries.items():
        assert ids(client.get(f"/api/trips/?{query}")) == expected, query


@pytest.mark.parametrize(
    "query",
    [
        "vehicle=abc",
        "vehicle=%00",
        "vehicle=1.5",
        f"company={2**63}",
        "dispatcher=x",
        "order=x",
        "status=gone",
        "date=tomorrow",
        "date_from=2024-13-01",
        "date_to=0",
        "updated_since=yesterday",
        "search=%00",
        "ordering=company",
        "ordering=vehicle__driver_email",
        "cursor=zzz",
    ],
)
def test_filters_of_the_wrong_kind(client, query):
    answer = client.get(f"/api/trips/?{query}")
    assert answer.status_code == 400
    assert answer.json()["fields"]


@pytest.mark.parametrize(
    "query", ["trip=abc", "trip=%00", "is_completed=maybe", "order=x", "updated_since=x", "ordering=notes"]
)
def test_filters_of_stops_of_the_wrong_kind(client, query):
    assert client.get(f"/api/trip-stops/?{query}").status_code == 400


def test_trip_stops_come_by_sequence_and_page(client):
    trip = make_trip(client)
    for name in "abc":
        add_place(client, trip, name, sequence=1)
    other = make_trip(client)
    add_place(client, other, "other")
    rows = client.get(f"/api/trip-stops/?trip={trip}").json()["results"]
    assert [(row["sequence"], row["stop"]["name"], row["trip"]) for row in rows] == [
        (1, "c", trip),
        (2, "b", trip),
        (3, "a", trip),
    ]
    assert rows == stops_of(client, trip)
    seen, url = [], "/api/trip-stops/?page_size=1"
    while url:
        page = client.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert len(seen) == len(set(seen)) == 4
    client.put(f"/api/trip-stops/{rows[0]['id']}/", {"is_completed": True})
    assert ids(client.get(f"/api/trip-stops/?trip={trip}&is_completed=true")) == [rows[0]["id"]]


@pytest.mark.parametrize(
    "path",
    [
        "/api/trips/?page_size=2",
        "/api/trips/?page_size=2&ordering=name",
        "/api/trips/?page_size=2&ordering=-planned_start_date,name",
        "/api/trips/?page_size=2&ordering=status,-created_at",
        "/api/trip-stops/?page_size=2",
        "/api/trip-stops/?page_size=2&ordering=-sequence",
    ],
)
def test_equal_values_lose_no_row_on_either_way(client, company_a, dispatcher, path):
    fill(company_a, dispatcher, trips=5, stops=2)
    there, url = [], path
    while url:
        page = client.get(url).json()
        there.append([row["id"] for row in page["results"]])
        url = page["next"]
    back, url = there[-1:], page["previous"]
    while url:
        page = client.get(url).json()
        back.insert(0, [row["id"] for row in page["results"]])
        url = page["previous"]
    rows = [row for page in there for row in page]
    assert len(rows) == len(set(rows)) == (5 if "/trips/" in path else 10)
    assert back == there


def test_more_stops_of_one_sequence_than_a_cursor_can_count(client, company_a, dispatcher):
    fill(company_a, dispatcher, trips=2002, stops=1)
    seen, url = [], "/api/trip-stops/"
    for _ in range(3):
        page = client.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert url is None
    assert len(seen) == len(set(seen)) == 2002


def test_a_change_of_stops_shows_in_updated_since(client):
    from django.utils import timezone

    trip = make_trip(client)
    since = timezone.now().isoformat().replace("+00:00", "Z")
    assert ids(client.get("/api/trips/", {"updated_since": since})) == []
    add_place(client, trip)
    assert ids(client.get("/api/trips/", {"updated_since": since})) == [trip]


@pytest.mark.parametrize("door", ["order", "trip stop"])
def test_an_edited_stop_shows_in_updated_since(client, door):
    from django.utils import timezone

    trip, (order,) = loaded_trip(client)
    pickup = client.get("/api/trip-stops/", {"trip": trip}).json()["results"][0]["id"]
    since = {"updated_since": timezone.now().isoformat().replace("+00:00", "Z")}
    lists = ("/api/orders/", "/api/trips/", "/api/trip-stops/")
    assert [ids(client.get(url, since)) for url in lists] == [[], [], []]
    if door == "order":
        answer = client.patch(f"/api/orders/{order['id']}/", {"pickup_stop": {"address": "Elsewhere 1"}})
    else:
        answer = client.patch(f"/api/trip-stops/{pickup}/", {"stop": {"address": "Elsewhere 1"}})
    assert answer.status_code == 200, answer.content
    assert [ids(client.get(url, since)) for url in lists] == [[order["id"]], [trip], [pickup]]


def test_the_route_is_geojson_under_both_spellings(client):
    trip, _ = loaded_trip(client)
    add_place(client, trip, "nowhere")
    for path in (f"/api/trips/{trip}/route.geojson", f"/api/trips/{trip}/route.geojson/"):
        answer = client.get(path)
        assert answer["Content-Type"] == "application/geo+json; charset=utf-8"
        drawing = json.loads(answer.content)
        assert drawing["type"] == "FeatureCollection"
        points, line = drawing["features"][:-1], drawing["features"][-1]
        assert [point["properties"]["sequence"] for point in points] == [1, 2, 3]
        assert points[2]["geometry"] is None
        assert line["geometry"] == {"type": "LineString", "coordinates": [[2.352, 48.759], [2.428, 48.847]]}
        assert line["properties"]["total_distance_km"] == client.get(f"/api/trips/{trip}/").json()["total_distance_km"]


@pytest.mark.parametrize(
    "change",
    [
        {"vehicle": None},
        {"vehicle": "abc"},
        {"vehicle": True},
        {"vehicle": 2**63},
        {"vehicle": [1]},
        {"dispatcher": "x"},
        {"dispatcher": 2**62},
        {"dispatcher": True},
        {"name": ""},
        {"name": None},
        {"name": "x" * 201},
        {"name": "a\x00b"},
        {"name": {"a": 1}},
        {"status": "flying"},
        {"planned_start_date": "0000-01-01"},
        {"planned_start_date": "10000-01-01"},
        {"planned_start_date": "2024-02-30"},
        {"planned_start_date": 20240120},
        {"planned_start_time": "24:00"},
        {"planned_start_time": ""},
        {"notes": "x" * 5001},
    ],
)
def test_bad_fields_of_a_trip(client, change):
    body = {
        "name": "x",
        "planned_start_date": "2024-01-20",
        "planned_start_time": "08:00",
        "vehicle": make_vehicle(client),
    }
    answer = client.post("/api/trips/", {**body, **change})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == list(change)
    assert not Trip.objects.exists()


def test_true_is_no_id_even_where_it_equals_the_present_one(client):
    trip = make_trip(client)
    for field in ("vehicle", "dispatcher"):
        assert client.put(f"/api/trips/{trip}/", {field: True}).status_code == 400


def test_what_is_required_and_what_is_ignored(client, dispatcher):
    assert set(client.post("/api/trips/", {}).json()["fields"]) == {
        "vehicle",
        "name",
        "planned_start_date",
        "planned_start_time",
    }
    trip = make_trip(
        client,
        id=77,
        company=99,
        driver_notified=True,
        trip_stops=[1],
        created_at="x",
        actual_start_datetime="2020",
        junk=[],
    )
    shown = client.get(f"/api/trips/{trip}/").json()
    assert (shown["company"], shown["dispatcher"], shown["driver_notified"]) == (
        dispatcher.current_company_id,
        dispatcher.pk,
        False,
    )
    assert (shown["actual_start_datetime"], shown["trip_stops"]) == (None, [])
    nasty = "'; DROP TABLE trips_trip; -- <img onerror=x> \u202e مرحبا"
    assert client.put(f"/api/trips/{trip}/", {"name": nasty}).json()["name"] == nasty
