"""Limits of mails and SMS, checked before a message is queued or sent.

Counted in the database, one row a message, so that it holds in every process and without Redis. Rows are also written
for accounts that do not exist: asking costs the same. Windows slide: an hour is the last 60 minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.keyed_hashes import address_key
from accounts.limits import rates
from accounts.limits.rates import DAY, HOUR
from accounts.networks import is_familiar, network_key, present_network
from depannini_dashmap.lib.db.advisory_locks import take_lock
from depannini_dashmap.lib.errors import InvalidData, TooManyRequests
from depannini_dashmap.lib.ops.metrics import MESSAGES_REFUSED
from depannini_dashmap.lib.outbound.sms_destinations import barred_because

if TYPE_CHECKING:
    from accounts.models import User

CODE, NOTICE, WARNING, INVITATION = "code", "notice", "warning", "invitation"
ROADSIDE = "roadside"  # SMS about one's own request for help, for who has no notifications
JOB, DRIVER, CUSTOMER = "job", "driver", "customer"  # messages about a job, a trip or an order; a driver's are limited by the hour, too
ALARM = "alarm"  # to who is on duty: a company's, or the roadside's
PERSONAL, COMPANYS = (CODE, NOTICE, WARNING, INVITATION), (JOB, DRIVER, CUSTOMER, ALARM)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A message that somebody wants sent to one address."""

    kind: str
    key: str  # of the address
    asker: int | None
    network: str
    holder: int | None
    is_proven: bool

    @property
    def is_notice_to_owner(self) -> bool:
        """Whether the message notifies the proven owner of an account."""
        return self.kind in (NOTICE, WARNING) and self.is_proven


def try_spend(
    kind: str,
    channel: str,
    address: str,
    *,
    asker: User | None = None,
    holder: User | None = None,
    was_proven: bool = False,
    company_id: int | None = None,
) -> bool:
    """Count a code, notice, warning or invitation if the budget has room for it, and return whether it has.

    `asker` is the signed-in account that asks, None where only the network is known; `holder` the account that the
    message goes to, None where there is none; `was_proven` says that the address, which the holder has lost meanwhile, was
    proven theirs. Call it in the transaction that queues the message.
    Effects: a row; the caller of a refused message must not report it, as that would reveal who has an account.
    """
    barred = barred_because(address) if channel == "phone" else ""
    if barred or not settings.THROTTLING_ENABLED:
        return not barred or _refuse(kind, barred)
    wish = _Wish(
        kind=kind,
        key=address_key(channel, address),
        asker=asker.pk if asker else None,
        network=network_key(present_network()),
        holder=holder.pk if holder else None,
        is_proven=was_proven or _has_proven(holder, channel, address),
    )
    with transaction.atomic():
        # Locks in a fixed order: the network, then the account, then the address.
        for name in (wish.network, f"account {wish.asker}" if wish.asker else "", wish.key):
            if name:
                take_lock(f"budget {name}")
        reason = _reason(wish)
        if not reason:
            _messages().create(
                kind=kind, address_key=wish.key, asker_id=wish.asker, network_key=wish.network, company_id=company_id
            )
    return not reason or _refuse(kind, reason)


def require_room(kind: str = CODE) -> None:
    """Refuse a caller from whose network enough was asked in the last hour. Raises: TooManyRequests."""
    network = network_key(present_network())
    if not settings.THROTTLING_ENABLED or not network:
        return
    asked = _messages().filter(network_key=network, kind__in=PERSONAL, at__gt=timezone.now() - HOUR)
    times = list(asked.order_by("-at").values_list("at", flat=True)[: settings.CODES_PER_NETWORK])
    if len(times) >= settings.CODES_PER_NETWORK:
        _refuse(kind, "network")
        raise _later(times[-1] + HOUR)


