"""Verification and reset codes: asking for one, entering one, and what a proven address changes."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts import budget, tasks
from accounts.hashing import address_key, is_code
from accounts.models import Notice, User, VerificationCode
from accounts.services.notices import send_notice
from accounts.services.sessions import require_good_password, set_password
from depannini_dashmap.lib import audit
from depannini_dashmap.lib.errors import Conflict, InvalidData
from depannini_dashmap.lib.turns import take_turn

EMAIL, PHONE = VerificationCode.Channel.EMAIL, VerificationCode.Channel.PHONE
VERIFY, RESET = VerificationCode.Purpose.VERIFY, VerificationCode.Purpose.RESET
FIELDS = {EMAIL: "email", PHONE: "phone_number"}
DAILY_GUESSES = 20


class InvalidCode(InvalidData):
    """The one answer to every code that does not count, whatever the reason."""

    code, message = "invalid_code", "Invalid or expired code"


def holder_of(channel: str, address: str) -> User | None:
    """Return the active account that holds an address, proven or not."""
    return User.objects.active().filter(**{FIELDS[VerificationCode.Channel(channel)]: address}).first()


# --- Asking ----------------------------------------------------------------------------------------------------------------
def request_code(
    *, user: User | None, channel: str, purpose: str, address: str, is_claim: bool = False, asker: User | None = None
) -> None:
    """Have a code sent to an address; without a user all the same is written and nothing is sent.

    Shape: `asker` is the signed-in account that asks, None where only the network is known.

    Effects: earlier codes of this purpose for the address are dead. Beyond the hourly and daily number nothing
    happens, silently: who asks must not learn whether an account exists.
    """
    key, asked_at = address_key(channel, address), timezone.now()
    with transaction.atomic():
        if not budget.allow(budget.CODE, channel, address, asker=asker, holder=user):
            return
        take_turn(f"code {key}")
        now, earlier = timezone.now(), VerificationCode.objects.open().filter(address_key=key, purpose=purpose)
        if earlier.filter(created_at__gt=asked_at).exists():
            return  # somebody asked at the same moment: that code is on its way
        earlier.update(ended_at=now)
        row = VerificationCode.objects.create(
            user=user,
            channel=channel,
            purpose=purpose,
            address_key=key,
            claimed_address=address if is_claim else "",
            created_at=now,
        )
        tasks.queue_code(row)


def request_verification(channel: str, address: str) -> None:
    """Have a code sent to who holds the address unproven; anybody else's asking costs the same and sends nothing."""
    user = holder_of(channel, address)
    if user is not None and getattr(user, f"{channel}_verified"):
        user = None
    request_code(user=user, channel=channel, purpose=VERIFY, address=address)


def request_own_verification(
    user: User, channels: tuple[str, ...] = (EMAIL, PHONE), *, asker: User | None = None
) -> None:
    """Have codes sent to the user's own unproven addresses; `asker` as with `request_code`."""
    account = User.objects.get(pk=user.pk)
    for channel in channels:
        address = getattr(account, FIELDS[VerificationCode.Channel(channel)])
        if address and not getattr(account, f"{channel}_verified"):
            request_code(user=account, channel=channel, purpose=VERIFY, address=address, asker=asker)


def request_reset(channel: str, address: str) -> None:
    """Have a reset code sent to who holds the address; an address that nobody holds costs the same."""
    request_code(user=holder_of(channel, address), channel=channel, purpose=RESET, address=address)


def end_codes(user_id: int, channel: str | None = None) -> None:
    """Kill the open codes of a user, of one channel or of both."""
    codes = VerificationCode.objects.open().filter(user_id=user_id)
    if channel is not None:
        codes = codes.filter(channel=channel)
    codes.update(ended_at=timezone.now())


# --- Entering --------------------------------------------------------------------------------------------------------------
def enter_code(channel: str, purpose: str, address: str, code: str) -> VerificationCode:
    """Return the code's row if the code is right; each try is counted, for good, before it is compared.

    Raises: InvalidCode.
    """
    key = address_key(channel, address)
    row = _count_try(key, purpose)
    if row is None or row.user_id is None or not is_code(row.pk, code, row.code_hash):
        raise InvalidCode(fields={"code": [InvalidCode.message]})
    return row


