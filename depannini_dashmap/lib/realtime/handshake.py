"""Checks of a socket's opening request: whether its Origin is allowed, and which credentials it has."""

import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

logger = logging.getLogger(__name__)

MARKER = "bearer"  # the subprotocol that announces a token as the second one
MOST_PARAMETERS = 100  # in a query
_SHOWN = 100  # letters of a refused header in the log
_DEFAULT_PORTS = {"http": "80", "https": "443"}

Application = Callable[[dict, Callable, Callable], Awaitable[None]]


class OriginGuard:
    """Refuses sockets from foreign web pages with HTTP 403; apps, which send no Origin, pass."""

    def __init__(self, application: Application):
        self.application = application

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Pass the socket on, or refuse its handshake. The mount point is no client's to choose, as on the HTTP side."""
        reason = objection(scope)
        if reason is None:
            await self.application({**scope, "root_path": ""}, receive, send)
        else:
            logger.warning("Socket refused: %s", reason)
            await refuse(receive, send)


async def refuse(receive: Callable, send: Callable) -> None:
    """Answer a handshake with HTTP 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1000})


def objection(scope: dict) -> str | None:
    """Return why a handshake is refused: a Host that is not ours, an Origin that is neither this site nor listed."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1:
        return f"{len(hosts)} Host headers"
    host = hosts[0].decode("latin-1")
    domain, host_port = split_domain_port(host)
    if not domain or not validate_host(domain, _hosts()):
        return f"Host {host[:_SHOWN]!r} is not in ALLOWED_HOSTS"
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    if not origins:
        return None
    origin = origins[0].decode("latin-1")
    if len(origins) > 1 or not origin:
        return "an empty Origin, or several"
    if _is_listed(origin) or is_same_site(scope, origin, host_port):
        return None
    return (
        f"Origin {origin[:_SHOWN]!r} is not {_scheme(scope)}://{host[:_SHOWN]}, which the proxy has to pass on as Host with its port,"
        " nor in CSRF_TRUSTED_ORIGINS or CORS_ALLOWED_ORIGINS"
    )


def is_same_site(scope: dict, origin: str, host_port: str) -> bool:
    """Return whether an origin has one of our hosts, the scheme we are served under and the port that was asked."""
    try:
        parts = urlsplit(origin)
        origin_port = str(parts.port) if parts.port else _DEFAULT_PORTS.get(parts.scheme, "")
    except ValueError:
        return False
    scheme = _scheme(scope)
    domain = split_domain_port(parts.netloc)[0]
    return (
        parts.scheme == scheme
        and not (parts.path or parts.query or parts.fragment)
        and origin_port == (host_port or _DEFAULT_PORTS[scheme])
        and bool(domain)
        and validate_host(domain, _hosts())
    )


def credentials(scope: dict) -> tuple[str | None, str] | None:
    """Return (kind, raw token) from the Authorization header, the subprotocols or `?token=`; kind None is unknown."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if given:
        kind, _, raw = given[0].decode("latin-1").strip().partition(" ")
        return (kind, raw.strip()) if len(given) == 1 else (kind, "")
    offered = scope.get("subprotocols") or []
    if len(offered) > 1 and offered[0].lower() == MARKER:
        return None, offered[1]
    return _in_query(scope.get("query_string", b"").decode("latin-1"))


def _in_query(query: str) -> tuple[str | None, str] | None:
    try:
        given = parse_qs(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS).get("token")
    except ValueError:
        return None, ""
    if not given:
        return None
    return None, given[0] if len(given) == 1 else ""  # two servers might each read another one


def subprotocol(scope: dict) -> str | None:
    """Return the subprotocol to accept: the marker alone, never the token."""
    offered = scope.get("subprotocols") or []
    return offered[0] if offered and offered[0].lower() == MARKER else None


def _scheme(scope: dict) -> str:
    return "https" if settings.HTTPS or scope.get("scheme") == "wss" else "http"


def _hosts() -> list[str]:
    return settings.ALLOWED_HOSTS or [".localhost", "127.0.0.1", "[::1]"]


def _is_listed(origin: str) -> bool:
    if origin in settings.CORS_ALLOWED_ORIGINS or any(map(partial(_matches, origin), settings.CSRF_TRUSTED_ORIGINS)):
        return True
    return any(re.match(pattern, origin) for pattern in getattr(settings, "CORS_ALLOWED_ORIGIN_REGEXES", ()))


def _matches(origin: str, listed: str) -> bool:
    """Return whether an origin is a listed one; `https://*.example.com` lists every host below, as for forms."""
    scheme, _, domain = listed.partition("://*")
    if not domain.startswith("."):
        return origin == listed
    given_scheme, _, host = origin.partition("://")
    return given_scheme == scheme and not set("/?#@\\") & set(host) and is_same_domain(host, domain)
