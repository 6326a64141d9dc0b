"""The socket of the driver's page: it hears of the office's changes to its own trip, and ends with its link."""

from typing import Any

import httpx
import pytest

from testing.clients import SocketClient
from testing.fixtures import server, session_server
from testing.servers import Server
from trips.models import Trip, TripLink
from trips.steps.driver_links import HAND, driver_key, give_link
from trips.tests.world import loaded_trip, make_order, make_vehicle

__all__ = ["server", "session_server"]
pytestmark = pytest.mark.postgres  # the test process publishes


@pytest.fixture
def client(server: Server, api: Any, dispatcher: Any) -> Any:
    return api(dispatcher)


def linked(client: Any, token: str) -> int:
    trip, _ = loaded_trip(client, 1, vehicle=make_vehicle(client, driver_name=token))
    give(trip, token)
    return trip


def give(trip: int, token: str) -> None:
    give_link(trip_id=trip, token=token, sent_to=driver_key(Trip.objects.get(pk=trip).vehicle, HAND))


def opened(server: Server, token: str) -> SocketClient:
    answer = httpx.post(f"{server.url}{TripLink.page_path}{token}/ticket/")
    assert answer.status_code == 200
    socket = server.socket("/ws/t/", subprotocols=["bearer", answer.json()["ticket"]])
    socket.receive("connection_established")
    return socket


def test_a_driver_hears_of_changes_to_their_own_trip_until_their_link_ends(server: Server, client: Any) -> None:
    one, two = linked(client, "one"), linked(client, "two")
    with opened(server, "one") as own, opened(server, "two") as other:
        more = make_order(client)
        assert client.post(f"/api/trips/{one}/add-order/", {"order_id": more["id"]}).status_code in (200, 201)
        own.receive("changed")
        other.send({"type": "ping"})
        other.receive("pong")
        assert [frame["type"] for frame in other.received] == ["connection_established", "pong"]
        give(one, "next")
        assert own.receive_close() == 4403
        assert httpx.post(f"{server.url}{TripLink.page_path}one/ticket/").status_code == 404
        assert client.delete(f"/api/trips/{two}/").status_code in (200, 204)
        assert other.receive_close() == 4403


def test_a_ticket_of_a_driver_opens_no_other_page(server: Server, client: Any) -> None:
    linked(client, "one")
    ticket = httpx.post(f"{server.url}{TripLink.page_path}one/ticket/").json()["ticket"]
    for path in ("/ws/h/", "/ws/t/"):  # tried on another kind of page, it is used up
        with server.socket(path, subprotocols=["bearer", ticket]) as socket:
            assert socket.receive_close() == 4401