def spend(kind: str, channel: str, address: str, *, asker: User, company_id: int | None, vehicles: int = 0) -> int | None:
    """Count a message about a job, a trip, an order or an alarm against its company, and return the row's id for `give_back`.

    Shape: who has no company shares one budget with all who have none; `vehicles` is how many the company has, for a driver's
    message; the roadside's alarms are of no company, and limited by the address alone. Raises: TooManyRequests over the
    company's hour or day, the alarms' share of it, or an address's day of alarms; InvalidData for a number that gets no SMS.
    """
    if channel == "phone":
        _refuse_barred(kind, address)
    if not settings.THROTTLING_ENABLED:
        return None
    key = address_key(channel, address)
    with transaction.atomic():
        take_lock(f"budget company {company_id}")
        now, own = timezone.now(), _messages().filter(company_id=company_id)
        if company_id is None:
            own = own.exclude(kind=ALARM)  # the roadside's use up nobody's budget
        if company_id is not None or kind != ALARM:
            _require(kind, own.filter(kind__in=COMPANYS), settings.MESSAGES_PER_COMPANY, now, DAY)
        if kind == ALARM:
            if company_id is not None:
                _require(kind, own.filter(kind=ALARM), settings.MESSAGES_PER_COMPANY // rates.ALARM_SHARE, now, DAY)
            _require(kind, _messages().filter(address_key=key, kind=ALARM), rates.ALARM_DAY, now, DAY, reason="address")
        if kind == DRIVER:
            most = max(rates.DRIVER_HOUR, rates.DRIVER_HOUR_PER_VEHICLE * vehicles)
            _require(kind, own.filter(kind=DRIVER), most, now, HOUR)
        row = _messages().create(
            kind=kind, address_key=key, asker_id=asker.pk, company_id=company_id,
            network_key=network_key(present_network()), at=now,
        )  # fmt: skip
    return row.pk


def spend_roadside(number: str) -> int | None:
    """Count an SMS about somebody's own request, and return the row's id for `give_back`: as many as of codes, counted apart.

    Raises: TooManyRequests over the number's hour or day; InvalidData for one that gets no SMS.
    """
    _refuse_barred(ROADSIDE, number)
    if not settings.THROTTLING_ENABLED:
        return None
    key, now = address_key("phone", number), timezone.now()
    with transaction.atomic():
        take_lock(f"budget {key}")
        rows = _messages().filter(kind=ROADSIDE, address_key=key)
        _require(ROADSIDE, rows, rates.ADDRESS_HOUR, now, HOUR, reason="address")
        _require(ROADSIDE, rows, rates.ADDRESS_DAY, now, DAY, reason="address")
        row = _messages().create(kind=ROADSIDE, address_key=key, at=now)
    return row.pk


def give_back(spent: int | None) -> None:
    """Take back what was spent on a message that did not leave."""
    _messages().filter(pk=spent).delete()


def free(channel: str, address: str) -> int:
    """Forget whom the last day's messages to an address went to, and return how many there were; who asked for them keeps their counts."""
    key = address_key(channel, address)
    take_lock(f"budget {key}")
    return int(_messages().filter(address_key=key, at__gt=timezone.now() - DAY).update(address_key=""))


def _refuse_barred(kind: str, number: str) -> None:
    if barred := barred_because(number):
        _refuse(kind, barred)
        raise InvalidData("No SMS is sent to this number", code="number_barred")


def _require(kind: str, rows: QuerySet[Any], most: int, now: datetime, window: timedelta, *, reason: str = "company") -> None:
    times = list(rows.filter(at__gt=now - window).order_by("-at").values_list("at", flat=True)[:most])
    if len(times) >= most:
        _refuse(kind, reason)
        raise _later(times[-1] + window if times else now + window)


def _later(free_at: datetime) -> TooManyRequests:
    return TooManyRequests(retry_after=math.ceil((free_at - timezone.now()).total_seconds()))


def _refuse(kind: str, reason: str) -> bool:
    MESSAGES_REFUSED.labels(kind, reason).inc()
    return False


def _messages() -> Any:
    return apps.get_model("depannini_dashmap", "BudgetedMessage").objects


# --- Codes, notices, invitations: by address, caller, account and network ---------------------------------------------------
def _reason(wish: _Wish) -> str:
    """Return which limit stands against a message; nothing if none does."""
    is_owners = _is_owners(wish)
    counts = _counts(wish, is_owners)
    if wish.kind == WARNING and counts["warnings"]:
        return "repeated"
    if counts["caller_hour"] >= rates.CALLER_HOUR:
        return "caller"
    if counts["address_hour"] >= rates.ADDRESS_HOUR or counts["address_day"] >= rates.ADDRESS_DAY:
        return "address"
    if not is_owners and counts["address_day"] >= rates.CONTESTED and counts["caller_day"] >= rates.SHARE:
        return "share"
    if wish.is_notice_to_owner:
        return ""  # an earlier request cannot use up an owner's notices
    if counts["account_day"] >= rates.ACCOUNT_DAY:
        return "account"
    return "network" if counts["network_hour"] >= settings.CODES_PER_NETWORK else ""


def _counts(wish: _Wish, is_owners: bool) -> dict[str, int]:
    now = timezone.now()
    in_hour, to_address = Q(at__gt=now - HOUR), Q(address_key=wish.key, kind__in=PERSONAL)
    # An owner who is recognised is counted by their own requests alone, and a notice to a proven address by such notices:
    # what strangers ask for uses up neither.
    if wish.is_notice_to_owner:
        to_address &= Q(kind=wish.kind)
    caller = Q(asker_id=wish.asker) if wish.asker else Q(asker_id=None, network_key=wish.network or "nowhere")
    all_to_address = to_address & _of_owner(wish) if is_owners else to_address
    by_account = Q(asker_id=wish.asker, kind__in=PERSONAL) if wish.asker else Q(pk=None)
    by_network = Q(network_key=wish.network, kind__in=PERSONAL) & in_hour if wish.network else Q(pk=None)
    found = _messages().filter(to_address | by_account | by_network, at__gt=now - DAY)
    return found.aggregate(
        warnings=Count("pk", filter=to_address & in_hour & Q(kind=WARNING)),
        caller_hour=Count("pk", filter=to_address & caller & in_hour),
        caller_day=Count("pk", filter=to_address & caller),
        address_hour=Count("pk", filter=all_to_address & in_hour),
        address_day=Count("pk", filter=all_to_address),
        account_day=Count("pk", filter=by_account),
        network_hour=Count("pk", filter=by_network),
    )


def _of_owner(wish: _Wish) -> Q:
    return Q(asker_id=wish.holder) | Q(asker_id=None, network_key=wish.network)


def _has_proven(holder: User | None, channel: str, address: str) -> bool:
    if holder is None:
        return False
    held = holder.email if channel == "email" else holder.phone_number
    return held == address and bool(getattr(holder, f"{channel}_verified"))


def _is_owners(wish: _Wish) -> bool:
    """Return whether it is who proved the address that asks: signed in, or from where they signed in before.

    The same statement runs for an account that does not exist.
    """
    is_from_there = is_familiar(wish.holder)
    return wish.is_proven and (wish.asker == wish.holder or (wish.asker is None and is_from_there))
