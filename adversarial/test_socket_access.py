"""C. Who may open a socket, and when it is closed again."""

import base64
import os
import socket
import time
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from adversarial.test_pages import enter_admin
from testing.samples import ask_for_help, created_id, fleet_of, order_body
from testing.users import Caller


def test_c01_a_socket_without_credentials_is_closed(environment):
    nobody = Caller(environment)
    for path in ("/ws/assistance/1/", "/ws/assistant/1/"):
        with nobody.socket(path) as frames:
            assert frames.receive_close() == 4401
            assert frames.received == []


def test_c02_a_channel_of_another_assistant_is_closed(users):
    one, two, client = users.assistant(), users.assistant(), users.client()
    for actor in (two, client):
        with actor.socket(f"/ws/assistant/{one.id}/") as frames:
            assert frames.receive_close() == 4403
            assert frames.received == []


def test_c03_strangers_learn_nothing(users, job):
    stranger = users.client()
    for number in (job[2], 10**9):
        with stranger.socket(f"/ws/assistance/{number}/") as frames:
            assert frames.receive_close() == 4403
            assert frames.received == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_c04_foreign_origins_are_refused(environment, users, origin):
    client = users.client()
    url = environment.urls[0].replace("http", "ws") + "/ws/assistance/1/"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers={"Authorization": client.header}, origin=origin)
    assert refused.value.response.status_code == 403


def test_c04_our_host_under_another_scheme_or_port_is_refused(environment, job):
    client, _, number = job
    site = environment.urls[0]
    address = f"{site.replace('http', 'ws')}/ws/assistance/{number}/"
    for origin in (site.replace("http", "https"), site.rsplit(":", 1)[0], environment.urls[1], site.replace("http", "ws"), f"{site}/"):
        with pytest.raises(InvalidStatus) as refused:
            connect(address, additional_headers={"Authorization": client.header}, origin=origin)
        assert refused.value.response.status_code == 403, origin
    for origin in (site, None):
        with client.socket(f"/ws/assistance/{number}/", origin=origin) as frames:
            assert frames.receive()["type"] == "connection_established"


def test_c04_an_admin_session_opens_no_socket(environment, users, job):
    staff = users.staff()
    browser = enter_admin(environment, staff)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    assert "sessionid=" in cookies
    for origin in (environment.urls[0], None):
        with browser.socket(f"/ws/assistance/{job[2]}/", headers={"Cookie": cookies}, origin=origin) as frames:
            assert frames.receive_close() == 4401
            assert frames.received == []
    with staff.socket(f"/ws/assistance/{job[2]}/") as frames:  # whom their token would let in
        assert frames.receive()["type"] == "connection_established"


def test_c14_a_token_of_a_page_opens_only_sockets_and_ends_with_its_session(environment, users):
    dispatcher, staff = users.dispatcher(), users.staff()
    fleet_of(dispatcher)

    def page():
        browser = enter_admin(environment, dispatcher)
        form = {"csrfmiddlewaretoken": browser.http.cookies["csrftoken"]}
        answer = browser.http.post(environment.urls[0] + "/admin/socket-token/", data=form, headers={"Referer": environment.urls[0] + "/admin/"})
        assert answer.status_code == 200
        environment.secrets.add(answer.json()["token"])
        return browser, answer.json()["token"], form

    def leave(browser, form):
        browser.http.post(environment.urls[1] + "/admin/logout/", data=form, headers={"Referer": environment.urls[1] + "/admin/"})

    def end_all(browser, form):
        operator = enter_admin(environment, staff)
        operator.http.post(
            environment.urls[1] + "/admin/dispatch/people/end-sessions/",
            data={"ids": str(dispatcher.id), "csrfmiddlewaretoken": operator.http.cookies["csrftoken"]},
            headers={"Referer": environment.urls[1] + "/admin/"},
        )

    for end in (leave, end_all):
        browser, token, form = page()
        for scheme in ("Bearer", "Token"):
            assert Caller(environment, header=f"{scheme} {token}").get("/api/companies/").status_code == 401
        with browser.socket("/ws/fleet/", headers={}, subprotocols=["bearer", token], origin=environment.urls[0]) as frames:
            assert frames.receive()["type"] == "connection_established"
            end(browser, form)
            assert frames.receive_close(2) == 4401, end
        with browser.socket("/ws/fleet/", headers={}, subprotocols=["bearer", token], origin=environment.urls[0]) as frames:
            assert frames.receive_close() == 4401
        assert browser.http.get(environment.urls[0] + "/admin/", follow_redirects=False).status_code == 302
        assert browser.http.post(environment.urls[0] + "/admin/socket-token/", data=form, follow_redirects=False).status_code in (302, 403)


def test_c14_a_ticket_of_a_link_opens_one_socket_over_all_servers(environment, users):
    http, (one, two) = users.anyone.http, environment.urls[:2]
    asked = {"key": "c14" * 8, "pickup": "-50.0, -50.0", "assistance_type": "towing", "vehicle_type": "light", "phone": "+213661009914", "step": "ask"}
    link = http.request("POST", f"{one}/help/", data=asked, follow_redirects=False).headers["Location"]
    environment.secrets.add(link.split("/")[2])

    def opened(ticket, server, **options):
        return Caller(environment, header="").socket("/ws/h/", server=server, headers={}, subprotocols=["bearer", ticket], **options)

    ticket = http.request("POST", f"{one}{link}ticket/").json()["ticket"]
    environment.secrets.add(ticket)
    with opened(ticket, 1, origin=two) as page:
        assert page.receive()["type"] == "connection_established"
        for server in (0, 1):
            with opened(ticket, server) as again:
                assert again.receive_close() == 4401
    with opened(link.split("/")[2], 0) as by_link:
        assert by_link.receive_close() == 4401
    assert Caller(environment, header=f"Bearer {ticket}").get("/api/companies/").status_code == 401


