"""Verification and reset codes: asking for one, entering one, and what a proven address changes."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db import transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q
from django.utils import timezone

from accounts import tasks
from accounts.callers import present_caller
from accounts.keyed_hashes import address_key
from accounts.limits import message_budget
from accounts.models import Invitation, Membership, Notice, User, VerificationCode
from accounts.services.callers import hold_number, join_caller
from accounts.services.code_guesses import InvalidCode, enter_code, use_up
from accounts.services.notices import send_notice
from accounts.services.sessions import require_good_password, set_password
from depannini_dashmap.lib.db.advisory_locks import take_turn
from depannini_dashmap.lib.errors import Conflict, InvalidData
from depannini_dashmap.lib.ops import audit

EMAIL, PHONE = VerificationCode.Channel.EMAIL, VerificationCode.Channel.PHONE
VERIFY, RESET = VerificationCode.Purpose.VERIFY, VerificationCode.Purpose.RESET
CLAIM = VerificationCode.Purpose.CLAIM
FIELDS = {EMAIL: "email", PHONE: "phone_number"}
OTHER = {EMAIL: PHONE, PHONE: EMAIL}

__all__ = ["InvalidCode", "confirm_reset", "request_code", "request_reset", "verify_address"]


def field_of(channel: str) -> str:
    """Return the name of the user's column for addresses of a channel."""
    return FIELDS[VerificationCode.Channel(channel)]


def holder_of(channel: str, address: str) -> User | None:
    """Return the active account that holds an address, proven or not; `holds_more` says whether it has rights to lose."""
    groups = User.groups.through.objects.filter(user_id=OuterRef("pk"))
    more = Q(is_superuser=True) | Exists(Membership.objects.filter(user_id=OuterRef("pk"))) | Exists(groups)
    holders = User.objects.active().filter(**{field_of(channel): address})
    return holders.annotate(holds_more=ExpressionWrapper(more, output_field=BooleanField())).first()


def can_reset(holder: User | None, channel: str) -> bool:
    """Return whether who receives a code at the account's address may set its password.

    What belongs to a company, or to everybody, is never opened by an address that nobody has proven.
    """
    if holder is None or getattr(holder, f"{channel}_suspended"):
        return False
    return getattr(holder, f"{channel}_verified") or not holder.holds_more  # type: ignore[attr-defined]


# --- Asking ----------------------------------------------------------------------------------------------------------------
def request_code(*, user: User | None, channel: str, purpose: str, address: str, asker: User | None = None) -> None:
    """Have a code sent to an address; without a user all the same is written and nothing is sent.

    Shape: `asker` is the signed-in account that asks, None where only the network is known.
    Effects: up to three codes of one account and purpose are good beside each other. One more ends the oldest of whoever
    has asked for the most, so that nobody's asking ends what another asked for.
    """
    key, caller, asked_at = address_key(channel, address), present_caller(asker), timezone.now()
    with transaction.atomic():
        if not message_budget.allow(message_budget.CODE, channel, address, asker=asker, holder=user):
            return  # silently: who asks must not learn whether an account exists
        take_turn(f"code {key}")
        now = timezone.now()
        earlier = VerificationCode.objects.open().filter(address_key=key, purpose=purpose, user=user)
        if earlier.filter(created_at__gt=asked_at).exists():
            return  # somebody asked at the same moment: that code is on its way
        _make_room(list(earlier.order_by("created_at", "pk")), caller, now)
        row = VerificationCode.objects.create(
            user=user,
            channel=channel,
            purpose=purpose,
            address_key=key,
            asked_by=caller,
            claimed_address=address if purpose == CLAIM else "",
            created_at=now,
        )
        tasks.queue_code(row)


def _make_room(earlier: list[VerificationCode], caller: str, now: datetime) -> None:
    """End what has expired and, where three are left, the oldest of whoever has asked for the most, the caller included."""
    ended = [row.pk for row in earlier if row.expires_at is not None and row.expires_at <= now]
    left = [row for row in earlier if row.pk not in ended]
    while len(left) >= VerificationCode.MOST_OPEN:
        asked = Counter([caller, *(row.asked_by for row in left)])
        most = max(asked[row.asked_by] for row in left)
        oldest = next(row for row in left if asked[row.asked_by] == most)
        left.remove(oldest)
        ended.append(oldest.pk)
    VerificationCode.objects.filter(pk__in=ended).update(ended_at=now)


