"""Request bodies as proxies and phones really send them, byte by byte over TCP, under every server that is named."""

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

from accounts.models import User
from accounts.tokens import issue_pair
from testing.fixtures import running_server
from testing.raw_http import RawAnswer, RawConnection, chunked, head
from testing.servers import Server

pytestmark = pytest.mark.slow

LOGIN = "/api/auth/login/"
BODY = b'{"username": "nobody", "password": "wrong"}'
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(BODY)}"
TOO_BIG = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1


@pytest.fixture(scope="module", params=["serve", "daphne"])
def any_server(request: Any, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server") / "server.log", runner=request.param, THROTTLING="off") as server:
        yield server


@pytest.fixture
def line(transactional_db: None, any_server: Server) -> Iterator[RawConnection]:
    with RawConnection(any_server.port) as line:
        yield line


def went_on(line: RawConnection) -> bool:
    """Return whether the connection still answers the present request."""
    return line.send(head("GET", "/healthz")).answer().json() == {"status": "ok"}


def is_refused_by_twisted(line: RawConnection, answer: RawAnswer) -> bool:
    """Return whether stock Daphne refused before any application saw it: without a header, closing the connection."""
    return answer.status == 400 and not answer.headers.keys() and line.is_closed()


def post(*headers: str, **how: Any) -> bytes:
    return head("POST", LOGIN, JSON, *headers, **how)


# --- Accepted framing--------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "pieces",
    [
        [post(LENGTH) + BODY],
        [post(LENGTH), BODY],
        [bytes([byte]) for byte in post(LENGTH) + BODY],
        [post(CHUNKED) + chunked(BODY)],
        [bytes([byte]) for byte in post(CHUNKED) + chunked(BODY, 1)],
        [post(CHUNKED), *[chunked(BODY, 3)[at : at + 2] for at in range(0, 400, 2)]],
        [post("Transfer-Encoding:  CHUNKED ") + chunked(BODY, 5)],
        [post(CHUNKED) + chunked(BODY, 7, extension=b';name="value"')],
        [post(CHUNKED, "Trailer: X-Checksum") + chunked(BODY, 7, trailers=b"X-Checksum: 1\r\n")],
    ],
    ids=["length", "two pieces", "bytes", "chunked", "chunked bytes", "halves", "capitals", "extensions", "trailers"],
)
def test_a_body_is_read_with_any_framing_and_the_connection_goes_on(line: RawConnection, pieces: list[bytes]) -> None:
    for _ in range(2):
        answer = line.send(*pieces).answer()
        assert (answer.status, answer.json()["error"]) == (401, "Invalid credentials")
    assert went_on(line)


@pytest.mark.parametrize(
    "pieces", [[post(LENGTH, version="1.0") + BODY], [post(CHUNKED, version="1.0") + chunked(BODY, 9)]]
)
def test_a_body_of_http_1_0_is_read(line: RawConnection, pieces: list[bytes]) -> None:
    assert line.send(*pieces).answer().status == 401
    assert line.is_closed()


def test_who_waits_for_a_hundred_gets_it_and_then_the_answer(line: RawConnection) -> None:
    for framing, body in ((LENGTH, BODY), (CHUNKED, chunked(BODY, 4))):
        assert line.send(post(framing, "Expect: 100-continue")).answer().status == 100
        assert line.send(body).answer().status == 401
    assert went_on(line)


def test_pipelined_bodies_are_separated(line: RawConnection) -> None:
    empty = post("Content-Length: 2") + b"{}"
    line.send(post(CHUNKED) + chunked(BODY, 5) + empty + post(LENGTH) + BODY + head("GET", "/healthz"))
    assert [line.answer().status for _ in range(4)] == [401, 400, 401, 200]


@pytest.mark.parametrize("name", ["Authorization", "X-Forwarded-For", "Host", "Content-Type", "Cookie"])
def test_trailers_that_would_be_headers_are_refused(line: RawConnection, name: str) -> None:
    body = chunked(BODY, trailers=f"{name}: 127.0.0.1\r\n".encode())
    answer = line.send(post(CHUNKED, f"Trailer: X-Checksum, {name}") + body).answer()
    assert (answer.status, answer.json()["code"]) == (400, "bad_request")


def test_headers_with_underscores_are_nobodys(line: RawConnection, client_user: User) -> None:
    bearer = f"Bearer {issue_pair(client_user)['access']}"
    assert line.send(head("GET", "/api/profile/user/", f"Authorization: {bearer}")).answer().status == 200
    smuggled = head(
        "GET", "/api/profile/user/", "Authorization: Bearer x", f"X_Forwarded_Proto: https\r\nAUTHORIZATION_: {bearer}"
    )
    assert line.send(smuggled).answer().status == 401


