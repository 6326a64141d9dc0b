"""C. Sockets."""

import base64
import json
import os
import socket
import time
from contextlib import ExitStack, contextmanager

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from adversarial.actors import Actor, ask_for_help, fleet_of
from adversarial.stage import wait_until
from adversarial.test_pages import enter_admin


@pytest.fixture
def job(cast):
    """A client, an assistant and their accepted request."""
    client, assistant = cast.client(), cast.assistant()
    number = ask_for_help(client)
    assert assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
    return client, assistant, number


def test_c01_without_credentials(stage):
    nobody = Actor(stage)
    for path in ("/ws/assistance/1/", "/ws/assistant/1/"):
        with nobody.socket(path) as frames:
            assert frames.closed() == 4401
            assert frames.seen == []


def test_c02_others_channels(cast):
    one, two, client = cast.assistant(), cast.assistant(), cast.client()
    for actor in (two, client):
        with actor.socket(f"/ws/assistant/{one.id}/") as frames:
            assert frames.closed() == 4403
            assert frames.seen == []


def test_c03_strangers_learn_nothing(cast, job):
    stranger = cast.client()
    for number in (job[2], 10**9):
        with stranger.socket(f"/ws/assistance/{number}/") as frames:
            assert frames.closed() == 4403
            assert frames.seen == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_c04_foreign_origins(stage, cast, origin):
    client = cast.client()
    url = stage.urls[0].replace("http", "ws") + "/ws/assistance/1/"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers={"Authorization": client.header}, origin=origin)
    assert refused.value.response.status_code == 403


def test_c04_our_host_under_another_scheme_or_port(stage, job):
    client, _, number = job
    site = stage.urls[0]
    address = f"{site.replace('http', 'ws')}/ws/assistance/{number}/"
    for origin in (site.replace("http", "https"), site.rsplit(":", 1)[0], stage.urls[1], site.replace("http", "ws"), f"{site}/"):
        with pytest.raises(InvalidStatus) as refused:
            connect(address, additional_headers={"Authorization": client.header}, origin=origin)
        assert refused.value.response.status_code == 403, origin
    for origin in (site, None):
        with client.socket(f"/ws/assistance/{number}/", origin=origin) as frames:
            assert frames.next()["type"] == "connection_established"


def test_c04_an_admin_session_opens_no_socket(stage, cast, job):
    staff = cast.staff()
    browser = enter_admin(stage, staff)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    assert "sessionid=" in cookies
    for origin in (stage.urls[0], None):
        with browser.socket(f"/ws/assistance/{job[2]}/", headers={"Cookie": cookies}, origin=origin) as frames:
            assert frames.closed() == 4401
            assert frames.seen == []
    with staff.socket(f"/ws/assistance/{job[2]}/") as frames:  # whom their token would let in
        assert frames.next()["type"] == "connection_established"


def test_c14_a_pages_token_opens_sockets_alone_and_ends_with_its_session(stage, cast):
    dispatcher, staff = cast.dispatcher(), cast.staff()
    fleet_of(dispatcher)

    def page():
        browser = enter_admin(stage, dispatcher)
        form = {"csrfmiddlewaretoken": browser.http.cookies["csrftoken"]}
        answer = browser.http.post(stage.urls[0] + "/admin/socket-token/", data=form, headers={"Referer": stage.urls[0] + "/admin/"})
        assert answer.status_code == 200
        stage.secrets.add(answer.json()["token"])
        return browser, answer.json()["token"], form

    def leave(browser, form):
        browser.http.post(stage.urls[1] + "/admin/logout/", data=form, headers={"Referer": stage.urls[1] + "/admin/"})

    def end_all(browser, form):
        operator = enter_admin(stage, staff)
        operator.http.post(
            stage.urls[1] + "/admin/dispatch/people/end-sessions/",
            data={"ids": str(dispatcher.id), "csrfmiddlewaretoken": operator.http.cookies["csrftoken"]},
            headers={"Referer": stage.urls[1] + "/admin/"},
        )

    for end in (leave, end_all):
        browser, token, form = page()
        for scheme in ("Bearer", "Token"):
            assert Actor(stage, header=f"{scheme} {token}").get("/api/companies/").status_code == 401
        with browser.socket("/ws/fleet/", headers={}, subprotocols=["bearer", token], origin=stage.urls[0]) as frames:
            assert frames.next()["type"] == "connection_established"
            end(browser, form)
            assert frames.closed(2) == 4401, end
        with browser.socket("/ws/fleet/", headers={}, subprotocols=["bearer", token], origin=stage.urls[0]) as frames:
            assert frames.closed() == 4401
        assert browser.http.get(stage.urls[0] + "/admin/", follow_redirects=False).status_code == 302
        assert browser.http.post(stage.urls[0] + "/admin/socket-token/", data=form, follow_redirects=False).status_code in (302, 403)


