"""The socket of the customer's page: it says when the page would show something else, of one order, until the link ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.link_events import pages_group
from accounts.link_sockets import TELL_EVERY
from accounts.tokens import issue_pair
from depannini_dashmap.lib.realtime import layer, socket_sign_in, subscriptions
from depannini_dashmap.lib.realtime.subscriptions import Event
from fleet.events import MOVED, vehicle_group
from orders.models import Order, OrderLink
from orders.services import deliver_link
from testing.clients import SocketClient
from testing.fixtures import server, session_server
from testing.servers import Server
from testing.waiting import wait_until
from trips import customer_socket
from trips.customer_socket import CustomerSocket
from trips.events import trip_changed
from trips.models import Trip, TripLink, TripStop
from trips.services.stop_lists import remove_order
from trips.tests.test_customer_link import FAR, finish, link_of, report, started
from trips.tests.world import loaded_trip, make_order, make_trip, make_vehicle, stops_of

__all__ = ["server", "session_server"]


@pytest.fixture
def client(api: Any, dispatcher: Any) -> Any:
    return api(dispatcher)


def ticket_of(server: Server, path: str) -> str:
    answer = httpx.post(f"{server.url}{path}ticket/")
    assert answer.status_code == 200
    return answer.json()["ticket"]


def opened(server: Server, path: str) -> SocketClient:
    socket = server.socket("/ws/o/", subprotocols=["bearer", ticket_of(server, path)])
    assert socket.receive().keys() == {"type", "server_time"}
    return socket


def kinds(socket: SocketClient) -> list[str]:
    """Return the types of all frames that came, after those that are on their way."""
    socket.send({"type": "ping"})
    socket.receive("pong")
    return [frame["type"] for frame in socket.received]


# --- Over TCP ----------------------------------------------------------------------------------------------------------------
def test_a_page_is_told_without_redis_too(server: Server, client: Any, dispatcher: Any) -> None:
    order = make_order(client)
    with opened(server, link_of(client, order)) as page:
        sent = {"Authorization": f"Bearer {issue_pair(dispatcher)['access']}"}
        answer = httpx.patch(f"{server.url}/api/orders/{order['id']}/", json={"status": "cancelled"}, headers=sent)
        assert answer.status_code == 200
        assert page.receive() == {"type": "changed"}


@pytest.mark.postgres
def test_a_page_follows_its_order_to_the_door_and_hears_of_where_the_vehicle_is(server: Server, client: Any) -> None:
    trip, [order] = started(client)
    path = link_of(client, order)
    pickup, delivery = stops_of(client, trip)
    with opened(server, path) as page:
        finish(client, pickup)
        page.receive("changed")
        for seconds, lat in ((20, 48.81), (40, 48.82)):
            report(client, trip, (lat, FAR[1]), timezone.now() + timedelta(seconds=seconds))
            page.receive("changed")
            assert httpx.get(f"{server.url}{path}state/").json()["position"]["lat"] == lat
        finish(client, delivery)
        page.receive("changed")
        assert httpx.get(f"{server.url}{path}state/").json()["state"] == "delivered"
        assert set(kinds(page)) == {"connection_established", "changed", "pong"}


@pytest.mark.postgres
def test_an_order_in_another_trip_is_followed_there_and_no_longer_here(server: Server, client: Any) -> None:
    trip, [order] = started(client)
    other, _ = loaded_trip(client, 1, vehicle=make_vehicle(client, driver_name="Zahra"), planned_start_date=timezone.now().date().isoformat())
    with opened(server, link_of(client, order)) as page:
        assert client.delete(f"/api/trips/{trip}/").status_code == 204
        page.receive("changed")
        assert client.post(f"/api/trips/{other}/add-order/", {"order": order["id"]}).status_code == 201
        assert client.put(f"/api/trips/{other}/", {"status": "planned"}).status_code == 200
        page.receive("changed")
        assert client.put(f"/api/trips/{other}/", {"status": "in_progress"}).status_code == 200
        page.receive("changed")


def on_its_way(client: Any, order: dict[str, Any]) -> int:
    """Start a trip of a vehicle of its own with an order, whose goods are picked up; return the trip."""
    trip = make_trip(client, planned_start_date=timezone.now().date().isoformat())
    assert client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}).status_code == 201
    assert client.put(f"/api/trips/{trip}/", {"status": "in_progress"}).status_code == 200
    finish(client, stops_of(client, trip)[0])
    return trip


def place_on(server: Server, path: str) -> float | None:
    """Return the latitude of the vehicle that a page shows."""
    position = httpx.get(f"{server.url}{path}state/").json()["position"]
    return position and position["lat"]


def told_of(page: SocketClient) -> int:
    """Return how many changes a page is told of within what one may take to come."""
    before = kinds(page).count("changed")
    time.sleep(2 * TELL_EVERY)
    return kinds(page).count("changed") - before


@pytest.mark.postgres
@pytest.mark.parametrize("step", ["another trip", "another vehicle", "taken off", "cancelled", "trip deleted", "trip cancelled"])
def test_a_page_that_saw_a_vehicle_sees_no_more_of_it_than_the_order_does(server: Server, client: Any, step: str) -> None:
    order = make_order(client)
    trip = on_its_way(client, order)
    path = link_of(client, order)
    left = Trip.objects.get(pk=trip).vehicle_id
    with opened(server, path) as page:
        report_of(client, left, 48.80, 1)
        page.receive("changed")
        assert place_on(server, path) == 48.80
        taker = left_by(client, step, trip, order)
        wait_until(lambda: place_on(server, path) is None, "the vehicle is not shown any more")
        page.receive("changed")
        told_of(page)
        report_of(client, left, 48.81, 20)
        assert (told_of(page), place_on(server, path)) == (0, None), "where the former vehicle goes is not felt"
        if taker is not None:
            report_of(client, taker, 48.82, 40)
            page.receive("changed")
            assert place_on(server, path) == 48.82


def report_of(client: Any, vehicle: int, lat: float, seconds: int) -> None:
    """Report where a vehicle is, so many seconds from now."""
    at = (timezone.now() + timedelta(seconds=seconds)).isoformat()
    body = {"vehicle_id": vehicle, "latitude": lat, "longitude": FAR[1], "timestamp": at, "speed": 30, "heading": 0}
    assert client.post("/api/positions/", body).status_code == 201


def left_by(client: Any, step: str, trip: int, order: dict[str, Any]) -> int | None:
    """Part an order from its vehicle in one way; return the vehicle that has it then."""
    if step == "another vehicle":
        taker = make_vehicle(client)
        assert client.put(f"/api/trips/{trip}/", {"vehicle": taker}).status_code == 200
        return taker
    if step == "cancelled":
        assert client.put(f"/api/trip-stops/{stops_of(client, trip)[1]['id']}/", {"failed": True}).status_code == 200
        assert client.patch(f"/api/orders/{order['id']}/", {"status": "cancelled"}).status_code == 200
    elif step == "trip deleted":
        assert client.delete(f"/api/trips/{trip}/").status_code == 204
    elif step == "trip cancelled":
        assert client.put(f"/api/trips/{trip}/", {"status": "cancelled"}).status_code == 200
    else:
        for stop in stops_of(client, trip):
            assert client.delete(f"/api/trip-stops/{stop['id']}/").status_code == 204
    return Trip.objects.get(pk=on_its_way(client, order)).vehicle_id if step == "another trip" else None


@pytest.mark.postgres
@pytest.mark.parametrize("end", ["revoked", "renewed", "deleted", "sent again"])
def test_a_link_that_ends_ends_its_sockets(server: Server, client: Any, end: str, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    order = make_order(client, customer_email="john@example.com")
    path = link_of(client, order)
    before = ticket_of(server, path)
    with opened(server, path) as page:
        if end == "revoked":
            assert client.delete(f"/api/orders/{order['id']}/link/").status_code == 204
        elif end == "renewed":
            link_of(client, order)
        elif end == "deleted":
            assert client.delete(f"/api/orders/{order['id']}/").status_code == 204
        else:  # a message that may have left is sent anew, with another token
            OrderLink.objects.update(channel="email", sent_at=None)
            deliver_link(actor=None, link_id=OrderLink.objects.get().pk)
        assert page.receive_close() == 4403
    assert httpx.post(f"{server.url}{path}ticket/").status_code == 404
    if end != "sent again":
        with server.socket("/ws/o/", subprotocols=["bearer", before]) as late:
            assert late.receive_close() == 4403


@pytest.mark.postgres
def test_an_order_that_has_ended_some_days_ago_ends_its_sockets(server: Server, client: Any) -> None:
    trip, [order] = started(client)
    path = link_of(client, order)
    OrderLink.objects.update(created_at=timezone.now() - timedelta(days=9))
    pickup, delivery = stops_of(client, trip)
    with opened(server, path) as page:
        finish(client, pickup)
        page.receive("changed")
        finish(client, delivery)
        page.receive("changed")
        TripStop.objects.filter(pk=delivery["id"]).update(actual_departure_datetime=timezone.now() - timedelta(days=4))
        trip_changed(trip, Trip.objects.get(pk=trip).company_id)
        assert page.receive_close() == 4403


def test_a_ticket_of_a_customer_opens_one_socket_and_no_other_page(server: Server, client: Any) -> None:
    path = link_of(client, make_order(client))
    given = ticket_of(server, path)
    with server.socket("/ws/o/", subprotocols=["bearer", given]) as page:
        page.receive("connection_established")
        for used in ("/ws/o/", "/ws/t/"):
            with server.socket(used, subprotocols=["bearer", given]) as again:
                assert again.receive_close() == 4401
    given = ticket_of(server, path)
    for foreign in ("/ws/t/", "/ws/o/"):  # tried on another kind of page, it is used up
        with server.socket(foreign, subprotocols=["bearer", given]) as socket:
            assert socket.receive_close() == 4401
    for nothing in ("x" * 32, path.split("/")[2], f"link.o.{OrderLink.objects.get().pk}"):
        with server.socket("/ws/o/", subprotocols=["bearer", nothing]) as socket:
            assert socket.receive_close() == 4401


@pytest.mark.django_db
def test_a_ticket_is_given_while_the_link_shows_something(client: Any) -> None:
    order = make_order(client)
    path = link_of(client, order)
    assert Client().get(f"{path}ticket/").status_code == 405
    assert Client().post(f"{path}ticket/").json().keys() == {"ticket", "look_every"}
    Order.objects.update(status="cancelled")
    Order.history.update(history_date=timezone.now() - timedelta(days=4))
    OrderLink.objects.update(created_at=timezone.now() - timedelta(days=9))
    Order.objects.update(updated_at=timezone.now() - timedelta(days=4))
    assert Client().post(f"{path}ticket/").status_code == 404


# --- Without a network: what is not told ---------------------------------------------------------------------------------------
class Page(CustomerSocket):
    """The socket of the one link, with a list for a network."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []
        self.loop = loop
        self._closing, self._early, self._own_group = False, None, "own"
        self.link_id = OrderLink.objects.get().pk
        self.begin_session(None)
        self.check_session()
        self.read_snapshot()
        self._joined = ("own", *self.groups_to_join())
        self._subscriptions = subscriptions.of(loop)

    def tell(self, frame: dict[str, Any]) -> None:
        self.told.append(frame)

    def hear(self, group: str, kind: str = "changed") -> int:
        """Hear an event, if it is of a joined group; return how many frames that made."""
        before = len(self.told)
        self.loop.run_until_complete(self._heard(group, kind))
        assert self.told == [{"type": "changed"}] * len(self.told)
        return len(self.told) - before

    async def _heard(self, group: str, kind: str) -> None:
        if group in self._joined:
            self.relay(Event(group.encode(), kind.encode(), b"{}"))
        async with asyncio.timeout(5):
            while self._looks._due or self._looking.locked():
                await asyncio.sleep(0.001)