@pytest.mark.parametrize("framed", [chunked, lambda body: chunked(body, 1)], ids=["one chunk", "byte by byte"])
def test_profiles_photos_and_pages_take_chunks(
    line: RawConnection, client_user: User, staff_user: User, framed: Callable
) -> None:
    bearer = f"Authorization: Bearer {issue_pair(client_user)['access']}"
    answer = line.send(
        head("PUT", "/api/profile/user/", JSON, bearer, CHUNKED) + framed(b'{"name": "In Pieces"}')
    ).answer()
    assert (answer.status, answer.json()["name"]) == (200, "In Pieces")
    picture = framed(_form("profile_photo", _picture()))
    answer = line.send(head("PUT", "/api/profile/user/", bearer, MULTIPART, CHUNKED) + picture).answer()
    assert (answer.status, ".png" in answer.json()["profile_photo"]) == (200, True)
    staff_user.set_password("a password of the staff")
    staff_user.save()
    assert _enter_console(line, staff_user, "a password of the staff", framed).status == 302


MULTIPART = "Content-Type: multipart/form-data; boundary=frontier"


def _form(name: str, content: bytes) -> bytes:
    return (
        f'--frontier\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'.encode()
        + content
        + b"\r\n--frontier--\r\n"
    )


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


def _enter_console(line: RawConnection, user: User, password: str, framed: Callable) -> RawAnswer:
    page = line.send(head("GET", "/admin/login/")).answer()
    token = re.search(rb'csrfmiddlewaretoken" value="(\w+)"', page.body)
    assert token is not None
    cookie = page.headers["Set-Cookie"].split(";")[0]
    form = f"csrfmiddlewaretoken={token[1].decode()}&username={user.username}&password={password.replace(' ', '+')}&next=/admin/"
    kind = "Content-Type: application/x-www-form-urlencoded"
    return line.send(head("POST", "/admin/login/", kind, CHUNKED, f"Cookie: {cookie}") + framed(form.encode())).answer()


# --- Refused framing-----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "pieces",
    [
        [post(f"Content-Length: {TOO_BIG}"), b" " * TOO_BIG],
        [post(CHUNKED), chunked(b" " * TOO_BIG, 60_000)],
        [
            head("PUT", "/api/profile/user/", MULTIPART, CHUNKED),
            chunked(b" " * (settings.UPLOAD_MAX_BYTES + 1), 60_000),
        ],
    ],
    ids=["length", "chunked", "form"],
)
def test_over_the_limit_is_413_which_the_client_reads_although_it_sends_on(line: RawConnection, pieces: list[bytes]) -> None:
    answer = line.send(*pieces).answer()
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["Connection"] == "close"


def test_at_the_limit_a_body_is_read(line: RawConnection) -> None:
    body = BODY + b" " * (TOO_BIG - 1 - len(BODY))
    assert line.send(post(CHUNKED), chunked(body, 50_000)).answer().status == 401
    assert line.send(post(f"Content-Length: {len(body)}"), body).answer().status == 401
    assert went_on(line)


@pytest.mark.parametrize(
    "broken",
    [
        post(CHUNKED) + b"zz\r\n",
        post(CHUNKED) + b"-5\r\nabcde\r\n0\r\n\r\n",
        post(CHUNKED) + b"0x5\r\nabcde\r\n0\r\n\r\n",
        post(CHUNKED) + b"3\r\nabcdef\r\n0\r\n\r\n",
        post(CHUNKED) + b"\r\n\r\n",
        post(LENGTH, CHUNKED) + chunked(BODY),
        post(CHUNKED, LENGTH) + chunked(BODY),
        post("Transfer-Encoding: gzip, chunked") + chunked(BODY),
        post("Transfer-Encoding: chunked, gzip") + chunked(BODY),
        post("Transfer-Encoding: xchunked") + chunked(BODY),
        post("Transfer-Encoding : chunked") + chunked(BODY),
        post("Transfer-Encoding: identity", LENGTH) + BODY,
        post(CHUNKED, CHUNKED) + chunked(BODY),
        post("Content-Length: +5") + BODY,
        post("Content-Length: -1") + BODY,
        post("Content-Length: 5,5") + BODY,
        post("Content-Length: 5, 5") + BODY,
        post("Content-Length: 1_0") + BODY,
        post("Content-Length: 0x10") + BODY,
        post("Content-Length:") + BODY,
        post(LENGTH, LENGTH) + BODY,
        post(LENGTH, "Content-Length: 0") + BODY,
        post(version="1.0") + BODY,
        post(LENGTH, "Host: evil.example") + BODY,
        post(LENGTH).replace(b"Host: 127.0.0.1\r\n", b"") + BODY,
    ],
)
def test_what_can_be_read_in_two_ways_is_read_in_none(line: RawConnection, broken: bytes) -> None:
    answer = line.send(broken).answer()
    assert answer.status == 400
    assert answer.headers["Connection"] == "close" or is_refused_by_twisted(line, answer)


def test_a_compressed_body_is_not_taken_for_a_plain_or_an_empty_one(line: RawConnection) -> None:
    answer = line.send(post(LENGTH, "Content-Encoding: gzip") + BODY).answer()
    assert (answer.status, answer.json()["code"]) == (415, "unsupported_media_type")


