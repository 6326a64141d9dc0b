"""The network that a request comes from, as what it did is counted: by a keyed hash, so that no row holds an address."""

from __future__ import annotations

from datetime import timedelta

from django.apps import apps
from django.utils import timezone
from django.utils.crypto import salted_hmac

from depannini_dashmap.lib.ops import request_context

NEW_PASSWORD = ("password_reset", "password_changed", "password_set_by_operator")
FAMILIAR = timedelta(days=90)  # how long a network counts as its owner's after a sign-in


def present_network() -> str:
    """Return the network of the request being served; nothing outside of one."""
    here = request_context.current()
    return request_context.network_of(here.address) if here.request_id else ""


def network_key(network: str) -> str:
    """Return the hash under which what a network did is counted."""
    return salted_hmac("accounts.network", network, algorithm="sha256").hexdigest() if network else ""


def is_familiar(user_id: int | None) -> bool:
    """Return whether the account signed in from the present network before, and since it last got a new password.

    Who was shut out by that is a stranger again. Asked of no account, it costs the same.
    """
    events = apps.get_model("depannini_dashmap", "AuditEvent").objects.filter(
        target_type="accounts.user",
        target_id=str(user_id or ""),
        event__in=("signed_in", *NEW_PASSWORD),
        at__gt=timezone.now() - FAMILIAR,
    )
    here, found = present_network(), False
    for event, address in events.order_by("-at", "-pk").values_list("event", "address")[:500]:
        if event in NEW_PASSWORD:
            break
        found = found or request_context.network_of(address) == here
    return bool(here) and found
