"""B. Tokens."""

import base64
import json
import socket
import time

import jwt
import pytest

from testing.concurrency import at_once
from testing.samples import ask_for_help, fleet_of
from testing.users import PASSWORD, Caller


def _segments(token):
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def _forged(token, key, algorithm="HS256", **changes):
    header, claims = _segments(token)
    return jwt.encode({**claims, **changes}, key, algorithm, headers={key: value for key, value in header.items() if key != "alg"})


@pytest.fixture(scope="module")
def client(users):
    return users.client()


def _forgeries(client, secret):
    access, refresh = client.token, client.known["refresh"]
    head, claims, signature = access.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return {
        "alg none": f"{unsigned}.{claims}.",
        "alg none, signature kept": f"{unsigned}.{claims}.{signature}",
        "other key": _forged(access, "another-key-another-key-another-key"),
        "other user": f"{head}.{base64.urlsafe_b64encode(json.dumps({**_segments(access)[1], 'user_id': '1'}).encode()).rstrip(b'=').decode()}.{signature}",
        "refresh as access": refresh,
        "expired": _forged(access, secret, exp=int(time.time()) - 60),
        "future": _forged(access, secret, iat=int(time.time()) + 3600, nbf=int(time.time()) + 3600),
        "HS512": _forged(access, secret, "HS512"),
        "no such user": _forged(access, secret, user_id="999999999"),
        "user id no number": _forged(access, secret, user_id="abc"),
        "user id huge": _forged(access, secret, user_id="9" * 30),
        "truncated": access[:-5],
        "empty signature": f"{head}.{claims}.",
    }


def test_b01_forged_tokens_are_refused(environment, client):
    for name, token in _forgeries(client, environment.variables["SECRET_KEY"]).items():
        forger = Caller(environment, header=f"Bearer {token}")
        answer = forger.get("/api/profile/user/")
        assert answer.status_code == 401, name
        assert answer.json()["error"] == "Invalid token", name
        with forger.socket(f"/ws/assistant/{client.id}/") as frames:
            assert frames.receive_close() == 4401, name


def test_b01_clocks_may_differ_by_ten_seconds(environment, client):
    secret, now = environment.variables["SECRET_KEY"], int(time.time())
    for changes, status in (
        ({"iat": now + 5, "nbf": now + 5}, 200),
        ({"exp": now - 3}, 200),
        ({"iat": now + 60}, 401),
        ({"nbf": now + 60}, 401),
        ({"exp": now - 30}, 401),
    ):
        bearer = Caller(environment, header=f"Bearer {_forged(client.token, secret, **changes)}")
        assert bearer.get("/api/profile/user/").status_code == status, changes


def test_b01_an_access_token_refreshes_nothing(client, anyone):
    assert anyone.post("/api/auth/token/refresh/", {"refresh": client.token}).status_code == 401


def test_b03_twenty_refreshes_of_one_token_all_succeed(client, anyone):
    answers = at_once([lambda: anyone.post("/api/auth/token/refresh/", {"refresh": client.known["refresh"]}).status_code] * 20)
    assert answers == [200] * 20


def test_b04_tokens_from_before_a_deactivation_or_password_change_refresh_nothing(environment, users, anyone):
    deactivated, changed = users.client(), users.client()
    environment.rows("UPDATE accounts_user SET is_active = false WHERE id = %s", [deactivated.id])
    sent = {"old_password": PASSWORD, "new_password": "another-horse-9", "new_password_confirm": "another-horse-9"}
    assert changed.post("/api/auth/password-change/", sent).status_code == 200
    for actor in (deactivated, changed):
        assert anyone.post("/api/auth/token/refresh/", {"refresh": actor.known["refresh"]}).status_code == 401
        assert actor.get("/api/profile/user/").status_code == 401