def test_c14_a_customers_socket_tells_of_one_order_and_ends_with_its_link(environment, users):
    dispatcher = users.dispatcher()
    ids = fleet_of(dispatcher)
    mine, other = ids["order"], created_id(dispatcher.post("/api/orders/", order_body()))
    for order in (mine, other):
        assert dispatcher.post(f"/api/trips/{ids['trip']}/add-order/", {"order": order}).status_code in (201, 409)

    def link():
        path = urlsplit(dispatcher.post(f"/api/orders/{mine}/link/").json()["url"]).path
        environment.secrets.add(path.split("/")[2])
        return path

    def opened(path, server):
        answer = users.anyone.http.request("POST", f"{environment.urls[1 - server]}{path}ticket/")
        environment.secrets.add(answer.json()["ticket"])
        return Caller(environment, header="").socket("/ws/o/", server=server, headers={}, subprotocols=["bearer", answer.json()["ticket"]])

    path = link()
    with opened(path, 0) as page, opened(path, 1) as elsewhere:
        for frames in (page, elsewhere):
            assert frames.receive()["type"] == "connection_established"
        assert dispatcher.patch(f"/api/orders/{other}/", {"customer_name": "Somebody"}, server=1).status_code == 200
        assert dispatcher.patch(f"/api/orders/{mine}/", {"requested_delivery_date": "2031-01-02"}, server=1).status_code == 200
        for frames in (page, elsewhere):
            assert frames.receive() == {"type": "changed"}
        link()  # which ends the one of before, on whichever server
        for frames in (page, elsewhere):
            assert frames.receive_close(4) == 4403
            assert {frame["type"] for frame in frames.received} == {"connection_established", "changed"}
    assert users.anyone.http.request("POST", f"{environment.urls[0]}{path}ticket/").status_code == 404


def test_c14_ended_tokens_close_sockets(users):
    client = users.client()
    number = ask_for_help(client)
    for server in (0, 1):
        with client.socket(f"/ws/assistance/{number}/", server=server) as mine:
            mine.receive()
    with client.socket(f"/ws/assistance/{number}/", server=1) as mine:
        mine.receive()
        started = time.monotonic()
        client.post("/api/auth/logout/", server=0)
        assert mine.receive_close(4) == 4401
        assert time.monotonic() - started < 3


def test_c18_odd_handshakes_are_answered(environment, users):
    client = users.client()
    number, port = ask_for_help(client), int(environment.urls[0].rsplit(":", 1)[1])
    before = environment.logs().count("Traceback")  # what other attacks left there is theirs

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
    assert environment.logs().count("Traceback") == before


@pytest.mark.parametrize("number", ["abc", "-1", str(2**63), "9" * 120, "%00", "%C3%A9"])
def test_c18_ids_that_are_no_numbers_are_refused(users, number):
    client = users.client()
    for kind in ("assistance", "assistant"):
        try:
            with client.socket(f"/ws/{kind}/{number}/") as frames:
                assert frames.receive_close() == 4403
        except InvalidStatus as refused:
            assert refused.response.status_code in (403, 404)


def test_c19_tokens_stay_out_of_logs(environment, users):
    client = users.client()
    number = ask_for_help(client)
    with client.socket(f"/ws/assistance/{number}/?token={client.token}", headers={}) as frames:
        assert frames.receive()["type"] == "connection_established"
    with client.socket(f"/ws/assistance/{number}/", headers={}, subprotocols=["bearer", client.token]) as frames:
        assert frames.connection.subprotocol == "bearer"
        assert frames.receive()["type"] == "connection_established"
    assert client.token not in environment.logs()
    assert "eyJ" not in environment.logs()


def test_c22_the_socket_of_a_released_assistant_is_closed(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.receive()
        his.receive()
        assert assistant.post(f"/api/assistance/release/{number}/").status_code == 200
        frame = his.receive("status", status="requested")
        assert frame["assistant"] is None
        assert his.receive_close(4) == 4403
    assert assistant.get(f"/api/assistance/{number}/messages/").status_code == 404


@pytest.mark.parametrize("who", ["client", "assistant"])
def test_c22_after_a_cancellation_the_assistants_location_reaches_nobody(environment, job, who):
    client, assistant, number = job
    url = f"/ws/assistance/{number}/"
    with client.socket(url) as mine, assistant.socket(url, server=1) as his:
        mine.receive()
        his.receive()
        actor = client if who == "client" else assistant
        assert actor.patch(f"/api/assistance/update/{number}/", {"status": "canceled"}).status_code == 200
        for frames in (mine, his):
            frames.receive("status", status="canceled")
        his.send({"type": "location", "lat": 1.25, "lng": 1.25})
        assert his.receive("error")["code"] == "already_final"
        place = {"latitude": 1.25, "longitude": 1.25}
        assert assistant.post("/api/profile/update-location/", place).status_code == 200
        his.send({"type": "chat", "message": "Too bad"})  # is received after all earlier frames
        mine.receive("chat", message="Too bad")
        assert not any(event["type"] == "location" and event["lat"] == 1.25 for event in mine.received)
    with client.socket(url) as mine:
        mine.receive("status", status="canceled")
        assert not any(event.get("lat") == 1.25 for event in mine.received)
