"""The profile of an assistant: papers, duty, and location."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assistance import approval, cells
from assistance.kinds import ServiceType
from assistance.managers import (
    AssistantProfileQuerySet,
)


class AssistantProfile(models.Model):
    """What only assistants have: papers, duty, and their location with the cell of 0.01° that lookups use."""

    class LicenceCategory(models.TextChoices):
        B = "b"
        C = "c"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="assistant_profile", verbose_name=_("user")
    )
    service_type = models.CharField(_("service type"), max_length=6, choices=ServiceType.choices)
    is_active = models.BooleanField(_("is active"), default=False, help_text=_("on duty, by the assistant's own switch"))
    lat = models.FloatField(null=True, blank=True)
    lng = models.FloatField(null=True, blank=True)
    cell_y = models.SmallIntegerField(null=True, blank=True, editable=False)
    cell_x = models.SmallIntegerField(null=True, blank=True, editable=False)
    seen_at = models.DateTimeField(
        _("seen at"),
        null=True, blank=True, help_text=_("newest location, activation or open socket of the assistant")
    )
    alive_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="newest sign of life: also a frame or a signed-in request"
    )
    vehicle_type = models.CharField(_("vehicle type"), max_length=100)
    driving_license_cat = models.CharField(_("driving license cat"), max_length=1, choices=LicenceCategory.choices)
    driving_license_num = models.CharField(_("driving license num"), max_length=50)
    driving_license_expiry = models.DateField(_("driving license expiry"), null=True)
    vehicle_registration_num = models.BigIntegerField(_("vehicle registration num"), null=True)
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True, editable=False, help_text=_("when staff had seen the papers"))
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+", verbose_name=_("approved by")
    )

    objects = AssistantProfileQuerySet.as_manager()

    class Meta:
        verbose_name = _("assistant profile")
        verbose_name_plural = _("assistant profiles")
        indexes = [
            models.Index(
                fields=["service_type", "cell_y", "cell_x"], condition=Q(is_active=True), name="assistant_nearby"
            )
        ]
        constraints = [
            models.CheckConstraint(condition=Q(service_type__in=["towing", "repair"]), name="assistant_service_known"),
            models.CheckConstraint(condition=Q(driving_license_cat__in=["b", "c", ""]), name="assistant_licence_known"),
            models.CheckConstraint(
                condition=Q(lat__isnull=True, lng__isnull=True, cell_y__isnull=True, cell_x__isnull=True)
                | Q(
                    lat__isnull=False,
                    lng__isnull=False,
                    cell_y__isnull=False,
                    cell_x__isnull=False,
                    lat__range=(-90, 90),
                    lng__range=(-180, 180),
                ),
                name="assistant_location_whole",
            ),
        ]

    def __str__(self) -> str:
        return gettext("assistant %(id)s") % {"id": self.user_id}

    @property
    def standing(self) -> str:
        """Whether the assistant may take jobs: `approved`, `waiting` (for staff) or `licence_expired`."""
        return approval.standing_of(self.driving_license_expiry, self.approved_at)

    def place(self, lat: float, lng: float) -> None:
        """Set the location and its cell on this object."""
        self.lat, self.lng = lat, lng
        self.cell_y, self.cell_x = cells.row_of(lat), cells.column_of(lng)

    def is_fresh(self, now: datetime) -> bool:
        """Return whether the assistant was active within LOCATION_TTL."""
        return self.seen_at is not None and self.seen_at > now - settings.LOCATION_TTL
