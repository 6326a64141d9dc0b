"""Context of the current request: its id and address, and the network that an address counts as."""

import ipaddress
import logging
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

logger = logging.getLogger(__name__)

IPV6_CUSTOMER = 64  # bits of an address that a provider assigns to one customer, who has all addresses below it
UNNAMED = "0.0.0.0"  # noqa: S104 - nothing is bound to it
LONGEST = 80  # characters; nothing longer is an address with its port
COMPLAIN_EVERY = 600.0  # seconds between two log lines about one proxy
MOST_PROXIES = 100  # of which it is remembered when they were last complained about

# `198.51.100.7`, `198.51.100.7:40001`, `[2001:db8::1]`, `[2001:db8::1]:40001`, `2001:db8::1`, each perhaps in quotes.
_HOP = re.compile(
    r'"?(?:\[(?P<boxed>[^\]]+)\]|(?P<v4>[0-9.]+)|(?P<bare>[0-9A-Fa-f:.]+(?:%[\w.-]+)?))(?(bare)|(?::[\w.-]{1,40})?)"?\Z',
    re.ASCII,
)
# Gateways that write an IPv4 address into the last 32 bits would make all who come through them one customer.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_complained: dict[str, float] = {}


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
    """Make `context` the current one."""
    _current.set(context)


def client_address(peer: str, forwarded_for: str, proxies: int) -> str:
    """Return the caller's address behind `proxies` trusted hops, in its one spelling: IPv4 where it stands for one.

    Each trusted proxy appends the address that it saw, so only the last `proxies` entries of `X-Forwarded-For` count;
    without a trusted proxy the header is ignored. What cannot be read counts as the peer, and is complained about.
    """
    entry = forwarded_entry(forwarded_for, proxies)
    if entry is None:
        return read_address(peer) or peer
    address = read_address(entry)
    if not address:
        _complain(peer, entry)
    return address or read_address(peer) or peer


def forwarded_entry(forwarded_for: str, proxies: int) -> str | None:
    """Return what the farthest trusted proxy says of its caller, None where none says anything.

    An empty entry is an entry: were it left out, the one before it, which the caller may have written, would count.
    """
    if proxies <= 0 or not forwarded_for.strip():
        return None
    hops = forwarded_for.split(",")
    return hops[-min(proxies, len(hops))].strip()


def read_address(text: str) -> str:
    """Return the address that a proxy or the system wrote, without port, brackets and zone; empty for anything else."""
    return _read(text) if len(text) <= LONGEST else ""


def network_of(address: str) -> str:
    """Return what an address counts as wherever callers are counted: itself, or the first address of its IPv6 /64.

    A Unix socket has no peer: who comes through it unnamed counts as `UNNAMED`.
    """
    return _network(address) if len(address) <= LONGEST else UNNAMED


@lru_cache(maxsize=4096)
def _read(text: str) -> str:
    found = _HOP.match(text)
    if found is None:
        return ""
    written = found["boxed"] or found["v4"] or found["bare"]
    try:
        address = ipaddress.ip_address(written.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(_embedded(address) or address)
    return str(address)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or (address.teredo[1] if address.teredo else None)


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    readable = _read(address)
    if ":" not in readable:
        return readable or UNNAMED
    return str(ipaddress.ip_network((readable, IPV6_CUSTOMER), strict=False).network_address)


def _complain(proxy: str, entry: str) -> None:
    """Name a proxy that sends what is no address: now and then, however many requests come through it."""
    now = time.monotonic()
    if now < _complained.get(proxy, 0.0):
        return
    if len(_complained) >= MOST_PROXIES:
        _complained.clear()
    _complained[proxy] = now + COMPLAIN_EVERY
    logger.warning(
        "The proxy %s sends X-Forwarded-For without a readable address (%r): those behind it count as one caller",
        proxy or "on the Unix socket",
        entry[:LONGEST],
    )
