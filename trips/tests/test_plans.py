"""Plans of a day over REST: asked, solved by the worker, applied, undone; and one trip evaluated and put in order."""

import datetime as dt
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml
from django.conf import settings
from django.utils import timezone

from depannini_dashmap.lib.realtime import layer
from orders.models import Order
from trips import itinerary
from trips.models import Trip, TripPlan, TripStop
from trips.services import plans
from trips.tests.world import loaded_trip, made, make_order, make_trip, make_vehicle, order_status, stops_of

pytestmark = pytest.mark.django_db
CENTRE = (36.75, 3.05)


def place(name, north, east, **more):
    """Return a stop some kilometres from the centre."""
    latitude, longitude = CENTRE[0] + north / 111, CENTRE[1] + east / 89
    return {"name": name, "address": name, "latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}", **more}


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


@pytest.fixture
def day(client):
    """Six orders and two vehicles that can carry them."""
    orders = [
        make_order(client, goods_weight="100", pickup_stop=place(f"p{n}", n, 1), delivery_stop=place(f"d{n}", n, 5)) for n in range(1, 7)
    ]
    home = {"start_latitude": "36.75", "start_longitude": "3.05", "end_latitude": "36.75", "end_longitude": "3.05"}
    vehicles = [make_vehicle(client, **home) for _ in range(2)]
    return {"orders": [order["id"] for order in orders], "vehicles": vehicles, "date": "2026-12-01", "time_limit": 2}


def ask(client, day, **more):
    answer = client.post("/api/trips/plans/", {**day, **more})
    assert answer.status_code == 202, answer.content
    return answer.json()["id"]


def ready(client, day, run_tasks, **more):
    number = ask(client, day, **more)
    run_tasks()
    plan = client.get(f"/api/trips/plans/{number}/").json()
    assert (plan["status"], plan["error"], plan["progress"], plan["phase"], plan["seconds"]) == ("ready", "", 1.0, None, None)
    return plan


def test_a_plan_is_asked_solved_applied_and_undone(client, day, run_tasks):
    number = ask(client, day)
    plan = client.get(f"/api/trips/plans/{number}/").json()
    assert (plan["status"], plan["progress"], plan["result"]) == ("queued", 0.0, None)
    run_tasks()
    result = client.get(f"/api/trips/plans/{number}/").json()["result"]
    assert (result["totals"]["served"], result["left_out"], result["source"]) == (6, [], "straight_line")
    applied = client.post(f"/api/trips/plans/{number}/apply/").json()
    assert (applied["status"], len(applied["trips"])) == ("applied", result["totals"]["trips"])
    rows = [row for trip in applied["trips"] for row in stops_of(client, trip)]
    assert len(rows) == 12
    assert all(row["planned_arrival_time"] for row in rows)
    trip = client.get(f"/api/trips/{applied['trips'][0]}/").json()
    assert (trip["status"], trip["planned_start_date"], trip["incomplete_orders"]) == ("planned", "2026-12-01", [])
    assert set(Order.objects.values_list("status", flat=True)) == {"assigned"}
    assert client.post(f"/api/trips/plans/{number}/apply/").json()["trips"] == applied["trips"]
    undone = client.post(f"/api/trips/plans/{number}/undo/")
    assert undone.json()["status"] == "undone"
    assert (Trip.objects.count(), set(Order.objects.values_list("status", flat=True))) == (0, {"pending"})


def test_without_a_shift_nobody_works_longer_than_the_longest_day_unless_a_window_is_later(client, day, run_tasks, settings):
    settings.PLAN_LONGEST_DAY = dt.timedelta(hours=2)  # fewer than the six orders of one vehicle take
    trips = ready(client, day, run_tasks)["result"]["trips"]
    assert len(trips) == 2 and all(trip["ends"] <= 10 * 3600 for trip in trips)
    evening = make_order(client, pickup_stop=place("a", 1, 1), delivery_stop=place("b", 2, 2, windows=[{"opens": "20:00", "closes": "21:00"}]))
    plan = ready(client, {**day, "orders": [evening["id"]]}, run_tasks)["result"]
    assert plan["left_out"] == [] and plan["trips"][0]["ends"] > 20 * 3600