def test_c05_location_is_the_senders_own(stage, job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.next()
        his.next()
        his.send({"type": "location", "lat": 36.76, "lng": 3.07, "user_id": client.id})
        event = mine.until("location", lat=36.76, lng=3.07)
        assert event["user_id"] == assistant.id
    assert stage.rows("SELECT current_lat FROM accounts_user WHERE id = %s", [client.id]) == [(None,)]


def test_c06_no_location_after_the_end(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/") as his:
        mine.next()
        his.next()
        assert client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"}).status_code == 200
        his.until("status", status="canceled")
        mine.until("status", status="canceled")
        his.send({"type": "location", "lat": 1.5, "lng": 1.5})
        his.until("error")
        mine.send({"type": "ping"})
        mine.until("pong")
        assert not any(event.get("lat") == 1.5 for event in mine.seen)


@pytest.mark.parametrize(
    "place",
    ['"lat": NaN, "lng": 1', '"lat": Infinity, "lng": 1', '"lat": 1e999, "lng": 1', '"lat": true, "lng": 1', '"lat": null, "lng": 1', '"lat": 91, "lng": 1', '"lat": 1, "lng": -181', '"lat": {}, "lng": 1', '"lng": 1'],
)
def test_c07_places_that_are_none(job, place):
    client, _, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.next()
        mine.send('{"type": "location", ' + place + "}")
        event = mine.until("error")
        assert event["code"] and event["error"]
        mine.send({"type": "ping"})
        mine.until("pong")


@pytest.mark.parametrize(
    "frame", ["garbage", b"\x00\x01", "[]", "[" * 2000, '{"type": "chat", "message": "\\ud800"}', '{"type": "nonsense"}', '{"type": 5}', "{}", '"x"', "1", "null", '{"type": "__init__"}', '{"type": "session.ended"}']
)
def test_c08_bad_frames_are_answered(job, frame):
    client, _, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.next()
        mine.send(frame)
        mine.until("error")
        mine.send({"type": "ping"})
        mine.until("pong")


def test_c08_ten_bad_frames_close(job):
    client, _, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.next()
        for _ in range(10):
            mine.send("garbage")
        assert mine.closed() == 4400


def test_c10_frames_over_the_limit(job):
    client, _, number = job
    for size in (16 * 1024 + 1, 2**20):
        with client.socket(f"/ws/assistance/{number}/") as mine:
            mine.next()
            try:
                mine.send(json.dumps({"type": "chat", "message": "x" * size}))
            except ConnectionClosed:
                pass
            assert mine.closed() == 1009


def test_c10_a_megabyte_in_fragments(job):
    client, _, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.next()
        try:
            mine.held.send(["x" * 4096] * 256)
        except ConnectionClosed:
            pass
        assert mine.closed() == 1009


def test_c11_a_flood_is_cut(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.next()
        his.next()
        started = time.monotonic()
        try:
            for index in range(1000):
                his.send({"type": "chat", "message": f"m{index}"})
        except ConnectionClosed:
            pass
        assert his.closed() == 4429
        seconds = time.monotonic() - started
    messages = client.get(f"/api/assistance/{number}/messages/?page_size=1000").json()["results"]
    assert len(messages) <= 30 * max(1, seconds)  # a busy machine needs longer than a second for them


def test_c11_a_flooder_who_comes_back_learns_nothing(job):
    client, assistant, number = job
    url = f"/ws/assistance/{number}/"
    with client.socket(url) as mine:
        mine.next()
        for _ in range(10):
            with assistant.socket(url) as his:
                try:
                    for _ in range(1000):
                        his.send({"type": "ping"})
                except ConnectionClosed:
                    pass
                assert his.closed() == 4429
                if not his.seen:
                    break
        else:
            raise AssertionError("let in however often it floods")
        mine.send({"type": "ping"})
        mine.until("pong", seconds=0.5)
    with assistant.socket(url, server=1) as his:  # the other process has no quarrel with him
        assert his.next()["type"] == "connection_established"


@pytest.mark.parametrize("kind", [Opcode.PING, Opcode.PONG, Opcode.CONT])
def test_c11_frames_that_are_no_messages(job, kind):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/") as his:
        mine.next()
        his.next()
        pieces = [Frame(kind, b"", fin=kind != Opcode.CONT).serialize(mask=True) for _ in range(1000)]
        try:
            his.held.socket.sendall(Frame(Opcode.TEXT, b"{", fin=False).serialize(mask=True) + b"".join(pieces))
        except OSError:
            pass
        assert his.closed() == 4429
        mine.send({"type": "ping"})
        mine.until("pong", seconds=0.5)


@pytest.mark.parametrize("servers", [(0,), (0, 1)])
def test_c13_the_sixth_socket_displaces_the_deadest(job, servers):
    client, _, number = job
    url = f"/ws/assistance/{number}/"
    with ExitStack() as stack:
        six = []
        for index in range(6):
            six.append(stack.enter_context(client.socket(url, server=servers[index % len(servers)])))
            six[-1].next()
        assert six[0].closed(5) == 4429
        for frames in six[1:]:
            frames.send({"type": "ping"})
            frames.until("pong")


def test_c13_phones_that_lost_their_network_shut_nobody_out(stage, job):
    client, _, number = job
    url = f"/ws/assistance/{number}/"
    with ExitStack() as held:
        live = [held.enter_context(client.socket(url))]
        live[0].next()
        lost = [held.enter_context(silent_socket(stage, url, client.header, server=index % 2)) for index in range(4)]
        for turn in range(4):
            live.append(held.enter_context(client.socket(url, server=turn % 2)))
            assert live[-1].next()["type"] == "connection_established"
            wait_until(lambda turn=turn: sum(is_closed(one) for one in lost) > turn, 6)
        for frames in live:
            frames.send({"type": "ping"})
            frames.until("pong")


@contextmanager
def silent_socket(stage, path, header, *, server=0):
    """Hold a connection that answers no ping."""
    port = int(stage.urls[server].rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as held:
        held.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nAuthorization: {header}\r\n\r\n".encode()
        )
        received = b""
        while b"connection_established" not in received:
            piece = held.recv(65536)
            assert piece, received
            received += piece
        held.setblocking(False)
        yield held


def is_closed(held):
    """Tell whether the server has sent a close frame with 4429, without taking it away."""
    try:
        return (b"\x88\x02" + (4429).to_bytes(2, "big")) in held.recv(65536, socket.MSG_PEEK)
    except BlockingIOError:
        return False


def test_c14_ended_tokens_close_sockets(cast):
    client = cast.client()
    number = ask_for_help(client)
    for server in (0, 1):
        with client.socket(f"/ws/assistance/{number}/", server=server) as mine:
            mine.next()
    with client.socket(f"/ws/assistance/{number}/", server=1) as mine:
        mine.next()
        started = time.monotonic()
        client.post("/api/auth/logout/", server=0)
        assert mine.closed(4) == 4401
        assert time.monotonic() - started < 3


def test_c15_the_first_frame_is_the_state(stage, cast):
    client, assistant = cast.client(), cast.assistant()
    number = ask_for_help(client)
    expected = "requested"
    for step in (None, "accept", "ongoing", "completed"):
        if step == "accept":
            assert assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
            expected = "accepted"
        elif step:
            assert assistant.patch(f"/api/assistance/update/{number}/", {"status": step}).status_code == 200
            expected = step
        with client.socket(f"/ws/assistance/{number}/") as mine:
            first = mine.next()
            assert first["type"] == "connection_established"
            assert first["assistance"]["status"] == expected
            version = stage.rows("SELECT version FROM assistance_assistance WHERE id = %s", [number])[0][0]
            assert first["seq"] == version
            if expected != "requested":
                assert mine.next()["type"] == "status"


def test_c15_open_offers_are_replayed(cast):
    client, assistant = cast.client(), cast.assistant(lat=-20.0, lng=-50.0)
    number = client.post("/api/assistance/request/", {"pickup": {"lat": -20.01, "lng": -50.01}}).json()["assistance"]["id"]
    with assistant.socket(f"/ws/assistant/{assistant.id}/") as his:
        first = his.next()
        assert first["type"] == "connection_established"
        assert [offer["assistance_id"] for offer in first["offers"]] == [number]
        event = his.next()
        assert (event["type"], event["assistance_id"]) == ("new_assistance_request", number)


def test_c17_seq_never_goes_back(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.next()
        for status in ("ongoing", "completed"):
            assistant.patch(f"/api/assistance/update/{number}/", {"status": status})
        mine.until("status", status="completed")
        seqs = [event["seq"] for event in mine.seen if "seq" in event]
        assert seqs == sorted(seqs)


def test_c17_a_duplicate_keeps_its_event_id(job):
    client, assistant, number = job
    url, kinds = f"/ws/assistance/{number}/", {"status", "location", "chat"}

    def heard(frames):
        return {event["type"]: (event["event_id"], event["seq"]) for event in frames.seen if event["type"] in kinds}

    with client.socket(url) as here, client.socket(url, server=1) as there, assistant.socket(url, server=1) as his:
        his.next()
        for frames in (here, there):
            frames.until("status", status="accepted")
        assert assistant.patch(f"/api/assistance/update/{number}/", {"status": "ongoing"}).status_code == 200
        his.send({"type": "location", "lat": 36.75, "lng": 3.05})
        his.send({"type": "chat", "message": "On my way"})
        for frames in (here, there):
            for kind, keys in (("status", {"status": "ongoing"}), ("location", {"lat": 36.75}), ("chat", {})):
                if not any(event["type"] == kind and keys.items() <= event.items() for event in frames.seen):
                    frames.until(kind, **keys)
        first = heard(here)
        assert first.keys() == kinds and heard(there) == first
        assert len({event_id for event_id, _ in first.values()}) == 3
    with client.socket(url, server=1) as again:
        told = again.until("status")
        assert (told["status"], told["event_id"], told["seq"]) == ("ongoing", *first["status"])


def test_c18_handshakes_that_no_library_sends(stage, cast):
    client = cast.client()
    number, port = ask_for_help(client), int(stage.urls[0].rsplit(":", 1)[1])
    before = stage.logs().count("Traceback")  # what other attacks left there is theirs

    def shake(path, *headers):
        head = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        head += [f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", f"Authorization: {client.header}", *headers]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as held:
            held.sendall("\r\n".join([*head, "", ""]).encode("latin-1"))
            return held.recv(65536).split(b"\r\n", 1)[0]

    room = f"/ws/assistance/{number}/"
    assert shake(room, "Sec-WebSocket-Protocol: b\xe9arer") == b"HTTP/1.1 400 Bad Request"
    for root in ("/ws", "/elsewhere", "%2Fws", "\xff"):
        assert shake(room, f"Daphne-Root-Path: {root}").split()[1] == b"101", root
    assert shake(f"/hidden{room}", "Daphne-Root-Path: /hidden").split()[1] == b"403"
    for twice in ("Host: evil.example", f"Authorization: {client.header}"):
        assert b" 500" not in shake(room, twice)
    assert stage.logs().count("Traceback") == before


@pytest.mark.parametrize("number", ["abc", "-1", str(2**63), "9" * 120, "%00", "%C3%A9"])
def test_c18_ids_that_are_none(cast, number):
    client = cast.client()
    for kind in ("assistance", "assistant"):
        try:
            with client.socket(f"/ws/{kind}/{number}/") as frames:
                assert frames.closed() == 4403
        except InvalidStatus as refused:
            assert refused.response.status_code in (403, 404)


def test_c19_tokens_stay_out_of_logs(stage, cast):
    client = cast.client()
    number = ask_for_help(client)
    with client.socket(f"/ws/assistance/{number}/?token={client.token}", headers={}) as frames:
        assert frames.next()["type"] == "connection_established"
    with client.socket(f"/ws/assistance/{number}/", headers={}, subprotocols=["bearer", client.token]) as frames:
        assert frames.held.subprotocol == "bearer"
        assert frames.next()["type"] == "connection_established"
    assert client.token not in stage.logs()
    assert "eyJ" not in stage.logs()


def test_c21_chat(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.next()
        his.next()
        mine.send({"type": "chat", "message": "مرحبا", "sender": "Somebody else"})
        event = his.until("chat")
        assert (event["message"], event["sender"]) == ("مرحبا", "Amina")
        mine.send({"type": "chat", "message": "x" * 1001})
        mine.until("error")
        mine.send({"type": "chat", "message": ""})
        mine.until("error")


def test_c22_a_released_assistant_is_out(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.next()
        his.next()
        assert assistant.post(f"/api/assistance/release/{number}/").status_code == 200
        told = his.until("status", status="requested")
        assert told["assistant"] is None
        assert his.closed(4) == 4403
    assert assistant.get(f"/api/assistance/{number}/messages/").status_code == 404


@pytest.mark.parametrize("who", ["client", "assistant"])
def test_c22_after_canceled_the_assistant_reaches_nobody(stage, job, who):
    client, assistant, number = job
    url = f"/ws/assistance/{number}/"
    with client.socket(url) as mine, assistant.socket(url, server=1) as his:
        mine.next()
        his.next()
        actor = client if who == "client" else assistant
        assert actor.patch(f"/api/assistance/update/{number}/", {"status": "canceled"}).status_code == 200
        for frames in (mine, his):
            frames.until("status", status="canceled")
        his.send({"type": "location", "lat": 1.25, "lng": 1.25})
        assert his.until("error")["code"] == "already_final"
        place = {"latitude": 1.25, "longitude": 1.25}
        assert assistant.post("/api/profile/update-location/", place).status_code == 200
        his.send({"type": "chat", "message": "Too bad"})  # comes after whatever was sent before
        mine.until("chat", message="Too bad")
        assert not any(event["type"] == "location" and event["lat"] == 1.25 for event in mine.seen)
    with client.socket(url) as mine:
        mine.until("status", status="canceled")
        assert not any(event.get("lat") == 1.25 for event in mine.seen)


def test_c23_slow_fan_out_reaches_everybody(job):
    """Both sides hear the newest location however fast it came."""
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.next()
        his.next()
        for step in range(20):
            his.send({"type": "location", "lat": 36.7 + step / 1000, "lng": 3.0})
        assert mine.until("location", lat=36.7 + 19 / 1000)
