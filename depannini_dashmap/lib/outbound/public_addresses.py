"""Where a URL that somebody else chose may lead: to public addresses alone, looked up when the request is made."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(Exception):
    """The name leads nowhere, or to an address inside some network."""


def is_public(address: str) -> bool:
    """Return whether an address is one of the internet, whatever it hides: IPv4 within IPv6, a tunnel, a translation."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


async def resolve(host: str, port: int) -> str:
    """Return one address of a host to connect to. Raises: NotPublic where any is not public, or there is none."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotPublic(host) from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise NotPublic(host)
    return addresses[0]
