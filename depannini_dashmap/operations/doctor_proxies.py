"""How proxies in front report a caller: `manage.py doctor` requests it through the public address; others get no answer."""

from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest

from depannini_dashmap.lib.ops import request_context

HEADER = "X-Doctor"
GOOD_FOR = 60  # seconds
_SALT = "dashmap.doctor"


def question() -> dict[str, str]:
    """Return the header with which somebody who has our secret key asks how their request arrived."""
    return {HEADER: signing.dumps("proxies", salt=_SALT)}


def answer(request: HttpRequest) -> dict[str, Any] | None:
    """Return how a request arrived, or None without the right to ask.

    Shape: `peer`; `entries` of X-Forwarded-For; `said`, the entry that counts; `address` as read from it, or empty.
    """
    try:
        signing.loads(request.headers.get(HEADER, ""), salt=_SALT, max_age=GOOD_FOR)
    except signing.BadSignature:
        return None
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    said = request_context.forwarded_entry(forwarded, settings.NUM_PROXIES)
    return {
        "peer": request.META.get("REMOTE_ADDR", ""),
        "entries": len(forwarded.split(",")) if forwarded.strip() else 0,
        "said": said,
        "address": request_context.read_address(said or ""),
        "num_proxies": settings.NUM_PROXIES,
    }
