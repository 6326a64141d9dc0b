"""A. Sign-in with Google, whose keys are served, or withheld, by a server of the test."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from testing.ports import free_port
from testing.users import PASSWORD, Caller, fresh_phone

AUDIENCE = "client-id.example"
GOOGLE = "/api/auth/login/google/"


def _key_pair():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "keys")]), dt.datetime.now(dt.UTC)
    certificate = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    certificate = certificate.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    return key, certificate.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


KEY, CERTIFICATE = _key_pair()
OTHER_KEY, _ = _key_pair()


class Keys(ThreadingHTTPServer):
    """Google's keys: `given`, asked for in vain (`silent`), or `dripping` a byte a second, in the headers or the body."""

    daemon_threads = True

    def __init__(self, manner):
        super().__init__(("127.0.0.1", 0), Handler)
        self.manner, self.asked, self.over = manner, threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/certs"

    def stop(self):
        self.over.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        self.server.asked.set()
        body = json.dumps({"kid-1": CERTIFICATE}).encode()
        if self.server.manner == "silent":
            self.server.over.wait(30)
        elif self.server.manner == "dripping headers":
            self.drip(b"HTTP/1.0 200 OK\r\n", b"X-Drips: " + b"x" * 30 + b"\r\n\r\n" + body)
        elif self.server.manner == "dripping body":
            self.drip(b"HTTP/1.0 200 OK\r\n\r\n", body)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def drip(self, at_once, slowly):
        try:
            self.wfile.write(at_once)
            for byte in slowly:
                if self.server.over.wait(1):
                    return
                self.wfile.write(bytes([byte]))
        except OSError:
            pass  # hung up on, as it ought to be

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(environment):
    """Start a server that fetches Google's keys from an address, and make somebody who calls it."""

    def started(url):
        number = len(environment.urls)
        environment.urls.append(environment.start_server(TASK_WORKER="off", DJANGO_SETTINGS_MODULE="adversarial.google_keys", GOOGLE_KEYS_URL=url))
        return number

    before = list(environment.urls)
    yield started
    environment.urls[:] = before


