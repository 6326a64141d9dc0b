"""Addresses of accounts: who holds one, what it may do, and changing it."""

from __future__ import annotations

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q
from django.utils import timezone

from accounts.models import Membership, User, VerificationCode

EMAIL, PHONE = VerificationCode.Channel.EMAIL, VerificationCode.Channel.PHONE
FIELDS = {EMAIL: "email", PHONE: "phone_number"}
OTHER = {EMAIL: PHONE, PHONE: EMAIL}


def field_of(channel: str) -> str:
    """Return the name of the user's column for addresses of a channel."""
    return FIELDS[VerificationCode.Channel(channel)]


def holder_of(channel: str, address: str) -> User | None:
    """Return the active account that holds an address, proven or not; `has_privileges` says whether it has rights to lose."""
    groups = User.groups.through.objects.filter(user_id=OuterRef("pk"))
    more = Q(is_superuser=True) | Exists(Membership.objects.filter(user_id=OuterRef("pk"))) | Exists(groups)
    holders = User.objects.active().filter(**{field_of(channel): address})
    return holders.annotate(has_privileges=ExpressionWrapper(more, output_field=BooleanField())).first()


def can_reset(holder: User | None, channel: str) -> bool:
    """Return whether who receives a code at the account's address may set its password.

    What belongs to a company, or to everybody, is never opened by an address that nobody has proven.
    """
    if holder is None or getattr(holder, f"{channel}_suspended"):
        return False
    return getattr(holder, f"{channel}_verified") or not holder.has_privileges  # type: ignore[attr-defined]


def end_codes(user_id: int, channel: str | None = None) -> None:
    """Kill the open codes of a user, of one channel or of both."""
    codes = VerificationCode.objects.open().filter(user_id=user_id)
    if channel is not None:
        codes = codes.filter(channel=channel)
    codes.update(ended_at=timezone.now())


def change_address(user: User, channel: str, address: str | None) -> None:
    """Set an address on this object, and the username that follows it; it is suspended no more. Saves nothing."""
    field = field_of(channel)
    if user.username == getattr(user, field) or (channel == PHONE and user.username == unaddressed_username(user)):
        user.username = address or unaddressed_username(user)
    setattr(user, field, address)
    setattr(user, f"{channel}_suspended", False)


def unaddressed_username(user: User) -> str:
    """Return the username of an account whose username followed an address that it lost; nobody can choose it."""
    return f"@{user.pk}"
