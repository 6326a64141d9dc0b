"""What a socket receives first."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from assistance import services
from assistance.models import Assistance, AssistantProfile
from assistance.tests.sockets.conftest import PICKUP, token
from testing.fixtures import running_server
from testing.servers import Server
from testing.waiting import wait_until


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


def test_a_new_socket_receives_the_newest_location(server: Server, room: Any, client_user: Any, accepted: int) -> None:
    """Two moves within the five seconds in which only the first is stored."""
    one, other = room
    for lat in (36.1, 36.2):
        other.send({"type": "location", "lat": lat, "lng": 3})
        assert one.receive("location", lat=lat)["at"].endswith("Z")
    with server.socket(f"/ws/assistance/{accepted}/", token(client_user)) as joining:
        assert joining.receive("location")["lat"] == 36.2
