"""Sign-in with Google against a key pair made here, and every forged token (A20, A23)."""

import base64
import datetime as dt
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from accounts import google
from accounts.models import User
from accounts.services import set_active

pytestmark = pytest.mark.django_db
URL = "/api/auth/login/google/"
CLIENT_ID = "dashmap.apps.googleusercontent.com"


def make_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key, certificate.public_bytes(serialization.Encoding.PEM).decode()


KEY, CERTIFICATE = make_key()
OTHER_KEY, _ = make_key()
calls = []
trouble: list[Exception] = []


def certificates():
    """The injected source."""
    calls.append(1)
    if trouble:
        raise trouble[0]
    return {"kid-1": CERTIFICATE}


@pytest.fixture(autouse=True)
def configured(settings):
    settings.GOOGLE_CLIENT_IDS = [CLIENT_ID, "second"]
    settings.GOOGLE_CERTIFICATE_SOURCE = f"{__name__}.certificates"
    google._caches.clear()
    calls.clear()
    trouble.clear()
    return settings


def claims(**changes):
    now = int(time.time())
    found = {
        "iss": "https://accounts.google.com",
        "aud": CLIENT_ID,
        "sub": "1122334455",
        "email": "Amina@Gmail.com",
        "email_verified": True,
        "name": "Amina B",
        "iat": now,
        "exp": now + 3600,
    }
    found.update(changes)
    return {name: value for name, value in found.items() if value is not ...}


def token(key=KEY, kid="kid-1", algorithm="RS256", **changes):
    headers = {"kid": kid} if kid else {}
    return jwt.encode(claims(**changes), key, algorithm, headers=headers)


def login(api, raw):
    return api().post(URL, {"token": raw})


def test_a_first_sign_in_makes_a_client_without_a_phone(api):
    answer = login(api, token())
    assert answer.status_code == 200, answer.json()
    user = User.objects.get()
    assert answer.json()["user"] == {
        "id": user.pk,
        "email": "amina@gmail.com",
        "name": "Amina B",
        "phone_number": None,
        "user_type": "client",
        "email_verified": True,
        "phone_verified": False,
    }
    assert (user.username, user.google_sub, user.has_usable_password()) == ("amina@gmail.com", "1122334455", False)
    header = f"Bearer {answer.json()['access']}"
    assert api().get("/api/auth/profile/", HTTP_AUTHORIZATION=header).status_code == 200


def test_the_account_is_keyed_by_sub(api):
    first = login(api, token()).json()["user"]["id"]
    assert login(api, token(email="new@gmail.com")).json()["user"]["id"] == first
    assert login(api, token(aud="second", iss="accounts.google.com")).json()["user"]["id"] == first
    assert User.objects.count() == 1
    assert calls == [1], "certificates are kept"


def test_a_proven_email_is_linked(api, client_user):
    User.objects.filter(pk=client_user.pk).update(email="amina@gmail.com", email_verified=True)
    assert login(api, token()).json()["user"]["id"] == client_user.pk
    client_user.refresh_from_db()
    assert client_user.google_sub == "1122334455"


def test_an_unproven_email_is_not_linked(api, client_user):
    User.objects.filter(pk=client_user.pk).update(email="amina@gmail.com")
    answer = login(api, token())
    assert (answer.status_code, answer.json()["code"]) == (409, "link_required")
    client_user.refresh_from_db()
    assert client_user.google_sub is None
    assert User.objects.count() == 1


def test_an_account_of_another_google_identity_is_not_taken(api, client_user):
    User.objects.filter(pk=client_user.pk).update(email="amina@gmail.com", email_verified=True, google_sub="other")
    assert login(api, token()).status_code == 409


def test_a_switched_off_account_stays_off(api):
    login(api, token())
    set_active(actor=None, user=User.objects.get(), is_active=False)
    assert login(api, token()).status_code == 401


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def by_hand(algorithm, signature=""):
    return f"{part({'alg': algorithm, 'kid': 'kid-1'})}.{part(claims())}.{signature}"


