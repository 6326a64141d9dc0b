"""The console's pages: who sees what, what each button does, and what a page costs."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.tokens import SocketToken
from assistance.models import Assistance, AssistantProfile, ChatMessage, Offer
from depannini_dashmap.console.board import charts, queries
from depannini_dashmap.console.live_map import snapshot
from depannini_dashmap.lib.realtime import layer
from depannini_dashmap.lib.time_zone import format_utc
from depannini_dashmap.models import AuditEvent
from fleet.services import create_vehicle, update_vehicle
from fleet.tests.sheets import confirm, upload
from orders.models import Order, Stop
from orders.services import create_order, update_order
from orders.stops import StopInput
from telematics.devices import make_device
from telematics.models import Device
from telematics.services import record_position
from trips.models import Trip, TripStop
from trips.services.notify import notify_driver
from trips.services.stops import add_order, update_stop
from trips.services.trips import create_trip, update_trip

pytestmark = pytest.mark.django_db
ORDERS = "/admin/orders/order/"
EVIL = "<img src=x onerror=alert(1)>"


def _vehicle(actor: Any, company: Any, plate: str = "16-1") -> Any:
    fields = {"make": "Renault", "model": "Master", "year": 2020, "capacity": 3, "driver_email": "ali@example.com"}
    return create_vehicle(actor=actor, company=company, license_plate=plate, **fields)


def _order(actor: Any, company: Any, customer: str = "Pharmacie") -> Order:
    stop = {"address": "Alger", "latitude": "36.75", "longitude": "3.05"}
    return create_order(
        actor=actor,
        company=company,
        customer_name=customer,
        goods_description="boxes",
        pickup_stop=StopInput(fields={"name": "Port", **stop}),
        delivery_stop=StopInput(fields={"name": "Poste", **stop}),
    )


def _trip(actor: Any, vehicle: Any, name: str = "Tour", orders: tuple[Order, ...] = ()) -> Trip:
    here = timezone.localtime(timezone=ZoneInfo(settings.DISPLAY_TIME_ZONE))  # whose day it is on the board
    trip = create_trip(
        actor=actor, vehicle=vehicle, name=name, planned_start_date=here.date(), planned_start_time=here.time()
    )
    for order in orders:
        add_order(actor=actor, trip_id=trip.pk, order=order)
    return trip


def _report(actor: Any, vehicle: Any, seconds_ago: int = 0) -> None:
    """Report a vehicle about 9 km east of every stop, which are 17 minutes at the assumed pace."""
    at = format_utc(timezone.now() - dt.timedelta(seconds=seconds_ago))
    place = {"latitude": 36.75, "longitude": 3.15, "speed": 40, "heading": 270}
    record_position(actor=actor, raw={"vehicle_id": vehicle.pk, "timestamp": at, **place})


def _request(client_user: Any) -> Assistance:
    now = timezone.now()
    return Assistance.objects.create(
        client=client_user,
        pickup_lat=36.75,
        pickup_lng=3.05,
        assistance_type="towing",
        currency="DZD",
        radius_km=10,
        expires_at=now + dt.timedelta(minutes=15),
    )


def _signed_in(user: Any) -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


@pytest.fixture
def nadia(dispatcher: Any) -> Client:
    """The browser of a dispatcher of the first company."""
    return _signed_in(dispatcher)


@pytest.fixture
def salim(staff_user: Any) -> Client:
    """The browser of an operator."""
    return _signed_in(staff_user)


# --- Who enters ------------------------------------------------------------------------------------------------------
def test_a_dispatcher_signs_in_by_the_form(dispatcher: Any, password: str) -> None:
    browser = Client()
    answer = browser.post("/admin/login/?next=/admin/", {"username": "nadia", "password": password, "next": "/admin/"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200


def test_the_console_is_found_without_its_slash(client: Client) -> None:
    assert client.get("/admin")["Location"] == "/admin/"


@pytest.mark.parametrize("who", ["client_user", "assistant_user"])
def test_motorists_and_assistants_stay_outside(who: str, request: Any, password: str) -> None:
    user = request.getfixturevalue(who)
    browser = Client()
    answer = browser.post("/admin/login/", {"username": user.username, "password": password})
    assert answer.status_code == 200
    assert "belongs to no company" in answer.content.decode()
    assert _signed_in(user).get("/admin/map/state/").status_code == 302


def test_the_sixth_wrong_password_is_locked_out(dispatcher: Any, password: str, settings: Any) -> None:
    settings.AXES_ENABLED = settings.THROTTLING_ENABLED = True
    browser = Client()
    for _ in range(5):
        browser.post("/admin/login/", {"username": "nadia", "password": "wrong"})
    answer = browser.post("/admin/login/", {"username": "nadia", "password": password})
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "locked for 15 minutes" in answer.content.decode()


def test_a_changed_password_ends_tokens_and_keeps_this_session(dispatcher: Any, nadia: Client, password: str) -> None:
    version = dispatcher.token_version
    new = "another-horse-battery-9"
    form = {"old_password": password, "new_password1": new, "new_password2": new}
    assert nadia.post("/admin/password_change/", form).status_code == 302
    dispatcher.refresh_from_db()
    assert dispatcher.check_password(new)
    assert dispatcher.token_version > version
    assert nadia.get("/admin/").status_code == 200


# --- The board -------------------------------------------------------------------------------------------------------
def test_the_board_tells_what_waits(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    vehicle = _vehicle(dispatcher, company_a)
    _trip(dispatcher, vehicle, "Morning tour", (_order(dispatcher, company_a),))
    _order(dispatcher, company_a, "Hotel")
    page = nadia.get("/admin/").content.decode()
    assert "Morning tour" in page
    assert "Hotel" in page
    assert "Roadside requests" not in page
    assert "0 / 2" in page


def test_the_board_shows_operators_the_unanswered_first(client_user: Any, other_client: Any, salim: Client) -> None:
    _request(client_user)
    Assistance.objects.update(created_at=timezone.now() - dt.timedelta(minutes=20))
    newer = _request(other_client)
    page = salim.get("/admin/board/").content.decode()
    assert page.index("Amina Client") < page.index("Brahim Client")
    assert reverse("admin:dispatch_request", args=[newer.pk]) in page


def test_a_trip_that_should_have_started_is_late(dispatcher: Any, company_a: Any) -> None:
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a))
    Trip.objects.filter(pk=trip.pk).update(planned_start_time=dt.time(8))
    noon = dt.datetime.combine(trip.planned_start_date, dt.time(11), dt.UTC)
    [line] = queries.read_board(dispatcher, noon).trips
    assert (line.starts_late, line.is_late) == (True, True)


def test_a_late_trip_is_counted_and_stands_first_however_many_run(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    today = timezone.localdate()
    for number in range(queries.TRIPS_SHOWN + 2):
        trip = _trip(dispatcher, _vehicle(dispatcher, company_a, f"16-{number}"), f"Tour {number}", (_order(dispatcher, company_a),))
        update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    Trip.objects.update(planned_start_date=today, planned_start_time=dt.time(6))
    TripStop.objects.update(planned_arrival_time=dt.time(23, 50))
    Trip.objects.filter(pk=trip.pk).update(planned_start_time=dt.time(9))
    TripStop.objects.filter(trip=trip, sequence=1).update(planned_arrival_time=dt.time(10))
    noon = timezone.make_aware(dt.datetime.combine(today, dt.time(12)), ZoneInfo(settings.DISPLAY_TIME_ZONE))
    with time_machine.travel(noon, tick=False):
        read, page = queries.read_board(dispatcher), nadia.get("/admin/board/").content.decode()
    assert (read.late_trips, read.trips[0].trip.pk, len(read.trips)) == (1, trip.pk, queries.TRIPS_SHOWN)
    assert re.findall(r"Tour \d+", page)[0] == trip.name
    with time_machine.travel(noon + dt.timedelta(days=1), tick=False):
        assert queries.read_board(dispatcher).late_trips == queries.TRIPS_SHOWN + 2


def test_a_vehicle_under_way_without_a_fix_is_silent(dispatcher: Any, company_a: Any) -> None:
    vehicle = _vehicle(dispatcher, company_a)
    assert queries.read_board(dispatcher).silent_count == 0
    trip = _trip(dispatcher, vehicle, orders=(_order(dispatcher, company_a),))
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    assert [one.pk for one in queries.read_board(dispatcher).silent] == [vehicle.pk]


def test_a_parked_vehicle_whose_tracker_sends_signs_of_life_is_not_silent(dispatcher: Any, company_a: Any) -> None:
    vehicle = _vehicle(dispatcher, company_a)
    _report(dispatcher, vehicle)
    later = timezone.now() + dt.timedelta(hours=1)
    assert queries.read_board(dispatcher, later).silent_count == 1
    make_device(actor=dispatcher, vehicle_id=vehicle.pk)
    Device.objects.update(contacted_at=later - dt.timedelta(minutes=1))
    assert queries.read_board(dispatcher, later).silent_count == 0
    # What it says is refused: then nobody knows where the vehicle is.
    Device.objects.update(refused_at=later - dt.timedelta(minutes=1))
    assert queries.read_board(dispatcher, later).silent_count == 1


def test_every_number_leads_to_a_list(salim: Client, staff_user: Any) -> None:
    for link in queries.read_board(staff_user).links.values():
        assert salim.get(link).status_code == 200, link


@pytest.mark.parametrize("rows", [1, 3])
def test_the_board_costs_the_same_with_more_rows(
    rows: int, dispatcher: Any, company_a: Any, nadia: Client, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        _trip(dispatcher, _vehicle(dispatcher, company_a, f"16-{number}"), orders=(_order(dispatcher, company_a),))
        _order(dispatcher, company_a)
    # session, user, operators' group, roles; trips counted and listed; orders waiting listed, open ones by status;
    # silent vehicles listed and counted; late stops of all running trips.
    with django_assert_num_queries(11):
        nadia.get("/admin/board/")


@pytest.mark.parametrize("rows", [1, 3])
def test_next_stops_cost_a_query_more_however_many_trips_run(
    rows: int, dispatcher: Any, company_a: Any, nadia: Client, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        vehicle = _vehicle(dispatcher, company_a, f"16-{number}")
        trip = _trip(dispatcher, vehicle, orders=(_order(dispatcher, company_a), _order(dispatcher, company_a)))
        update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
        _report(dispatcher, vehicle)
    # What the board of drafts costs, and the open stops of running trips with their vehicles' positions.
    with django_assert_num_queries(12):
        body = nadia.get("/admin/board/").content.decode()
    assert body.count("about ") == rows


def test_the_map_offers_trips_under_way_before_drafts(
    dispatcher: Any, company_a: Any, nadia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = _trip(dispatcher, _vehicle(dispatcher, company_a, "16-20"), "Running tour")
    update_trip(actor=dispatcher, trip_id=running.pk, status="in_progress")
    for number in range(3):
        _trip(dispatcher, _vehicle(dispatcher, company_a, f"16-2{number}1"), f"Draft {number}")
    monkeypatch.setattr(snapshot, "TRIPS_OFFERED", 2)
    offered = nadia.get("/admin/map/").content.decode()
    assert re.findall(r"Running tour|Draft \d", offered) == ["Running tour", "Draft 2"]


@pytest.mark.parametrize("rows", [1, 3])
def test_the_map_costs_the_same_with_more_rows(
    rows: int, dispatcher: Any, company_a: Any, nadia: Client, django_assert_num_queries: Any
) -> None:
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a))
    for _ in range(rows):
        add_order(actor=dispatcher, trip_id=trip.pk, order=_order(dispatcher, company_a))
    # session, user, operators' group, roles; latest positions, who is under way; trip, its stops
    with django_assert_num_queries(8):
        state = nadia.get(f"/admin/map/state/?trip={trip.pk}").json()
    assert len(state["trip"]["stops"]) == 2 * rows


# --- Tenancy and roles -----------------------------------------------------------------------------------------------
def test_another_company_sees_nothing(dispatcher: Any, dispatcher_b: Any, company_a: Any) -> None:
    order = _order(dispatcher, company_a, "Secret customer")
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), "Secret tour")
    omar = _signed_in(dispatcher_b)
    assert "Secret" not in omar.get("/admin/").content.decode()
    assert "Secret" not in omar.get("/admin/map/").content.decode()
    assert omar.get(f"/admin/map/state/?trip={trip.pk}").json()["trip"] is None
    for path in (
        f"/admin/dispatch/trips/{trip.pk}/",
        f"/admin/dispatch/trips/step/start/?ids={trip.pk}",
        f"/admin/dispatch/orders/into-trip/?ids={order.pk}",
    ):
        assert omar.get(path).status_code == 404, path
    assert omar.post(f"/admin/dispatch/trips/step/cancel/?ids={trip.pk}", {"ids": trip.pk}).status_code == 404
    assert omar.post(f"/admin/dispatch/trips/{trip.pk}/reorder/", {"stop": []}).status_code == 404


def test_a_refusal_is_a_page_with_a_way_back(viewer: Any) -> None:
    rym = _signed_in(viewer)
    for path, status, words in (("/admin/orders/order/add/", 403, "Not yours to do"), ("/admin/nowhere/", 404, "Not found")):
        answer = rym.get(path)
        assert (answer.status_code, words in answer.content.decode()) == (status, True)
        assert "Back to the board" in answer.content.decode()


def test_an_order_names_its_trip(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    order = _order(dispatcher, company_a)
    path = f"/admin/orders/order/{order.pk}/change/"
    assert "/admin/dispatch/orders/into-trip/" in nadia.get(path).content.decode()
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=(order,))
    assert f'href="/admin/dispatch/trips/{trip.pk}/"' in nadia.get(path).content.decode()


def test_a_viewer_looks_and_changes_nothing(dispatcher: Any, viewer: Any, company_a: Any) -> None:
    order = _order(dispatcher, company_a)
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a))
    rym = _signed_in(viewer)
    page = rym.get(f"/admin/dispatch/trips/{trip.pk}/")
    assert page.status_code == 200
    assert "/step/" not in page.content.decode()
    assert rym.get("/admin/map/").status_code == 200
    assert rym.get(f"/admin/dispatch/orders/into-trip/?ids={order.pk}").status_code == 403
    assert rym.post("/admin/dispatch/trips/step/cancel/", {"ids": trip.pk}).status_code == 403
    assert rym.post(f"/admin/dispatch/trips/{trip.pk}/reorder/", {"stop": []}).status_code == 403
    trip.refresh_from_db()
    assert trip.status == "draft"


def test_dispatchers_do_not_see_the_roadside(client_user: Any, nadia: Client) -> None:
    job = _request(client_user)
    assert nadia.get("/admin/map/state/").json()["requests"] == []
    for path in (
        f"/admin/dispatch/requests/{job.pk}/",
        f"/admin/dispatch/requests/{job.pk}/cancel/",
        f"/admin/dispatch/requests/{job.pk}/price/",
        "/admin/dispatch/people/resend/?ids=1",
        "/admin/dispatch/tariffs/example/",
    ):
        assert nadia.get(path).status_code == 403, path


# --- Buttons ---------------------------------------------------------------------------------------------------------
def test_orders_go_into_a_trip_and_each_is_told(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=(taken := _order(dispatcher, company_a),))
    free = _order(dispatcher, company_a)
    ids = f"{taken.pk},{free.pk}"
    assert nadia.get(f"/admin/dispatch/orders/into-trip/?ids={ids}").status_code == 200
    answer = nadia.post("/admin/dispatch/orders/into-trip/", {"ids": ids, "kind": "existing", "trip": trip.pk})
    page = answer.content.decode()
    assert "1 done, 1 skipped" in page
    assert "is already in a trip" in page
    assert TripStop.objects.filter(trip=trip).count() == 4


def test_a_new_trip_is_made_with_its_orders_or_not_at_all(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    vehicle, order = _vehicle(dispatcher, company_a), _order(dispatcher, company_a)
    form = {"ids": order.pk, "kind": "new", "name": "Noon", "vehicle": vehicle.pk}
    day = {"planned_start_date": "2030-01-02", "planned_start_time": "12:00"}
    assert "This field is required" in nadia.post("/admin/dispatch/orders/into-trip/", form).content.decode()
    made = nadia.post("/admin/dispatch/orders/into-trip/", {**form, **day}, follow=True)
    assert "1 order added" in made.content.decode()
    assert made.redirect_chain[-1][0] == f"/admin/dispatch/trips/{Trip.objects.get().pk}/"
    again = nadia.post("/admin/dispatch/orders/into-trip/", {**form, **day})
    assert "is already in a trip" in again.content.decode()
    assert [trip.name for trip in Trip.objects.all()] == ["Noon"]


def test_the_action_of_the_list_leads_to_the_desk(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    orders = [_order(dispatcher, company_a) for _ in range(2)]
    chosen = {"action": "into_trip", "_selected_action": [order.pk for order in orders]}
    answer = nadia.post(reverse("admin:orders_order_changelist"), chosen)
    assert answer["Location"] == f"/admin/dispatch/orders/into-trip/?ids={orders[0].pk},{orders[1].pk}"


def test_stops_are_reordered_but_no_delivery_comes_first(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    orders = (_order(dispatcher, company_a), _order(dispatcher, company_a))
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=orders)
    p1, d1, p2, d2 = TripStop.objects.filter(trip=trip).values_list("pk", flat=True)
    path = f"/admin/dispatch/trips/{trip.pk}/reorder/"
    nadia.post(path, {"stop": [p1, p2, d1, d2]})
    assert list(trip.trip_stops.values_list("pk", flat=True)) == [p1, p2, d1, d2]
    page = nadia.post(path, {"stop": [d1, p1, p2, d2]}, follow=True).content.decode()
    assert 'class="error"' in page
    assert list(trip.trip_stops.values_list("pk", flat=True)) == [p1, p2, d1, d2]
    assert nadia.post(path, {"stop": ["x"]}).status_code == 404


def test_an_order_is_taken_out_of_its_trip(dispatcher: Any, dispatcher_b: Any, company_a: Any, nadia: Client) -> None:
    orders = (_order(dispatcher, company_a), _order(dispatcher, company_a))
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=orders)
    path = f"/admin/dispatch/trips/{trip.pk}/take-out/"
    assert f"{path}?ids={orders[0].pk}" in nadia.get(f"/admin/dispatch/trips/{trip.pk}/").content.decode()
    assert orders[0].order_number in nadia.get(f"{path}?ids={orders[0].pk}").content.decode()
    assert trip.trip_stops.count() == 4
    assert _signed_in(dispatcher_b).post(path, {"ids": orders[0].pk}).status_code == 404
    assert "waits for a trip" in nadia.post(path, {"ids": orders[0].pk}, follow=True).content.decode()
    orders[0].refresh_from_db()
    assert orders[0].status == "pending"
    assert list(trip.trip_stops.values_list("sequence", "order_id")) == [(1, orders[1].pk), (2, orders[1].pk)]
    assert nadia.post(path, {"ids": orders[0].pk}).status_code == 404
    update_trip(actor=dispatcher, trip_id=trip.pk, status="cancelled")
    assert "/take-out/" not in nadia.get(f"/admin/dispatch/trips/{trip.pk}/").content.decode()
    assert nadia.post(path, {"ids": orders[1].pk}).status_code == 404


def test_a_trip_is_filled_from_its_desk(dispatcher: Any, company_a: Any, company_b: Any, dispatcher_b: Any, nadia: Client) -> None:
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a))
    hotel, cafe = _order(dispatcher, company_a, "Hotel"), _order(dispatcher, company_a, "Cafe")
    foreign = _order(dispatcher_b, company_b, "Foreign")
    path = f"/admin/dispatch/trips/{trip.pk}/fill/"
    page = nadia.get(path).content.decode()
    assert ("Hotel" in page, "Cafe" in page, "Foreign" in page) == (True, True, False)
    assert "Cafe" not in nadia.get(path, {"q": "hot"}).content.decode()
    assert "No waiting order matches" in nadia.get(path, {"q": "xyz"}).content.decode()
    assert "Tick at least one" in nadia.post(path).content.decode()
    assert "Tick at least one" in nadia.post(path, {"order": foreign.pk}).content.decode()
    assert "2 orders added" in nadia.post(path, {"order": [hotel.pk, cafe.pk]}, follow=True).content.decode()
    assert trip.trip_stops.count() == 4
    assert "is already in a trip" in nadia.post(path, {"order": cafe.pk}).content.decode()
    assert "No order waits" in nadia.get(path).content.decode()
    assert _signed_in(dispatcher_b).get(path).status_code == 404


def test_a_stop_is_done_and_undone_over_the_phone(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=(_order(dispatcher, company_a),))
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    pickup = trip.trip_stops.first()
    path = f"/admin/dispatch/trips/{trip.pk}/stops/{pickup.pk}/"
    for said, is_done in (("yes", True), ("no", False)):
        assert 'class="success"' in nadia.post(path, {"done": said}, follow=True).content.decode()
        pickup.refresh_from_db()
        assert pickup.is_completed is is_done
    assert nadia.get(path).status_code == 405
    other = _trip(dispatcher, _vehicle(dispatcher, company_a, "16-2"))
    wrong = nadia.post(f"/admin/dispatch/trips/{other.pk}/stops/{pickup.pk}/", {"done": "yes"}, follow=True)
    assert 'class="error"' in wrong.content.decode()


def test_late_stops_and_too_heavy_loads_are_marked(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    order = _order(dispatcher, company_a)
    Order.objects.update(goods_weight=3500)
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=(order,))
    path = f"/admin/dispatch/trips/{trip.pk}/"
    assert "stops late" not in nadia.get(path).content.decode()
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    Trip.objects.update(planned_start_date=trip.planned_start_date - dt.timedelta(days=1))
    TripStop.objects.update(planned_arrival_time=dt.time(8))
    page = nadia.get(path).content.decode()
    assert "2 stops late" in page
    assert "overloaded" in page


@pytest.mark.django_db(transaction=True)
def test_a_driver_told_of_other_stops_is_not_told(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    order = _order(dispatcher, company_a)
    vehicle = _vehicle(dispatcher, company_a)
    update_vehicle(actor=dispatcher, vehicle_id=vehicle.pk, driver_email="driver@example.com")
    trip = _trip(dispatcher, vehicle, orders=(order,))
    notify_driver(actor=dispatcher, trip_id=trip.pk)
    desk, lists = f"/admin/dispatch/trips/{trip.pk}/", "/admin/trips/trip/?driver_told="
    assert "not since the last change" not in nadia.get(desk).content.decode()
    assert [trip.name in nadia.get(lists + answer).content.decode() for answer in ("yes", "no")] == [True, False]
    with layer.captured("fleet.company") as heard:
        update_order(actor=dispatcher, order_id=order.pk, pickup_stop=StopInput(fields={"address": "Elsewhere 1"}))
    assert "orders" in [event.get("what") for _, event in heard]
    assert "not since the last change" in nadia.get(desk).content.decode()
    assert [trip.name in nadia.get(lists + answer).content.decode() for answer in ("yes", "no")] == [False, True]


@pytest.mark.parametrize(
    ("clock", "reached", "late"),
    [
        ("22:05", [], 0),
        ("23:05", [], 1),
        ("23:05", ["arrived"], 0),
        ("00:10", ["done"], 0),
        ("00:45", ["done"], 1),
        ("04:00", ["done", "arrived"], 2),
    ],
)
def test_stops_after_midnight_are_late_on_the_next_day(
    clock: str, reached: list[str], late: int, dispatcher: Any, company_a: Any, nadia: Client
) -> None:
    carried = (_order(dispatcher, company_a), _order(dispatcher, company_a))
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=carried)
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    today = timezone.localdate()
    Trip.objects.filter(pk=trip.pk).update(planned_start_date=today, planned_start_time=dt.time(22))
    due = [dt.time(23), dt.time(0, 30), dt.time(1), dt.time(3)]
    for row, planned, state in zip(trip.trip_stops.order_by("sequence"), due, [*reached, "", "", ""], strict=False):
        row.planned_arrival_time = planned
        row.actual_arrival_datetime = timezone.now() if state else None
        row.is_completed = state == "done"
        row.actual_departure_datetime = row.actual_arrival_datetime if row.is_completed else None
        row.save()
    at = dt.time.fromisoformat(clock)
    local = dt.datetime.combine(today + dt.timedelta(days=at.hour < 12), at)
    with time_machine.travel(timezone.make_aware(local, ZoneInfo(settings.DISPLAY_TIME_ZONE)), tick=False):
        pages = [nadia.get(path).content.decode() for path in (f"/admin/dispatch/trips/{trip.pk}/", "/admin/board/")]
    for page in pages:
        assert re.findall(r"(\d+) stops? late", page) == ([str(late)] if late else [])


@pytest.mark.parametrize("rows", [1, 3])
def test_the_desks_cost_the_same_with_more_rows(
    rows: int,
    dispatcher: Any,
    company_a: Any,
    client_user: Any,
    assistant_user: Any,
    nadia: Client,
    salim: Client,
    django_assert_num_queries: Any,
) -> None:
    orders = [_order(dispatcher, company_a) for _ in range(rows)]
    carried = tuple(_order(dispatcher, company_a) for _ in range(rows))
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=carried)
    job = _request(client_user)
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
        (salim, f"/admin/dispatch/requests/{job.pk}/", 11),
    ]
    for browser, path, count in costs:
        browser.get(path)
        with django_assert_num_queries(count, info=path):
            assert browser.get(path).status_code == 200


MORNING = dt.datetime(2026, 5, 4, 8, 2, tzinfo=dt.UTC)  # 09:02 in Algiers


def _running(actor: Any, company: Any) -> Trip:
    trip = _trip(actor, _vehicle(actor, company), orders=(_order(actor, company), _order(actor, company)))
    update_trip(actor=actor, trip_id=trip.pk, status="in_progress")
    return trip


def _due(browser: Client, trip: Trip, stops: list[int]) -> dict[str, str]:
    return browser.get(f"/admin/dispatch/trips/{trip.pk}/due-times/", {"stop": stops}).json()["due"]


@pytest.mark.parametrize(("age", "told"), [(0, True), (300, True), (301, False), (None, False)])
def test_the_next_stop_is_told_with_about_when_while_the_position_is_fresh(
    age: int | None, told: bool, dispatcher: Any, company_a: Any, nadia: Client
) -> None:
    with time_machine.travel(MORNING, tick=False):
        trip = _running(dispatcher, company_a)
        if age is not None:
            _report(dispatcher, trip.vehicle, age)
        desk, page = (nadia.get(path).content.decode() for path in (f"/admin/dispatch/trips/{trip.pk}/", "/admin/board/"))
    assert "Next stop" in desk
    # Measured from where it was when: 09:02 or 08:57, and 17 minutes, in steps of five.
    assert re.findall(r"about [\d:]+", desk) == ["about 09:20" if age == 0 else "about 09:15"] * 2 * told
    assert len(re.findall(r"about [\d:]+", page)) == told


def test_a_vehicle_at_a_stop_goes_on_after_its_service(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    with time_machine.travel(MORNING, tick=False):
        trip = _running(dispatcher, company_a)
        first = trip.trip_stops.first()
        TripStop.objects.filter(pk=first.pk).update(actual_arrival_datetime=timezone.now())
        _report(dispatcher, trip.vehicle)
        desk = nadia.get(f"/admin/dispatch/trips/{trip.pk}/").content.decode()
    assert re.findall(r"about [\d:]+", desk) == ["about 09:35"] * 2


def test_due_times_are_suggested_in_the_order_given_and_nothing_is_stored(
    dispatcher: Any, company_a: Any, nadia: Client, viewer: Any, dispatcher_b: Any
) -> None:
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=(_order(dispatcher, company_a), _order(dispatcher, company_a)))
    Trip.objects.filter(pk=trip.pk).update(planned_start_time=dt.time(7, 58))
    one, two, three, four = trip.trip_stops.values_list("pk", flat=True)
    Stop.objects.filter(trip_stops=two).update(latitude="36.75", longitude="3.15")
    Stop.objects.filter(trip_stops=four).update(latitude=None, longitude=None)
    # Twice 17 minutes on the road, 15 at each stop, in steps of five; a stop that is on no map has no time.
    assert _due(nadia, trip, [one, two, three, four]) == {str(one): "08:00", str(two): "08:35", str(three): "09:05"}
    assert _due(nadia, trip, [two, one, 10**9]) == {str(two): "08:00", str(one): "08:35"}
    assert set(trip.trip_stops.values_list("planned_arrival_time", flat=True)) == {None}
    nadia.force_login(dispatcher_b)
    assert nadia.get(f"/admin/dispatch/trips/{trip.pk}/due-times/?stop={one}").status_code == 404


def test_due_times_of_a_running_trip_go_on_from_where_it_is(
    dispatcher: Any, company_a: Any, nadia: Client, django_assert_num_queries: Any
) -> None:
    with time_machine.travel(MORNING, tick=False):
        trip = _running(dispatcher, company_a)
        stops = list(trip.trip_stops.values_list("pk", flat=True))
        Stop.objects.filter(trip_stops=stops[0]).update(latitude="36.75", longitude="3.15")
        TripStop.objects.filter(pk=stops[0]).update(actual_arrival_datetime=timezone.now() - dt.timedelta(minutes=10))
        # Without a position: from the stop that it was at last, which it serves for five minutes more.
        at_stop = {str(stops[1]): "09:25", str(stops[2]): "09:40", str(stops[3]): "09:55"}
        assert _due(nadia, trip, stops) == at_stop
        _report(dispatcher, trip.vehicle)
        TripStop.objects.filter(pk=stops[0]).update(is_completed=True)
        # session, user, operators' group, roles; the trip, its stops, the last position
        with django_assert_num_queries(7):
            assert _due(nadia, trip, stops) == {str(stops[1]): "09:20", str(stops[2]): "09:35", str(stops[3]): "09:50"}


def test_a_trip_is_driven_from_the_console(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    order = _order(dispatcher, company_a)
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=(order,))
    for step, status in (("plan", "planned"), ("notify", "planned"), ("start", "in_progress"), ("complete", "completed")):
        path = f"/admin/dispatch/trips/step/{step}/"
        assert nadia.get(f"{path}?ids={trip.pk}").status_code == 200
        trip.refresh_from_db()
        before = trip.status
        assert before != "completed"
        assert nadia.post(path, {"ids": trip.pk}).status_code == 302
        trip.refresh_from_db()
        assert trip.status == status
    assert [sent.to for sent in mail.outbox] == [["ali@example.com"]]
    order.refresh_from_db()
    assert order.status == "delivered"
    page = nadia.post("/admin/dispatch/trips/step/cancel/", {"ids": trip.pk}, follow=True).content.decode()
    assert 'class="error"' in page


def test_stops_get_the_times_at_which_they_are_due(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=(_order(dispatcher, company_a),))
    pickup, delivery = trip.trip_stops.values_list("pk", flat=True)
    path = f"/admin/dispatch/trips/{trip.pk}/reorder/"
    for sent, kept in (
        (["08:15", ""], [dt.time(8, 15), None]),
        (["08:15", "09:40"], [dt.time(8, 15), dt.time(9, 40)]),
        (["25:00", ""], [dt.time(8, 15), dt.time(9, 40)]),
        (["noon", ""], [dt.time(8, 15), dt.time(9, 40)]),
        (["", ""], [None, None]),
    ):
        nadia.post(path, {"stop": [pickup, delivery], "due": sent})
        assert list(trip.trip_stops.values_list("planned_arrival_time", flat=True)) == kept, sent


def test_lists_lead_to_the_desks(dispatcher: Any, company_a: Any, client_user: Any, nadia: Client, salim: Client) -> None:
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a))
    job = _request(client_user)
    trips = nadia.get("/admin/trips/trip/").content.decode()
    assert f'href="/admin/dispatch/trips/{trip.pk}/"' in trips
    assert f'href="/admin/dispatch/requests/{job.pk}/"' in salim.get("/admin/assistance/assistance/").content.decode()
    assert ("column-company" in trips, "column-company" in salim.get("/admin/trips/trip/").content.decode()) == (False, True)


def test_an_empty_sheet_is_there_to_fill_in(nadia: Client, viewer: Any) -> None:
    page = nadia.get("/admin/orders/order/import/").content.decode()
    assert 'href="/admin/orders/order/import/empty.csv"' in page
    sheet = nadia.get("/admin/orders/order/import/empty.csv")
    assert sheet["Content-Disposition"] == 'attachment; filename="order.csv"'
    header = sheet.content.decode("utf-8-sig").strip()
    assert header.startswith("order_number,reference,company,customer_name,")
    answer = upload(nadia, header + "\n,R1,,Hotel" + "," * (header.count(",") - 3) + "\n", "orders.csv", ORDERS)
    assert "This field may not be blank." in answer.content.decode()
    assert _signed_in(viewer).get("/admin/orders/order/import/empty.csv").status_code == 403


def test_a_step_of_several_trips_tells_each(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trips = [_trip(dispatcher, _vehicle(dispatcher, company_a, f"16-{n}"), f"T{n}") for n in range(2)]
    update_trip(actor=dispatcher, trip_id=trips[0].pk, status="cancelled")
    answer = nadia.post("/admin/dispatch/trips/step/cancel/", {"ids": f"{trips[0].pk},{trips[1].pk}"})
    assert "2 done" in answer.content.decode() or "1 done, 1 skipped" in answer.content.decode()
    assert set(Trip.objects.values_list("status", flat=True)) == {"cancelled"}


@pytest.mark.django_db(transaction=True)
def test_an_action_on_many_rows_hints_once(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    orders = [_order(dispatcher, company_a) for _ in range(3)]
    trips = [_trip(dispatcher, _vehicle(dispatcher, company_a, f"16-{n}"), f"T{n}") for n in range(3)]
    with layer.captured("fleet.company") as heard:
        ids = ",".join(str(order.pk) for order in orders)
        nadia.post("/admin/dispatch/orders/into-trip/", {"ids": ids, "kind": "existing", "trip": trips[0].pk})
    assert sorted(event["what"] for _, event in heard) == ["orders", "trips"]
    with layer.captured("fleet.company") as heard:
        nadia.post("/admin/dispatch/trips/step/cancel/", {"ids": ",".join(str(trip.pk) for trip in trips)})
    assert sorted(event["what"] for _, event in heard) == ["orders", "trips"]
    with layer.captured("fleet.company") as heard:
        sheet = "customer_name,goods_description\n" + "Hotel,beds\n" * 3
        confirm(nadia, upload(nadia, sheet, "orders.csv", ORDERS), ORDERS)
    assert [event["what"] for _, event in heard] == ["orders"]
    assert Order.objects.count() == 6


def test_an_assistant_is_assigned_by_hand(assistant_user: Any, client_user: Any, staff_user: Any, salim: Client) -> None:
    job = _request(client_user)
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True, seen_at=timezone.now())
    page = salim.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    assert "Karim Assistant" in page
    path = f"/admin/dispatch/requests/{job.pk}/assign/{assistant_user.pk}/"
    assert salim.get(path).status_code == 200
    salim.post(path)
    job.refresh_from_db()
    assert (job.status, job.assistant_id) == ("accepted", assistant_user.pk)
    assert AuditEvent.objects.filter(event="assistance_assigned", actor_id=staff_user.pk).count() == 1
    again = salim.post(path, follow=True).content.decode()
    assert 'class="success"' in again  # the same choice again
    assert AuditEvent.objects.filter(event="assistance_assigned").count() == 1


def test_candidates_come_with_what_speaks_against_them(
    assistant_user: Any, other_assistant: Any, client_user: Any, salim: Client
) -> None:
    job = _request(client_user)
    now = timezone.now()
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True, seen_at=now, service_type="repair")
    AssistantProfile.objects.filter(pk=other_assistant.pk).update(seen_at=now - dt.timedelta(hours=1))
    page = salim.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    assert "wrong service" in page
    assert "stale location, off duty" in page
    assert f"/assign/{assistant_user.pk}/" not in page
    assert f"/assign/{other_assistant.pk}/" in page


def test_a_request_is_canceled_with_a_reason_only(client_user: Any, salim: Client) -> None:
    job = _request(client_user)
    path = f"/admin/dispatch/requests/{job.pk}/cancel/"
    assert "Give a reason" in salim.post(path, {"note": "  "}).content.decode()
    assert "Give a reason" in salim.post(path, {"note": "x" * 501}).content.decode()
    salim.post(path, {"note": "asked twice"})
    job.refresh_from_db()
    assert (job.status, job.reason, job.reason_note) == ("canceled", "staff_canceled", "asked twice")


def test_a_price_is_adjusted_with_a_reason_and_explained(client_user: Any, salim: Client, api: Any) -> None:
    pickup, dropoff = {"lat": 36.75, "lng": 3.05}, {"lat": 36.70, "lng": 3.05}
    asked = api(client_user).post("/api/assistance/request/", {"pickup": pickup, "dropoff": dropoff}).json()["assistance"]
    desk, path = (f"/admin/dispatch/requests/{asked['id']}/{name}" for name in ("", "price/"))
    shown = salim.get(desk).content.decode()
    assert "1500.00</bdi>" in shown and f"{asked['distance_km']:.3f} km × 50.00 = " in shown and path in shown
    assert f"{asked['total_price']:.2f}" in salim.get(path).content.decode()
    for price, note, said in (
        ("1200", " ", "Give a reason"),
        ("much", "agreed", "An amount from 0 to 1000000."),
        ("-1", "agreed", "An amount from 0 to 1000000."),
        ("1000000.01", "agreed", "An amount from 0 to 1000000."),
        ("", "agreed", "An amount from 0 to 1000000."),
    ):
        page = salim.post(path, {"price": price, "note": note})
        assert (page.status_code, said in page.content.decode()) == (200, True), price
    job = Assistance.objects.get(pk=asked["id"])
    assert (job.version, job.price_consent) == (1, "")
    answer = salim.post(path, {"price": "1\u202f250,5", "note": "Péage <b>compris</b>"})
    assert answer.headers["Location"] == desk
    job.refresh_from_db()
    assert (job.total_price, job.price_source, job.price_consent) == (Decimal("1250.50"), "staff", "pending")
    shown = salim.get(desk).content.decode()
    assert "not answered yet" in shown and "Péage &lt;b&gt;compris&lt;/b&gt;" in shown and "km × 50.00" not in shown
    listed = salim.get("/admin/assistance/assistance/?price_consent__exact=pending").content.decode()
    assert f"/admin/dispatch/requests/{job.pk}/" in listed
    salim.post(f"/admin/dispatch/requests/{job.pk}/cancel/", {"note": "asked twice"})
    assert path not in salim.get(desk).content.decode()
    assert "already canceled" in salim.post(path, {"price": "1", "note": "x"}).content.decode()


@pytest.mark.parametrize("price", ["\u0661\u0662\u0665\u0660\u066b\u0665", " 1250.5 ", "1250,50"])
def test_an_amount_is_read_as_people_write_it(price: str, client_user: Any, salim: Client) -> None:
    job = _request(client_user)
    salim.post(f"/admin/dispatch/requests/{job.pk}/price/", {"price": price, "note": "agreed"})
    job.refresh_from_db()
    assert job.total_price == Decimal("1250.50")


def test_an_unanswered_request_is_asked_again(client_user: Any, salim: Client) -> None:
    job = _request(client_user)
    assert "Ask again" not in salim.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    path = f"/admin/dispatch/requests/{job.pk}/again/"
    assert "Only a request that nobody answered" in salim.post(path, follow=True).content.decode()
    Assistance.objects.filter(pk=job.pk).update(status="canceled", reason="unanswered", ended_at=timezone.now())
    assert path in salim.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    assert client_user.phone_number in salim.get(path).content.decode()
    answer = salim.post(path)
    opened = Assistance.objects.get(status="requested")
    assert answer.headers["Location"] == f"/admin/dispatch/requests/{opened.pk}/"
    assert "The client already has an open request" in salim.post(path, follow=True).content.decode()


def test_codes_are_sent_again(client_user: Any, assistant_user: Any, salim: Client, run_tasks: Any) -> None:
    client_user.email_verified = client_user.phone_verified = True
    client_user.save()
    ids = f"{client_user.pk},{assistant_user.pk}"
    assert salim.get(f"/admin/dispatch/people/resend/?ids={ids}").status_code == 200
    page = salim.post("/admin/dispatch/people/resend/", {"ids": ids}).content.decode()
    assert "1 done, 1 skipped" in page
    assert not re.search(r"\b\d{6}\b", re.sub(r"\+\d+", "", page.split("summary")[1]))


@pytest.mark.parametrize("ids", ["", "x", "1,%00", "9" * 30, "-1", "1;2"])
def test_ids_that_are_none_are_not_found(ids: str, salim: Client) -> None:
    for path in ("orders/into-trip", "trips/step/start", "people/resend", "vehicles/restore", "requests/cancel"):
        assert salim.get(f"/admin/dispatch/{path}/", {"ids": ids}).status_code == 404


def test_tariffs_show_an_example(salim: Client) -> None:
    answer = salim.get("/admin/dispatch/tariffs/example/", {"base": "2000", "per_km": "100", "minimum": "3200"}).json()
    assert [row["price"] for row in answer["rows"]] == ["3200.00", "3200.00", "3200.00", "4500.00", "8000.00"]
    odd = salim.get("/admin/dispatch/tariffs/example/", {"base": "NaN", "per_km": "1e999", "minimum": "-4"})
    assert {row["price"] for row in odd.json()["rows"]} == {"0.00"}


# --- Words and safety ------------------------------------------------------------------------------------------------
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
    vehicle = _vehicle(dispatcher, company_a)
    trip = _trip(dispatcher, vehicle, EVIL, (_order(dispatcher, company_a, EVIL),))
    _order(dispatcher, company_a, EVIL)
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


def test_sockets_get_a_short_lived_token(nadia: Client, dispatcher: Any, client: Client) -> None:
    assert nadia.get("/admin/socket-token/").status_code == 405
    token = SocketToken(nadia.post("/admin/socket-token/").json()["token"])
    assert token["user_id"] == str(dispatcher.pk)
    assert token["exp"] - timezone.now().timestamp() <= 600
    assert client.post("/admin/socket-token/").status_code == 302


def test_charts_hold_what_they_are_given() -> None:
    now = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)
    asked = [(now - dt.timedelta(minutes=30), now - dt.timedelta(minutes=27)), (now - dt.timedelta(hours=5), None)]
    hours = charts.requests_per_hour(asked, now, dt.UTC)
    assert [bar.value for bar in hours.bars][-6:] == [1, 0, 0, 0, 0, 1]
    waited = charts.time_to_accept(asked)
    assert [bar.value for bar in waited.bars] == [0, 0, 1, 0, 0]
    assert charts.chart("k", "t", "h", "u", []).total == 0


def test_a_refused_arrangement_is_kept_on_the_page(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=(_order(dispatcher, company_a), _order(dispatcher, company_a)))
    ids = list(trip.trip_stops.order_by("sequence").values_list("pk", flat=True))
    wanted = [ids[3], ids[0], ids[1], ids[2]]  # the second order is delivered before it is picked up
    sent = {"stop": wanted, "due": ["10:00", "08:15", "", "09:00"]}
    page = nadia.post(f"/admin/dispatch/trips/{trip.pk}/reorder/", sent).content.decode()
    assert "cannot come before its pickup" in page and "Not saved yet." in page
    assert re.findall(r'name="stop" value="(\d+)"', page) == [str(pk) for pk in wanted]
    assert re.findall(r'name="due" value="([\d:]*)"', page) == sent["due"]
    assert list(trip.trip_stops.order_by("sequence").values_list("pk", flat=True)) == ids


def test_completing_says_how_many_stops_are_open(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    orders = tuple(_order(dispatcher, company_a) for _ in range(3))
    trip = _trip(dispatcher, _vehicle(dispatcher, company_a), orders=orders)
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    for row in trip.trip_stops.order_by("sequence")[:2]:
        update_stop(actor=dispatcher, trip_stop_id=row.pk, is_completed=True)
    page = nadia.get(f"/admin/dispatch/trips/step/complete/?ids={trip.pk}").content.decode()
    assert "2 / 6" in page and "4 still open" in page
    assert "still open" not in nadia.get(f"/admin/dispatch/trips/step/cancel/?ids={trip.pk}").content.decode()


def test_orders_are_cancelled_after_a_question(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    free, carried = _order(dispatcher, company_a), _order(dispatcher, company_a)
    _trip(dispatcher, _vehicle(dispatcher, company_a), orders=(carried,))
    path = "/admin/dispatch/orders/cancel/"
    assert "Cancel the order" in nadia.get(f"/admin/orders/order/{free.pk}/change/").content.decode()
    assert "Cancel the order" not in nadia.get(f"/admin/orders/order/{carried.pk}/change/").content.decode()
    page = nadia.post(path, {"ids": f"{free.pk},{carried.pk}"}).content.decode()
    assert "1 done" in page or "cancelled" in page
    assert [Order.objects.get(pk=one.pk).status for one in (free, carried)] == ["cancelled", "assigned"]
    nadia.post(path, {"ids": str(free.pk)}, follow=True)
    assert "is cancelled already" in nadia.post(path, {"ids": str(free.pk)}, follow=True).content.decode()


def test_the_only_company_is_chosen_already(nadia: Client, salim: Client, company_a: Any, company_b: Any) -> None:
    for path in ("/admin/orders/order/add/", "/admin/fleet/vehicle/add/"):
        assert f'<option value="{company_a.pk}" selected>' in nadia.get(path).content.decode(), path
        assert f'<option value="{company_a.pk}" selected>' not in salim.get(path).content.decode(), path


@pytest.mark.parametrize("wanted", ["0661223344", "661223344", "+213661223344", "00213 661 22 33 44", "0661 22 33 44", "22-33-44"])
def test_numbers_are_found_however_they_are_written(wanted: str, dispatcher: Any, company_a: Any, nadia: Client, api: Any) -> None:
    order, other = _order(dispatcher, company_a), _order(dispatcher, company_a)
    for row, phone in ((order, "0661 22 33 44"), (other, "+213 (770) 11-22-33")):
        update_order(actor=dispatcher, order_id=row.pk, customer_phone=phone)
    page = nadia.get("/admin/orders/order/", {"q": wanted}).content.decode()
    assert [row.order_number in page for row in (order, other)] == [True, False]
    found = api(dispatcher).get("/api/orders/", {"search": wanted}).json()["results"]
    assert [row["id"] for row in found] == [order.pk]


@pytest.mark.parametrize("wanted", ["16 001 23", "1600123", "16-001-23", "16.001.23"])
def test_plates_are_found_however_they_are_written(wanted: str, dispatcher: Any, company_a: Any, nadia: Client, api: Any) -> None:
    vehicle = _vehicle(dispatcher, company_a, "16-001 23")
    _vehicle(dispatcher, company_a, "31-999-11")
    assert [row["id"] for row in api(dispatcher).get("/api/vehicles/", {"search": wanted}).json()["results"]] == [vehicle.pk]
    assert "16-001 23" in nadia.get("/admin/fleet/vehicle/", {"q": wanted}).content.decode()


def test_a_cut_map_says_so_and_keeps_who_needs_somebody(
    dispatcher: Any, company_a: Any, nadia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from depannini_dashmap.console.live_map import snapshot

    vans = [_vehicle(dispatcher, company_a, f"16-{number}") for number in range(4)]
    for number, van in enumerate(vans):
        _report(dispatcher, van, 600 * number)
    trip = _trip(dispatcher, vans[3])
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    assert nadia.get("/admin/map/state/").json()["cut"] == {}
    monkeypatch.setattr(snapshot, "MOST_ROWS", 2)
    state = nadia.get("/admin/map/state/").json()
    assert [row["name"] for row in state["vehicles"]] == ["16-3", "16-0"]
    assert state["cut"] == {"vehicles": 4}