def test_who_leaves_in_the_middle_changes_nothing(line: RawConnection, any_server: Server, client_user: User) -> None:
    bearer = f"Authorization: Bearer {issue_pair(client_user)['access']}"
    name, body = client_user.name, json.dumps({"name": "Never Whole"}).encode()
    for framing, part in (
        (CHUNKED, chunked(body)[:-5]),
        (CHUNKED, b"%x\r\n" % len(body) + body),
        (f"Content-Length: {len(body) + 1}", body),
    ):
        with RawConnection(any_server.port) as gone:
            gone.send(head("PUT", "/api/profile/user/", JSON, bearer, framing), part)
    assert line.send(head("GET", "/api/profile/user/", bearer)).answer().json()["name"] == name
    assert "Traceback" not in any_server.output()


# --- Unusual requests-------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "odd",
    [
        head("GET", "/healthz", LENGTH) + BODY,
        head("DELETE", LOGIN, CHUNKED) + chunked(BODY),
        head("OPTIONS", "/api/", LENGTH) + BODY,
        head("GET", "http://127.0.0.1/healthz"),
        head("GET", "http://other.example/healthz"),
        head("GET", "//other.example/healthz"),
        head("OPTIONS", "*"),
        head("TRACE", "/api/", LENGTH) + BODY,
        head("GET", "/api/%00"),
        head("GET", "/api/%ff%fe/../%2e%2e/"),
        head("GET", "/api/orders/?%00=%ff&cursor=%00"),
        head(
            "GET", "/healthz", "Forwarded: for=_hidden;host=evil", "X-Forwarded-Host: evil", "X-Original-URL: /admin/"
        ),
        head("GET", "/healthz", *[f"X-Forwarded-For: {number}" for number in range(100)]),
        head(
            "GET", "/healthz", "Range: bytes=0-0,5-1", "If-Modified-Since: \xff", "Cookie: \x80=;;=\xff; sessionid=\xe9"
        ),
        head("POST", "/admin/login/", f"Content-Type: multipart/form-data; boundary={'b' * 10_000}", LENGTH) + BODY,
        head("POST", LOGIN, "Content-Type: multipart/form-data", CHUNKED) + chunked(BODY),
        head("POST", LOGIN, "Content-Type: application/json; charset=utf-7", LENGTH) + BODY,
        head("POST", LOGIN, "Content-Type: \xff/\xff; charset=\xff", LENGTH) + BODY,
    ],
)
def test_odd_requests_are_answered_and_the_next_one_is_not_mistaken(line: RawConnection, odd: bytes) -> None:
    answer = line.send(odd).answer()
    assert answer.status < 500
    assert is_refused_by_twisted(line, answer) or went_on(line)


@pytest.mark.parametrize(
    "odd",
    [
        head("get", "/healthz"),
        head("CONNECT", "evil.example:443"),
        head("FOO", "/healthz"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        head("GET", "/healthz", version="9.9"),
        head("GET", "/\x00"),
        head("GET", "/healthz", "X-A: b\x00c"),
        head("GET", "/healthz", "X-A: b\r\n folded"),
        head("GET", "/healthz", "X A: b"),
        post(LENGTH, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ") + BODY,
        post(CHUNKED, "Connection: Upgrade", "Upgrade: h2c") + chunked(BODY),
    ],
)
def test_what_servers_read_differently_is_a_plain_answer_too(line: RawConnection, odd: bytes) -> None:
    answer = line.send(odd).answer()
    assert answer.status < 500
    assert b"required" not in answer.body  # nothing was taken for empty


# --- What every answer says ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("request_bytes", "kind"),
    [
        (head("GET", "/"), "application/json; charset=utf-8"),
        (head("GET", "/healthz"), "application/json; charset=utf-8"),
        (head("GET", "/nowhere"), "application/json; charset=utf-8"),
        (head("GET", "/api/orders/"), "application/json; charset=utf-8"),
        (post(LENGTH) + BODY, "application/json; charset=utf-8"),
        (post(f"Content-Length: {TOO_BIG}", "Expect: 100-continue"), "application/json; charset=utf-8"),
        (head("GET", "/healthz", "Host: evil"), "application/json; charset=utf-8"),
        (head("GET", "/admin/login/"), "text/html; charset=utf-8"),
        (head("GET", "/static/admin/css/base.css"), "text/css; charset=utf-8"),
        (head("GET", "/static/admin/js/core.js"), "text/javascript; charset=utf-8"),
        (head("GET", "/static/admin/img/icon-yes.svg"), "image/svg+xml; charset=utf-8"),
        (head("GET", "/static/leaflet/images/marker-icon.png"), "image/png"),
        (head("GET", "/static/nowhere.css"), "application/json; charset=utf-8"),
        (head("GET", "/api/schema/"), "application/vnd.oai.openapi; charset=utf-8"),
        (b"NONSENSE\r\n\r\n", None),
    ],
)
def test_every_answer_has_one_date_and_every_text_its_charset(
    line: RawConnection, request_bytes: bytes, kind: str | None
) -> None:
    answer = line.send(request_bytes).answer()
    if answer.status == 100 or is_refused_by_twisted(line, answer):  # 100 is Twisted's, before the body is asked for
        return
    assert len(answer.headers.get_all("Date", [])) == 1
    if kind:
        assert answer.headers["Content-Type"] == kind
    else:
        assert answer.headers["Content-Type"].endswith("; charset=utf-8")
