"""The dispatchers' socket over TCP: whose vehicles are shown, how often, and to whom the roadside is."""

import time
from typing import Any

import jsonschema
import pytest
import yaml
from django.conf import settings
from django.test import Client as Browser
from model_bakery import baker

from accounts.tokens import issue_pair
from depannini_dashmap.lib.realtime import layer
from testing.servers import Server
from trips.events import plan_done, plan_progress


@pytest.fixture
def truck(company_a: Any) -> Any:
    """A vehicle of the first company."""
    return baker.make("fleet.Vehicle", company=company_a, license_plate="A-1", year=2020, capacity=1)


def token(user: Any) -> str:
    """Sign in."""
    return issue_pair(user)["access"]


def report(server: Server, user: Any, vehicle: Any, second: int, latitude: float = 36.7) -> None:
    """Post a position as a device does."""
    answer = server.call(
        "POST", "/api/positions/", token(user), vehicle_id=vehicle.pk, latitude=latitude, longitude=3.05, speed=50,
        heading=90, timestamp=f"2026-01-01T10:00:{second:02}Z",
    )  # fmt: skip
    assert answer.status_code == 201, answer.text


def test_positions_of_own_companies_alone(
    server: Server, dispatcher: Any, dispatcher_b: Any, staff_user: Any, truck: Any
) -> None:
    report(server, dispatcher, truck, 0)
    with (
        server.socket("/ws/fleet/", token(dispatcher)) as own,
        server.socket("/ws/fleet/", token(dispatcher_b)) as foreign,
        server.socket("/ws/fleet/", token(staff_user)) as staff,
    ):
        assert [fix["vehicle_id"] for fix in own.receive("connection_established")["positions"]] == [truck.pk]
        assert foreign.receive("connection_established")["positions"] == []
        assert len(staff.receive("connection_established")["positions"]) == 1
        report(server, dispatcher, truck, 1)
        for client in (own, staff):
            assert client.receive("position")["position"]["timestamp"] == "2026-01-01T10:00:01Z"
        foreign.send({"type": "ping"})
        assert foreign.receive() == {"type": "pong"}
        document = yaml.safe_load((settings.BASE_DIR / "docs" / "asyncapi.yaml").read_text())
        for frame in own.received + staff.received:
            schema = "fleet_established" if frame["type"] == "connection_established" else frame["type"]
            jsonschema.validate(frame, {"$ref": f"#/components/schemas/{schema}", "components": document["components"]})


def test_one_a_second_for_each_vehicle_and_the_newest_in_the_end(server: Server, dispatcher: Any, truck: Any) -> None:
    with server.socket("/ws/fleet/", token(dispatcher)) as client:
        client.receive("connection_established")
        began = time.monotonic()
        for second in range(5):
            report(server, dispatcher, truck, second)
        while client.receive("position")["position"]["timestamp"] != "2026-01-01T10:00:04Z":
            pass
        received = sum(frame["type"] == "position" for frame in client.received)
        assert received <= 2 + int(time.monotonic() - began)


def test_trips_and_orders_hint_that_the_board_changed(
    server: Server, dispatcher: Any, dispatcher_b: Any, staff_user: Any, truck: Any
) -> None:
    with (
        server.socket("/ws/fleet/", token(dispatcher)) as own,
        server.socket("/ws/fleet/", token(dispatcher_b)) as foreign,
        server.socket("/ws/fleet/", token(staff_user)) as staff,
    ):
        for client in (own, foreign, staff):
            client.receive("connection_established")
        body = {"customer_name": "Hotel", "goods_description": "beds"}
        assert server.call("POST", "/api/orders/", token(dispatcher), **body).status_code == 201
        day = {"planned_start_date": "2026-01-02", "planned_start_time": "08:00"}
        answer = server.call("POST", "/api/trips/", token(dispatcher), vehicle=truck.pk, name="Tour", **day)
        assert answer.status_code == 201, answer.text
        for client in (own, staff):
            assert client.receive("board_changed", what="orders") == {"type": "board_changed", "what": "orders"}
            client.receive("board_changed", what="trips")
        foreign.send({"type": "ping"})
        assert foreign.receive() == {"type": "pong"}


def test_others_are_kept_out(server: Server, client_user: Any, assistant_user: Any) -> None:
    for user in (client_user, assistant_user):
        with server.socket("/ws/fleet/", token(user)) as client:
            assert client.receive_close() == 4403
            assert client.received == []


def test_a_removed_member_receives_nothing_more(
    server: Server, dispatcher: Any, dispatcher_b: Any, company_a: Any, truck: Any
) -> None:
    """A member of another company reconnects and receives that company's events alone; without a company, the socket is refused."""
    member = baker.make("accounts.User", username="member", user_type="dispatcher", is_active=True)
    for user in (dispatcher_b, member):
        baker.make("accounts.Membership", user=user, company=company_a, role="member")
    with (
        server.socket("/ws/fleet/", token(dispatcher_b)) as of_two,
        server.socket("/ws/fleet/", token(member)) as of_one,
    ):
        for client, user, code in ((of_two, dispatcher_b, 1012), (of_one, member, 4403)):
            client.receive("connection_established")
            path = f"/api/companies/{company_a.pk}/members/{user.pk}/"
            assert server.call("DELETE", path, token(dispatcher)).status_code == 204
            assert client.receive_close(2) == code
    report(server, dispatcher, truck, 0)
    with server.socket("/ws/fleet/", token(dispatcher_b)) as again:
        assert again.receive("connection_established")["companies"] != []
        assert again.received[0]["positions"] == []


def test_the_admins_session_opens_no_socket(server: Server, dispatcher: Any) -> None:
    browser = Browser()
    browser.force_login(dispatcher, backend=settings.AUTHENTICATION_BACKENDS[-1])
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"}
    for path in ("/ws/fleet/", "/ws/assistance/1/"):
        with server.socket(path, additional_headers=headers, origin=server.url) as client:
            assert client.receive_close() == 4401
            assert client.received == []


def test_staff_receive_events_of_the_roadside(server: Server, staff_user: Any, client_user: Any) -> None:
    with server.socket("/ws/fleet/", token(staff_user)) as client:
        client.receive("connection_established")
        made = server.call("POST", "/api/assistance/request/", token(client_user), pickup={"lat": 36.7, "lng": 3.0})
        frame = client.receive("assistance")
        assert (frame["assistance_id"], frame["status"]) == (made.json()["assistance"]["id"], "requested")
        assert client.receive("board_changed")["what"] == "assistance"


@pytest.mark.postgres  # the server hears another process by Redis alone
def test_plans_are_heard_in_their_company_alone_by_viewers_too(server: Server, dispatcher_b: Any, viewer: Any, truck: Any) -> None:
    with server.socket("/ws/fleet/", token(viewer)) as own, server.socket("/ws/fleet/", token(dispatcher_b)) as foreign:
        for client in (own, foreign):
            client.receive("connection_established")
        plan_progress(company_id=truck.company_id, plan_id=8, phase="searching", seconds=3, of=10)
        plan_done(company_id=truck.company_id, plan_id=8, status="ready")
        layer.flush()
        assert own.receive("plan_progress")["seconds"] == 3
        assert own.receive("plan_done")["status"] == "ready"
        foreign.send({"type": "ping"})
        assert foreign.receive() == {"type": "pong"}