def _raw(environment, header: bytes) -> bytes:
    host, port = environment.urls[0].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(b"GET /api/profile/user/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + header + b"\r\n\r\n")
        received = b""
        while chunk := wire.recv(65536):
            received += chunk
    return received


@pytest.mark.parametrize(
    "header",
    [b"Token \xff\xfe", b"Token " + b"a" * 8000, b"Token", b"Token a b", b"Token\ta", b"bearer", b"Bearer", b"Bearer a b", b"Bearer \xff.\xff.\xff", b"Basic YTpi", b"Token " + b"\xc3\xa9" * 20, b"eyJ.eyJ.x"],
)
def test_b05_malformed_headers_are_refused(environment, header):
    answer = _raw(environment, b"Authorization: " + header)
    assert answer.split(b"\r\n")[0].split()[1] == b"401", answer[:300]
    assert b"www-authenticate" in answer.lower()


def test_b05_two_headers_are_refused(environment, client):
    good = f"Authorization: {client.header}".encode()
    assert _raw(environment, good + b"\r\n" + good).split()[1] == b"401"


def test_b06_logout_ends_one_token(environment, users, anyone):
    client = users.client()
    login = {"phone_number": client.known["phone"], "password": PASSWORD}
    other = Caller(environment, header=f"Bearer {anyone.post('/api/auth/login/phone/', login).json()['access']}", user_id=client.id)
    assistance = ask_for_help(client)
    with client.socket(f"/ws/assistance/{assistance}/") as here, other.socket(f"/ws/assistance/{assistance}/", server=1) as there:
        here.receive()
        there.receive()
        assert client.post("/api/auth/logout/").status_code == 200
        assert here.receive_close(3) == 4401
        there.send({"type": "ping"})
        assert there.receive("pong")
    assert client.get("/api/profile/user/").status_code == 401
    assert other.get("/api/profile/user/").status_code == 200


def test_b08_roles_are_the_same_under_both_schemes(environment, users):
    client, dispatcher = users.client(), users.dispatcher()
    ids = fleet_of(dispatcher)
    for path in ("vehicles", "orders", "trips", "trip-stops", "positions", "positions/latest", "companies", f"vehicles/{ids['vehicle']}"):
        assert client.get(f"/api/{path}/").status_code == 403, path
    assert dispatcher.post("/api/assistance/request/", {"pickup": {"lat": 1, "lng": 1}}).status_code == 403
    assert dispatcher.get("/api/profile/assistant/").status_code == 403
    assert dispatcher.post("/api/profile/assistant-status/", {"is_active": True}).status_code == 403
    for scheme, token in (("Token", client.token), ("Bearer", dispatcher.token)):
        assert Caller(environment, header=f"{scheme} {token}").get("/api/profile/user/").status_code == 401


def test_b09_sessions_and_query_tokens_open_nothing(environment, users, anyone):
    client = users.client()
    for name in ("token", "access_token", "access"):
        assert anyone.get(f"/api/profile/user/?{name}={client.token}").status_code == 401
    staff = users.staff()
    browser = Caller(environment)
    page = browser.http.get(environment.urls[0] + "/admin/login/")
    form = {"username": staff.known["username"], "password": PASSWORD, "csrfmiddlewaretoken": browser.http.cookies.get("csrftoken", "")}
    entered = browser.http.post(environment.urls[0] + "/admin/login/?next=/admin/", data=form, headers={"Referer": str(page.url)})
    assert entered.status_code == 302
    assert browser.http.get(environment.urls[0] + "/admin/").status_code == 200
    assert browser.http.get(environment.urls[0] + "/api/companies/").status_code == 401
    assert browser.http.post(environment.urls[0] + "/api/companies/", json={"name": "x"}).status_code == 401


def test_b10_no_live_credential_in_the_database(environment, users):
    client, dispatcher = users.client(), users.dispatcher()
    code = environment.code_for(client.known["phone"])
    tables = environment.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    for (table,) in tables:
        text = "\n".join(str(row) for row in environment.rows(f'SELECT t::text FROM "{table}" t'))
        for secret in (client.token, client.known["refresh"], dispatcher.token, PASSWORD):
            assert secret not in text, table
        if table == "accounts_verificationcode" or table.startswith("django_tasks"):
            assert f"'{code}'" not in text and f",{code}," not in text, table


def test_b02_a_refresh_token_that_comes_back_ends_its_family(environment, users, anyone):
    client = users.client()
    login = {"phone_number": client.known["phone"], "password": PASSWORD}
    elsewhere = anyone.post("/api/auth/login/phone/", login).json()
    number = len(environment.urls)
    environment.urls.append(environment.start_server(JWT_ROTATE_REFRESH="on", TASK_WORKER="off"))
    try:

        def refresh(token):
            return anyone.post("/api/auth/token/refresh/", {"refresh": token}, server=number)

        first = client.known["refresh"]
        second = refresh(first).json()["refresh"]
        third = refresh(second).json()
        assert refresh(second).json()["refresh"] == third["refresh"]  # within the grace: a lost answer, no fork
        moved = "UPDATE accounts_refreshfamily SET rotated_at = rotated_at - interval '1 minute' WHERE user_id = %s RETURNING 1"
        assert len(environment.rows(moved, [client.id])) == 1
        assert [refresh(token).status_code for token in (second, third["refresh"], first)] == [401] * 3
        for access in (client.token, third["access"]):
            assert Caller(environment, header=f"Bearer {access}").get("/api/profile/user/").status_code == 401
        assert refresh(elsewhere["refresh"]).status_code == 200
    finally:
        environment.urls.pop(number)


def test_b10_an_unused_fleet_token_expires(environment, users):
    dispatcher = users.dispatcher()

    def days_left(shift=0):
        moved = "UPDATE knox_authtoken SET expiry = expiry - %s * interval '1 day' WHERE user_id = %s RETURNING extract(epoch FROM expiry - now())::float8"
        [(seconds,)] = environment.rows(moved, [shift, dispatcher.id])
        return seconds / 86400

    assert days_left() == pytest.approx(30, abs=0.1)
    assert days_left(29.9) == pytest.approx(0.1, abs=0.1)
    assert dispatcher.get("/api/companies/").status_code == 200
    assert days_left() == pytest.approx(30, abs=0.1)  # using it has put its end off
    days_left(30.01)
    assert [dispatcher.get("/api/companies/", server=server).status_code for server in (0, 1)] == [401, 401]