@pytest.fixture
def page(db: None, monkeypatch: Any, settings: Any) -> Iterator[Callable[[], Page]]:
    """Return what opens the page's socket; it reads in a thread, in the test's own transaction."""
    connection = connections["default"]
    settings.REDIS_URL = ""
    monkeypatch.setattr(customer_socket, "TELL_EVERY", 0.005)
    connection.inc_thread_sharing()
    with ThreadPoolExecutor(1, initializer=lambda: connections.__setitem__("default", connection)) as pool, asyncio.Runner() as runner:
        loop = runner.get_loop()

        async def in_thread(function: Callable, *arguments: Any) -> Any:
            return await loop.run_in_executor(pool, function, *arguments)

        monkeypatch.setattr(socket_sign_in, "in_thread", in_thread)
        pages: list[Page] = []
        yield lambda: pages.append(Page(loop)) or pages[-1]  # type: ignore[func-returns-value]
        for one in pages:
            one.end_session()
            one.closed()
    connection.dec_thread_sharing()


def test_nothing_of_other_customers_is_felt(page: Any, client: Any) -> None:
    trip, [first, second] = started(client, 2)
    link_of(client, second)
    group, vehicle = pages_group(TripLink, trip), vehicle_group(Trip.objects.get(pk=trip).vehicle_id)
    of_first = [stop for stop in stops_of(client, trip) if stop["linked_order"]["id"] == first["id"]]
    socket = page()
    finish(client, of_first[0])
    assert socket.hear(group) == 0, "without a position, nothing of it is on the page"
    report(client, trip, FAR)
    assert socket.hear(vehicle, MOVED) == 0, "a move is looked at only while the vehicle comes"
    assert client.patch(f"/api/orders/{first['id']}/", {"customer_name": "Somebody else"}).status_code == 200
    assert socket.hear(pages_group(OrderLink, first["id"])) == 0
    assert (socket.hear(group), socket.hear(group)) == (1, 0), "with a position, there is an arrival to show, once"
    for stop in stops_of(client, trip)[:-1]:
        if not stop["is_completed"]:
            finish(client, stop)
    assert socket.hear(group) == 1
    report(client, trip, FAR, timezone.now() + timedelta(seconds=1))
    assert (socket.hear(vehicle, MOVED), socket.hear(vehicle, MOVED)) == (1, 0)


