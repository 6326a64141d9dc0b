"""Connections to the Redis that REDIS_URL names: one server, or the primary that Sentinels name.

    redis://[[user]:password@]host[:port][/number][?options]                          rediss:// with TLS, unix:// by a socket
    redis+sentinel://[[user]:password@]host[:port][,…]/name[/number][?options]        rediss+sentinel:// with TLS to all of them

The hosts of the second form are the Sentinels', port 26379 unless they say otherwise; user and password are those of Redis, and
`sentinel_username` and `sentinel_password` among the options those of the Sentinels. All other options are redis-py's.
Nothing here reads settings: REDIS_URL is completed and checked while they are made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import redis
import redis.asyncio
from redis.asyncio.connection import SSLConnection as AsyncSSLConnection
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

SENTINEL_PORT = 26379
_SENTINELS = re.compile(
    r"redis(?P<tls>s?)\+sentinel://(?:(?P<login>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?:/(?P<name>[^/?#]*))?(?:/(?P<number>[^/?#]*))?/?(?:\?(?P<options>[^#]*))?"
)
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:\s]+))(?::(?P<port>\d{1,5}))?")
_LOGIN = re.compile(r"[^/?#]*://(?:(?P<user>[^/?#:]*)(?::(?P<password>[^/?#]*))?@)?(?=[^@/?#]*(?:[/?#]|$))")


class Wrong(ValueError):
    """A URL is none of those above; the text names no secret."""


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Who knows the primary `name`; `own` are the options of connections to them, `redis` those to the primary."""

    hosts: tuple[tuple[str, int], ...]
    name: str
    is_encrypted: bool
    own: Mapping[str, Any] = field(repr=False)
    redis: Mapping[str, Any] = field(repr=False)


def sentinels(url: str) -> Sentinels | None:
    """Return what a URL says of Sentinels, None for that of one server. Raises: Wrong."""
    if not url.partition("://")[0].endswith("+sentinel"):
        return None
    found = _SENTINELS.fullmatch(url)
    if found is None:
        raise Wrong("it is not redis+sentinel://[user:password@]host[:port],…/name/number")
    if not found["name"]:
        raise Wrong("it does not say which primary the Sentinels are asked for: redis+sentinel://host,…/name/number")
    if found["number"] and not found["number"].isdecimal():
        raise Wrong("what follows the primary's name is not the number of a database")
    login = f"{found['login']}@" if found["login"] else ""
    # One server's URL with the same options, so that redis-py reads and types them.
    options = parse_url(f"redis{found['tls']}://{login}redis/{found['number'] or 0}?{found['options'] or ''}")
    for place in ("host", "connection_class"):
        options.pop(place, None)
    own = {name: options.pop(f"sentinel_{name}") for name in ("username", "password") if f"sentinel_{name}" in options}
    own |= {name: value for name, value in options.items() if name.startswith(("ssl_", "socket_"))}
    hosts = tuple(_host(text) for text in found["hosts"].split(","))
    return Sentinels(hosts, unquote(found["name"]), bool(found["tls"]), own | ({"ssl": True} if found["tls"] else {}), options)


def _host(text: str) -> tuple[str, int]:
    found = _HOST.fullmatch(text.strip())
    if found is None or not 0 < int(found["port"] or SENTINEL_PORT) < 65536:
        raise Wrong("its list of Sentinels is not host:port,host:port")
    return found["six"] or found["host"], int(found["port"] or SENTINEL_PORT)


def check(url: str) -> None:
    """See that a URL can be used, without connecting. Raises: Wrong."""
    netloc = re.sub(r"[/?#].*", "", url.partition("://")[2])
    if "," in netloc.rpartition("@")[2] and sentinels(url) is None:
        raise Wrong("it names several hosts; those of Sentinels are written redis+sentinel://host,host,host/name/number")
    try:
        pool(url).make_connection()
    except Wrong:
        raise
    except TypeError as error:  # redis-py's own words, of an option that it does not know
        raise Wrong(str(error).rpartition("() ")[2]) from None
    except ValueError:
        raise Wrong("it is not redis://[user:password@]host[:port][/number], rediss://…, unix://… or redis+sentinel://…") from None


def with_password(url: str, password: str) -> str:
    """Return a URL with this password, unless it has one."""
    found = _LOGIN.match(url)
    if not password or found is None or found["password"]:
        return url
    scheme, _, _ = url.partition("://")
    return f"{scheme}://{found['user'] or ''}:{quote(password, safe='')}@{url[found.end():]}"


def options_of(url: str) -> Mapping[str, Any]:
    """Return the options of connections to Redis itself: `password`, `db` and so on, as far as the URL has them."""
    known = sentinels(url)
    return parse_url(url) if known is None else known.redis


def secrets(url: str) -> list[str]:
    """Return the passwords in a URL, of Redis and of the Sentinels."""
    known = sentinels(url) if url else None
    options = [known.own, known.redis] if known else [parse_url(url)] if url else []
    return [each["password"] for each in options if each.get("password")]


def hosts_of(url: str) -> list[str]:
    """Return the names of the servers in a URL: of Redis, or of the Sentinels; empty for a socket's."""
    known = sentinels(url)
    if known is not None:
        return [host for host, _ in known.hosts]
    return [] if url.startswith("unix:") else [parse_url(url).get("host", "localhost")]


def pool(url: str, **options: Any) -> redis.ConnectionPool:
    """Return connections to a Redis, whoever is primary when they are made; the URL's own options win.

    Raises: Wrong, ValueError, of a URL; redis.ConnectionError, when connecting, also while no primary is known.
    """
    known = sentinels(url)
    if known is None:
        return redis.ConnectionPool.from_url(url, **options)
    patience = {name: value for name, value in options.items() if name.startswith("socket_")}
    # A Sentinel that is silent is not asked twice: the next one is.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    asked = Sentinel(known.hosts, sentinel_kwargs={**patience, "retry": retry, **known.own})
    return SentinelConnectionPool(known.name, asked, ssl=known.is_encrypted, **{**options, **known.redis})


def client(url: str, patience: float) -> redis.Redis:
    """Return a client of its own, which is to be closed; `patience` is in seconds, for each answer."""
    return redis.Redis.from_pool(pool(url, socket_timeout=patience, socket_connect_timeout=patience))


def async_connection(url: str, primary: tuple[str, int] | None, **options: Any) -> Any:
    """Return a connection of an event loop, not connected yet, to the one server of a URL or to this primary."""
    known = sentinels(url)
    if known is None or primary is None:
        return redis.asyncio.ConnectionPool.from_url(url, **options).make_connection()
    kind = AsyncSSLConnection if known.is_encrypted else redis.asyncio.Connection
    return kind(**{**options, **known.redis, "host": primary[0], "port": primary[1]})
