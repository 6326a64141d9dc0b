"""Lanes through the planning page's own requests: what a change means, what the rules refuse, saving, and two dispatchers."""

import datetime as dt
import json

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from fleet.models import Vehicle
from orders.models import Order
from trips import itinerary
from trips.models import Trip, TripStop
from trips.tests.world import add_place, loaded_trip, make_order, make_trip, make_vehicle, order_status, stops_of

pytestmark = pytest.mark.django_db
DAY = "2026-12-01"


class Page:
    """The planning page of somebody, by what its scripts send."""

    def __init__(self, user, company):
        self.client, self.company = Client(), company
        self.client.force_login(user)
        self.look()

    def look(self, day=DAY):
        self.state = self.client.get(f"/admin/plan/state/?company={self.company.pk}&day={day}").json()
        return self.state

    def send(self, path, *runs, **headers):
        return self.client.post(f"/admin/plan/{path}/", json.dumps({"runs": list(runs)}), "application/json", **headers)

    def ask(self, *runs, **headers):
        return self.send("evaluate", *runs, **headers).json()["runs"]

    def save(self, *runs):
        return self.send("save", *runs).json()["runs"]

    def trip(self, trip_id):
        return next(row for row in self.state["trips"] if row["id"] == trip_id)

    def run(self, trip_id, stops=None):
        trip = self.trip(trip_id)
        open_stops = [stop["ref"] for stop in trip["stops"] if stop["state"] in ("open", "arrived")]
        return {"key": f"t{trip_id}", "trip": trip_id, "vehicle": trip["vehicle"], "version": trip["version"], "stops": open_stops if stops is None else stops}


def new_run(vehicle, stops, key="n1", starts=f"{DAY}T08:00"):
    return {"key": key, "trip": None, "vehicle": vehicle, "starts": starts, "version": "", "stops": stops}


def both(order):
    number = order["id"] if isinstance(order, dict) else order
    return [["pickup", number], ["delivery", number]]


def sequence(trip_id):
    return [[row.stop.stop_type, row.order_id] for row in TripStop.objects.filter(trip=trip_id).select_related("stop").order_by("sequence")]


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


@pytest.fixture
def page(dispatcher, company_a):
    return Page(dispatcher, company_a)


def day_trip(client, orders=1, **fields):
    return loaded_trip(client, orders, planned_start_date=DAY, **fields)


def test_the_state_names_waiting_orders_vehicles_and_trips(page, client):
    order = make_order(client, goods_weight="800", goods_volume="2.5", goods_type="refrigerated")
    trip, [held] = day_trip(client)
    state = page.look()
    assert state["waiting"] == [order["id"]]
    shown = state["orders"][str(order["id"])]
    assert (shown["number"], shown["kilograms"], shown["litres"], shown["skills"]) == (order["order_number"], 800.0, 2500.0, ["refrigerated"])
    assert [row["ref"] for row in page.trip(trip)["stops"]] == both(held)
    assert {row["plate"] for row in state["vehicles"]} == {Trip.objects.get().vehicle.license_plate}


def test_a_drop_is_put_on_the_clock_with_load_and_broken_promises(page, client):
    heavy = make_order(client, goods_weight="3000", required_skills=["crane"])
    vehicle = make_vehicle(client, shift_start="08:00", shift_end="08:10")
    [answer] = page.ask(new_run(vehicle, both(heavy)))
    assert answer["kilograms"] == 3000 and [row["ref"] for row in answer["stops"]] == both(heavy)
    text = " ".join(answer["broken"]).replace("\u2066", "").replace("\u2069", "")
    number = heavy["order_number"]
    assert f"With {number} on board" in text and "500 kg too heavy" in text and f"lacks what {number} needs" in text and "after its shift" in text
    assert not Trip.objects.exists()


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_refusals_and_broken_promises_are_in_the_readers_language(page, client, language):
    order, heavy = make_order(client), make_order(client, goods_weight="3000")
    vehicle = make_vehicle(client)
    [refused, broken] = page.ask(
        new_run(vehicle, both(order)[::-1], key="a"), new_run(vehicle, both(heavy), key="b"), headers={"Accept-Language": language}
    )
    assert refused["code"] == "delivery_before_pickup"
    assert "cannot come before" not in refused["refusal"] and "too heavy" not in " ".join(broken["broken"])
    assert broken["broken"]


