"""Alarms, who wants to be called about those that nobody takes care of, and who was."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alarms.managers import ROADSIDE_KINDS, AlarmQuerySet

LONGEST_WAIT = 240  # minutes


class Alarm(models.Model):
    """Something that somebody has to look at: one of a kind about one thing, for as long as its reason lasts.

    `thing` is the primary key of the request, trip, vehicle or task, `name` what it was called when the alarm was raised.
    Who snoozes or acknowledges it does so for everybody who sees it.
    """

    class Kind(models.TextChoices):
        UNANSWERED_REQUEST = "unanswered_request", _("nobody has answered")
        STALLED_JOB = "stalled_job", _("no sign of the assistant")
        JOB_TOO_LONG = "job_too_long", _("under way for too long")
        LATE_TRIP = "late_trip", _("trip runs late")
        SILENT_VEHICLE = "silent_vehicle", _("vehicle on a trip is silent")
        SOS = "sos", _("help is needed in a vehicle")
        TAMPERING = "tampering", _("vehicle may be stolen or tampered with")
        FAILED_MESSAGE = "failed_message", _("message could not be sent")

    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    thing = models.CharField(max_length=40)
    name = models.CharField(_("name"), max_length=200)
    company = models.ForeignKey(
        "accounts.Company", on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("company")
    )
    opened_at = models.DateTimeField(_("since"))
    closed_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    snoozed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = AlarmQuerySet.as_manager()

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        constraints = [
            models.UniqueConstraint(fields=["kind", "thing"], condition=Q(closed_at__isnull=True), name="alarm_one_open_of_a_kind"),
            models.CheckConstraint(condition=~Q(kind__in=ROADSIDE_KINDS) | Q(company__isnull=True), name="alarm_roadside_has_no_company"),
            models.CheckConstraint(
                condition=~Q(kind__in=["late_trip", "silent_vehicle"]) | Q(company__isnull=False), name="alarm_fleet_has_company"
            ),
            models.CheckConstraint(condition=~Q(kind__in=["sos", "tampering"]) | Q(company__isnull=False), name="alarm_raised_by_vehicle_of_company"),
        ]
        indexes = [
            models.Index(fields=["company", "opened_at"], condition=Q(closed_at__isnull=True), name="alarm_open_by_company"),
            models.Index(fields=["closed_at"], condition=Q(closed_at__isnull=False), name="alarm_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class AlarmWatch(models.Model):
    """Somebody wants a message about alarms of a company (none: of the roadside) that ring for so many minutes.

    Between `begins` and `ends`, wall-clock, which may go over midnight; at any time without them.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        PHONE = "phone", _("SMS")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alarm_watches")
    company = models.ForeignKey("accounts.Company", on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    channel = models.CharField(_("by"), max_length=5, choices=Channel.choices)
    after_minutes = models.PositiveSmallIntegerField(
        _("after minutes"), validators=[MinValueValidator(1), MaxValueValidator(LONGEST_WAIT)]
    )
    begins = models.TimeField(_("from"), null=True, blank=True)
    ends = models.TimeField(_("until"), null=True, blank=True)
    language = models.CharField(max_length=8, default="en")
    last_message_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("watch over alarms")
        verbose_name_plural = _("watches over alarms")
        constraints = [
            models.UniqueConstraint(fields=["user", "company"], condition=Q(company__isnull=False), name="alarm_watch_one_a_company"),
            models.UniqueConstraint(fields=["user"], condition=Q(company__isnull=True), name="alarm_watch_one_of_roadside"),
            models.CheckConstraint(condition=Q(after_minutes__range=(1, LONGEST_WAIT)), name="alarm_watch_minutes"),
            models.CheckConstraint(
                condition=Q(begins__isnull=True, ends__isnull=True) | Q(begins__isnull=False, ends__isnull=False),
                name="alarm_watch_both_hours",
            ),
            models.CheckConstraint(condition=Q(channel__in=["email", "phone"]), name="alarm_watch_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} after {self.after_minutes} min"

    def is_on(self, clock: dt.time) -> bool:
        """Return whether it is on at a time of the day."""
        if self.begins is None or self.ends is None or self.begins == self.ends:
            return True
        if self.begins < self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends


class AlarmMessage(models.Model):
    """One alarm that one watch is told of; several rows may leave as one message."""

    watch = models.ForeignKey(AlarmWatch, on_delete=models.CASCADE, related_name="messages")
    alarm = models.ForeignKey(Alarm, on_delete=models.CASCADE, related_name="messages")
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("message about an alarm")
        verbose_name_plural = _("messages about alarms")
        constraints = [models.UniqueConstraint(fields=["watch", "alarm"], name="alarm_message_once_a_watch")]

    def __str__(self) -> str:
        return f"{self.watch_id} of {self.alarm_id}"
