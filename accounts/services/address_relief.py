"""What an operator does for the owner of an address whose messages of the day strangers have used up."""

from __future__ import annotations

from django.db import transaction

from accounts.limits import message_budget
from accounts.steps.addresses import holder_of
from depannini_dashmap.lib.ops import audit


@transaction.atomic
def free_address(*, actor: None, channel: str, address: str) -> int:
    """Begin an address's hour and day of messages anew, and return how many were counted; no `actor`, the terminal asks.

    Shape: `channel` is `phone` or `email`, the address in its stored spelling. Effects: whoever asked for these messages keeps
    their own counts, by network and account; wrong codes stay counted, as they may be a thief's; an audit event.
    """
    freed = message_budget.free(channel, address)
    audit.record("address_freed", actor=actor, target=holder_of(channel, address), channel=channel, messages=freed)
    return freed