def test_what_the_rules_refuse_is_said_and_nothing_is_stored(page, client, api, dispatcher_b):
    trip, [first, second] = day_trip(client, 2)
    place = add_place(client, trip)
    other = make_vehicle(client)
    foreign = make_order(api(dispatcher_b))
    client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    pickup = next(row for row in stops_of(client, trip) if row["stop"]["stop_type"] == "pickup")
    client.put(f"/api/trip-stops/{pickup['id']}/", {"is_completed": True})
    page.look(timezone.localdate().isoformat())
    moved = new_run(other, both(first))
    assert page.ask(moved)[0]["code"] == "goods_on_board"
    assert page.ask(page.run(trip, both(second)))[0]["code"] == "goods_on_board"
    assert page.ask(page.run(trip, both(first)[1:] + both(second)[::-1]))[0]["code"] == "delivery_before_pickup"
    assert page.ask(page.run(trip, both(first)[1:] + both(second)[1:]))[0]["code"] == "invalid_data"
    assert page.ask(new_run(other, both(foreign)))[0]["refusal"] == "A stop is no longer there."
    assert page.ask(new_run(other, [["stop", place["id"]]]))[0]["refusal"] == "A stop is no longer there."
    assert page.ask(new_run(other, both(second) * 2))[0]["code"] == "invalid_data"
    assert page.save(moved)[0]["code"] == "goods_on_board"
    assert Trip.objects.count() == 1 and sequence(trip) == [*both(first), *both(second), ["pickup", None]]


def test_nothing_comes_before_the_stop_at_which_the_vehicle_stands(page, client):
    trip, [first, second] = day_trip(client, 2)
    client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    TripStop.objects.filter(trip=trip, sequence=1).update(actual_arrival_datetime=timezone.now())
    page.look(timezone.localdate().isoformat())
    assert page.ask(page.run(trip, both(second) + both(first)))[0]["code"] == "vehicle_at_stop"
    assert "refusal" not in page.ask(page.run(trip, both(first)[:1] + both(second) + both(first)[1:]))[0]


def test_lanes_are_saved_planned_and_their_drivers_told(page, client):
    first, second, third = (make_order(client) for _ in range(3))
    vehicle = make_vehicle(client)
    trip, [held] = day_trip(client)
    page.look()
    mixed = [both(held)[0], *both(third), both(held)[1]]
    made, changed = page.save(new_run(vehicle, [*both(second), *both(first)]), page.run(trip, mixed))
    assert made["is_done"] and changed["is_done"]
    assert sequence(made["trip"]) == [*both(second), *both(first)] and sequence(trip) == mixed
    assert set(Trip.objects.values_list("status", flat=True)) == {"planned"}
    assert all(row.planned_arrival_time for row in TripStop.objects.filter(trip=made["trip"]))
    assert order_status(client, first) == "assigned"
    for row in (made, changed):
        assert page.client.post(f"/admin/plan/tell/{row['trip']}/").json() == {"message": "driver notified"}
    assert len(mail.outbox) == 2
    again = page.client.post(f"/admin/plan/tell/{trip}/")
    assert again.status_code == 400 and again.json()["error"] == "Driver already notified"
    page.look()
    [same] = page.save(page.run(trip))
    assert same["message"] == "unchanged" and page.trip(trip)["is_told"]
    page.look()
    assert page.trip(trip)["is_told"]