@transaction.atomic
def _count_try(key: str, purpose: str) -> VerificationCode | None:
    now = timezone.now()
    found = VerificationCode.objects.enterable(now).filter(address_key=key, purpose=purpose).first()
    if found is None:
        return None
    # Tries of one account take turns, so that the sum over its codes is exact.
    User.objects.select_for_update(no_key=True).filter(pk=found.user_id).values_list("pk").first()
    if settings.THROTTLING_ENABLED and _guesses(found, now) >= DAILY_GUESSES:
        return None
    if not VerificationCode.objects.enterable(now).filter(pk=found.pk).update(tries=F("tries") + 1):
        return None
    found.refresh_from_db(fields=["code_hash"])
    return found


def _guesses(row: VerificationCode, now: datetime) -> int:
    same = Q(user_id=row.user_id) | Q(address_key=row.address_key)
    recent = VerificationCode.objects.filter(same, created_at__gt=now - timedelta(days=1))
    return recent.aggregate(sum=Sum("tries"))["sum"] or 0


def _use_up(row: VerificationCode) -> None:
    """Let exactly one of those who entered the right code pass. Raises: InvalidCode."""
    if not VerificationCode.objects.open().filter(pk=row.pk).update(ended_at=timezone.now()):
        raise InvalidCode(fields={"code": [InvalidCode.message]})


def verify_address(channel: str, address: str, code: str) -> User:
    """Mark an address as proven by its code, and give it to who proved it. Raises: InvalidCode, Conflict."""
    row = enter_code(channel, VERIFY, address, code)
    with transaction.atomic():
        user = _prove(row, channel, address)
        _use_up(row)
        audit.record("address_verified", actor=user, target=user, channel=channel)
    return user


def confirm_reset(channel: str, address: str, code: str, new_password: str) -> None:
    """Set a new password by a reset code and end every session. Raises: InvalidCode, InvalidData."""
    require_good_password(new_password)
    row = enter_code(channel, RESET, address, code)
    user = holder_of(channel, address)
    if user is None or user.pk != row.user_id:
        raise InvalidCode(fields={"code": [InvalidCode.message]})
    require_good_password(new_password, user)
    with transaction.atomic():
        _prove(row, channel, address)
        _use_up(row)
        end_codes(user.pk)
        set_password(user, new_password, actor=user, reason="password_reset")


def _prove(row: VerificationCode, channel: str, address: str) -> User:
    field = FIELDS[VerificationCode.Channel(channel)]
    parties = (
        User.objects.select_for_update(no_key=True).filter(Q(pk=row.user_id) | Q(**{field: address})).order_by("pk")
    )
    found = {party.pk: party for party in parties}
    user = found.pop(row.user_id, None)
    if user is None or not user.is_active:
        raise InvalidCode(fields={"code": [InvalidCode.message]})
    for holder in found.values():
        _take_address(holder, channel)
    old, was_proven = getattr(user, field), getattr(user, f"{channel}_verified")
    change_address(user, channel, address)
    setattr(user, f"{channel}_verified", True)
    user.save(update_fields=[field, "username", f"{channel}_verified"])
    if old and old != address:
        send_notice(user, Notice.Kind.ADDRESS_CHANGED, channel, old, was_proven=was_proven)
    return user


def _take_address(holder: User, channel: str) -> None:
    """Take an address from an account that holds it unproven. Raises: Conflict when it was proven."""
    if getattr(holder, f"{channel}_verified"):
        raise Conflict("This address belongs to another account", code="address_taken")
    field = FIELDS[VerificationCode.Channel(channel)]
    change_address(holder, channel, None)
    holder.save(update_fields=[field, "username"])
    end_codes(holder.pk, channel)
    other, left = (PHONE, holder.phone_number) if channel == EMAIL else (EMAIL, holder.email)
    if left:
        send_notice(holder, Notice.Kind.ADDRESS_TAKEN, other, left)


def change_address(user: User, channel: str, address: str | None) -> None:
    """Set an address on this object, and the username that follows it; saves nothing."""
    field = FIELDS[VerificationCode.Channel(channel)]
    if user.username == getattr(user, field) or (channel == PHONE and user.username == unaddressed_username(user)):
        user.username = address or unaddressed_username(user)
    setattr(user, field, address)


def unaddressed_username(user: User) -> str:
    """Return the username of an account whose username followed an address that it lost; nobody can choose it."""
    return f"@{user.pk}"