def test_a_page_joins_the_trip_that_its_order_is_moved_to(page: Any, client: Any, dispatcher: Any) -> None:
    trip, [order] = loaded_trip(client, 1)
    other, _ = loaded_trip(client, 1)
    link_of(client, order)
    socket = page()
    remove_order(actor=dispatcher, trip_id=trip, order_id=order["id"])
    assert client.post(f"/api/trips/{other}/add-order/", {"order": order["id"]}).status_code == 201
    assert socket.hear(pages_group(OrderLink, order["id"])) == 0, "both trips are drafts, of which the page says nothing"
    own = {pages_group(OrderLink, order["id"]), pages_group(TripLink, other), vehicle_group(Trip.objects.get(pk=other).vehicle_id)}
    assert set(socket._joined) == {"own", *own}
    members = socket._subscriptions._members
    assert all(socket in members.get(name.encode(), ()) for name in own - {pages_group(OrderLink, order["id"])})
    assert pages_group(TripLink, trip).encode() not in members


def test_looking_costs_a_fixed_number_of_queries(page: Any, client: Any, django_assert_num_queries: Any) -> None:
    trip, [order] = started(client)
    link_of(client, order)
    finish(client, stops_of(client, trip)[0])
    report(client, trip, FAR, timezone.now() + timedelta(seconds=1))
    socket = page()
    for _ in range(2):
        with django_assert_num_queries(4):  # what the page's own answer costs
            socket.check_session()
        more = make_order(client)
        assert client.post(f"/api/trips/{trip}/add-order/", {"order": more["id"]}).status_code == 201


def test_vehicles_that_are_on_no_trip_tell_no_page(client: Any, db: None) -> None:
    with layer.captured("fleet.vehicle.") as heard:
        body = {"vehicle_id": make_vehicle(client), "latitude": 36.7, "longitude": 3.0, "timestamp": timezone.now().isoformat()}
        assert client.post("/api/positions/", {**body, "speed": 30, "heading": 0}).status_code == 201
    assert heard == []