def test_other_due_times_begin_anew_and_equal_ones_do_not(page, client):
    trip, [first, second] = day_trip(client, 2)
    page.look()
    page.save(page.run(trip, [both(first)[0], *both(second), both(first)[1]]))
    TripStop.objects.filter(trip=trip).update(late_min=30, late_told_min=60)
    page.look()
    [row] = page.save(page.run(trip, [both(first)[0], both(second)[0], both(first)[1], both(second)[1]]))
    assert row["is_changed"]
    marks = TripStop.objects.filter(trip=trip).order_by("sequence").values_list("late_min", "late_told_min")
    assert list(marks) == [(30, 60), (30, 60), (0, 0), (0, 0)]


def test_stops_past_midnight_are_due_on_the_next_day_also_once_the_trip_is_put_off(page, client):
    order = make_order(client)
    page.save(new_run(make_vehicle(client), both(order), starts=f"{DAY}T23:55"))
    due = [itinerary.due_at(stop.trip.planned_start, stop.planned_arrival_time, stop.planned_arrival_date) for stop in TripStop.objects.order_by("sequence")]
    assert due[0].date().isoformat() == DAY and due[1].date().isoformat() == "2026-12-02"
    assert set(TripStop.objects.values_list("planned_arrival_date", flat=True)) == {None}


def test_a_trip_of_the_evening_that_is_driven_in_the_morning_is_due_in_the_morning(page, client, time_machine):
    time_machine.move_to("2026-12-01T09:00:00Z", tick=False)
    trip, [first, second] = day_trip(client, 2, planned_start_time="22:00")
    client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    page.look()
    [row] = page.save(page.run(trip, [both(first)[0], both(second)[0], both(first)[1], both(second)[1]]))
    assert row["is_done"]
    for stop in TripStop.objects.select_related("trip"):
        due = itinerary.due_at(stop.trip.planned_start, stop.planned_arrival_time, stop.planned_arrival_date)
        assert dt.datetime(2026, 12, 1, 10) <= due < dt.datetime(2026, 12, 1, 14)


def test_orders_change_lanes_and_wait_again_in_one_save(page, client):
    one, [a, b] = day_trip(client, 2)
    two, [c] = day_trip(client)
    page.look()
    results = page.save(page.run(one, both(c)), page.run(two, both(a)))
    assert [row["is_done"] for row in results] == [True, True]
    assert sequence(one) == both(c) and sequence(two) == both(a)
    assert [order_status(client, order) for order in (a, b, c)] == ["assigned", "pending", "assigned"]
    page.look()
    assert page.state["waiting"] == [b["id"]]


def test_a_refused_lane_takes_those_with_it_that_exchange_orders_and_no_others(page, client):
    one, [a] = day_trip(client)
    two, [_b] = day_trip(client)
    vehicle, free = make_vehicle(client), make_order(client)
    page.look()
    runs = [page.run(one, []), page.run(two, [*page.run(two)["stops"], *both(a)]), new_run(vehicle, both(free))]
    client.post(f"/api/trips/{two}/add-order/", {"order": make_order(client)["id"]})
    left, taken, made = page.save(*runs)
    assert [left["is_done"], taken["is_done"], made["is_done"]] == [False, False, True]
    assert taken["code"] == "trip_changed" and Trip.objects.get(pk=two).name in taken["message"]
    assert sequence(one) == both(a)
    page.look()
    assert page.save(page.run(one, []), page.run(two, [*page.run(two)["stops"], *both(a)]))[1]["is_done"]


def test_a_stop_that_is_done_meanwhile_is_no_reason_to_refuse(page, client):
    trip, [first, second] = day_trip(client, 2)
    client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    page.look(timezone.localdate().isoformat())
    wanted = page.run(trip, [both(first)[0], *both(second), both(first)[1]])
    client.put(f"/api/trip-stops/{stops_of(client, trip)[0]['id']}/", {"is_completed": True})
    assert page.save(wanted)[0]["is_done"]
    assert sequence(trip) == wanted["stops"]