def test_each_order_left_out_has_a_reason_with_numbers(client, day, run_tasks):
    crane = make_order(client, required_skills=["crane"], pickup_stop=place("a", 1, 1), delivery_stop=place("b", 2, 2))
    nowhere = make_order(client, pickup_stop={"name": "x", "address": "x"}, delivery_stop=place("b", 2, 2))
    heavy = make_order(client, goods_weight="9000", pickup_stop=place("a", 1, 1), delivery_stop=place("b", 2, 2))
    plan = ready(client, {**day, "orders": [*day["orders"], crane["id"], nowhere["id"], heavy["id"]]}, run_tasks)
    found = {row["order_number"]: (row["code"], row["numbers"]) for row in plan["result"]["left_out"]}
    assert found == {
        crane["order_number"]: ("no_vehicle_with_skills", {"needed": ["crane"], "most_in_one_vehicle": 0}),
        nowhere["order_number"]: ("unroutable_pin", {"stops": ["pickup"]}),
        heavy["order_number"]: ("exceeds_every_capacity", {"kilograms": 9000, "litres": 0, "most_kilograms": 2500, "most_litres": None}),
    }


def test_why_this_vehicle_and_not_another(client, day, run_tasks):
    plan = ready(client, day, run_tasks)
    order = plan["result"]["trips"][0]["stops"][0]["order"]
    choice = client.get(f"/api/trips/plans/{plan['id']}/why/?order={order}").json()
    assert choice["vehicle"] == plan["result"]["trips"][0]["vehicle"]
    assert choice["other"] in day["vehicles"] and choice["other_seconds"] > 0
    assert client.get(f"/api/trips/plans/{plan['id']}/why/?order=999999").status_code == 400
    assert client.get(f"/api/trips/plans/{plan['id']}/why/?order=x").status_code == 400


@pytest.mark.parametrize("change", ["edited", "taken", "cancelled", "vehicle"])
def test_what_changed_since_is_named_and_nothing_is_applied(client, day, run_tasks, change):
    plan = ready(client, day, run_tasks)
    order = day["orders"][0]
    number = Order.objects.get(pk=order).order_number
    expected = {"orders": [number], "vehicles": []}
    if change == "edited":
        client.put(f"/api/orders/{order}/", {"goods_weight": "900"})
    elif change == "taken":
        made(client.post(f"/api/trips/{make_trip(client)}/add-order/", {"order": order}))
    elif change == "cancelled":
        client.put(f"/api/orders/{order}/", {"status": "cancelled"})
    else:
        used = plan["result"]["trips"][0]
        client.put(f"/api/vehicles/{used['vehicle']}/", {"capacity": "0.10"})
        expected = {"orders": [], "vehicles": [used["license_plate"]]}
    before = Trip.objects.count()
    answer = client.post(f"/api/trips/plans/{plan['id']}/apply/")
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_outdated")
    assert {name: answer.json()[name] for name in expected} == expected
    assert Trip.objects.count() == before


def test_a_second_plan_of_the_same_orders_is_outdated_once_the_first_is_applied(client, day, run_tasks):
    first, second = ready(client, day, run_tasks), ready(client, day, run_tasks)
    assert client.post(f"/api/trips/plans/{first['id']}/apply/").status_code == 200
    assert client.post(f"/api/trips/plans/{second['id']}/apply/").json()["code"] == "plan_outdated"


def test_what_has_begun_is_not_undone(client, day, run_tasks):
    plan = ready(client, day, run_tasks)
    trips = client.post(f"/api/trips/plans/{plan['id']}/apply/").json()["trips"]
    client.put(f"/api/trips/{trips[0]}/", {"status": "in_progress"})
    answer = client.post(f"/api/trips/plans/{plan['id']}/undo/")
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_begun")
    assert Trip.objects.count() == len(trips)


