"""The backends of PUSH_URL: a file, the console, FCM and the push services of browsers; nothing inside a network is reached."""

import asyncio
import base64
import json
import os
import socket
from collections.abc import Callable
from typing import Any

import http_ece
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from depannini_dashmap.lib.outbound import fcm, public_addresses, push, web_push
from depannini_dashmap.lib.outbound.push_messages import GONE, LATER, REFUSED, SENT, PushAddress, PushMessage

MESSAGE = PushMessage("offer-7", "Dépannage", "طلب جديد", {"assistance_id": "7"}, 600, is_urgent=True)
PHONE = PushAddress("fcm", "token-of-a-phone")
PUBLIC = "8.8.8.8"


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Browser:
    """Holds the keys that a browser makes, and reads what is sent to it."""

    def __init__(self, endpoint: str = "https://updates.push.services.mozilla.com/wpush/v2/secret-part?x=1") -> None:
        self.key, self.secret = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        point = self.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        self.address = PushAddress("webpush", endpoint, encoded(point), encoded(self.secret))

    def read(self, sealed: bytes) -> dict[str, Any]:
        return json.loads(http_ece.decrypt(sealed, private_key=self.key, auth_secret=self.secret, version="aes128gcm"))


class Service(httpx.AsyncBaseTransport):
    """Records requests, and answers as configured."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda request: httpx.Response(201)
        self.error: Exception | None = None
        self.stalls = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        if self.stalls:
            await asyncio.sleep(60)
        if self.error:
            raise self.error
        return self.answer(request)


@pytest.fixture
def service(monkeypatch, settings) -> Service:
    settings.PUSH_URL = "services:"
    settings.VAPID_PRIVATE_KEY = web_push.make_private_key()
    transport, client = Service(), httpx.AsyncClient
    monkeypatch.setattr(httpx, "AsyncClient", lambda **options: client(transport=transport, **options))
    return transport


@pytest.fixture
def names(monkeypatch) -> dict[str, list[str]]:
    """What names lead to; `*` for the rest."""
    book = {"*": [PUBLIC]}

    async def getaddrinfo(self, host, port, **options):
        found = book.get(host, book["*"])
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "nobody")
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return book


@pytest.fixture
def google(monkeypatch, settings, tmp_path) -> Any:
    """A service account that has its access token."""

    class Account:
        project_id, token, valid = "our-project", "access-token-of-google", True

    settings.FCM_CREDENTIALS = str(tmp_path / "account.json")
    monkeypatch.setattr(fcm, "credentials", lambda path: Account)
    return Account


# --- Locally ------------------------------------------------------------------------------------------------------------------
def test_a_file_for_each_message(settings, tmp_path):
    settings.PUSH_URL = f"file://{tmp_path / 'deep' / 'er'}"
    assert push.send_all([(PHONE, MESSAGE)] * 2) == [SENT, SENT]
    first, second = ((tmp_path / "deep" / "er").glob("*.json"))
    assert json.loads(first.read_text()) == json.loads(second.read_text()) == {
        "to": {"kind": "fcm", "token": "token-of-a-phone", "p256dh": "", "auth": ""},
        "tag": "offer-7", "title": "Dépannage", "body": "طلب جديد", "data": {"assistance_id": "7"},
        "ttl_s": 600, "is_urgent": True, "is_withdrawn": False,
    }  # fmt: skip


def test_the_console_shows_no_token(settings, capsys):
    settings.PUSH_URL = "console:"
    push.send_all([(PHONE, MESSAGE), (Browser().address, MESSAGE)])
    out = capsys.readouterr().out
    assert "offer-7: Dépannage\n\nطلب جديد\n" in out
    assert "token-of" not in out and "secret-part" not in out
    assert "token-of" not in repr(PHONE) and "secret-part" not in repr(Browser().address)


@pytest.mark.parametrize("url", ["", "smtp://x", "file:///proc/nowhere"])
def test_a_bad_url_is_an_error_of_this_module(settings, url):
    settings.PUSH_URL = url
    with pytest.raises(push.PushNotSet):
        push.send_all([(PHONE, MESSAGE)])


# --- Browsers -----------------------------------------------------------------------------------------------------------------
def test_a_browser_alone_reads_its_message(service, names):
    browser = Browser()
    assert push.send_all([(browser.address, MESSAGE)]) == [SENT]
    [request] = service.requests
    assert browser.read(request.content) == {
        "tag": "offer-7", "title": "Dépannage", "body": "طلب جديد", "data": {"assistance_id": "7"}, "withdrawn": False,
    }  # fmt: skip
    assert request.headers["TTL"] == "600" and request.headers["Urgency"] == "high"
    assert request.headers["Content-Encoding"] == "aes128gcm" and len(request.headers["Topic"]) == 32


def test_it_is_signed_for_the_push_service(service, names, settings):
    push.send_all([(Browser().address, MESSAGE)])
    scheme, _, rest = service.requests[0].headers["Authorization"].partition(" ")
    token, key = (part.partition("=")[2] for part in rest.split(", "))
    assert (scheme, key) == ("vapid", web_push.public_key())
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), base64.urlsafe_b64decode(key + "="))
    claims = jwt.decode(token, public, algorithms=["ES256"], audience="https://updates.push.services.mozilla.com")
    assert claims["sub"] == "mailto:noreply@localhost"


def test_the_connection_goes_to_the_address_that_was_looked_at(service, names):
    names["updates.push.services.mozilla.com"] = ["2600:1901:0:92a9::", PUBLIC]
    push.send_all([(Browser().address, MESSAGE)])
    [request] = service.requests
    assert str(request.url) == "https://[2600:1901:0:92a9::]/wpush/v2/secret-part?x=1"
    assert request.headers["Host"] == "updates.push.services.mozilla.com"
    assert request.extensions["sni_hostname"] == "updates.push.services.mozilla.com"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
     "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1", "64:ff9b::7f00:1", "ff02::1"],
)  # fmt: skip
def test_nothing_inside_a_network_is_reached(service, names, address):
    """The name led elsewhere when it was registered: what counts is where it leads when something is sent."""
    names["*"] = [PUBLIC, address]
    assert push.send_all([(Browser().address, MESSAGE)]) == [LATER]
    assert service.requests == []
    assert not public_addresses.is_public(address)


def test_what_nobody_knows_any_more_is_tried_later(service, names):
    names["*"] = []
    assert push.send_all([(Browser().address, MESSAGE)]) == [LATER]


@pytest.mark.parametrize(("status", "outcome"), [(200, SENT), (201, SENT), (404, GONE), (410, GONE), (429, LATER), (500, LATER), (503, LATER), (403, LATER), (400, REFUSED), (413, REFUSED)])
def test_what_push_services_answer(service, names, status, outcome):
    service.answer = lambda request: httpx.Response(status)
    assert push.send_all([(Browser().address, MESSAGE)]) == [outcome]


def test_no_redirect_is_followed(service, names):
    service.answer = lambda request: httpx.Response(307, headers={"Location": "http://169.254.169.254/"})
    assert push.send_all([(Browser().address, MESSAGE)]) == [REFUSED]
    assert len(service.requests) == 1


def test_other_services_by_a_setting(service, names, settings):
    other = Browser("https://push.example.org/x")
    assert push.send_all([(other.address, MESSAGE)]) == [REFUSED]
    settings.WEB_PUSH_HOSTS = frozenset({"example.org"})
    assert push.send_all([(other.address, MESSAGE)]) == [SENT]
    settings.WEB_PUSH_HOSTS = frozenset({"*"})
    assert push.send_all([(Browser("https://anywhere.example/x").address, MESSAGE)]) == [SENT]
    names["*"] = ["127.0.0.1"]
    assert push.send_all([(Browser("https://127.0.0.1/x").address, MESSAGE)]) == [LATER]


def test_who_stalls_holds_up_nobody(service, names, monkeypatch):
    monkeypatch.setattr(push, "PATIENCE", 0.2)
    service.stalls = True
    assert push.send_all([(Browser().address, MESSAGE)] * 30) == [LATER] * 30


# --- Phones -------------------------------------------------------------------------------------------------------------------
def test_a_phone_gets_a_notification(service, google):
    assert push.send_all([(PHONE, MESSAGE)]) == [SENT]
    [request] = service.requests
    assert str(request.url) == "https://fcm.googleapis.com/v1/projects/our-project/messages:send"
    assert request.headers["Authorization"] == "Bearer access-token-of-google"
    sent = json.loads(request.content)["message"]
    assert sent["token"] == PHONE.token
    assert sent["notification"] == {"title": "Dépannage", "body": "طلب جديد"}
    assert sent["data"] == {"assistance_id": "7", "tag": "offer-7"}
    assert sent["android"] == {"collapse_key": "offer-7", "priority": "HIGH", "ttl": "600s", "notification": {"tag": "offer-7"}}
    assert sent["apns"]["headers"]["apns-collapse-id"] == "offer-7"


def test_what_is_over_is_taken_away_without_a_sound(service, google):
    push.send_all([(PHONE, PushMessage("offer-7", "t", "b", {}, 60, is_withdrawn=True))])
    sent = json.loads(service.requests[0].content)["message"]
    assert "notification" not in sent and "notification" not in sent["android"]
    assert sent["data"] == {"tag": "offer-7", "withdrawn": "1"}
    assert sent["apns"]["headers"]["apns-push-type"] == "background" and sent["apns"]["payload"] == {"aps": {"content-available": 1}}


def said(status: int, **error: Any) -> httpx.Response:
    return httpx.Response(status, json={"error": {"status": "X", **error}})


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (said(404, details=[{"errorCode": "UNREGISTERED"}]), GONE),
        (said(403, details=[{"errorCode": "SENDER_ID_MISMATCH"}]), GONE),
        (said(400, details=[{"fieldViolations": [{"field": "message.token"}]}]), GONE),
        (said(400, details=[{"fieldViolations": [{"field": "message.data"}]}]), REFUSED),
        (said(404), REFUSED),  # the project is not there: no device's fault
        (said(401), LATER),
        (said(429), LATER),
        (said(503), LATER),
        (httpx.Response(400, content=b"\xff no json"), REFUSED),
        (httpx.Response(400, json=["x"]), REFUSED),
        (httpx.Response(400, json={"error": {"details": "x"}}), REFUSED),
    ],
)
def test_what_google_answers(service, google, answer, outcome):
    service.answer = lambda request: answer
    assert push.send_all([(PHONE, MESSAGE)]) == [outcome]


def test_google_away(service, google):
    service.error = httpx.ConnectError("token-of-a-phone")
    assert push.send_all([(PHONE, MESSAGE)]) == [LATER]


def test_a_service_account_that_is_none(service, settings, tmp_path, caplog):
    fcm.credentials.cache_clear()
    settings.FCM_CREDENTIALS = str(tmp_path / "account.json")
    assert push.send_all([(PHONE, MESSAGE)]) == [LATER]
    assert "FCM_CREDENTIALS cannot be used: FileNotFoundError" in caplog.text
    (tmp_path / "account.json").write_text('{"private_key": "secret"}')
    assert push.send_all([(PHONE, MESSAGE)]) == [LATER]
    assert "FCM_CREDENTIALS cannot be used: MalformedError" in caplog.text and "secret" not in caplog.text
    with pytest.raises(fcm.FcmError) as error:
        fcm.refresh()
    assert "secret" not in str(error.value)


# --- Both ---------------------------------------------------------------------------------------------------------------------
def test_a_wrong_key_of_google_stops_no_browser(service, names, settings, tmp_path):
    fcm.credentials.cache_clear()
    settings.FCM_CREDENTIALS = str(tmp_path / "account.json")
    browsers = [(Browser().address, MESSAGE) for _ in range(2)]
    assert push.send_all([browsers[0], (PHONE, MESSAGE), browsers[1]]) == [SENT, LATER, SENT]


def test_without_a_key_of_google_its_phones_are_refused_alone(service, names, settings):
    settings.FCM_CREDENTIALS = ""
    assert push.send_all([(PHONE, MESSAGE), (Browser().address, MESSAGE)]) == [REFUSED, SENT]


@pytest.mark.parametrize("key", ["", "too-short", "é"])
def test_a_key_of_our_own_that_is_none_stops_no_phone(service, names, google, settings, key):
    settings.VAPID_PRIVATE_KEY = key
    assert push.send_all([(Browser().address, MESSAGE), (PHONE, MESSAGE)]) == [REFUSED, SENT]