def test_hostile_bodies_are_refused_in_words(page, client):
    vehicle = make_vehicle(client)
    for body in (b"", b"[]", b"null", b'{"runs": {}}', b'{"runs": []}', b'{"runs": [1]}', b"[" * 50_000, b'{"runs": [{"key": 1, "vehicle": 1, "stops": []}]}'):
        answer = page.client.post("/admin/plan/evaluate/", body, "application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data"), body[:40]
    odd = [[], [["pickup"]], [["pickup", True]], [["pickup", -1]], [["pickup", 2**70]], [["x", 1]], ["pickup"], "ab", [["pickup", "1"]]]
    for stops in odd[1:]:
        assert page.send("save", new_run(vehicle, stops)).status_code == 400, stops
    for starts in ("0001", "2026-12-01", "x" * 99, "2026-12-01T25:00", "0001-01-01T00:00", "9999-12-31T23:59"):
        assert page.send("save", new_run(vehicle, [], starts=starts)).status_code == 400
    many = [new_run(vehicle, [["pickup", number] for number in range(1, 1001)], key=str(key)) for key in range(7)]
    assert page.send("evaluate", *many).status_code == 400
    assert page.save(new_run(vehicle, [], starts=None))[0]["is_done"] is False
    assert page.save(new_run(10**15, both(1)))[0]["is_done"] is False
    assert not Trip.objects.exists()


def test_viewers_and_other_companies_neither_look_nor_change(page, client, viewer, dispatcher_b, company_a, company_b):
    trip, [order] = day_trip(client)
    page.look()
    run = page.run(trip, [])
    reader, stranger = Client(), Client()
    reader.force_login(viewer)
    stranger.force_login(dispatcher_b)
    body = json.dumps({"runs": [run]})
    for path in ("/admin/plan/", "/admin/plan/state/"):
        assert reader.get(path, {"company": company_a.pk}).status_code == 403
    for path in ("evaluate", "replan", "save"):
        assert reader.post(f"/admin/plan/{path}/", body, "application/json").status_code == 403
    assert reader.post(f"/admin/plan/tell/{trip}/").status_code == 403
    assert stranger.get("/admin/plan/state/", {"company": company_a.pk}).status_code == 404
    assert stranger.get("/admin/plan/", {"company": company_a.pk}).status_code == 200
    assert order["order_number"] not in stranger.get("/admin/plan/", {"company": company_a.pk}).content.decode()
    assert stranger.post("/admin/plan/save/", body, "application/json").json()["runs"][0]["code"] == "not_found"
    assert stranger.post("/admin/plan/evaluate/", body, "application/json").json()["runs"][0]["code"] == "not_found"
    assert stranger.post("/admin/plan/replan/", body, "application/json").json()["code"] == "not_found"
    assert stranger.post(f"/admin/plan/tell/{trip}/").status_code == 404
    assert sequence(trip) == both(order) and not mail.outbox


def test_a_foreign_page_stores_nothing(page, client, dispatcher):
    trip, [order] = day_trip(client)
    page.look()
    body = json.dumps({"runs": [page.run(trip, [])]})
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(dispatcher)
    assert careful.post("/admin/plan/save/", body, "application/json").status_code == 403
    assert careful.post(f"/admin/plan/tell/{trip}/").status_code == 403
    assert sequence(trip) == both(order) and not mail.outbox


def test_who_only_views_one_of_two_companies_looks_at_its_trips_and_changes_nothing(page, client, dispatcher_b, company_a):
    trip, [order] = day_trip(client)
    page.look()
    Membership.objects.create(user=dispatcher_b, company=company_a, role=Membership.Role.VIEWER)
    other = Client()
    other.force_login(dispatcher_b)
    body = json.dumps({"runs": [page.run(trip, [])]})
    assert other.get("/admin/plan/state/", {"company": company_a.pk}).status_code == 404
    assert other.post("/admin/plan/save/", body, "application/json").json()["runs"][0]["code"] == "forbidden"
    assert other.post(f"/admin/plan/tell/{trip}/").status_code == 403
    assert sequence(trip) == both(order) and not mail.outbox