def test_trips_whose_driver_was_told_go_only_where_somebody_says_so(client, day, run_tasks):
    plan = ready(client, day, run_tasks)
    trips = client.post(f"/api/trips/plans/{plan['id']}/apply/").json()["trips"]
    assert client.post(f"/api/trips/{trips[0]}/notify-driver/").status_code == 200
    undo = f"/api/trips/plans/{plan['id']}/undo/"
    answer = client.post(undo)
    assert (answer.status_code, answer.json()["code"], answer.json()["trips"]) == (409, "plan_drivers_told", [Trip.objects.get(pk=trips[0]).name])
    assert client.post(undo, {"although_told": "x"}).status_code == 400
    assert Trip.objects.count() == len(trips)
    assert client.post(undo, {"although_told": True}).json()["status"] == "undone"


def test_trips_of_the_night_reach_the_windows_of_the_next_morning(client, day, run_tasks):
    late = [{"opens": "02:00", "closes": "03:00"}, {"opens": "23:00", "closes": "23:30"}]
    near, far = (make_order(client, pickup_stop=place("p", 1, 1), delivery_stop=place("d", 1, 5, windows=rows)) for rows in (late, late[:1]))
    over = make_order(client, pickup_stop=place("p", 1, 1), delivery_stop=place("d", 1, 5, windows=[{"opens": "20:00", "closes": "21:30"}]))
    shift = {"shift_start": "22:00", "shift_end": "06:00", "break_earliest": "00:00", "break_latest": "01:00", "break_minutes": 30}
    vehicle = make_vehicle(client, **shift)
    asked = {**day, "orders": [order["id"] for order in (near, far, over)], "vehicles": [vehicle]}
    plan = ready(client, asked, run_tasks)
    [trip] = plan["result"]["trips"]
    assert not trip["violations"] and [row["order"] for row in plan["result"]["left_out"]] == [over["id"]]
    assert client.post(f"/api/trips/plans/{plan['id']}/apply/").status_code == 200
    row = TripStop.objects.select_related("trip").get(order=far["id"], stop__stop_type="delivery")
    due = itinerary.due_at(row.trip.planned_start, row.planned_arrival_time, row.planned_arrival_date)
    assert dt.datetime(2026, 12, 2, 2) <= due <= dt.datetime(2026, 12, 2, 3)
    assert client.post(f"/api/trips/{row.trip_id}/evaluate/").json()["violations"] == []


@pytest.mark.parametrize(
    ("evening", "reached", "delivered"),
    [
        ("2026-10-24", "2026-10-24T23:30:00Z", ("2026-10-25T02:00:00Z", "03:00")),  # waits an hour longer for 03:00
        ("2027-03-27", "2027-03-28T00:30:00Z", ("2027-03-28T01:05:00Z", "03:05")),  # 20 minutes after 01:45 it is 03:05
    ],
)
def test_a_night_in_which_clocks_change_is_as_long_as_it_is(client, day, run_tasks, settings, evening, reached, delivered):
    settings.DISPLAY_TIME_ZONE, settings.ETA_ROAD_FACTOR, settings.ETA_MEAN_SPEED_KMH = "Europe/Paris", 1.0, 60.0
    pickup = place("p", 0, 0, service_minutes=15, windows=[{"opens": "01:30", "closes": "01:31"}])
    delivery = place("d", 20, 0, service_minutes=15, windows=[{"opens": "03:00", "closes": "05:30"}])
    order = make_order(client, pickup_stop=pickup, delivery_stop=delivery)
    vehicle = make_vehicle(client, shift_start="22:00", shift_end="06:00")
    asked = {**day, "orders": [order["id"]], "vehicles": [vehicle], "date": evening, "start_time": "22:00"}
    plan = ready(client, asked, run_tasks)
    [planned] = plan["result"]["trips"]
    first, last = planned["stops"]
    assert last["arrival"] == first["arrival"] + first["wait"] + first["service"] + last["leg_seconds"]
    midnight = dt.datetime.fromisoformat(evening).replace(tzinfo=ZoneInfo("Europe/Paris")).astimezone(dt.UTC)
    begins = [midnight + dt.timedelta(seconds=row["arrival"] + row["wait"]) for row in planned["stops"]]
    for found, expected in zip(begins, (reached, delivered[0]), strict=True):
        assert dt.timedelta() <= found - dt.datetime.fromisoformat(expected) <= dt.timedelta(minutes=2)
    [trip] = client.post(f"/api/trips/plans/{plan['id']}/apply/").json()["trips"]
    assert stops_of(client, trip)[1]["planned_arrival_time"][:4] == delivered[1][:4]
    found = client.post(f"/api/trips/{trip}/evaluate/").json()
    assert found["violations"] == []  # it starts after midnight, in the shift that began before
    for row, expected in zip(found["stops"], begins, strict=True):
        assert abs(dt.datetime.fromisoformat(row["eta"]) + dt.timedelta(seconds=row["wait"]) - expected) <= dt.timedelta(minutes=1)


