"""What the parties of a request send each other."""

import time
from typing import Any

from django.contrib.auth.models import Group

from assistance.models import Assistance, AssistantProfile
from assistance.tests.sockets.conftest import PLACE, token
from testing.servers import Server
from testing.waiting import wait_until


def test_states_go_to_both_with_growing_numbers(server: Server, room: Any, on_duty: Any, accepted: int) -> None:
    for status in ("ongoing", "completed"):
        server.call("PATCH", f"/api/assistance/update/{accepted}/", token(on_duty), status=status)
        told = [client.receive("status") for client in room]
        assert told[0] == told[1]
        assert (told[0]["status"], told[0]["seq"]) == (status, Assistance.objects.get(pk=accepted).version)


def test_c05_a_location_is_the_senders_whatever_user_it_names(room: Any, on_duty: Any, client_user: Any, accepted: int) -> None:
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


def test_rest_and_socket_publish_the_same(server: Server, room: Any, on_duty: Any) -> None:
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


def test_c22_an_assistant_who_releases_the_job_is_notified_and_disconnected(server: Server, room: Any, on_duty: Any, accepted: int) -> None:
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
