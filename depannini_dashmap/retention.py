"""How long rows are kept: each kind of data, its setting and the rows that are past it. Run by `manage.py prune`.

What must never leave by age (accounts, orders, trips, requests for help) is not named here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from knox.models import AuthToken

from accounts.models import EndedToken, Notice, RefreshFamily, VerificationCode
from assistance.models import ChatMessage
from depannini_dashmap.models import AuditEvent, IdempotentRequest
from telematics.models import Position

BATCH = 5_000  # rows a transaction, so that no lock is held for long


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of one table that leave once they are older than the setting of their kind."""

    kind: str
    name: str
    expired: Callable[[datetime], QuerySet]


RULES = (
    Rule("positions", "positions", lambda before: Position.objects.recorded_before(before)),
    Rule("chat", "chat messages", lambda before: ChatMessage.objects.filter(created_at__lt=before)),
    Rule("codes", "verification codes", lambda before: VerificationCode.objects.filter(created_at__lt=before)),
    Rule("codes", "unsent notices", lambda before: Notice.objects.filter(created_at__lt=before)),
    Rule("codes", "failed logins", lambda before: AccessAttempt.objects.filter(attempt_time__lt=before)),
    Rule("codes", "failure log", lambda before: AccessFailureLog.objects.filter(attempt_time__lt=before)),
    Rule("codes", "login log", lambda before: AccessLog.objects.filter(attempt_time__lt=before)),
    Rule("tokens", "ended tokens", lambda before: EndedToken.objects.expired(before)),
    Rule("tokens", "refresh families", lambda before: RefreshFamily.objects.expired(before)),
    Rule("tokens", "fleet tokens", lambda before: AuthToken.objects.filter(expiry__lt=before)),
    Rule("tokens", "sessions", lambda before: Session.objects.filter(expire_date__lt=before)),
    Rule("idempotency", "answered keys", lambda before: IdempotentRequest.objects.filter(started_at__lt=before)),
    Rule("tasks", "finished tasks", lambda before: DBTaskResult.objects.finished().filter(finished_at__lt=before)),
    Rule("audit", "audit events", lambda before: AuditEvent.objects.filter(at__lt=before)),
)


def prune(*, dry_run: bool = False, now: datetime | None = None) -> Iterator[tuple[str, int]]:
    """Remove what is past its retention; give the name and number of rows of each table.

    A retention of 0 days keeps everything. Safe to run twice, and beside the server.
    """
    now = now or timezone.now()
    for rule in RULES:
        days = settings.RETENTION_DAYS[rule.kind]
        if days <= 0:
            continue
        rows = rule.expired(now - timedelta(days=days)).order_by()
        yield rule.name, rows.count() if dry_run else _remove(rows)


def _remove(rows: QuerySet) -> int:
    """Delete in batches; counts the rows themselves, not what hangs on them."""
    removed = 0
    while True:
        with transaction.atomic():
            _allow_pruning()
            batch = list(rows.values_list("pk", flat=True)[:BATCH])
            rows.model.objects.filter(pk__in=batch).delete()
        removed += len(batch)
        if len(batch) < BATCH:
            return removed


def _allow_pruning() -> None:
    """Let this transaction past the trigger that keeps audit events."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL dashmap.pruning = 'on'")