def test_vehicles_with_trips_have_lanes_before_those_without(page, client, monkeypatch):
    monkeypatch.setattr("depannini_dashmap.console.lanes.state.MOST_LANES", 1)
    make_vehicle(client, license_plate="01-IDLE")
    trip, _orders = day_trip(client)
    assert not page.look("2026-12-02")["trips"] and page.state["vehicles"][0]["plate"] == "01-IDLE"
    state = page.look()
    assert [row["id"] for row in state["vehicles"]] == [Trip.objects.get(pk=trip).vehicle_id] and state["are_lanes_cut"]
    assert [row["id"] for row in state["trips"]] == [trip]


def test_the_page_costs_the_same_for_every_number_of_rows(page, client, django_assert_num_queries):
    def fill(count):
        for _ in range(count):
            make_order(client)
            day_trip(client, 2)

    for count in (1, 3):
        fill(count)
        page.client.get(f"/admin/plan/?day={DAY}")
        # session, user, rights (4), companies, trips, their stops, waiting orders, vehicles, newest plans
        with django_assert_num_queries(12):
            page.client.get(f"/admin/plan/?day={DAY}")
        runs = [page.run(trip["id"]) for trip in page.look()["trips"]]
        # session, user, rights (2), trips, stops
        with django_assert_num_queries(6):
            page.ask(*runs)


def test_trips_under_way_cost_the_same_queries_for_every_number(page, client, django_assert_num_queries):
    today = timezone.localdate().isoformat()
    for count in (1, 3):
        for number in range(count):
            trip, _ = loaded_trip(client, 2, planned_start_date=today)
            client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
            client.put(f"/api/trip-stops/{stops_of(client, trip)[0]['id']}/", {"is_completed": True})
            if number:
                body = {"vehicle_id": Trip.objects.get(pk=trip).vehicle_id, "latitude": 48.8, "longitude": 2.39, "speed": 30, "heading": 0}
                assert client.post("/api/positions/", {**body, "timestamp": timezone.now().isoformat()}).status_code == 201
        runs = [page.run(trip["id"]) for trip in page.look(today)["trips"]]
        with django_assert_num_queries(6):
            rows = page.ask(*runs)
        assert not any("refusal" in row for row in rows)


def test_trips_under_way_are_shown_today_and_others_on_their_day(page, client):
    trip = make_trip(client, planned_start_date="2024-01-20")
    later = make_trip(client, planned_start_date=DAY)
    client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    assert [row["id"] for row in page.look(timezone.localdate().isoformat())["trips"]] == [trip]
    assert [row["id"] for row in page.look()["trips"]] == [later]
    for day in ("x", "0001-01-01", "9999-12-31", ""):
        assert page.look(day)["day"] == timezone.localdate().isoformat()


def test_a_new_trip_of_a_vehicle_without_stops_on_the_map_has_no_due_times(page, client):
    order = make_order(client, delivery_stop={"name": "Somewhere", "address": "?"})
    [row] = page.save(new_run(make_vehicle(client), both(order)))
    assert row["is_done"] and set(TripStop.objects.values_list("planned_arrival_time", flat=True)) == {None}
    assert Order.objects.get().status == "assigned" and Trip.objects.get().planned_start_time == dt.time(8)


NORTH = {"name": "North", "address": "A", "latitude": "48.95", "longitude": "2.35"}
NORTHERN = {"name": "Norther", "address": "B", "latitude": "48.99", "longitude": "2.36"}
SOUTH = {"name": "South", "address": "C", "latitude": "48.70", "longitude": "2.35"}
SOUTHERN = {"name": "Souther", "address": "D", "latitude": "48.66", "longitude": "2.36"}