def test_a_mail_on_its_way_counts_as_told(client, day, run_tasks):
    plan = ready(client, day, run_tasks)
    client.post(f"/api/trips/plans/{plan['id']}/apply/")
    Trip.objects.update(notify_claimed_at=timezone.now())
    answer = client.post(f"/api/trips/plans/{plan['id']}/undo/")
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_drivers_told") and Trip.objects.exists()


def test_a_cancelled_plan_is_not_solved_and_not_applied(client, day, run_tasks):
    number = ask(client, day)
    assert client.post(f"/api/trips/plans/{number}/cancel/").json()["status"] == "cancelled"
    run_tasks()
    assert client.get(f"/api/trips/plans/{number}/").json()["result"] is None
    assert client.post(f"/api/trips/plans/{number}/apply/").json()["code"] == "plan_not_ready"
    assert client.post(f"/api/trips/plans/{number}/undo/").json()["code"] == "plan_not_applied"


def test_a_solver_that_dies_is_said(client, day, run_tasks, monkeypatch):
    import os

    number = ask(client, day)
    monkeypatch.setattr("trips.planning.engine._wait", lambda child, *_: (os.kill(child.pid, 9), child.wait()))
    run_tasks()
    plan = client.get(f"/api/trips/plans/{number}/").json()
    assert (plan["status"], plan["result"]) == ("failed", None)
    assert "signal 9" in plan["error"]


def test_a_plan_that_breaks_off_is_said_and_stays_so(client, day, run_tasks, monkeypatch):
    number = ask(client, day)
    monkeypatch.setattr("trips.planning.engine._wait", lambda *_: 1 / 0)
    run_tasks()
    plan = client.get(f"/api/trips/plans/{number}/").json()
    assert (plan["status"], plan["error"], plan["result"]) == ("failed", "The plan could not be made", None)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"orders": []}, "orders"),
        ({"orders": list(range(1, 2001))}, "orders"),
        ({"orders": [10**9]}, "orders"),
        ({"vehicles": [10**9]}, "vehicles"),
        ({"date": "tomorrow"}, "date"),
        ({"time_limit": 600}, "time_limit"),
        ({"objective": "fun"}, "objective"),
        ({"start_time": "25:00"}, "start_time"),
    ],
)
def test_a_wrong_question_names_its_field(client, day, sent, field):
    answer = client.post("/api/trips/plans/", {**day, **sent})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


def test_an_order_twice_and_one_in_a_trip_are_refused(client, day):
    twice = client.post("/api/trips/plans/", {**day, "orders": [day["orders"][0]] * 2})
    assert (twice.status_code, list(twice.json()["fields"])) == (400, ["orders"])
    _, [order] = loaded_trip(client)
    taken = client.post("/api/trips/plans/", {**day, "orders": [order["id"]]})
    assert (taken.status_code, order["order_number"] in taken.json()["error"]) == (400, True)


