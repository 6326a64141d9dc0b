"""What `manage.py doctor` asks Redis and its Sentinels: whether they answer, who else uses it, and whether events pass."""

import secrets
import time
from typing import Any

import redis
from django.conf import settings

from depannini_dashmap.lib.ops import redis_connections
from depannini_dashmap.lib.ops.redis_connections import Sentinels
from depannini_dashmap.lib.realtime import layer, subscriptions
from depannini_dashmap.operations.doctor_findings import PATIENCE, Broken, Doubtful, cause, examination


@examination
def redis_server() -> str:
    """Ask Redis, after its Sentinels."""
    if not settings.REDIS_URL:
        raise Doubtful("Not configured: one process only", "Set REDIS_URL once there is more than one process.")
    known = redis_connections.sentinels(settings.REDIS_URL)
    silent = _ask_sentinels(known) if known else []
    try:
        with redis_connections.client(settings.REDIS_URL, PATIENCE) as client:
            client.ping()
            about: Any = client.info()
    except redis.RedisError as error:
        raise Broken(f"No answer: {cause(error)}", "Start Redis, or correct REDIS_URL.") from error
    if about.get("role", "master") != "master":
        raise Broken("This Redis is a replica: it takes no writes", "Name the primary in REDIS_URL, or its Sentinels (docs/scaling.md).")
    if silent:
        raise Doubtful(f"Redis {about['redis_version']} answers, but not the Sentinels {'; '.join(silent)}", "Start them, or correct the list in REDIS_URL.")
    return f"Redis {about['redis_version']} answers" + (f", the primary {known.name} of {len(known.hosts)} Sentinels" if known else "")


def _ask_sentinels(known: Sentinels) -> list[str]:
    """Return which of them do not answer, and why. Raises: Broken when none does, or none knows a primary of this name that is up."""
    silent, names, states = [], set(), []
    for host, port in known.hosts:
        try:
            with redis.Redis(host, port, **{"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "retry": None, **known.own}) as asked:
                primaries: dict[str, Any] = asked.sentinel_masters()
        except redis.RedisError as error:
            silent.append(f"{host}:{port} ({cause(error)})")
            continue
        names |= set(primaries)
        states += [primaries[known.name]] if known.name in primaries else []
    if len(silent) == len(known.hosts):
        raise Broken(f"No Sentinel answers: {'; '.join(silent)}", "Start them, or correct the list in REDIS_URL, or its sentinel_password.")
    if not states:
        raise Broken(
            f"The Sentinels know no primary {known.name!r}, but {', '.join(sorted(names)) or 'none at all'}",
            "Correct the name in REDIS_URL, or add `sentinel monitor` to the Sentinels' configuration.",
        )
    if all(not state["is_master"] or state["is_sdown"] or state["is_odown"] for state in states):
        raise Broken(f"The Sentinels say that the primary {known.name!r} is down", "Start it, or give it a replica that can take its place.")
    return silent


@examination
def neighbours() -> str:
    """Look for other deployments on the same database of Redis."""
    if not settings.REDIS_URL:
        return "no Redis to share"
    client = redis_connections.client(settings.REDIS_URL, PATIENCE)
    number = client.connection_pool.connection_kwargs.get("db", 0)
    try:
        keys = [key.decode() for key in client.scan_iter("dashmap.*processes", count=1000)]
        heard: Any = client.pubsub_channels(f"dashmap*.{number}.events")
        channels = [channel.decode() for channel in heard]
    except redis.RedisError as error:
        raise Doubtful(f"Cannot be asked: {cause(error)}", "See redis_server; it needs SCAN and PUBSUB.") from error
    finally:
        client.close()
    # A release before this one names its list and channel without a deployment.
    before = "dashmap.processes" in keys or f"dashmap.{number}.events" in channels
    others = {name.split(".")[1] for name in (*keys, *channels) if name.count(".") > 1} - {settings.DEPLOYMENT, str(number)}
    if others or before:
        named = ", ".join([*sorted(others)[:5], *(["one without a name (an older release)"] if before else [])])
        raise Doubtful(
            f"Other deployments use this database of Redis: {named}; we are {settings.DEPLOYMENT}",
            "Give each its own number or server: one that fills or empties it does so to all. If they are one"
            " deployment, give all its processes the same DEPLOYMENT; if it is an old process, stop it.",
        )
    return f"nobody else uses this database of Redis; we are {settings.DEPLOYMENT}"


@examination
def events() -> str:
    """Publish one event and receive it as another process would."""
    if not settings.REDIS_URL:
        return "stay inside this process"
    group = f"doctor.{secrets.token_hex(8)}"
    client = redis_connections.client(settings.REDIS_URL, PATIENCE)
    try:
        with client.pubsub(ignore_subscribe_messages=False) as subscription:
            subscription.subscribe(f"{subscriptions.channel(settings.REDIS_URL)}.{group}")
            subscription.get_message(timeout=PATIENCE)
            began = time.perf_counter()
            layer.publish_now(group, {"type": "ping"})
            while time.perf_counter() - began < PATIENCE:
                heard = subscription.get_message(timeout=PATIENCE)
                if heard and heard["type"] == "message":
                    return f"an event was heard after {1000 * (time.perf_counter() - began):.1f} ms"
    except redis.RedisError as error:
        raise Broken(f"Lost on the way: {cause(error)}", "See redis_server.") from error
    finally:
        client.close()
    raise Broken("An event was published and never heard", "Check that REDIS_URL may use PUBLISH and SUBSCRIBE.")