def crossed(client):
    """Make two trips that each have an order in the north and one in the south."""
    trips = []
    for _ in range(2):
        trip = make_trip(client, planned_start_date=timezone.localdate().isoformat(), planned_start_time="08:00")
        orders = [make_order(client, pickup_stop=one, delivery_stop=other) for one, other in ((NORTH, NORTHERN), (SOUTH, SOUTHERN))]
        for order in orders:
            client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]})
        trips.append((trip, orders))
    return trips


def test_trips_are_planned_anew_together_and_saved_with_one_mail_each(page, client):
    (one, _), (two, _) = crossed(client)
    page.look(timezone.localdate().isoformat())
    answer = page.send("replan", page.run(one), page.run(two)).json()
    assert answer["saved_minutes"] > 0 and not mail.outbox
    better = {row["key"]: row["stops"] for row in answer["runs"]}
    assert sorted(map(tuple, better[f"t{one}"] + better[f"t{two}"])) == sorted(map(tuple, page.run(one)["stops"] + page.run(two)["stops"]))
    results = page.save(page.run(one, better[f"t{one}"]), page.run(two, better[f"t{two}"]))
    assert [row["is_done"] for row in results] == [True, True] and any(row["is_changed"] for row in results)
    for row in results:
        if row["is_changed"]:
            assert page.client.post(f"/admin/plan/tell/{row['trip']}/").status_code == 200
    page.look(timezone.localdate().isoformat())
    assert page.send("replan", page.run(one), page.run(two)).json()["saved_minutes"] == 0


@pytest.mark.parametrize(("hours", "working"), [(24, 1), (3, 2)])
def test_planning_anew_gives_nobody_without_a_shift_a_longer_day(page, client, settings, hours, working):
    settings.PLAN_LONGEST_DAY = dt.timedelta(hours=hours)
    trips = [make_trip(client, planned_start_date=timezone.localdate().isoformat(), planned_start_time="08:00") for _ in range(2)]
    for number, trip in enumerate(trips * 3):  # each takes more than an hour and a half as it is
        near = {"address": "A", "latitude": f"48.8{number}", "longitude": "2.35"}
        order = make_order(client, pickup_stop={"name": "P", **near}, delivery_stop={"name": "D", **near, "longitude": "2.36"})
        client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]})
    Vehicle.objects.update(start_latitude="48.80", start_longitude="2.30", end_latitude="48.80", end_longitude="2.30")  # one is less driving
    page.look(timezone.localdate().isoformat())
    answer = page.send("replan", *map(page.run, trips)).json()
    assert answer["saved_minutes"] > 0
    assert sum(bool(row["stops"]) for row in answer["runs"]) == working


def test_planning_anew_leaves_what_is_done_what_is_on_board_and_where_a_vehicle_stands(page, client):
    (one, first), (two, second) = crossed(client)
    place = add_place(client, one)
    for trip in (one, two):
        client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    stops = stops_of(client, one)
    client.put(f"/api/trip-stops/{stops[0]['id']}/", {"is_completed": True})
    TripStop.objects.filter(trip=two, sequence=1).update(actual_arrival_datetime=timezone.now())
    page.look(timezone.localdate().isoformat())
    answer = page.send("replan", page.run(one), page.run(two)).json()
    of_one, of_two = (next(row["stops"] for row in answer["runs"] if row["key"] == f"t{trip}") for trip in (one, two))
    assert ["delivery", first[0]["id"]] in of_one and ["stop", place["id"]] in of_one
    assert ["pickup", first[0]["id"]] not in of_one + of_two
    assert of_two[0] == ["pickup", second[0]["id"]] and ["delivery", second[0]["id"]] in of_two
    assert all("refusal" not in row for row in page.ask(page.run(one, of_one), page.run(two, of_two)))
    assert [row["is_done"] for row in page.save(page.run(one, of_one), page.run(two, of_two))] == [True, True]
    assert sequence(one)[0] == ["pickup", first[0]["id"]]
