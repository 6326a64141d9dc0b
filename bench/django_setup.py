"""Django loaded on a database of a bench's own, and the environment of servers on it."""

from __future__ import annotations

import os
import secrets


def environment(url: str) -> dict[str, str]:
    """Return the environment of a server on the bench's database, independent of the developer's own `.env`."""
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