def test_nobody_else_comes_near_a_plan(client, api, day, run_tasks, dispatcher_b, client_user, viewer):
    plan = ready(client, day, run_tasks)
    path = f"/api/trips/plans/{plan['id']}/"
    for call in ("apply/", "cancel/", "undo/"):
        assert api(dispatcher_b).post(path + call).status_code == 404
        assert api(client_user).post(path + call).status_code == 403
        assert api(viewer).post(path + call).status_code == 403
    assert api(dispatcher_b).get(path).status_code == 404
    assert api(dispatcher_b).get("/api/trips/plans/").json()["results"] == []
    foreign = api(dispatcher_b).post("/api/trips/plans/", day)
    assert (foreign.status_code, sorted(foreign.json()["fields"])) == (400, ["orders", "vehicles"])
    assert api(viewer).get(path).json()["id"] == plan["id"]
    assert TripPlan.objects.get().status == "ready"


def test_applying_many_orders_costs_no_more_statements_for_each(client, run_tasks, django_assert_max_num_queries):
    def planned(count):
        orders = [make_order(client, pickup_stop=place("a", 1, n / 9), delivery_stop=place("b", 2, n / 9))["id"] for n in range(count)]
        body = {"orders": orders, "vehicles": [make_vehicle(client)], "date": "2026-12-01", "time_limit": 2}
        return ready(client, body, run_tasks)["id"]

    few, many = planned(2), planned(12)
    with django_assert_max_num_queries(60) as first:
        client.post(f"/api/trips/plans/{few}/apply/")
    with django_assert_max_num_queries(len(first) + 1):
        client.post(f"/api/trips/plans/{many}/apply/")


# --- One trip ----------------------------------------------------------------------------------------------------------------
@pytest.fixture
def crooked(client):
    """A trip whose orders go to and fro: far, near, far."""
    trip = make_trip(client, planned_start_date="2026-12-01")
    for north in (9, 1, 8, 2):
        order = make_order(client, pickup_stop=place(f"p{north}", north, 0), delivery_stop=place(f"d{north}", north + 1, 0))
        made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}))
    return trip


def test_an_order_of_stops_is_evaluated(client, crooked):
    answer = client.post(f"/api/trips/{crooked}/evaluate/", {})
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert [row["id"] for row in found["stops"]] == [row["id"] for row in stops_of(client, crooked)]
    assert (found["starts_at"], found["violations"]) == ("2026-12-01T07:00:00Z", [])
    assert found["stops"][0]["eta"] == found["starts_at"]
    delivery_first = list(reversed([row["id"] for row in found["stops"][:2]]))
    broken = client.post(f"/api/trips/{crooked}/evaluate/", {"stops": delivery_first}).json()["violations"]
    assert [row["code"] for row in broken] == ["delivery_before_pickup"]
    assert broken[0]["stop"] in delivery_first
    assert client.post(f"/api/trips/{crooked}/evaluate/", {"stops": [10**9]}).status_code == 400


def test_the_best_order_is_shown_then_stored(client, crooked):
    before = stops_of(client, crooked)
    present = client.post(f"/api/trips/{crooked}/evaluate/", {}).json()
    shown = client.post(f"/api/trips/{crooked}/resequence/", {"dry_run": True}).json()
    assert shown["metres"] < present["metres"]
    assert stops_of(client, crooked) == before
    stored = client.post(f"/api/trips/{crooked}/resequence/", {}).json()
    assert stored["metres"] == shown["metres"]
    assert [row["id"] for row in stops_of(client, crooked)] == [row["id"] for row in stored["stops"]]


def test_what_is_done_stays_where_it_is(client, crooked):
    rows = stops_of(client, crooked)
    client.put(f"/api/trips/{crooked}/", {"status": "in_progress"})
    for row in rows[:3]:
        client.put(f"/api/trip-stops/{row['id']}/", {"is_completed": True})
    assert client.post(f"/api/trips/{crooked}/resequence/", {}).status_code == 200
    after = stops_of(client, crooked)
    assert [row["id"] for row in after[:3]] == [row["id"] for row in rows[:3]]
    assert order_status(client, {"id": rows[2]["linked_order"]["id"]}) == "in_transit"


def test_a_window_that_no_order_keeps_is_named(client):
    trip = make_trip(client, planned_start_date="2026-12-01")
    late = place("d", 30, 0, windows=[{"opens": "06:00", "closes": "08:05"}])
    order = make_order(client, pickup_stop=place("p", 0, 0), delivery_stop=late)
    made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}))
    found = client.post(f"/api/trips/{trip}/resequence/", {}).json()
    assert [(row["code"], row["order"]) for row in found["violations"]] == [("window_missed", order["id"])]


