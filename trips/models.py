"""How orders are carried: trips, the stops of each in their sequence, and which trip holds which order."""

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from depannini_dashmap.lib.db.history_manager import HistoryManager
from trips.lifecycle import CLOSED, STATUSES
from trips.link_models import TripLink
from trips.managers import TripOrderQuerySet, TripQuerySet, TripStopQuerySet
from trips.plan_models import TripPlan
from trips.proof_models import DriverTap, StopProof

__all__ = ["DriverTap", "StopProof", "Trip", "TripLink", "TripOrder", "TripPlan", "TripStop"]

# Errors name the fields of the API, whose columns have shorter labels.
API_LABELS = (
    _("planned start date"),
    _("planned start time"),
    _("planned arrival time"),
    _("actual arrival datetime"),
    _("is completed"),
)


class Trip(models.Model):
    """One vehicle's tour. The company is the one that the vehicle belonged to when the trip was made.

    `notified_at` is the instant of the stops that the driver was notified of; `notify_claimed_at` marks a mail on its way.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PLANNED = "planned", _("Planned")
        IN_PROGRESS = "in_progress", _("In Progress")
        COMPLETED = "completed", _("Completed")
        CANCELLED = "cancelled", _("Cancelled")

    class KmSource(models.TextChoices):
        RECORDED = "recorded", _("recorded positions")
        ROAD = "road", _("by road")
        STRAIGHT = "straight", _("straight lines")

    company = models.ForeignKey("accounts.Company", on_delete=models.PROTECT, related_name="trips", editable=False, verbose_name=_("company"))
    vehicle = models.ForeignKey("fleet.Vehicle", on_delete=models.PROTECT, related_name="trips", verbose_name=_("vehicle"))
    dispatcher = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="trips", verbose_name=_("dispatcher")
    )
    name = models.CharField(_("name"), max_length=200)
    status = models.CharField(_("status"), max_length=11, choices=Status.choices, default=Status.DRAFT)
    planned_start_date = models.DateField(_("day"))
    planned_start_time = models.TimeField(_("planned start"))
    actual_start_datetime = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    actual_end_datetime = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)
    notes = models.TextField(_("notes"), max_length=5000, blank=True, default="")
    driver_notified = models.BooleanField(_("driver notified"), default=False, editable=False)
    notified_at = models.DateTimeField(_("notified at"), null=True, blank=True, editable=False)
    notify_claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    driven_km = models.FloatField(null=True, blank=True, editable=False, help_text="measured a while after the trip's end")
    km_source = models.CharField(max_length=8, choices=KmSource.choices, blank=True, default="", db_default="", editable=False)
    late_fixes_at = models.DateTimeField(
        null=True, editable=False, help_text="when positions of its time came after its end, until it is measured again"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = TripQuerySet.as_manager()
    history = HistoricalRecords(history_manager=HistoryManager, excluded_fields=["notify_claimed_at", "driven_km", "km_source", "late_fixes_at"])

    class Meta:
        verbose_name = _("trip")
        verbose_name_plural = _("trips")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["company", "-created_at", "-id"], name="trip_company_newest"),
            models.Index(fields=["-created_at", "-id"], name="trip_newest"),
            models.Index(fields=["company", "planned_start_date"], name="trip_company_day"),
            models.Index(
                fields=["actual_end_datetime"],
                condition=Q(actual_end_datetime__isnull=False, actual_start_datetime__isnull=False, driven_km__isnull=True),
                name="trip_to_measure",
            ),
            models.Index(fields=["late_fixes_at"], condition=Q(late_fixes_at__isnull=False), name="trip_to_measure_again"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["vehicle"], condition=Q(status="in_progress"), name="trip_one_running_per_vehicle"
            ),
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="trip_status_known"),
            models.CheckConstraint(
                condition=~Q(status__in=["in_progress", "completed"]) | Q(actual_start_datetime__isnull=False),
                name="trip_started_has_start",
            ),
            models.CheckConstraint(
                condition=~Q(status="completed") | Q(actual_end_datetime__isnull=False), name="trip_completed_has_end"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def may_be_known(self) -> bool:
        """Whether its driver was notified, of it as it is or was, or a mail is on its way."""
        return self.notified_at is not None or self.notify_claimed_at is not None

    @property
    def planned_start(self) -> dt.datetime:
        """When it is to begin, as wall-clock time."""
        return dt.datetime.combine(self.planned_start_date, self.planned_start_time)

    @property
    def is_closed(self) -> bool:
        """Whether the trip is completed or cancelled."""
        return self.status in CLOSED

    @property
    def driver_name(self) -> str:
        """Who drives it; unknown once the vehicle works for another company, whose driver is nobody's business here."""
        return self.vehicle.driver_name if self.vehicle.company_id == self.company_id else ""

    @property
    def driver_phone(self) -> str:
        """Where who drives it is called, as `driver_name`."""
        return self.vehicle.driver_phone if self.vehicle.company_id == self.company_id else ""


