"""Taking an address from an account that never proved it, for who has."""

from __future__ import annotations

from accounts.models import Notice, User, VerificationCode
from accounts.steps.addresses import OTHER, change_address, end_codes, field_of
from accounts.steps.notices import send_notice
from depannini_dashmap.lib.errors import Conflict


def notice_address_of(user: User, channel: str) -> str | None:
    """Return an address of the user that notices may go to: never a suspended one."""
    return None if getattr(user, f"{channel}_suspended") else getattr(user, field_of(channel))


def take_address(holder: User, channel: str) -> None:
    """Take an address from an account that holds it unproven. Raises: Conflict when it was proven."""
    if getattr(holder, f"{channel}_verified"):
        raise Conflict("This address belongs to another account", code="address_taken")
    field = field_of(channel)
    change_address(holder, channel, None)
    holder.save(update_fields=[field, "username", f"{channel}_suspended"])
    end_codes(holder.pk, channel)
    other = OTHER[VerificationCode.Channel(channel)]
    if left := notice_address_of(holder, other):
        send_notice(holder, Notice.Kind.ADDRESS_TAKEN, other, left)
