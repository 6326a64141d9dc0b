"""A database of a bench's own: made beside the given one, dropped at the end; and Django loaded on it."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2


@contextmanager
def own_database(url: str) -> Iterator[str]:
    """Give the URL of a fresh database: beside the given PostgreSQL one, else a SQLite file."""
    if not url.startswith("postgres"):
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.sqlite3"
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a bench that is stopped drops it too
    parts = urlsplit(url)
    name = f"bench_{secrets.token_hex(6)}"
    admin = psycopg2.connect(urlunsplit(parts._replace(scheme="postgresql", path="/postgres")))
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
            admin.close()


def environment(url: str) -> dict[str, str]:
    """Return what a server on the bench's database needs, whatever the developer's own `.env` says."""
    return {
        "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings", "ENV_FILE": "/nonexistent",
        "SECRET_KEY": secrets.token_urlsafe(48), "DEBUG": "off", "THROTTLING": "off", "TASK_WORKER": "off",
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
    }  # fmt: skip


def load_django(url: str) -> None:
    """Load Django on the bench's database and create its tables; what this process starts inherits its settings."""
    os.environ.update(environment(url))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.urls import get_resolver

    from depannini_dashmap.server.memory_tuning import share_one_heap, spare_what_stays

    # As asgi.py does, with every view loaded.
    share_one_heap()
    get_resolver().url_patterns  # noqa: B018
    spare_what_stays()
