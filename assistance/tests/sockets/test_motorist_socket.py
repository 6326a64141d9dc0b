"""The socket of the motorist's page: who gets in by a ticket, what it tells, and when it ends."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from websockets.exceptions import InvalidStatus

from accounts.models import User
from assistance import services
from assistance.models import Assistance, RequestLink, RequestPhoto
from assistance.steps.request_links import keep_link, path_of
from assistance.tests.sockets.conftest import close_code, token
from assistance.tests.test_floods import flood
from assistance.tests.test_photos import photo
from depannini_dashmap.lib.db.secret_links import new_token
from testing.clients import SocketClient
from testing.servers import Server

Opener = Callable[..., SocketClient]


@pytest.fixture
def ticket(server: Server) -> Callable[[int], str]:
    """Make a link to a request and return a ticket of its page, as the running server gives it."""
    return lambda request_id: ticket_of(server, token_for(request_id))


def token_for(request_id: int) -> str:
    made = new_token()
    keep_link(request_id, made)
    return made


def ticket_of(server: Server, link: str) -> str:
    answer = httpx.post(f"{server.url}{path_of(link)}ticket/")
    assert answer.status_code == 200
    return answer.json()["ticket"]


def opened(server: Server, ticket: str, path: str = "/ws/h/", **options: Any) -> SocketClient:
    return server.socket(path, subprotocols=["bearer", ticket], **options)


@pytest.mark.postgres
def test_a_page_is_told_that_something_changed_and_where_who_comes_is(server: Server, ticket: Any, on_duty: Any, client_user: Any, requested: int) -> None:
    with opened(server, ticket(requested)) as page:
        first = page.receive()
        assert first.keys() == {"type", "server_time"} and first["type"] == "connection_established"
        services.report_location(actor=client_user, lat=36.7, lng=3.0)  # the motorist's own, which no page shows
        services.accept(actor=on_duty, assistance_id=requested)
        assert page.receive() == {"type": "changed"}
        services.report_location(actor=on_duty, lat=36.76, lng=3.05)
        place = page.receive("place")
        assert place.keys() == {"type", "lat", "lng", "at"} and (place["lat"], place["lng"]) == (36.76, 3.05)
        services.post_chat(actor=on_duty, assistance_id=requested, message="Ten minutes")
        page.receive("changed")
        services.release(actor=on_duty, assistance_id=requested)
        page.receive("changed")
        page.received.clear()
        services.report_location(actor=on_duty, lat=36.77, lng=3.06)
        page.send({"type": "ping"})
        page.receive("pong")
        assert [frame["type"] for frame in page.received if frame["type"] == "place"] == []


@pytest.mark.postgres
def test_new_photos_are_told_to_the_room_and_the_page(server: Server, ticket: Any, on_duty: Any, client_user: Any, requested: int, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    services.accept(actor=on_duty, assistance_id=requested)
    with opened(server, ticket(requested)) as page, server.socket(f"/ws/assistance/{requested}/", token(on_duty)) as room:
        page.receive("connection_established")
        room.receive("location")
        services.add_photos(actor=client_user, assistance_id=requested, given=[photo(), photo()], key="k")
        services.add_photos(actor=client_user, assistance_id=requested, given=[photo(), photo()], key="k")
        told = room.receive()
        newest = RequestPhoto.objects.order_by("pk").last()
        assert told == {"type": "photos", "role": "client", "added": 2, "assistance_id": requested, "seq": told["seq"], "event_id": f"photos.{newest.pk}"}
        assert page.receive() == {"type": "changed"}
        services.add_photos(actor=on_duty, assistance_id=requested, given=[photo()])
        told = room.receive()  # the same key again told nothing
        assert (told["type"], told["role"], told["added"]) == ("photos", "assistant", 1)
        page.receive("changed")


def test_a_ticket_opens_one_socket_of_its_kind(server: Server, ticket: Any, requested: int) -> None:
    given = ticket(requested)
    with opened(server, given) as page:
        page.receive("connection_established")
        assert close_code(server, "/ws/h/", subprotocols=["bearer", given]) == 4401
    for path in ("/ws/fleet/", f"/ws/assistance/{requested}/"):
        assert close_code(server, path, subprotocols=["bearer", ticket(requested)]) == 4401
    for nothing in ("x" * 32, "x" * 5000, token_for(requested)):
        assert close_code(server, "/ws/h/", subprotocols=["bearer", nothing]) == 4401
    assert close_code(server, "/ws/h/") == 4401


def test_nobody_shuts_a_page_out_by_flooding_in_the_name_of_its_link(server: Server, ticket: Any, requested: int) -> None:
    given = ticket(requested)
    with server.socket("/ws/h/", subprotocols=["bearer", f"link.h.{RequestLink.objects.get().pk}"]) as stranger:
        assert flood(stranger) == 4401
    with opened(server, given) as page:
        page.receive("connection_established")


def test_of_two_that_bring_a_ticket_at_once_one_gets_in(server: Server, ticket: Any, requested: int) -> None:
    given = ticket(requested)

    def enter(_: int) -> bool:
        with opened(server, given) as page:
            try:
                return page.receive()["type"] == "connection_established"
            except Exception:
                return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(enter, range(6))) == 1


def test_a_page_is_told_without_redis_too(server: Server, ticket: Any, on_duty: Any, requested: int) -> None:
    with opened(server, ticket(requested)) as page:
        page.receive("connection_established")
        assert server.call("PATCH", f"/api/assistance/accept/{requested}/", token(on_duty)).status_code == 200
        page.receive("changed")


@pytest.mark.postgres
def test_a_link_that_is_ended_ends_its_sockets(server: Server, ticket: Any, staff_user: Any, requested: int) -> None:
    before = ticket(requested)
    with opened(server, ticket(requested)) as page:
        page.receive("connection_established")
        services.end_links(actor=staff_user, assistance_id=requested)
        assert page.receive_close() == 4403
    assert close_code(server, "/ws/h/", subprotocols=["bearer", before]) == 4403


@pytest.mark.postgres
def test_a_page_hears_of_its_own_request_alone(server: Server, ticket: Any, on_duty: Any, requested: int) -> None:
    somebody = User.objects.create_user("somebody", phone_number="+213555000777", user_type="client")
    other = services.request_assistance(actor=somebody, pickup=(36.7525, 3.0420)).job.pk
    with opened(server, ticket(other)) as page, opened(server, ticket(requested)) as own:
        page.receive("connection_established")
        own.receive("connection_established")
        services.accept(actor=on_duty, assistance_id=requested)
        own.receive("changed")
        services.report_location(actor=on_duty, lat=36.76, lng=3.05)
        own.receive("place")
        services.update_status(actor=on_duty, assistance_id=requested, status="ongoing")
        own.receive("changed")
        page.send({"type": "ping"})
        page.receive("pong")
        kinds = [frame["type"] for frame in page.received]
        assert "place" not in kinds


def test_what_a_page_says_is_refused_and_the_socket_lives(server: Server, ticket: Any, requested: int) -> None:
    with opened(server, ticket(requested)) as page:
        page.receive("connection_established")
        for frame in ({"type": "location", "lat": 1, "lng": 1}, {"type": "chat", "message": "x"}, {"type": "place"}):
            page.send(frame)
            assert page.receive()["code"] == "unknown_type"


def test_foreign_pages_open_none(server: Server, ticket: Any, requested: int) -> None:
    with pytest.raises(InvalidStatus):
        opened(server, ticket(requested), origin="https://evil.example")


def test_one_link_has_ten_sockets(server: Server, ticket: Any, requested: int) -> None:
    link = token_for(requested)
    sockets = [opened(server, ticket_of(server, link)) for _ in range(11)]
    try:
        for one in sockets:
            one.receive("connection_established")
        assert sockets[0].receive_close() == 4429
    finally:
        for one in sockets:
            one.close()


@pytest.mark.django_db
def test_tickets_are_given_to_posts_of_open_links_and_so_many_a_minute(client_user: Any, staff_user: Any, settings: Any) -> None:
    settings.THROTTLING_ENABLED = True
    job = services.request_assistance(actor=client_user, pickup=(36.7525, 3.0420)).job
    path = f"{path_of(token_for(job.pk))}ticket/"
    visitor = Client(enforce_csrf_checks=True)
    refused = visitor.get(path)
    assert (refused.status_code, refused["Allow"]) == (405, "POST, OPTIONS")
    given = []
    while (answer := visitor.post(path)).status_code == 200:
        assert answer["Cache-Control"] == "no-store" and answer["Referrer-Policy"] == "no-referrer"
        given.append(answer.json()["ticket"])
    assert answer.status_code == 429 and int(answer["Retry-After"]) > 0
    assert 30 <= len(set(given)) == len(given) and all(ticket not in path for ticket in given)
    RequestLink.objects.all().revoke()
    assert visitor.post(path).status_code == 404 and Assistance.objects.count() == 1