def request_verification(channel: str, address: str, *, asker: User | None = None) -> None:
    """Have a code sent to who holds the address unproven; anybody else's asking costs the same and sends nothing.

    A signed-in `asker` gets one for an address of their own, be it suspended, or for the one that they claim.
    """
    if asker is not None:
        account = User.objects.get(pk=asker.pk)
        for purpose, own in _own_unproven(account, channel, asker):
            if own == address:
                request_code(user=account, channel=channel, purpose=purpose, address=address, asker=asker)
                return
    user = holder_of(channel, address)
    if user is not None and (getattr(user, f"{channel}_verified") or getattr(user, f"{channel}_suspended")):
        user = None
    request_code(user=user, channel=channel, purpose=VERIFY, address=address, asker=asker)


def request_own_verification(
    user: User, channels: tuple[str, ...] = (EMAIL, PHONE), *, asker: User | None = None
) -> None:
    """Have codes sent to the user's own unproven addresses and to those that they claim; `asker` as with `request_code`."""
    account = User.objects.get(pk=user.pk)
    for channel in channels:
        for purpose, address in _own_unproven(account, channel, asker):
            request_code(user=account, channel=channel, purpose=purpose, address=address, asker=asker)


def _own_unproven(account: User, channel: str, asker: User | None) -> list[tuple[str, str]]:
    """Return what the account has not proven of a channel, each address with the purpose of its code.

    Suspended and claimed addresses get one only if the account itself asks.
    """
    own, claimed = getattr(account, field_of(channel)), getattr(account, f"pending_{field_of(channel)}")
    is_own_wish = asker is not None and asker.pk == account.pk
    found: list[tuple[str, str]] = []
    if own and not getattr(account, f"{channel}_verified") and (is_own_wish or not getattr(account, f"{channel}_suspended")):
        found.append((VERIFY, own))
    if claimed and is_own_wish:
        found.append((CLAIM, claimed))
    return found


def request_reset(channel: str, address: str) -> None:
    """Have a reset code sent to who holds the address; one that nobody holds, or that resets nothing, costs the same."""
    holder = holder_of(channel, address)
    request_code(user=holder if can_reset(holder, channel) else None, channel=channel, purpose=RESET, address=address)


def end_codes(user_id: int, channel: str | None = None) -> None:
    """Kill the open codes of a user, of one channel or of both."""
    codes = VerificationCode.objects.open().filter(user_id=user_id)
    if channel is not None:
        codes = codes.filter(channel=channel)
    codes.update(ended_at=timezone.now())


# --- Entering --------------------------------------------------------------------------------------------------------------
def verify_address(channel: str, address: str, code: str, *, user: User | None = None) -> User:
    """Mark an address as proven by its code.

    Signed in, the code is one that was sent for this `user` alone, and an address of which they prove that it is theirs
    becomes theirs, whoever wrote it down first. Without a sign-in it proves the address for its present holder.
    Raises: InvalidCode, Conflict.
    """
    if user is not None:
        return _verify_own(user, channel, [address], code)
    row, _ = enter_code(channel, [address], (VERIFY,), code)
    holder = holder_of(channel, address)
    if holder is None or holder.pk != row.user_id or getattr(holder, f"{channel}_suspended"):
        raise InvalidCode()
    return _proven(row, channel, address)


def verify_own_address(user: User, channel: str, code: str) -> User:
    """Mark as proven what a code was sent to that the user asked for: the own address, or the one that they claim.

    Raises: InvalidCode, Conflict; InvalidData where there is no such address.
    """
    account = User.objects.get(pk=user.pk)
    field = field_of(channel)
    addresses = [address for address in (getattr(account, field), getattr(account, f"pending_{field}")) if address]
    if not addresses:
        raise InvalidData(fields={field: ["Your account has none."]})
    return _verify_own(account, channel, addresses, code)


def _verify_own(user: User, channel: str, addresses: list[str], code: str) -> User:
    row, address = enter_code(channel, addresses, (VERIFY, CLAIM), code, owner=user)
    return _proven(row, channel, address)


