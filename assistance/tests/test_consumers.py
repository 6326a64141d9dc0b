"""The sockets of roadside help over TCP, against a real server: who gets in, what is said, what is refused."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest
import yaml
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.services import end_sessions
from accounts.tokens import AccessToken, issue_fleet_token, issue_pair
from assistance import services
from assistance.models import Assistance, AssistantProfile, Tariff
from testing.clients import SocketClient
from testing.fixtures import running_server
from testing.servers import Server
from testing.waiting import wait_until

PICKUP = (36.7525, 3.0420)
PLACE = {"type": "location", "lat": 36.75, "lng": 3.05, "user_id": 999}


@pytest.fixture(autouse=True)
def _tariff(server: Server) -> None:
    if not Tariff.objects.exists():  # the flush between tests takes the default one
        Tariff.objects.create(
            assistance_type="towing", vehicle_class="light", base=2000, per_km=100, minimum=0,
            currency="DZD", valid_from=timezone.now() - timedelta(days=1),
        )  # fmt: skip


@pytest.fixture
def on_duty(assistant_user: Any) -> Any:
    """Put the assistant on duty, near the pickup."""
    services.set_duty(actor=assistant_user, is_active=True)
    return assistant_user


@pytest.fixture
def requested(client_user: Any) -> int:
    """Open a request."""
    return services.request_assistance(actor=client_user, pickup=PICKUP).job.pk


@pytest.fixture
def accepted(on_duty: Any, requested: int) -> int:
    """Open a request and have it accepted."""
    services.accept(actor=on_duty, assistance_id=requested)
    return requested


@pytest.fixture
def room(server: Server, client_user: Any, assistant_user: Any, accepted: int) -> Iterator[tuple[SocketClient, SocketClient]]:
    """Open the sockets of both parties, and read what they are shown first."""
    path = f"/ws/assistance/{accepted}/"
    with server.socket(path, token(client_user)) as one, server.socket(path, token(assistant_user)) as other:
        for client in (one, other):
            assert [client.receive()["type"] for _ in range(3)] == ["connection_established", "status", "location"]
        yield one, other


def token(user: Any) -> str:
    """Sign in."""
    return issue_pair(user)["access"]


def close_code(server: Server, path: str, raw: str = "", **options: Any) -> int:
    """Return how a socket that should not be let in ends; nothing may be said before."""
    with server.socket(path, raw, **options) as client:
        code = client.receive_close()
        assert client.received == []
        return code


# --- Who gets in --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/ws/assistant/1/", "/ws/assistance/1/", "/ws/fleet/"])
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x.y.z", "Token zzz", "Basic YTpi", "Bearer a b"])
def test_c01_no_or_bad_credentials(server: Server, path: str, header: str | None) -> None:
    options = {"additional_headers": {"Authorization": header}} if header else {}
    assert close_code(server, path, **options) == 4401


def test_every_way_to_sign_in(server: Server, on_duty: Any) -> None:
    path, raw = f"/ws/assistant/{on_duty.pk}/", token(on_duty)
    fleet = {"Authorization": f"Token {issue_fleet_token(on_duty)}"}
    with server.socket(path, raw) as client:
        assert client.receive()["type"] == "connection_established"
    with server.socket(f"{path}?token={raw}") as client:
        assert client.receive()["type"] == "connection_established"
    with server.socket(path, additional_headers=fleet) as client:
        assert client.receive()["type"] == "connection_established"
    with server.socket(path[:-1], subprotocols=["bearer", raw]) as client:
        assert client.connection.subprotocol == "bearer"
        assert client.receive()["type"] == "connection_established"
    assert raw not in server.output()
    assert raw.split(".")[2] not in server.output()


def test_b01_forged_and_wrong_tokens(server: Server, on_duty: Any) -> None:
    expired = AccessToken(token(on_duty))
    expired.set_exp(lifetime=timedelta(seconds=-60))
    for raw in (str(expired), issue_pair(on_duty)["refresh"], token(on_duty)[:-2] + "xx"):
        assert close_code(server, f"/ws/assistant/{on_duty.pk}/", raw) == 4401


def test_c02_an_assistants_socket_is_theirs_alone(
    server: Server, on_duty: Any, other_assistant: Any, client_user: Any, staff_user: Any
) -> None:
    for user in (other_assistant, client_user, staff_user):
        assert close_code(server, f"/ws/assistant/{on_duty.pk}/", token(user)) == 4403
    assert close_code(server, f"/ws/assistant/{client_user.pk}/", token(client_user)) == 4403


def test_c03_c18_strangers_and_senseless_ids(
    server: Server, requested: int, other_client: Any, other_assistant: Any, dispatcher: Any
) -> None:
    for user in (other_client, other_assistant, dispatcher):
        assert close_code(server, f"/ws/assistance/{requested}/", token(user)) == 4403
    for key in ("999999", "abc", "-1", str(2**63), "9" * 120, "%00", quote("é"), "0", "1%0A", "٣"):
        assert close_code(server, f"/ws/assistance/{quote(key, safe='%')}/", token(other_client)) == 4403, key
        if len(key) < 120:
            assert close_code(server, f"/ws/assistant/{quote(key, safe='%')}/", token(other_client)) == 4403, key
    assert "Traceback" not in server.output()


def test_unknown_paths_are_refused(server: Server) -> None:
    for path in ("/ws/", "/ws/assistance/1/2/", "/nowhere"):
        with pytest.raises(InvalidStatus, match="403"):
            server.socket(path)


def test_c04_foreign_pages_are_refused(server: Server, on_duty: Any) -> None:
    path = f"/ws/assistant/{on_duty.pk}/"
    own = f"http://127.0.0.1:{server.port}"
    foreign = ["https://evil.com", "null", f"http://127.0.0.1.evil.com:{server.port}", "http://127.0.0.1:1"]
    for origin in [*foreign, own.replace("http", "https"), f"{own}.x"]:
        with pytest.raises(InvalidStatus, match=r"403|400" if origin.endswith("x") else "403"):
            server.socket(path, token(on_duty), origin=origin)
    with server.socket(path, token(on_duty), origin=own) as client:
        assert client.receive()["type"] == "connection_established"


# --- Sessions end ---------------------------------------------------------------------------------------------------------
def test_g17_a_session_that_ends_closes_its_sockets(server: Server, on_duty: Any, other_assistant: Any) -> None:
    services.set_duty(actor=other_assistant, is_active=True)
    with (
        server.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as ended,
        server.socket(f"/ws/assistant/{other_assistant.pk}/", token(other_assistant)) as other,
    ):
        ended.receive("connection_established")
        other.receive("connection_established")
        assert server.call("POST", "/api/auth/logout/", token(other_assistant)).status_code == 200
        answer = server.call(
            "POST", "/api/auth/password-change/", token(on_duty), old_password="correct-horse-battery",
            new_password="another-horse-battery", new_password_confirm="another-horse-battery",
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        assert ended.receive_close(seconds=2) == 4401
        other.send({"type": "ping"})  # it was another token that logged out
        assert other.receive() == {"type": "pong"}


def test_b06_logout_ends_the_token_that_was_used_and_no_other(server: Server, on_duty: Any) -> None:
    first, second = token(on_duty), token(on_duty)
    path = f"/ws/assistant/{on_duty.pk}/"
    with server.socket(path, first) as one, server.socket(path, second) as other:
        one.receive("connection_established")
        other.receive("connection_established")
        server.call("POST", "/api/auth/logout/", first)
        assert one.receive_close(seconds=2) == 4401
        other.send({"type": "ping"})
        assert other.receive("pong")


def test_c14_a_token_that_expires_closes_its_socket(server: Server, on_duty: Any) -> None:
    """The leeway is for the door: an open socket ends at its hour, one that just came in by it a moment later."""
    short = AccessToken(token(on_duty))
    short.set_exp(lifetime=timedelta(seconds=2))
    with server.socket(f"/ws/assistant/{on_duty.pk}/", str(short)) as client:
        client.receive("connection_established")
        assert client.receive_close(seconds=4) == 4401
    short.set_exp(lifetime=timedelta(seconds=-7))
    with server.socket(f"/ws/assistant/{on_duty.pk}/", str(short)) as client:
        client.receive("connection_established")
        assert client.receive_close(seconds=6) == 4401


# --- What is shown first -----------------------------------------------------------------------------------------------------
def test_c15_the_first_frame_is_the_state(server: Server, client_user: Any, on_duty: Any, requested: int) -> None:
    def shown() -> list[dict]:
        with server.socket(f"/ws/assistance/{requested}/", token(client_user)) as client:
            client.send({"type": "ping"})
            client.receive("pong")
            return client.received[:-1]

    def expect(status: str, *followed_by: str) -> None:
        frames = shown()
        job = Assistance.objects.get(pk=requested)
        assert [frame["type"] for frame in frames] == ["connection_established", *followed_by]
        assert (frames[0]["assistance"]["status"], frames[0]["seq"]) == (status, job.version)
        assert frames[0]["assistance"] == server.call(
            "GET", f"/api/assistance/view/{requested}/", token(client_user)
        ).json()

    expect("requested")
    services.accept(actor=on_duty, assistance_id=requested)
    expect("accepted", "status", "location")
    services.update_status(actor=on_duty, assistance_id=requested, status="ongoing")
    expect("ongoing", "status", "location")
    services.update_status(actor=on_duty, assistance_id=requested, status="completed")
    expect("completed", "status")


def test_open_offers_are_replayed(server: Server, on_duty: Any, requested: int) -> None:
    with server.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as client:
        first, offer = client.receive(), client.receive()
        assert first["offers"] == [offer]
        assert (offer["type"], offer["assistance_id"]) == ("new_assistance_request", requested)
        assert offer["seq"] >= first["seq"]


def test_a_request_reaches_the_assistant_within_a_second(server: Server, on_duty: Any, client_user: Any) -> None:
    with server.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as client:
        assert client.receive()["offers"] == []
        made = server.call(
            "POST", "/api/assistance/request/", token(client_user), pickup={"lat": PICKUP[0], "lng": PICKUP[1]}
        ).json()["assistance"]["id"]
        offer = client.receive("new_assistance_request", seconds=1)
        assert offer["assistance_id"] == made
        server.call("PATCH", f"/api/assistance/update/{made}/", token(client_user), status="canceled")
        assert client.receive("request_closed")["assistance_id"] == made
        numbers = [frame["seq"] for frame in client.received]
        assert numbers == sorted(numbers)


def test_an_open_socket_keeps_its_assistant_fresh(tmp_path: Any, server: Server, on_duty: Any) -> None:
    with running_server(tmp_path / "server.log", LOCATION_TTL="2", TASK_WORKER="off") as short:
        with short.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as client:
            client.receive("connection_established")
            began = timezone.now()
            wait_until(
                lambda: AssistantProfile.objects.get(pk=on_duty.pk).seen_at > began + timedelta(seconds=1.8),
                "the assistant is noted again and again",
            )


# --- What is said in the room -------------------------------------------------------------------------------------------------
def test_states_go_to_both_with_growing_numbers(server: Server, room: Any, on_duty: Any, accepted: int) -> None:
    for status in ("ongoing", "completed"):
        server.call("PATCH", f"/api/assistance/update/{accepted}/", token(on_duty), status=status)
        told = [client.receive("status") for client in room]
        assert told[0] == told[1]
        assert (told[0]["status"], told[0]["seq"]) == (status, Assistance.objects.get(pk=accepted).version)


def test_c05_a_place_is_the_senders_whatever_it_says(room: Any, on_duty: Any, client_user: Any, accepted: int) -> None:
    one, other = room
    other.send(PLACE | {"user_id": client_user.pk})
    for client in room:
        heard = client.receive("location")
        assert (heard["user_id"], heard["lat"], heard["lng"]) == (on_duty.pk, 36.75, 3.05)
    wait_until(lambda: AssistantProfile.objects.get(pk=on_duty.pk).lat == 36.75, "the place is stored")
    client_user.refresh_from_db()
    assert client_user.current_lat is None
    one.send(PLACE | {"lat": 36.5})
    assert other.receive("location")["user_id"] == client_user.pk


def test_places_are_thinned_and_end_on_the_newest(room: Any, on_duty: Any) -> None:
    one, other = room
    began = time.monotonic()
    for step in range(15):
        other.send(PLACE | {"lat": 36 + step / 100})
    newest = one.receive("location", lat=36.14)
    assert newest["lat"] == 36.14
    assert [frame["lat"] for frame in one.received if frame["type"] == "location"][1:] == [36.0, 36.14]
    assert 0.9 < time.monotonic() - began < 2
    wait_until(lambda: AssistantProfile.objects.get(pk=on_duty.pk).lat == 36.14, "the newest is stored in the end")


def test_rest_and_socket_tell_the_same(server: Server, room: Any, on_duty: Any) -> None:
    server.call("POST", "/api/profile/update-location/", token(on_duty), latitude=36.7, longitude=3.1)
    heard = room[0].receive("location")
    assert (heard["lat"], heard["lng"], heard["user_id"]) == (36.7, 3.1, on_duty.pk)


def test_c06_no_places_after_the_end(server: Server, room: Any, on_duty: Any, client_user: Any, accepted: int) -> None:
    one, other = room
    server.call("PATCH", f"/api/assistance/update/{accepted}/", token(client_user), status="canceled")
    for client in room:
        assert client.receive("status")["status"] == "canceled"
    other.send(PLACE | {"lat": 1.0})
    assert other.receive("error")["code"] == "already_final"
    one.send({"type": "ping"})
    one.receive("pong")
    assert all(frame.get("lat") != 1.0 for frame in one.received)
    assert AssistantProfile.objects.get(pk=on_duty.pk).lat != 1.0


def test_chat(server: Server, room: Any, client_user: Any, accepted: int) -> None:
    one, _ = room
    one.send({"type": "chat", "message": "أين أنت؟", "sender": "Somebody Else"})
    for client in room:
        heard = client.receive("chat")
        assert (heard["message"], heard["sender"]) == ("أين أنت؟", "Amina Client")
    for message in ("x" * 1001, "", "   ", None, 5, ["x"], "a\u0000b"):
        one.send({"type": "chat", "message": message})
        assert one.receive("error")["code"].startswith("invalid")
    history = server.call("GET", f"/api/assistance/{accepted}/messages/", token(client_user)).json()["results"]
    assert [row["message"] for row in history] == ["أين أنت؟"]


def test_a_repeated_message_is_one_and_answers_its_sender_alone(
    server: Server, room: Any, client_user: Any, accepted: int
) -> None:
    one, other = room
    said = {"type": "chat", "message": "Où êtes-vous ?", "client_id": "m-1"}
    one.send(said)
    first = one.receive("chat")
    assert first["client_id"] == "m-1" and other.receive("chat") == first
    one.send(said)
    assert one.receive("chat") == first
    posted = server.call(
        "POST", f"/api/assistance/{accepted}/messages/", token(client_user), message=said["message"], client_id="m-1"
    )
    assert (posted.status_code, posted.json()["id"]) == (200, first["id"])
    one.send({**said, "message": "Something else"})
    assert one.receive("error")["code"] == "client_id_reused"
    for name in ("x" * 65, 5, ["m"], True, "a\u0000b"):
        one.send({**said, "client_id": name})
        assert one.receive("error")["fields"].keys() == {"client_id"}
    one.send({"type": "chat", "message": "Last", "client_id": None})
    assert other.receive("chat")["message"] == "Last", "the other party heard the first one once"
    assert [frame["type"] for frame in other.received].count("chat") == 2


def test_c22_who_gives_the_job_back_is_told_and_sent_out(server: Server, room: Any, on_duty: Any, accepted: int) -> None:
    one, other = room
    assert server.call("POST", f"/api/assistance/release/{accepted}/", token(on_duty)).status_code == 200
    assert other.receive_close(seconds=2) == 4403
    assert other.received[-1]["type"] == "status"
    assert one.receive("status")["status"] == "requested"


def test_staff_may_listen(server: Server, staff_user: Any, accepted: int) -> None:
    assert Group.objects.filter(user=staff_user).exists()
    with server.socket(f"/ws/assistance/{accepted}/", token(staff_user)) as client:
        client.receive("connection_established")
        client.send(PLACE)
        assert client.receive("error")["code"] == "not_a_party"


# --- What is refused ------------------------------------------------------------------------------------------------------------
BAD_PLACES = ['NaN', 'Infinity', '-Infinity', '1e999', '"36,7"', 'true', 'null', '91', '-91', '{}', '[]']


@pytest.mark.parametrize("start", [0, 6])
def test_c07_bad_places(room: Any, start: int) -> None:
    one, _ = room
    for bad in BAD_PLACES[start : start + 6]:
        one.send(f'{{"type": "location", "lat": {bad}, "lng": 3}}')
        assert one.receive("error")["code"] == "invalid", bad
    one.send('{"type": "location", "lat": 1, "lng": 181}')
    assert one.receive("error")["fields"] == {"lng": ["Must be between -180 and 180."]}


def test_who_joins_is_shown_the_newest_place_told(server: Server, room: Any, client_user: Any, accepted: int) -> None:
    """Two moves within the five seconds in which only the first is stored."""
    one, other = room
    for lat in (36.1, 36.2):
        other.send({"type": "location", "lat": lat, "lng": 3})
        assert one.receive("location", lat=lat)["at"].endswith("Z")
    with server.socket(f"/ws/assistance/{accepted}/", token(client_user)) as joining:
        assert joining.receive("location")["lat"] == 36.2


def test_places_written_as_texts(room: Any) -> None:
    one, other = room
    one.send({"type": "location", "lat": "36.75", "lng": " +3.05e0"})
    assert (other.receive("location")["lat"], other.received[-1]["lng"]) == (36.75, 3.05)
    for bad in ("3_6", "0x1", "NaN", "Infinity", "true", "\u0663", "36,75", ""):
        one.send(f'{{"type": "location", "lat": "{bad}", "lng": 3}}')
        assert one.receive("error")["fields"].keys() == {"lat"}, bad


def test_c08_nonsense_is_answered_and_ten_times_is_enough(room: Any) -> None:
    one, _ = room
    deep = '{"type":"x","a":' + "[" * 2000 + "]" * 2000 + "}"
    nonsense = ["garbage", b"\x00\x01", "[]", deep, '{"type": "\\ud800"}', '{"type": "status"}', '{"type": 5}', "{}", '"x"']
    for bad in nonsense:
        one.send(bad)
        assert one.receive()["type"] == "error"
    one.send({"type": "ping"})
    assert one.receive() == {"type": "pong"}
    one.send("garbage")
    assert one.receive_close() == 4400


@pytest.mark.parametrize("frame", ["x" * 16385, "é" * 9000, b"x" * 20000, "x" * 1_000_000])
def test_c10_too_big(room: Any, frame: str | bytes) -> None:
    room[0].send(frame)
    assert room[0].receive_close() == 1009


def test_c10_too_big_in_pieces(room: Any) -> None:
    with suppress(ConnectionClosed):
        room[0].connection.send(["x" * 10_000] * 100)
    assert room[0].receive_close() == 1009


def test_the_biggest_allowed(room: Any) -> None:
    frame = json.dumps({"type": "ping", "fill": ""})
    room[0].send(frame[:-2] + "x" * (16 * 1024 - len(frame)) + frame[-2:])
    assert room[0].receive() == {"type": "pong"}


def test_c11_a_flood(room: Any) -> None:
    one, other = room
    with suppress(ConnectionClosed):
        for _ in range(1000):
            one.send({"type": "ping"})
    assert one.receive_close() == 4429
    assert sum(frame["type"] == "pong" for frame in one.received) <= 30
    other.send({"type": "ping"})
    assert other.receive("pong", seconds=0.5)


# --- The document, the server, Redis ------------------------------------------------------------------------------------------
def test_every_frame_is_as_documented(
    server: Server, room: Any, on_duty: Any, other_assistant: Any, client_user: Any, accepted: int
) -> None:
    document = yaml.safe_load((settings.BASE_DIR / "docs" / "asyncapi.yaml").read_text())
    services.set_duty(actor=other_assistant, is_active=True)
    one, other = room
    with server.socket(f"/ws/assistant/{other_assistant.pk}/", token(other_assistant)) as offers:
        offers.receive("connection_established")
        one.send(PLACE)
        one.send({"type": "chat", "message": "Hello"})
        one.send("nonsense")
        one.receive("chat")
        one.send({"type": "ping"})
        one.receive("pong")
        server.call("POST", f"/api/assistance/release/{accepted}/", token(on_duty))
        offers.receive("new_assistance_request")
        server.call("POST", f"/api/assistance/decline/{accepted}/", token(other_assistant))
        offers.receive("request_closed")
        server.call("PATCH", f"/api/assistance/accept/{accepted}/", token(other_assistant))
        one.receive("status", status="accepted")
        server.call("PATCH", f"/api/assistance/update/price/{accepted}/", token(other_assistant), price=10)
        for status in ("ongoing", "completed"):
            server.call("PATCH", f"/api/assistance/update/{accepted}/", token(other_assistant), status=status)
        one.receive("status", status="completed")
        server.call("PATCH", f"/api/assistance/rate/{accepted}/", token(client_user), rating=5)
        one.receive("rating")
        heard = {"assistance": one.received + other.received, "assistant": offers.received}
    kinds = set()
    for channel, frames in heard.items():
        for frame in frames:
            schema = frame["type"] if frame["type"] != "connection_established" else f"{channel}_established"
            assert frame["type"] in document["channels"][channel]["messages"]
            jsonschema.validate(frame, {"$ref": f"#/components/schemas/{schema}", "components": document["components"]})
            kinds.add(schema)
    assert kinds >= {
        "assistance_established", "assistant_established", "status", "location", "chat", "error", "pong", "rating",
        "new_assistance_request", "request_closed",
    }  # fmt: skip
    numbers = [frame["seq"] for frame in one.received if "seq" in frame]
    assert numbers == sorted(numbers)


@pytest.mark.slow
# Daphne sends no 1012, and cuts sockets off where a kept HTTP connection trips its stop.
@pytest.mark.parametrize(("runner", "codes"), [("serve", {1012}), ("daphne", {4012, 1006})])
def test_g12_a_stop_closes_the_sockets(tmp_path: Any, server: Server, on_duty: Any, runner: str, codes: set[int]) -> None:
    with running_server(tmp_path / "server.log", runner=runner) as stopping:
        with stopping.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as client:
            client.receive("connection_established")
            began = time.monotonic()
            stopping.process.terminate()
            assert client.receive_close() in codes, stopping.output()
        assert stopping.process.wait(20) == 0
        assert time.monotonic() - began < 15
        assert runner == "daphne" or not re.search("Traceback", stopping.output())


@pytest.mark.slow
def test_g12_a_stop_lets_a_running_request_finish(tmp_path: Any, server: Server, on_duty: Any) -> None:
    with running_server(tmp_path / "server.log") as stopping:
        line = HTTPConnection("127.0.0.1", stopping.port, timeout=10)
        with transaction.atomic():
            AssistantProfile.objects.select_for_update().get(pk=on_duty.pk)  # the request waits for this row
            headers = {"Authorization": f"Bearer {token(on_duty)}", "Content-Type": "application/json"}
            line.request("POST", "/api/profile/assistant-status/", json.dumps({"is_active": False}), headers)
            assert stopping.call("GET", "/healthz").status_code == 200
            stopping.process.terminate()
            wait_until(lambda: not _answers(stopping), "the port closes")
        answer = line.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        assert answer.getheader("Connection") == "close"
        answer.close()
        line.close()
        assert stopping.stop() == 0


def _answers(server: Server) -> bool:
    try:
        return server.call("GET", "/healthz").is_success
    except httpx.HTTPError:
        return False


@pytest.mark.postgres
@pytest.mark.slow
def test_a_socket_that_sat_idle_still_hears(server: Server, on_duty: Any, client_user: Any) -> None:
    with server.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as client:
        client.receive("connection_established")
        with pytest.raises(TimeoutError):
            client.receive(seconds=6)  # longer than redis-py's read time-out
        services.request_assistance(actor=client_user, pickup=PICKUP)
        assert client.receive("new_assistance_request", seconds=1)


@pytest.mark.postgres
@pytest.mark.slow
def test_two_processes_hear_each_other(tmp_path: Any, server: Server, room: Any, on_duty: Any, accepted: int) -> None:
    with running_server(tmp_path / "server.log", TASK_WORKER="off") as second:
        with second.socket(f"/ws/assistance/{accepted}/", token(on_duty)) as there:
            there.receive("connection_established")
            there.send(PLACE | {"lat": 12.5})
            assert room[0].receive("location", lat=12.5)
            second.call("PATCH", f"/api/assistance/update/{accepted}/", token(on_duty), status="ongoing")
            assert room[0].receive("status", seconds=1)["status"] == "ongoing"


def test_ending_sessions_by_hand(server: Server, on_duty: Any) -> None:
    if not settings.REDIS_URL:
        pytest.skip("without Redis the test's process cannot reach the server's sockets")
    with server.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as client:
        client.receive("connection_established")
        end_sessions(actor=None, user_id=on_duty.pk, reason="deactivated")
        assert client.receive_close(seconds=2) == 4401
