"""QuerySets of alarms: who sees which, which are open, and which of those ring."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Self

from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Greatest

from accounts.managers import TenantQuerySet

if TYPE_CHECKING:
    from accounts.models import User

# Of no company: who works the roadside sees them.
ROADSIDE_KINDS = ("unanswered_request", "stalled_job", "job_too_long")


class AlarmQuerySet(TenantQuerySet):
    """Alarms."""

    def visible_to(self, user: User) -> Self:
        """Keep those of the user's companies; those of the roadside for who works there; operators see all."""
        rows = super().visible_to(user)
        return rows | self._of_roadside() if user.is_roadside and not user.is_operator else rows

    def editable_by(self, user: User) -> Self:
        """Keep those that the user may take care of: a viewer of a company only reads."""
        rows = super().editable_by(user)
        return rows | self._of_roadside() if user.is_roadside and not user.is_operator else rows

    def _of_roadside(self) -> Self:
        return self.filter(company__isnull=True, kind__in=ROADSIDE_KINDS)

    def open(self) -> Self:
        """Keep those whose reason lasts."""
        return self.filter(closed_at__isnull=True)

    def ringing(self, now: dt.datetime) -> Self:
        """Keep the open ones that nobody has acknowledged, and whose snooze, if they had one, is over."""
        return self.open().filter(Q(snoozed_until__isnull=True) | Q(snoozed_until__lte=now), acknowledged_at__isnull=True)

    def with_ringing_since(self) -> Self:
        """Annotate `ringing_since`: when an alarm began to ring, or did so again after its snooze."""
        after_snooze = Greatest(F("opened_at"), F("snoozed_until"))
        return self.annotate(ringing_since=Case(When(snoozed_until__isnull=True, then=F("opened_at")), default=after_snooze))

    def by_urgency(self, now: dt.datetime) -> Self:
        """Put those that ring first: an SOS, then somebody at the roadside, then all others; of each the oldest."""
        quiet = Case(
            When(acknowledged_at__isnull=False, then=Value(2)),
            When(snoozed_until__gt=now, then=Value(1)),
            default=Value(0),
        )
        rank = Case(When(kind="sos", then=Value(0)), When(kind__in=ROADSIDE_KINDS, then=Value(1)), default=Value(2))
        return self.annotate(quiet=quiet, rank=rank).order_by("quiet", "rank", "opened_at", "pk")