def test_a_trip_of_others_or_a_closed_one_is_not_put_in_order(client, api, crooked, dispatcher_b, viewer):
    assert api(dispatcher_b).post(f"/api/trips/{crooked}/resequence/", {}).status_code == 404
    assert api(dispatcher_b).post(f"/api/trips/{crooked}/evaluate/", {}).status_code == 404
    assert api(viewer).post(f"/api/trips/{crooked}/resequence/", {}).status_code == 403
    client.put(f"/api/trips/{crooked}/", {"status": "cancelled"})
    assert client.post(f"/api/trips/{crooked}/resequence/", {}).status_code == 409


def test_a_plan_that_was_solved_twice_is_the_same_plan(client, day, run_tasks):
    plan = ready(client, day, run_tasks)
    plans.solve(actor=None, plan_id=plan["id"])
    assert client.get(f"/api/trips/plans/{plan['id']}/").json() == plan
    assert TripStop.objects.count() == 0
    assert dt.date.fromisoformat(plan["date"]) == dt.date(2026, 12, 1)


@pytest.mark.parametrize(
    ("status", "ago", "shown"),
    [
        ("queued", None, ("queued", 0)),
        ("solving", None, ("reading", 0)),
        ("solving", 1, ("searching", 1)),
        ("solving", 60, ("searching", 2)),
        ("solving", -60, ("searching", 0)),  # the clock of the worker's host is ahead
        ("failed", 1, (None, None)),
        ("cancelled", 1, (None, None)),
    ],
)
def test_who_only_looks_sees_the_phase_and_the_seconds_of_the_frame(client, day, status, ago, shown):
    number = ask(client, day)
    TripPlan.objects.update(status=status, started_at=None if ago is None else timezone.now() - dt.timedelta(seconds=ago))
    plan = client.get(f"/api/trips/plans/{number}/").json()
    assert (plan["phase"], plan["seconds"]) == shown
    assert [(row["phase"], row["seconds"]) for row in client.get("/api/trips/plans/").json()["results"]] == [shown]
    assert plan["progress"] >= 0


def test_its_watchers_hear_how_far_it_is(client, day, run_tasks, django_capture_on_commit_callbacks, company_a, company_b):
    with layer.captured("fleet.") as sent, django_capture_on_commit_callbacks(execute=True):
        number = ask(client, day)
        run_tasks()
    heard = [event for group, event in sent if group == f"fleet.company.{company_a.pk}" and event["type"].startswith("plan_")]
    assert not [event for group, event in sent if group == f"fleet.company.{company_b.pk}"]
    assert {(event["id"], event["company_id"]) for event in heard} == {(number, company_a.pk)}
    assert list(dict.fromkeys(event.get("phase", event.get("status")) for event in heard)) == ["queued", "reading", "searching", "ready"]
    assert [event["seconds"] for event in heard[:3]] == [0, 0, 0]
    assert heard[-1] == {"type": "plan_done", "company_id": company_a.pk, "id": number, "status": "ready"}
    document = yaml.safe_load((settings.BASE_DIR / "docs" / "asyncapi.yaml").read_text())
    for frame in heard:
        jsonschema.validate(frame, {"$ref": f"#/components/schemas/{frame['type']}", "components": document["components"]})


def test_who_waits_for_a_cancelled_plan_hears_it(client, day, run_tasks, django_capture_on_commit_callbacks):
    number = ask(client, day)
    with layer.captured("fleet.") as sent, django_capture_on_commit_callbacks(execute=True):
        assert client.post(f"/api/trips/plans/{number}/cancel/").status_code == 200
        assert client.post(f"/api/trips/plans/{number}/cancel/").status_code == 200
        run_tasks()
    assert {event["status"] for _group, event in sent if event["type"] == "plan_done"} == {"cancelled"}
    assert len({group for group, event in sent if event["type"] == "plan_done"}) == len([1 for _group, event in sent if event["type"] == "plan_done"])
