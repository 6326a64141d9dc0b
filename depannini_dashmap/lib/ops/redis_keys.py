"""Names in Redis that no other deployment uses: several may share one server, and even one numbered database."""

from django.conf import settings


def named(*parts: str) -> str:
    """Return the name of a key or a channel of this deployment."""
    return ".".join(("dashmap", settings.DEPLOYMENT, *parts))