class TripOrder(models.Model):
    """A trip carries an order; `is_live` until the trip gives the order back, so that no two trips hold it at once."""

    trip = models.ForeignKey(Trip, on_delete=models.CASCADE, related_name="trip_orders", verbose_name=_("trip"))
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="trip_orders", verbose_name=_("order"))
    is_live = models.BooleanField(default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = TripOrderQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["order"], condition=Q(is_live=True), name="order_in_one_live_trip"),
            models.UniqueConstraint(fields=["trip", "order"], name="order_once_per_trip"),
        ]

    def __str__(self) -> str:
        return gettext("order %(order)s in trip %(trip)s") % {"order": self.order_id, "trip": self.trip_id}


class TripStop(models.Model):
    """A stop in its place in a trip; `order` is the order whose pickup or delivery it is, if any.

    Sequences are 1…n; below zero only while they are renumbered.
    """

    trip = models.ForeignKey(Trip, on_delete=models.CASCADE, related_name="trip_stops", db_index=False, verbose_name=_("trip"))
    stop = models.ForeignKey("orders.Stop", on_delete=models.PROTECT, related_name="trip_stops", verbose_name=_("stop"))
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="trip_stops", verbose_name=_("order")
    )
    sequence = models.IntegerField(_("sequence"))
    planned_arrival_time = models.TimeField(_("due"), null=True, blank=True)
    planned_arrival_date = models.DateField(
        _("due on"), null=True, blank=True, help_text="the day of the planned time, for trips longer than a day; empty: near the start"
    )
    actual_arrival_datetime = models.DateTimeField(_("arrived"), null=True, blank=True, editable=False)
    actual_departure_datetime = models.DateTimeField(_("left"), null=True, blank=True, editable=False)
    arrival_is_suggested = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="told by positions that may only have passed by"
    )
    late_min = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="the threshold of RUNNING_LATE_AFTER by which it was late at the last look"
    )
    late_told_min = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="the highest threshold of RUNNING_LATE_AFTER that was said of this due time"
    )
    eta_told_at = models.DateTimeField(null=True, editable=False, help_text="the arrival that watchers were told last")
    notes = models.TextField(_("notes"), max_length=5000, blank=True, default="")
    is_completed = models.BooleanField(_("done"), default=False)
    failed = models.BooleanField(_("failed"), default=False, db_default=False, help_text=_("closed without being done: nothing was loaded or delivered"))
    failed_at = models.DateTimeField(_("failed at"), null=True, blank=True, editable=False)
    failure_reason = models.CharField(_("failure reason"), max_length=500, blank=True, default="", db_default="")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = TripStopQuerySet.as_manager()

    class Meta:
        verbose_name = _("trip stop")
        verbose_name_plural = _("trip stops")
        ordering = ["sequence", "id"]
        indexes = [models.Index(fields=["sequence", "id"], name="trip_stop_sequence")]
        constraints = [
            models.UniqueConstraint(fields=["trip", "sequence"], name="trip_stop_sequence_once"),
            models.UniqueConstraint(
                fields=["trip", "stop"], condition=Q(order__isnull=False), name="trip_stop_order_half_once"
            ),
            models.CheckConstraint(condition=~Q(sequence=0), name="trip_stop_sequence_not_zero"),
            models.CheckConstraint(
                condition=Q(is_completed=False) | Q(actual_arrival_datetime__isnull=False),
                name="trip_stop_completed_has_arrival",
            ),
            models.CheckConstraint(condition=Q(failed=False) | Q(is_completed=False), name="trip_stop_failed_is_not_completed"),
        ]

    def __str__(self) -> str:
        return gettext("stop %(number)s of trip %(trip)s") % {"number": self.sequence, "trip": self.trip_id}

    @property
    def has_arrived(self) -> bool:
        """Whether the vehicle has been there for certain, and did not only seem to pass by."""
        return self.actual_arrival_datetime is not None and not self.arrival_is_suggested

    @property
    def known_arrival(self) -> dt.datetime | None:
        """When the vehicle came, as far as known; none where it only passed by: it was left again before anybody confirmed an arrival."""
        has_passed_by = self.arrival_is_suggested and self.actual_departure_datetime is not None
        return None if has_passed_by else self.actual_arrival_datetime

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to do there: it was completed, or it failed."""
        return self.is_completed or self.failed
