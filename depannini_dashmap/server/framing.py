"""How much body a request announces, and what of its head no server may be trusted to have refused.

Two readers of one request must never see two requests (a proxy one, we another), so what is ambiguous is refused.
"""

import re
from dataclasses import dataclass

from depannini_dashmap.lib import errors

Headers = list[tuple[bytes, bytes]]

_LENGTH = re.compile(rb"[0-9]{1,18}\Z")
_BODILESS = {"GET", "HEAD", "OPTIONS", "TRACE"}
_WRITES = {"POST", "PUT", "PATCH"}
# Fields of routing and credentials: RFC 9110 forbids them as trailers, and some servers mix trailers with headers.
_NO_TRAILERS = re.compile(
    rb"\b(authorization|cookie|forwarded|host|origin|x-[\w-]*forwarded[\w-]*|content-[\w-]+|transfer-encoding)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Framing:
    """The framing of the body by its head: its length, None if the end of the stream decides; `is_empty` where a body is impossible."""

    length: int | None
    is_empty: bool
    is_form: bool  # with files, which may be bigger
    waits: bool  # for a 100 before it sends
    upgrades: bool  # asks for another protocol, for which some parsers leave the body aside


def read_head(scope: dict) -> Framing:
    """Read what a request's head says of its body. Raises: DomainError for a head that may be read in two ways."""
    length = coding = kind = b""
    hosts, waits, upgrades = 0, False, False
    for name, value in scope["headers"]:
        if name == b"content-length":
            if length or not _LENGTH.match(value):
                raise _unreadable("Content-Length is a number, once")
            length = value
        elif name == b"transfer-encoding":
            coding += b"," + value if coding else value
        elif name == b"host":
            hosts += 1
        elif name == b"content-type":
            kind = value
        elif name == b"content-encoding":
            _require_plain(value)
        elif name == b"expect":
            waits = True
        elif name == b"trailer" and _NO_TRAILERS.search(value):
            raise _unreadable("a trailer says nothing that a header must say")
        elif name == b"upgrade":
            upgrades = True
    _require_one_framing(length, coding)
    method, is_old = scope["method"].upper(), scope["http_version"] in {"1.0", "0.9"}
    if hosts > 1 or (not hosts and scope["http_version"] == "1.1"):
        raise _unreadable("Host is needed, once")
    if is_old and kind and not length and not coding and method in _WRITES:
        raise _unreadable("Content-Length is needed")
    announced = bool(coding) or length.strip(b"0") != b""
    return Framing(
        length=int(length) if length else None,
        # In HTTP/2 and 3 the end of the stream ends the body.
        is_empty=not announced and (bool(length) or (method in _BODILESS and scope["http_version"][:1] == "1")),
        is_form=kind[:20].lower().startswith(b"multipart/form-data"),
        waits=waits,
        upgrades=upgrades,
    )


def require_whole(framing: Framing, size: int) -> None:
    """Hold what came against what was announced. Raises: InvalidData."""
    if framing.length not in (None, size):
        raise _unreadable("the body has not the length that it says")
    if framing.upgrades and not size and not framing.is_empty:
        raise _unreadable("a body is read where no Upgrade is asked for")


def origin_form(path: str) -> str:
    """Return the path of a request's target, which a client may write with scheme and host before it."""
    if path.startswith("/"):
        return path
    scheme, separator, rest = path.partition("://")
    if separator and scheme.lower() in {"http", "https"}:
        return f"/{rest.partition('/')[2]}"
    return path


def whole(headers: Headers, size: int) -> Headers:
    """Return the headers of a request whose body is there, `size` bytes of it, for an application that trusts lengths.

    Names with an underscore are left out: in WSGI `X_Forwarded_For` is the header that a trusted proxy writes.
    """
    kept = [
        header
        for header in headers
        if header[0] not in (b"content-length", b"transfer-encoding") and b"_" not in header[0]
    ]
    kept.append((b"content-length", b"%d" % size))
    return kept


def _require_one_framing(length: bytes, coding: bytes) -> None:
    if not coding:
        return
    if length:
        raise _unreadable("Content-Length and Transfer-Encoding exclude each other")
    if coding.strip().lower() != b"chunked":
        raise _unreadable("Transfer-Encoding is chunked, or absent")


def _require_plain(coding: bytes) -> None:
    if coding.strip().lower() not in {b"", b"identity"}:
        refusal = errors.DomainError("Compressed bodies are not read", code="unsupported_media_type")
        refusal.status = 415
        raise refusal


def _unreadable(why: str) -> errors.DomainError:
    return errors.InvalidData(f"Bad request: {why}", code="bad_request")
