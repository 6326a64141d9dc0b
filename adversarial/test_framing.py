"""G. Requests as bytes: with any framing each is read as one, or refused; and callers behind proxies are distinguished."""

import random
import socket

import httpx
import pytest
import yaml

from testing.servers import ROOT
from testing.users import PASSWORD, assert_envelope

HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
PATIENCE = 40
AMBIGUOUS = [
    b"Content-Length: %(all)d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%(hidden)b",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n%(hidden)b",
    b"Content-Length: 0\r\nContent-Length: %(hidden_length)d\r\n\r\n%(hidden)b",
    b"Content-Length: %(hidden_length)d\r\nContent-Length: 0\r\n\r\n%(hidden)b",
    b"Content-Length: 0, %(hidden_length)d\r\n\r\n%(hidden)b",
    b"Content-Length: +%(hidden_length)d\r\n\r\n%(hidden)b",
    b"Content-Length : %(hidden_length)d\r\n\r\n%(hidden)b",
    b"Content_Length: %(hidden_length)d\r\n\r\n%(hidden)b",
    b"Transfer-Encoding: xchunked\r\nContent-Length: %(hidden_length)d\r\n\r\n%(hidden)b",
    b"Transfer-Encoding : chunked\r\nContent-Length: %(hidden_length)d\r\n\r\n%(hidden)b",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n%(hidden)b",
    b"Transfer-Encoding: \x0bchunked\r\nContent-Length: %(hidden_length)d\r\n\r\n%(hidden)b",
    b"Transfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n%(hidden)b",
    b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n%(hidden)b",
    b"Transfer-Encoding: chunked\r\n\r\n0 ;\n%(hidden)b",
    b"X-A: b\r\n\tTransfer-Encoding: chunked\r\nContent-Length: %(hidden_length)d\r\n\r\n%(hidden)b",
]


def _answers(url, request):
    """Send bytes and return all that comes back until the server hangs up."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as line:
        line.sendall(request)
        received = b""
        while piece := line.recv(65_536):
            received += piece
    return received


@pytest.mark.parametrize("ambiguous", AMBIGUOUS)
def test_g11_no_request_hides_in_another(environment, users, ambiguous):
    """A proxy that shares its connections would hand the hidden one's answer to the next caller."""
    victim = users.client()
    hidden = {b"hidden": HIDDEN, b"hidden_length": len(HIDDEN), b"all": len(HIDDEN) + 5}
    attack = (
        b"POST /api/auth/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + ambiguous % hidden
    )
    follow = f"GET /api/profile/user/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {victim.header}\r\nConnection: close\r\n\r\n".encode()
    for url in environment.urls:
        received = _answers(url, attack + follow)
        statuses = [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
        assert statuses[0] in (400, 401, 415)
        assert max(statuses) < 500
        # Either the connection ends with the refusal, or each answer is the one to its request.
        if b"_" not in ambiguous and len(statuses) > 1:
            assert b'{"status": "ok"}' not in received
            assert victim.known["phone"].encode() in received


def _writes():
    for path, operations in yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["paths"].items():
        for method, operation in operations.items():
            if method in ("post", "put", "patch") and "application/json" in operation.get("requestBody", {}).get(
                "content", {}
            ):
                yield method.upper(), path


@pytest.mark.parametrize("body", [b"[1", b"\xff", b'{"a": NaN}'])
def test_g11_no_operation_takes_a_chunked_body_for_an_empty_one(environment, users, body):
    actors = users.dispatcher(), users.client(), users.assistant()
    kinds = {"Content-Type": "application/json"}
    tried = 0
    for method, path in _writes():
        concrete = (
            path.replace("{", "").replace("}", "")
            if "{" not in path
            else "/".join("1" if "{" in part else part for part in path.split("/"))
        )
        for actor in actors:
            whole = actor.call(method, concrete, content=body, headers=kinds)
            pieces = actor.call(method, concrete, content=iter([body[:1], body[1:]]), headers=kinds)
            assert pieces.request.headers["Transfer-Encoding"] == "chunked"
            assert (method, path, pieces.status_code) == (method, path, whole.status_code)
            if pieces.status_code >= 400:
                assert assert_envelope(pieces) | {"request_id": ""} == assert_envelope(whole) | {"request_id": ""}
            tried += 1
    assert tried > 100


def test_g05_a_body_without_a_length_has_a_limit_too(environment, users):
    client = users.client()
    answer = client.call(
        "POST",
        "/api/assistance/request/",
        content=(b" " * 65_536 for _ in range(800)),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, assert_envelope(answer)["code"]) == (413, "body_too_large")


@pytest.fixture(scope="module")
def proxied(environment):
    """A server with limits behind one trusted proxy."""
    return environment.start_server(THROTTLING="on", NUM_PROXIES="1", TASK_WORKER="off")


def _sign_in(url, phone, forwarded, password="wrong", proxy="127.0.0.1", **headers):
    with httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address=proxy), timeout=10) as http:
        sent = {"X-Forwarded-For": forwarded, **headers}
        return http.post(
            "/api/auth/login/phone/", json={"phone_number": phone, "password": password}, headers=sent
        ).status_code


def _some():
    return random.randrange(1, 250)


@pytest.mark.parametrize(
    "written",
    [
        "198.51.{}.{}:40001",
        "[2001:db8:{}:{}::1]:40001",
        "2001:db8:{}:{}::1",
        "::ffff:198.51.{}.{}",
        "198.51.{}.{}:_port",
    ],
)
def test_a18_a_guesser_behind_a_proxy_locks_nobody_else_out(proxied, users, written):
    phone = users.client().known["phone"]
    thief, owner = written.format(_some(), 1), written.format(_some(), 2)
    assert [_sign_in(proxied, phone, thief) for _ in range(6)] == [401] * 5 + [429]
    assert _sign_in(proxied, phone, owner, PASSWORD) == 200


def test_a18_a_thief_with_a_customers_ipv6_is_one_caller(proxied, users):
    phone, network = users.client().known["phone"], f"2001:db8:{_some():x}:{_some():x}"
    assert [_sign_in(proxied, phone, f"[{network}:{number}::]:{number}") for number in range(1, 7)] == [401] * 5 + [429]


def test_a18_headers_written_before_the_proxy_are_ignored(proxied, users):
    phone, real = users.client().known["phone"], f"198.51.{_some()}.{_some()}"
    forged = [f"203.0.113.{number}, {real}" for number in range(3)] + [
        f'"[::{number}]", {real}:9' for number in range(3)
    ]
    underscore = {"X_Forwarded_For": "203.0.113.77", "X-Real-IP": "203.0.113.78", "Forwarded": "for=203.0.113.79"}
    assert [_sign_in(proxied, phone, each, **underscore) for each in forged] == [401] * 5 + [429]


def test_a18_an_unreadable_header_of_a_proxy_counts_as_that_proxy(proxied, users):
    phone = users.client().known["phone"]
    unreadable = ["unknown", "_hidden", "203.0.113.7,", "unix:", "for=203.0.113.7", "203.0.113.7;x"]
    proxy, other = f"127.0.{_some()}.1", f"127.0.{_some()}.2"
    assert [_sign_in(proxied, phone, each, proxy=proxy) for each in unreadable] == [401] * 5 + [429]
    assert _sign_in(proxied, phone, "unknown", PASSWORD, proxy=other) == 200
