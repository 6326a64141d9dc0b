"""Who may open a socket, and how a session that ends closes it."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from websockets.exceptions import InvalidStatus

from accounts.services import end_sessions
from accounts.tokens import AccessToken, issue_fleet_token, issue_pair
from assistance import services
from assistance.tests.sockets.conftest import close_code, token
from testing.servers import Server


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
    """The leeway is for the handshake: an open socket ends on time, a socket just accepted by it a moment later."""
    short = AccessToken(token(on_duty))
    short.set_exp(lifetime=timedelta(seconds=2))
    with server.socket(f"/ws/assistant/{on_duty.pk}/", str(short)) as client:
        client.receive("connection_established")
        assert client.receive_close(seconds=4) == 4401
    short.set_exp(lifetime=timedelta(seconds=-7))
    with server.socket(f"/ws/assistant/{on_duty.pk}/", str(short)) as client:
        client.receive("connection_established")
        assert client.receive_close(seconds=6) == 4401


def test_ending_sessions_by_hand(server: Server, on_duty: Any) -> None:
    if not settings.REDIS_URL:
        pytest.skip("without Redis the test's process cannot reach the server's sockets")
    with server.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as client:
        client.receive("connection_established")
        end_sessions(actor=None, user_id=on_duty.pk, reason="deactivated")
        assert client.receive_close(seconds=2) == 4401
