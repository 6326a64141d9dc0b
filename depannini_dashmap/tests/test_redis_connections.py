"""REDIS_URL in all its forms: what it says, and what is said of one that is wrong."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.redis import RedisCache

from depannini_dashmap.lib.ops import redis_connections
from depannini_dashmap.lib.ops.redis_connections import Wrong
from depannini_dashmap.operations import doctor_findings

ROOT = Path(__file__).resolve().parents[2]
THREE = "redis+sentinel://dashmap:p%40ss,word@s1:26379,s2,[fd00::3]:26380/main/4?sentinel_username=eye&sentinel_password=s%26ntinel&socket_keepalive=yes"


def test_a_list_of_sentinels() -> None:
    known = redis_connections.sentinels(THREE)
    assert known is not None
    assert known.hosts == (("s1", 26379), ("s2", 26379), ("fd00::3", 26380))
    assert (known.name, known.is_encrypted) == ("main", False)
    assert known.redis == {"username": "dashmap", "password": "p@ss,word", "db": 4, "socket_keepalive": True}
    assert known.own == {"username": "eye", "password": "s&ntinel", "socket_keepalive": True}
    assert "p@ss" not in repr(known) and "s&ntinel" not in repr(known)
    assert redis_connections.hosts_of(THREE) == ["s1", "s2", "fd00::3"]


def test_tls_is_for_sentinels_and_redis_alike() -> None:
    url = "rediss+sentinel://s1,s2,s3/main?ssl_ca_certs=/etc/ca.pem"
    known = redis_connections.sentinels(url)
    assert known is not None and known.own == {"ssl": True, "ssl_ca_certs": "/etc/ca.pem"}
    redis_connections.check(url)
    made = redis_connections.pool(url, socket_timeout=1)
    assert made.connection_class.__name__ == "SentinelManagedSSLConnection"
    assert made.sentinel_manager.sentinels[0].connection_pool.connection_class.__name__ == "SSLConnection"  # type: ignore[attr-defined]
    assert redis_connections.async_connection(url, ("10.0.0.1", 6379)).ca_certs == "/etc/ca.pem"


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("redis://h", 0), ("redis://:pa,ss@h:6380/3", 3), ("rediss://u:p@h/1?ssl_cert_reqs=none", 1), ("unix:///run/redis.sock?db=2", 2),
        ("redis+sentinel://s1/main", 0), ("redis+sentinel://s1,s2/main/5/", 5), ("redis+sentinel://s1/main?db=6", 6),
    ],
)  # fmt: skip
def test_forms_that_are_right(url: str, number: int) -> None:
    redis_connections.check(url)
    assert redis_connections.options_of(url).get("db", 0) == number


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:secret@a:6379,b:6379/0", "several hosts"),
        ("redis://:secret@a,b/0", "several hosts"),
        ("redis://:secret/x@h/0", "it is not redis://"),
        ("http://h", "it is not redis://"),
        ("sentinel://h/main", "it is not redis://"),
        ("redis://:secret@h/0?colour=secret", "'colour'"),
        ("redis+sentinel://:secret@s1:26379", "which primary"),
        ("redis+sentinel://:secret@s1:26379/", "which primary"),
        ("redis+sentinel://:secret@s1/main/zero", "number of a database"),
        ("redis+sentinel://:secret@s1:port,s2/main", "list of Sentinels"),
        ("redis+sentinel://:secret@s1,,s2/main", "list of Sentinels"),
        ("redis+sentinel://:secret@s1:70000/main", "list of Sentinels"),
        ("redis+sentinel://:secret@/main", "list of Sentinels"),
        ("redis+sentinel://:secret@s1/main/0/1", "redis+sentinel://"),
        ("redis+sentinel://:secret@s1/main?colour=secret", "'colour'"),
        ("redis+sentinel://:secret@s1/main?sentinel_colour=secret", "'sentinel_colour'"),
        ("redis+sentinel://:secret@s1/main?ssl_ca_certs=secret", "'ssl_ca_certs'"),
        ("redis+sentinel://:secret@s1/main?socket_timeout=secret", "it is not"),
    ],
)
def test_wrong_ones_are_refused_without_showing_a_secret(url: str, said: str) -> None:
    with pytest.raises(Wrong) as refused:
        redis_connections.check(url)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "completed"),
    [
        ("redis://h:6379/0", "redis://:n%2Fw@h:6379/0"),
        ("redis://user@h/0?x=a@b", "redis://user:n%2Fw@h/0?x=a@b"),
        ("redis://:old@h/0", "redis://:old@h/0"),
        ("redis+sentinel://s1:26379,[::1]:26379/main/0", "redis+sentinel://:n%2Fw@s1:26379,[::1]:26379/main/0"),
        ("redis+sentinel://user@s1,s2/main", "redis+sentinel://user:n%2Fw@s1,s2/main"),
        ("redis+sentinel://user:old@s1,s2/main", "redis+sentinel://user:old@s1,s2/main"),
    ],
)
def test_a_password_of_its_own_setting(url: str, completed: str) -> None:
    assert redis_connections.with_password(url, "n/w") == completed
    assert redis_connections.with_password(url, "") == url
    redis_connections.check(completed.replace("?x=a@b", ""))


START = "from depannini_dashmap import settings as s; print(s.REDIS_URL, s.CACHES['default']['LOCATION'])"


def test_the_settings_complete_it_and_refuse_a_wrong_one(tmp_path: Path) -> None:
    def start(url: str) -> "subprocess.CompletedProcess[str]":
        given = {"PATH": os.environ["PATH"], "ENV_FILE": str(tmp_path / "none"), "SECRET_KEY": "k-of-redis-connections-0123456789abcdef", "REDIS_URL": url, "REDIS_PASSWORD": "w@rd"}
        return subprocess.run([sys.executable, "-c", START], cwd=ROOT, env=given, capture_output=True, text=True, check=False)

    completed = "redis+sentinel://:w%40rd@s1,s2,s3/main/1"
    assert start("redis+sentinel://s1,s2,s3/main/1").stdout.strip() == f"{completed} {[completed]}"
    refused = start("redis+sentinel://:secret@s1,s2,s3")
    assert refused.returncode != 0
    assert "REDIS_URL cannot be used: it does not say which primary" in refused.stderr
    assert "secret" not in refused.stderr


def test_the_cache_does_not_divide_a_list_of_sentinels(settings: Any) -> None:
    class Cache(RedisCache):
        """Django's own, which divides a text at its commas."""

    assert Cache([THREE], {})._servers == [THREE]


def test_the_doctor_shows_none_of_their_secrets(settings: Any) -> None:
    settings.REDIS_URL = THREE
    assert doctor_findings.cause(ValueError("no p@ss,word, p%40ss%2Cword, s&ntinel nor s%26ntinel")) == "ValueError: no [secret], [secret], [secret] nor [secret]"