def keyed_with_the_public_key():
    import hashlib
    import hmac

    body = f"{part({'alg': 'HS256', 'kid': 'kid-1'})}.{part(claims())}"
    mac = hmac.new(CERTIFICATE.encode(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


FORGED = {
    "alg none": lambda: by_hand("none"),
    "alg None": lambda: by_hand("None", "x"),
    "no signature": lambda: by_hand("RS256"),
    "hs256 with the public key": keyed_with_the_public_key,
    "another key": lambda: token(key=OTHER_KEY),
    "unknown kid": lambda: token(kid="kid-2"),
    "no kid": lambda: token(kid=None),
    "other audience": lambda: token(aud="evil"),
    "no audience": lambda: token(aud=...),
    "evil issuer": lambda: token(iss="https://accounts.google.com.evil"),
    "no issuer": lambda: token(iss=...),
    "expired": lambda: token(exp=int(time.time()) - 60, iat=int(time.time()) - 3660),
    "no expiry": lambda: token(exp=...),
    "from the future": lambda: token(iat=int(time.time()) + 600, exp=int(time.time()) + 4000),
    "no sub": lambda: token(sub=...),
    "sub is no text": lambda: token(sub=5),
    "empty sub": lambda: token(sub=""),
    "access token": lambda: "ya29.a0AfH6SMBx-notajwt",
    "garbage": lambda: "garbage",
    "dots": lambda: "..",
    "not ascii": lambda: "é.é.é",
}


@pytest.mark.parametrize("make", FORGED.values(), ids=FORGED)
def test_forged_tokens(api, make):
    answer = login(api, make())
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid token")
    assert User.objects.count() == 0


@pytest.mark.parametrize("changes", [{"email_verified": False}, {"email_verified": ...}, {"email": ...}, {"email": 5}])
def test_an_email_that_google_has_not_verified(api, changes):
    answer = login(api, token(**changes))
    assert (answer.status_code, answer.json()["code"]) == (403, "email_unverified")
    assert User.objects.count() == 0


def test_the_token_is_asked_for_first_then_its_form_then_the_configuration(api, settings):
    settings.GOOGLE_CLIENT_IDS = []
    assert api().post(URL, {}).status_code == 400
    assert login(api, "").status_code == 400
    assert login(api, "not-a-jwt").status_code == 401
    assert login(api, token()).status_code == 503


def test_google_away(api):
    trouble.append(google.CertificatesUnavailable("down"))
    answer = login(api, token())
    assert (answer.status_code, answer.json()["code"]) == (503, "google_unavailable")
    assert int(answer["Retry-After"]) > 0
    login(api, token())
    assert len(calls) == 1, "a failure is remembered for some seconds"


def test_known_certificates_outlive_an_outage(api, monkeypatch):
    assert login(api, token()).status_code == 200
    trouble.append(google.CertificatesUnavailable("down"))
    for cache in google._caches.values():
        cache.fetched_at -= 2 * google.KEPT
    assert login(api, token()).status_code == 200


class Keys(ThreadingHTTPServer):
    """Google's keys, served in some manner; a slow response is complete after TICKS, three times our timeout."""

    TICKS, TICK = 15, 3 * google.PATIENCE / 15
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.manner, self.redirected = "given", 0
        self.left, self.over = threading.Event(), threading.Event()

    def handle_error(self, *_):
        self.left.set()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        getattr(self, self.server.manner)()

    def given(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"kid-1": "certificate"}')

    def drip(self):
        for _ in range(self.server.TICKS):
            if self.server.over.wait(self.server.TICK):
                return
            self.wfile.write(b" ")

    def dripping_headers(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Drips: ")
        self.drip()
        self.wfile.write(b'x\r\n\r\n{"kid-1": "certificate"}')

    def dripping_body(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        self.drip()
        self.wfile.write(b'{"kid-1": "certificate"}')

    def endless_body(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while not self.server.over.is_set():
            self.wfile.write(b" " * 65536)

    def redirecting(self):
        self.server.redirected += 1
        if self.server.over.wait(self.server.TICK) or self.server.redirected > self.server.TICKS:
            self.given()
        else:
            self.send_response(302)
            self.send_header("Location", f"/{self.server.redirected}")
            self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def keys(monkeypatch):
    with Keys() as served:
        threading.Thread(target=served.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setattr(google, "CERTIFICATES_URL", f"http://127.0.0.1:{served.server_address[1]}/")
        yield served
        served.over.set()
        served.shutdown()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_google_takes_no_more_than_three_seconds_and_is_hung_up_on(monkeypatch, scheme):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(google, "CERTIFICATES_URL", f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/")
        started = time.monotonic()
        with pytest.raises(google.CertificatesUnavailable):
            google.fetch_certificates()
        assert time.monotonic() - started < 3
        line, _ = listener.accept()
        with line:
            line.settimeout(2 * google.PATIENCE)
            while line.recv(4096):
                pass  # what was asked


@pytest.mark.parametrize("manner", ["dripping_headers", "dripping_body", "endless_body"])
def test_a_google_that_drips_is_hung_up_on_and_asked_anew(keys, manner):
    keys.manner = manner
    with pytest.raises(google.CertificatesUnavailable):
        google.fetch_certificates()
    assert keys.left.wait(2 * google.PATIENCE), "the connection was kept"
    keys.manner = "given"
    assert google.fetch_certificates() == {"kid-1": "certificate"}


def test_slow_redirects_count_as_one_fetch(keys):
    keys.manner = "redirecting"
    with pytest.raises(google.CertificatesUnavailable):
        google.fetch_certificates()
    assert keys.redirected <= keys.TICKS


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_of_google_is_no_certificate(keys, monkeypatch, status):
    monkeypatch.setattr(Handler, "given", lambda self: self.send_error(status))
    with pytest.raises(google.CertificatesUnavailable):
        google.fetch_certificates()


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[" * 100_000, b'["kid-1"]', b'"certificate"', b"5"])
def test_what_is_no_list_of_keys_is_no_certificate(keys, monkeypatch, body):
    monkeypatch.setattr(Handler, "given", lambda self: self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + body))
    with pytest.raises(google.CertificatesUnavailable):
        google.fetch_certificates()


def test_fetches_that_cannot_be_interrupted_do_not_pile_up(keys, monkeypatch):
    resolves, asked = threading.Event(), []
    address = socket.getaddrinfo(*keys.server_address, type=socket.SOCK_STREAM)

    def resolve(*arguments, **_):
        asked.append(arguments)
        resolves.wait(3 * google.PATIENCE)
        return address

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(google, "CERTIFICATES_URL", f"http://keys.invalid:{keys.server_address[1]}/")
    for _ in range(2):
        with pytest.raises(google.CertificatesUnavailable):
            google.fetch_certificates()
    assert len(asked) == 1
    resolves.set()
    assert google.fetch_certificates() == {"kid-1": "certificate"}