def _claims(**changes):
    now = int(time.time())
    claims = {"iss": "https://accounts.google.com", "aud": AUDIENCE, "sub": f"s{time.time_ns()}", "email_verified": True}
    claims |= {"email": f"g{time.time_ns()}@example.com", "name": "G", "iat": now, "exp": now + 3600, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def _token(key=KEY, kid="kid-1", **changes):
    return jwt.encode(_claims(**changes), key, "RS256", headers={"kid": kid} if kid else {})


def _hs256_with_the_public_key():
    """Sign with the certificate as the secret, by hand: PyJWT refuses to."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT", "kid": "kid-1"}, _claims())]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(CERTIFICATE.encode(), signed, hashlib.sha256)).rstrip(b"=")
    return (signed + b"." + signature).decode()


def test_a20_every_forgery_of_a_google_token_is_refused(environment, serve, anyone):
    keys = Keys("given")
    try:
        server = serve(keys.url)
        assert anyone.post(GOOGLE, {"token": _token()}, server=server).status_code == 200
        before = environment.rows("SELECT count(*) FROM accounts_user")
        past = int(time.time()) - 3600
        forged = {
            "alg none": jwt.encode(_claims(), None, "none", headers={"kid": "kid-1"}),
            "HS256 with the public key": _hs256_with_the_public_key(),
            "other aud": _token(aud="other.example"),
            "no aud": _token(aud=None),
            "other iss": _token(iss="https://accounts.google.com.evil"),
            "expired": _token(iat=past - 3600, exp=past),
            "no exp": _token(exp=None),
            "no sub": _token(sub=None),
            "sub no text": _token(sub={}),
            "unknown kid": _token(kid="kid-2"),
            "no kid": _token(kid=None),
            "another's key": _token(key=OTHER_KEY),
            "an access token": "ya29.a0AfH6SMBx-" + "x" * 120,
        }
        for name, token in forged.items():
            answer = anyone.post(GOOGLE, {"token": token}, server=server)
            assert (answer.status_code, answer.json()["error"]) == (401, "Invalid token"), (name, answer.text)
        assert environment.rows("SELECT count(*) FROM accounts_user") == before
    finally:
        keys.stop()


def test_a20_a_google_link_made_before_a_reset_opens_nothing(environment, serve, anyone):
    """An attacker makes an account by Google and writes the victim's number into it; the victim resets by SMS."""
    keys = Keys("given")
    try:
        server = serve(keys.url)
        identity = {"sub": f"s{time.time_ns()}", "email": f"a{time.time_ns()}@example.com"}
        made = anyone.post(GOOGLE, {"token": _token(**identity)}, server=server).json()
        attacker, phone = Caller(environment, header=f"Bearer {made['access']}"), fresh_phone()
        assert attacker.put("/api/profile/user/", {"phone_number": phone}).status_code == 200
        environment.code_for(phone)
        anyone.post("/api/auth/password-reset/", {"phone_number": phone})
        new = {"new_password": "another-horse-9", "new_password_confirm": "another-horse-9"}
        reset = {"phone_number": phone, "code": environment.code_for(phone, after=1), **new}
        assert anyone.post("/api/auth/password-reset/confirm/", reset).status_code == 200
        again = anyone.post(GOOGLE, {"token": _token(**identity)}, server=server)
        assert (again.status_code, again.json()["code"]) == (409, "link_required")
        assert attacker.get("/api/profile/user/").status_code == 401
        victim = anyone.post("/api/auth/login/phone/", {"phone_number": phone, "password": "another-horse-9"}).json()
        assert victim["user"]["id"] == made["user"]["id"] and victim["user"]["email_verified"] is False
    finally:
        keys.stop()


def test_a20_a_google_account_is_linked_only_once_the_email_is_proven(environment, serve, anyone):
    """The mirror image: an attacker's phone with the victim's e-mail."""
    keys = Keys("given")
    try:
        server = serve(keys.url)
        identity = {"sub": f"s{time.time_ns()}", "email": f"v{time.time_ns()}@example.com"}
        prepared = {"phone_number": fresh_phone(), "email": identity["email"], "name": "A", "password": PASSWORD}
        assert anyone.post("/api/auth/register/", prepared).status_code == 201
        environment.code_for(identity["email"])
        assert anyone.post(GOOGLE, {"token": _token(**identity)}, server=server).status_code == 409
        anyone.post("/api/auth/password-reset/", {"email": identity["email"]})
        new = {"new_password": "another-horse-9", "new_password_confirm": "another-horse-9"}
        reset = {"email": identity["email"], "code": environment.code_for(identity["email"], after=1), **new}
        assert anyone.post("/api/auth/password-reset/confirm/", reset).status_code == 200
        assert anyone.post(GOOGLE, {"token": _token(**identity)}, server=server).status_code == 200
        sent_before = len(environment.messages(environment.sms, prepared["phone_number"]))
        anyone.post("/api/auth/password-reset/", {"phone_number": prepared["phone_number"]})
        assert anyone.post("/api/auth/login/phone/", {**prepared}).status_code == 401
        later = fresh_phone()
        anyone.post("/api/auth/register/", {**prepared, "phone_number": later, "email": None})
        environment.code_for(later)
        assert len(environment.messages(environment.sms, prepared["phone_number"])) == sent_before
    finally:
        keys.stop()


@pytest.mark.parametrize("manner", ["refused", "silent", "dripping headers", "dripping body"])
def test_a23_nobody_waits_for_google_where_its_keys_are_out_of_reach(users, serve, anyone, manner):
    keys = Keys(manner) if manner != "refused" else None
    try:
        client = users.client()
        number = client.post("/api/assistance/request/", {"pickup": {"lat": 11, "lng": 11}}).json()["assistance"]["id"]
        server = serve(keys.url if keys else f"http://127.0.0.1:{free_port()}/certs")
        google = Caller(client.environment)  # httpx clients are shared between threads nowhere else

        def sign_in():
            started = time.monotonic()
            return google.post(GOOGLE, {"token": _token()}, server=server), time.monotonic() - started

        with client.socket(f"/ws/assistance/{number}/", server=server) as mine, ThreadPoolExecutor(1) as pool:
            mine.receive()
            waiting = pool.submit(sign_in)
            assert keys is None or keys.asked.wait(10)
            mine.send({"type": "ping"})
            mine.receive("pong")
            sent = {"phone_number": client.known["phone"], "password": PASSWORD}
            assert anyone.post("/api/auth/login/phone/", sent, server=server).status_code == 200
            answer, seconds = waiting.result(40)
        assert (answer.status_code, answer.json()["code"]) == (503, "google_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert seconds <= 3
    finally:
        if keys:
            keys.stop()