def _proven(row: VerificationCode, channel: str, address: str) -> User:
    with transaction.atomic():
        hold_number(channel, address)
        user = _prove(row, channel, address)
        use_up(row)
        end_codes(user.pk, channel)
        join_caller(user, channel, address)
        audit.record("address_verified", actor=user, target=user, channel=channel)
    return user


def confirm_reset(channel: str, address: str, code: str, new_password: str) -> None:
    """Set a new password by a reset code and end every session; see `_take_over` for an address not proven before.

    Raises: InvalidCode, InvalidData.
    """
    require_good_password(new_password)
    row, _ = enter_code(channel, [address], (RESET,), code)
    user = holder_of(channel, address)
    if user is None or user.pk != row.user_id or not can_reset(user, channel):
        raise InvalidCode()
    require_good_password(new_password, user)
    with transaction.atomic():
        hold_number(channel, address)
        account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        now = holder_of(channel, address)  # as it is now that nobody else changes the account
        if now is None or now.pk != account.pk or not can_reset(now, channel):
            raise InvalidCode()
        use_up(row)
        end_codes(account.pk)
        if not getattr(account, f"{channel}_verified"):
            _take_over(account, channel)
            join_caller(account, channel, address)
        set_password(account, new_password, actor=account, reason="password_reset")


def _take_over(account: User, channel: str) -> None:
    """Hand an account over to the user who proved an address of it that nobody had proven: the rest may be a stranger's.

    Effects: the Google link ends, and so do claims, and invitations under the account's username: they were meant for
    whoever had it. The other address still names the account at sign-in and does nothing
    else until the signed-in user has proven it anew.
    """
    other = OTHER[VerificationCode.Channel(channel)]
    setattr(account, f"{channel}_verified", True)
    setattr(account, f"{other}_verified", False)
    setattr(account, f"{other}_suspended", bool(getattr(account, field_of(other))))
    had_google, account.google_sub = account.google_sub is not None, None
    account.pending_email = account.pending_phone_number = None
    account.save(
        update_fields=[
            "email_verified", "phone_verified", "email_suspended", "phone_suspended", "google_sub", "pending_email",
            "pending_phone_number",
        ]
    )  # fmt: skip
    Invitation.objects.filter(user=account, email="").revoke()
    audit.record("address_verified", actor=account, target=account, channel=channel, by="reset", google_unlinked=had_google)


def _prove(row: VerificationCode, channel: str, address: str) -> User:
    field = field_of(channel)
    parties = (
        User.objects.select_for_update(no_key=True).filter(Q(pk=row.user_id) | Q(**{field: address})).order_by("pk")
    )
    found = {party.pk: party for party in parties}
    user = found.pop(row.user_id, None)
    if user is None or not user.is_active or address != getattr(user, f"pending_{field}" if row.purpose == CLAIM else field):
        raise InvalidCode()  # not the user's, or claimed, any more
    for holder in found.values():
        _take_address(holder, channel)
    old = getattr(user, field)
    told = _notice_address(user, channel, old) if old and old != address else None
    was_proven = getattr(user, f"{channel}_verified")
    change_address(user, channel, address)
    setattr(user, f"{channel}_verified", True)
    setattr(user, f"pending_{field}", None)
    user.save(update_fields=[field, "username", f"{channel}_verified", f"{channel}_suspended", f"pending_{field}"])
    if told:
        send_notice(user, Notice.Kind.ADDRESS_CHANGED, channel, told, was_proven=was_proven)
    return user


def _notice_address(user: User, channel: str, address: str | None) -> str | None:
    """Return an address of the user's that notices may go to: not one that is suspended."""
    return None if getattr(user, f"{channel}_suspended") else address


def _take_address(holder: User, channel: str) -> None:
    """Take an address from an account that holds it unproven. Raises: Conflict when it was proven."""
    if getattr(holder, f"{channel}_verified"):
        raise Conflict("This address belongs to another account", code="address_taken")
    field = field_of(channel)
    change_address(holder, channel, None)
    holder.save(update_fields=[field, "username", f"{channel}_suspended"])
    end_codes(holder.pk, channel)
    other = OTHER[VerificationCode.Channel(channel)]
    if left := _notice_address(holder, other, getattr(holder, field_of(other))):
        send_notice(holder, Notice.Kind.ADDRESS_TAKEN, other, left)


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
