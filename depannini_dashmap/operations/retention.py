"""How long rows are kept: each kind of data, its setting and the rows that are past it. Run by `manage.py prune`, and every night.

What must never leave by age (accounts, orders, trips, requests for help) is not named here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from knox.models import AuthToken

from accounts.models import (
    CodeGuess,
    EndedToken,
    Invitation,
    InvitationLink,
    Notice,
    PushDevice,
    PushNotice,
    RefreshFamily,
    VerificationCode,
)
from alarms.models import Alarm
from assistance.models import ChatMessage, LinkSubscription, RequestLink, RequestPhoto
from assistance.steps import photos
from depannini_dashmap.models import AuditEvent, BudgetedMessage, FailedTry, IdempotentRequest, SheetImport
from orders.models import OrderLink, OrderSubscription
from telematics.models import DeviceAlarm, Position
from trips.models import StopProof, TripLink
from trips.steps.proofs import forget_old

BATCH = 5_000  # rows a transaction, so that no lock is held for long


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of one table that leave once they are older than the setting of their kind.

    `remove` deletes rows that have files, and returns how many went; others are deleted by themselves.
    """

    kind: str
    name: str
    expired: Callable[[datetime], QuerySet]
    remove: Callable[[QuerySet], int] | None = None



def _history_rules() -> Iterator[Rule]:
    """Return a rule for what django-simple-history keeps of each model."""
    for model in apps.get_models():
        if attribute := getattr(model._meta, "simple_history_manager_attribute", None):
            rows = getattr(model, attribute).model._base_manager
            yield Rule(
                "history",
                f"history of {model._meta.verbose_name_plural}",
                lambda before, rows=rows: rows.filter(history_date__lt=before),  # type: ignore[misc]
            )


RULES = (
    Rule("positions", "positions", lambda before: Position.objects.recorded_before(before)),
    Rule("positions", "alarms of devices", lambda before: DeviceAlarm.objects.filter(last_at__lt=before)),
    Rule("chat", "chat messages", lambda before: ChatMessage.objects.filter(created_at__lt=before)),
    Rule("proofs", "proofs of delivery", lambda before: StopProof.objects.filter(at__lt=before), forget_old),
    Rule("proofs", "photos of requests", lambda before: RequestPhoto.objects.filter(at__lt=before), photos.forget_old),
    Rule("codes", "verification codes", lambda before: VerificationCode.objects.filter(created_at__lt=before)),
    Rule("codes", "wrong codes", lambda before: CodeGuess.objects.filter(at__lt=before)),
    Rule("codes", "unsent notices", lambda before: Notice.objects.filter(created_at__lt=before)),
    Rule("codes", "ended invitations", lambda before: Invitation.objects.over_since(before)),
    Rule("codes", "failed logins", lambda before: AccessAttempt.objects.filter(attempt_time__lt=before)),
    Rule("codes", "failure log", lambda before: AccessFailureLog.objects.filter(attempt_time__lt=before)),
    Rule("codes", "login log", lambda before: AccessLog.objects.filter(attempt_time__lt=before)),
    Rule("codes", "messages of the budget", lambda before: BudgetedMessage.objects.filter(at__lt=before)),
    Rule("codes", "failed tries", lambda before: FailedTry.objects.filter(at__lt=before)),
    Rule("tokens", "ended tokens", lambda before: EndedToken.objects.expired(before)),
    Rule("tokens", "refresh families", lambda before: RefreshFamily.objects.expired(before)),
    Rule("tokens", "fleet tokens", lambda before: AuthToken.objects.filter(expiry__lt=before)),
    Rule("tokens", "motorists' links", lambda before: RequestLink.objects.filter(expires_at__lt=before)),
    Rule("tokens", "browsers that followed a request", lambda before: LinkSubscription.objects.over(before)),
    Rule("tokens", "browsers that followed an order", lambda before: OrderSubscription.objects.over(before)),
    Rule("tokens", "devices for notifications", lambda before: PushDevice.objects.lapsed(before)),
    Rule("tasks", "shown notifications", lambda before: PushNotice.objects.filter(shown_at__lt=before)),
    Rule("tokens", "invitations' links", lambda before: InvitationLink.objects.filter(expires_at__lt=before)),
    Rule("tokens", "drivers' links", lambda before: TripLink.objects.filter(expires_at__lt=before)),
    Rule("tokens", "customers' links", lambda before: OrderLink.objects.filter(expires_at__lt=before)),
    Rule("tokens", "sessions", lambda before: Session.objects.filter(expire_date__lt=before)),
    Rule("idempotency", "answered keys", lambda before: IdempotentRequest.objects.filter(started_at__lt=before)),
    Rule("imports", "uploaded sheets", lambda before: SheetImport.objects.filter(created_at__lt=before)),
    Rule("tasks", "finished tasks", lambda before: DBTaskResult.objects.finished().filter(finished_at__lt=before)),
    Rule("tasks", "ended alarms", lambda before: Alarm.objects.filter(closed_at__lt=before)),
    Rule("audit", "audit events", lambda before: AuditEvent.objects.filter(at__lt=before)),
    *_history_rules(),
)


def prune(*, dry_run: bool = False, now: datetime | None = None) -> Iterator[tuple[str, int]]:
    """Remove rows past their retention; return the name and number of rows of each table.

    A retention of 0 days keeps everything. Safe to run twice, and while the server runs.
    """
    for rule in RULES:
        number = apply(rule, now, dry_run=dry_run)
        if number is not None:
            yield rule.name, number


def apply(rule: Rule, now: datetime | None = None, *, dry_run: bool = False) -> int | None:
    """Remove the rows of one rule and return how many there were; None where they are kept for ever."""
    days = settings.RETENTION_DAYS[rule.kind]
    if days <= 0:
        return None
    rows = rule.expired((now or timezone.now()) - timedelta(days=days)).order_by()
    return rows.count() if dry_run else _remove(rows, rule.remove)


def _remove(rows: QuerySet, remove: Callable[[QuerySet], int] | None) -> int:
    """Delete in batches, until fewer than a batch went; counts the rows themselves, not what hangs on them."""
    removed = 0
    while True:
        with transaction.atomic():
            _allow_pruning()
            batch = list(rows.values_list("pk", flat=True)[:BATCH])
            if remove is None:
                rows.model._base_manager.filter(pk__in=batch).delete()
            number = len(batch) if remove is None else remove(rows.filter(pk__in=batch))
        removed += number
        if number < BATCH:
            return removed



def _allow_pruning() -> None:
    """Let this transaction past the trigger that keeps audit events."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL dashmap.pruning = 'on'")
