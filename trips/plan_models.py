"""Plans of a day: what was asked, how far the solver is, what it answered; kept by `trips.models`, which imports them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.managers import TenantQuerySet
from trips.planning.problem import Objective


class TripPlanQuerySet(TenantQuerySet):
    """Plans of companies."""


class TripPlan(models.Model):
    """Orders and vehicles of a day that are to become trips.

    Shape: `result` is what `trips.plan_representation` shows; `basis` is what the orders and vehicles were when the plan
    was made, by which `apply` knows that nothing has changed; `made_trips` are the ids of the trips that `apply` made.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        SOLVING = "solving", _("solving")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")
        APPLIED = "applied", _("applied")
        UNDONE = "undone", _("undone")

    company = models.ForeignKey("accounts.Company", on_delete=models.CASCADE, related_name="trip_plans", verbose_name=_("company"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    status = models.CharField(_("status"), max_length=9, choices=Status.choices, default=Status.QUEUED)
    planned_on = models.DateField(_("day"))
    starts_at = models.TimeField(_("trips begin"))
    objective = models.CharField(_("objective"), max_length=8, choices=[(name.value, name.value) for name in Objective], default=Objective.TIME)
    time_limit = models.PositiveSmallIntegerField(_("seconds to search"))
    order_ids = models.JSONField()
    vehicle_ids = models.JSONField()
    basis = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    made_trips = models.JSONField(default=list)
    error = models.TextField(_("error"), blank=True, default="")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = TripPlanQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name, verbose_name_plural = _("plan"), _("plans")
        indexes = [models.Index(fields=["company", "-created_at", "-id"], name="trip_plan_company_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "solving", "ready", "failed", "cancelled", "applied", "undone"]), name="trip_plan_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["ready", "applied", "undone"]) | Q(result__isnull=False), name="trip_plan_ready_has_result"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.planned_on} ({self.status})"

    @property
    def progress(self) -> float:
        """How much of its time the plan has used, 0 to 1."""
        if self.status not in (self.Status.QUEUED, self.Status.SOLVING):
            return 1.0
        return round(min(self.searched_seconds / (self.time_limit + 1), 0.99), 2)

    @property
    def phase(self) -> str | None:
        """What is done for a plan that is being made: `queued`, `reading` or `searching`; None for others."""
        if self.status == self.Status.QUEUED:
            return "queued"
        if self.status != self.Status.SOLVING:
            return None
        return "reading" if self.started_at is None else "searching"

    @property
    def seconds(self) -> int | None:
        """How many seconds, of at most `time_limit`, a plan that is being made has been searched for; None for others."""
        return None if self.phase is None else min(int(self.searched_seconds), self.time_limit)

    @property
    def searched_seconds(self) -> float:
        """How long a plan that is being made has been searched for; 0 before the search begins."""
        if self.status != self.Status.SOLVING or self.started_at is None:
            return 0.0
        return max((timezone.now() - self.started_at).total_seconds(), 0.0)
