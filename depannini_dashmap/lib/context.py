"""Who is asking, for logs and the audit: request id and address of the request that this thread or task serves."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The id that every answer and log line carries, and the caller's address."""

    request_id: str = ""
    address: str = ""


_current: ContextVar[RequestContext] = ContextVar("request_context", default=RequestContext())


def current() -> RequestContext:
    """Return the context of the request being served, empty outside of one."""
    return _current.get()


def enter(context: RequestContext) -> None:
    """Make `context` the one of whatever runs next here."""
    _current.set(context)


def client_address(remote: str, forwarded_for: str, proxies: int) -> str:
    """Return the caller's address behind `proxies` trusted hops.

    Each trusted proxy appends the address that it saw, so only the last `proxies` entries of `X-Forwarded-For` count;
    without a trusted proxy the header is ignored.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    if proxies <= 0 or not hops:
        return remote
    return hops[-min(proxies, len(hops))]
