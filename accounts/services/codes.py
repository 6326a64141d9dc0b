"""Verification and reset codes: asking for one, entering one, and what a proven address changes."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import tasks
from accounts.keyed_hashes import address_key
from accounts.limits import message_budget
from accounts.models import Invitation, Notice, User, VerificationCode
from accounts.requester_keys import present_caller
from accounts.services.credentials import set_password
from accounts.steps.address_claims import notice_address_of, take_address
from accounts.steps.addresses import EMAIL, OTHER, PHONE, can_reset, change_address, end_codes, field_of, holder_of
from accounts.steps.caller_merge import lock_phone_number, merge_caller_account
from accounts.steps.code_guesses import InvalidCode, enter_code, use_up
from accounts.steps.notices import send_notice
from accounts.steps.password_rules import require_good_password
from depannini_dashmap.lib.db.advisory_locks import take_lock
from depannini_dashmap.lib.errors import InvalidData
from depannini_dashmap.lib.ops import audit

VERIFY, RESET = VerificationCode.Purpose.VERIFY, VerificationCode.Purpose.RESET
CLAIM = VerificationCode.Purpose.CLAIM

__all__ = ["InvalidCode", "confirm_reset", "request_code", "request_reset", "verify_address"]


# --- Asking ----------------------------------------------------------------------------------------------------------------
def request_code(*, actor: User | None, user: User | None, channel: str, purpose: str, address: str) -> None:
    """Have a code sent to an address; without a user all the same is written and nothing is sent.

    Shape: `actor` is the signed-in account that asks, None where only the network is known.
    Effects: up to three codes of one account and purpose are valid at a time. One more ends the oldest of the caller who
    has asked for the most, so that nobody's asking ends what another asked for.
    """
    key, caller, asked_at = address_key(channel, address), present_caller(actor), timezone.now()
    with transaction.atomic():
        if not message_budget.try_spend(message_budget.CODE, channel, address, asker=actor, holder=user):
            return  # silently: who asks must not learn whether an account exists
        take_lock(f"code {key}")
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
    """End what has expired and, where three are left, the oldest of whoever has asked for the most."""
    ended = [row.pk for row in earlier if row.expires_at is not None and row.expires_at <= now]
    left = [row for row in earlier if row.pk not in ended]
    while len(left) >= VerificationCode.MOST_OPEN:
        asked = Counter([caller, *(row.asked_by for row in left)])
        most = max(asked[row.asked_by] for row in left)
        oldest = next(row for row in left if asked[row.asked_by] == most)
        left.remove(oldest)
        ended.append(oldest.pk)
    VerificationCode.objects.filter(pk__in=ended).update(ended_at=now)


def request_verification(*, actor: User | None, channel: str, address: str) -> None:
    """Have a code sent to who holds the address unproven; anybody else's asking costs the same and sends nothing.

    A signed-in `actor` gets one for an address of their own, be it suspended, or for the one that they claim.
    """
    if actor is not None:
        account = User.objects.get(pk=actor.pk)
        for purpose, own in _own_unproven(account, channel, actor):
            if own == address:
                request_code(actor=actor, user=account, channel=channel, purpose=purpose, address=address)
                return
    user = holder_of(channel, address)
    if user is not None and (getattr(user, f"{channel}_verified") or getattr(user, f"{channel}_suspended")):
        user = None
    request_code(actor=actor, user=user, channel=channel, purpose=VERIFY, address=address)


def request_own_verification(*, actor: User | None, user: User, channels: tuple[str, ...] = (EMAIL, PHONE)) -> None:
    """Have codes sent to the user's own unproven addresses and to those that they claim; `actor` as with `request_code`."""
    account = User.objects.get(pk=user.pk)
    for channel in channels:
        for purpose, address in _own_unproven(account, channel, actor):
            request_code(actor=actor, user=account, channel=channel, purpose=purpose, address=address)


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


def request_reset(*, actor: None, channel: str, address: str) -> None:
    """Send a reset code to the holder of the address; an address that nobody holds, or that resets nothing, costs the same; no `actor`."""
    holder = holder_of(channel, address)
    request_code(actor=None, user=holder if can_reset(holder, channel) else None, channel=channel, purpose=RESET, address=address)


# --- Entering --------------------------------------------------------------------------------------------------------------
def verify_address(*, actor: User | None, channel: str, address: str, code: str) -> User:
    """Mark an address as proven by its code.

    Signed in, the code is one that was sent for this `actor` alone, and an address of which they prove that it is theirs
    becomes theirs, even if another account held it unproven. Without an actor it proves the address for its present holder.
    Raises: InvalidCode, Conflict.
    """
    if actor is not None:
        return _verify_own(actor, channel, [address], code)
    row, _ = enter_code(channel, [address], (VERIFY,), code)
    holder = holder_of(channel, address)
    if holder is None or holder.pk != row.user_id or getattr(holder, f"{channel}_suspended"):
        raise InvalidCode()
    return _proven(row, channel, address)


def verify_own_address(*, actor: User, channel: str, code: str) -> User:
    """Mark as proven the address that the actor's code was sent to: their own, or the one that they claim.

    Raises: InvalidCode, Conflict; InvalidData where there is no such address.
    """
    account = User.objects.get(pk=actor.pk)
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
        lock_phone_number(channel, address)
        user = _prove(row, channel, address)
        use_up(row)
        end_codes(user.pk, channel)
        merge_caller_account(user, channel, address)
        audit.record("address_verified", actor=user, target=user, channel=channel)
    return user


def confirm_reset(*, actor: None, channel: str, address: str, code: str, new_password: str) -> None:
    """Set a new password by a reset code and end every session; see `_take_over` for an address not proven before.

    Shape: no `actor`, as nobody is signed in. Raises: InvalidCode, InvalidData.
    """
    require_good_password(new_password)
    row, _ = enter_code(channel, [address], (RESET,), code)
    user = holder_of(channel, address)
    if user is None or user.pk != row.user_id or not can_reset(user, channel):
        raise InvalidCode()
    require_good_password(new_password, user)
    with transaction.atomic():
        lock_phone_number(channel, address)
        account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        now = holder_of(channel, address)  # as it is now that nobody else changes the account
        if now is None or now.pk != account.pk or not can_reset(now, channel):
            raise InvalidCode()
        use_up(row)
        end_codes(account.pk)
        if not getattr(account, f"{channel}_verified"):
            _take_over(account, channel)
            merge_caller_account(account, channel, address)
        set_password(actor=account, user=account, password=new_password, reason="password_reset")


def _take_over(account: User, channel: str) -> None:
    """Hand an account over to the user who proved an address of it that nobody had proven: the rest may be a stranger's.

    Effects: the Google link ends, and so do claims, and invitations under the account's username: they were meant for
    whoever had it. The other address still names the account at sign-in and does nothing
    else until the signed-in user has proven it again.
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
        take_address(holder, channel)
    old = getattr(user, field)
    target = notice_address_of(user, channel) if old and old != address else None
    was_proven = getattr(user, f"{channel}_verified")
    change_address(user, channel, address)
    setattr(user, f"{channel}_verified", True)
    setattr(user, f"pending_{field}", None)
    user.save(update_fields=[field, "username", f"{channel}_verified", f"{channel}_suspended", f"pending_{field}"])
    if target:
        send_notice(user, Notice.Kind.ADDRESS_CHANGED, channel, target, was_proven=was_proven)
    return user
