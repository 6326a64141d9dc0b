"""Entering a code: which ones a caller may try, how many wrong tries there are, and that all at once count one by one.

A wrong try counts against every code that it was compared with. The bounds, of which no row is written for a right one:
five a caller and twenty in all for each code, and nineteen comparisons a day for each account, so that somebody who guesses
day by day has a chance of 2 in 100,000, codes of forms (`form_codes`) included. The owner, known by where they signed in from,
has nineteen of their own.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.keyed_hashes import address_key, is_code
from accounts.limits.rates import DAILY_COMPARISONS
from accounts.models import CodeGuess, User, VerificationCode
from accounts.networks import is_familiar
from accounts.requester_keys import present_caller
from depannini_dashmap.lib.db.advisory_locks import take_lock
from depannini_dashmap.lib.errors import InvalidData

CLAIM, HELP = VerificationCode.Purpose.CLAIM, VerificationCode.Purpose.HELP
APART = (CLAIM, HELP)  # who enters these does not hold the address: all who do guess at it together
DAY = timedelta(days=1)


class InvalidCode(InvalidData):
    """The one answer to every code that is refused, for any reason."""

    code, default_message = "invalid_code", _("Invalid or expired code")

    def __init__(self) -> None:
        super().__init__(fields={"code": [self.default_message]})


def enter_code(
    channel: str, addresses: list[str], purposes: tuple[str, ...], code: str, *, owner: User | None = None
) -> tuple[VerificationCode, str]:
    """Return the row of a code that is right, and the address that it was sent to; a wrong one is counted for good.

    Shape: `owner` is the signed-in user, whose own codes alone count then. Raises: InvalidCode.
    """
    keys = {address_key(channel, address): address for address in addresses}
    with transaction.atomic():
        for key in sorted(keys):
            take_lock(f"code {key}")
        row = _compare(list(keys), purposes, code, owner)
    if row is None:
        raise InvalidCode()
    return row, keys[row.address_key]


def use_up(row: VerificationCode) -> None:
    """Let exactly one of those who entered the right code pass. Raises: InvalidCode."""
    if not VerificationCode.objects.open().filter(pk=row.pk).update(ended_at=timezone.now()):
        raise InvalidCode()


def _compare(keys: list[str], purposes: tuple[str, ...], code: str, owner: User | None) -> VerificationCode | None:
    now, caller = timezone.now(), present_caller(owner)
    rows = VerificationCode.objects.enterable(now).filter(address_key__in=keys, purpose__in=purposes)
    found = list(rows.filter(user_id=owner.pk) if owner is not None else rows)
    usable = _open_to(caller, found, now, owner)
    right = [row for row in usable if is_code(row.pk, code, row.code_hash) and row.user_id is not None]
    if right:
        return right[0]
    VerificationCode.objects.filter(pk__in=[row.pk for row in usable], tries__lt=VerificationCode.MAX_TRIES).update(
        tries=F("tries") + 1
    )
    compared = Counter((row.address_key, row.purpose, row.user_id) for row in usable)
    CodeGuess.objects.bulk_create(
        CodeGuess(address_key=key, purpose=purpose, user_id=user_id, caller=caller, compared=number, at=now)
        for (key, purpose, user_id), number in compared.items()
    )
    return None


def _open_to(caller: str, rows: list[VerificationCode], now: datetime, owner: User | None) -> list[VerificationCode]:
    """Keep the codes of which this caller, and this day, have tries left."""
    if not rows:
        return []
    keys = {row.address_key for row in rows}
    mine = list(
        CodeGuess.objects.filter(address_key__in=keys, caller=caller, at__gte=min(row.created_at for row in rows))
        .order_by()
        .values_list("address_key", "purpose", "at")
    )

    def has_tries_left(row: VerificationCode) -> bool:
        tried = sum(
            key == row.address_key and purpose == row.purpose and at >= row.created_at for key, purpose, at in mine
        )
        return tried < VerificationCode.MAX_TRIES_PER_CALLER

    left = [row for row in rows if has_tries_left(row)]
    if not settings.THROTTLING_ENABLED:
        return left
    is_owners = owner is not None or is_familiar(rows[0].user_id)
    spent = {
        (row.address_key, row.purpose, row.user_id): spent_today(row, now, caller if is_owners else "") for row in left
    }
    to_spend = Counter((row.address_key, row.purpose, row.user_id) for row in left)
    allowed = {group for group, number in to_spend.items() if spent[group] + number <= DAILY_COMPARISONS}
    return [row for row in left if (row.address_key, row.purpose, row.user_id) in allowed]


def spent_today(row: VerificationCode, now: datetime, caller: str = "") -> int:
    """Return how many wrong codes of a day count with this one's: of its account and address; of one caller's if named."""
    guesses = CodeGuess.objects.filter(at__gt=now - DAY)
    if row.purpose in APART:
        guesses = guesses.filter(address_key=row.address_key, purpose=row.purpose)
    else:
        same = Q(user_id=row.user_id) | Q(address_key=row.address_key) if row.user_id else Q(address_key=row.address_key)
        guesses = guesses.filter(same).exclude(purpose__in=APART)
        if caller:
            guesses = guesses.filter(caller=caller)
    return guesses.aggregate(sum=Sum("compared"))["sum"] or 0
