"""Vehicles of a company."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from depannini_dashmap.lib.db.history_manager import HistoryManager
from depannini_dashmap.lib.db.phone_fields import PhoneTextField
from depannini_dashmap.lib.text import ODD_IN_PLATES
from fleet.managers import VehicleQuerySet
from fleet.skills import SkillsField

FIRST_YEAR = 1900
LAST_YEAR = 2100


# The fields that only a planner reads.
PLANNING = (
    "volume_capacity",
    "skills",
    "shift_start",
    "shift_end",
    "break_earliest",
    "break_latest",
    "break_minutes",
    "start_latitude",
    "start_longitude",
    "end_latitude",
    "end_longitude",
    "max_stops",
    "cost_fixed",
    "cost_per_hour",
    "cost_per_km",
)
LONGEST_BREAK = 240  # minutes
MOST_STOPS = 500


def _degrees(name: Any, limit: int) -> models.DecimalField:
    bounds = [MinValueValidator(-limit), MaxValueValidator(limit)]
    return models.DecimalField(name, max_digits=9, decimal_places=6, null=True, blank=True, validators=bounds)


def _money(name: Any) -> models.DecimalField:
    return models.DecimalField(name, max_digits=10, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)])


def _whole_place(end: str) -> models.CheckConstraint:
    latitude, longitude = f"{end}_latitude", f"{end}_longitude"
    nowhere = Q(**{f"{latitude}__isnull": True, f"{longitude}__isnull": True})
    known = Q(**{f"{latitude}__isnull": False, f"{longitude}__isnull": False})
    somewhere = known & Q(**{f"{latitude}__range": (-90, 90), f"{longitude}__range": (-180, 180)})
    return models.CheckConstraint(condition=nowhere | somewhere, name=f"vehicle_{end}_is_whole")


class Vehicle(models.Model):
    """A van or truck with the driver who usually drives it; `deleted_at` is set once it has left the fleet."""

    company = models.ForeignKey("accounts.Company", on_delete=models.PROTECT, related_name="vehicles", verbose_name=_("company"))
    license_plate = models.CharField(_("license plate"), max_length=20)
    make = models.CharField(_("make"), max_length=50)
    model = models.CharField(_("model"), max_length=50)
    year = models.PositiveSmallIntegerField(_("year"), validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)])
    capacity = models.DecimalField(
        _("capacity"),
        max_digits=8, decimal_places=2, validators=[MinValueValidator(0)], help_text=_("tonnes")
    )
    driver_name = models.CharField(_("driver name"), max_length=100, blank=True, default="")
    driver_email = models.EmailField(_("driver email"), blank=True, default="")
    driver_phone = PhoneTextField(_("driver phone"), blank=True, default="")
    driver_language = models.CharField(
        _("driver language"),
        max_length=5,
        choices=settings.LANGUAGES,
        blank=True,
        default="",
        db_default="",
        help_text=_("of what the driver is sent; empty: that of who sends it"),
    )
    is_active = models.BooleanField(_("is active"), default=True)
    # Input of planning; all optional.
    volume_capacity = models.DecimalField(
        _("volume capacity"),
        max_digits=8, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)], help_text=_("m³; empty: not limited"),
    )
    skills = SkillsField(_("skills"), help_text=_("what orders may need, e.g. refrigerated, tail lift; with commas"))
    shift_start = models.TimeField(_("shift start"), null=True, blank=True, help_text=_("empty: as the plan begins"))
    shift_end = models.TimeField(_("shift end"), null=True, blank=True, help_text=_("before its start: the next day"))
    break_earliest = models.TimeField(_("break earliest"), null=True, blank=True, help_text=_("the break begins between these times"))
    break_latest = models.TimeField(_("break latest"), null=True, blank=True)
    break_minutes = models.PositiveSmallIntegerField(
        _("break minutes"), null=True, blank=True, validators=[MaxValueValidator(LONGEST_BREAK)]
    )
    start_latitude = _degrees(_("start latitude"), 90)
    start_longitude = _degrees(_("start longitude"), 180)
    end_latitude = _degrees(_("end latitude"), 90)
    end_longitude = _degrees(_("end longitude"), 180)
    max_stops = models.PositiveSmallIntegerField(
        _("max stops"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MOST_STOPS)]
    )
    cost_fixed = _money(_("cost fixed"))
    cost_per_hour = _money(_("cost per hour"))
    cost_per_km = _money(_("cost per km"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = VehicleQuerySet.as_manager()
    history = HistoricalRecords(history_manager=HistoryManager)

    class Meta:
        verbose_name = _("vehicle")
        verbose_name_plural = _("vehicles")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["company", "-created_at", "-id"], name="vehicle_company_newest"),
            models.Index(fields=["-created_at", "-id"], name="vehicle_newest"),
        ]
        constraints = [
            models.UniqueConstraint(
                "company", Upper("license_plate"), condition=Q(deleted_at__isnull=True), name="vehicle_plate_once"
            ),
            models.CheckConstraint(condition=~Q(license_plate__regex=ODD_IN_PLATES), name="vehicle_plate_is_plain"),
            models.CheckConstraint(condition=Q(year__range=(FIRST_YEAR, LAST_YEAR)), name="vehicle_year_range"),
            models.CheckConstraint(condition=Q(capacity__gte=0), name="vehicle_capacity_not_negative"),
            models.CheckConstraint(
                condition=Q(volume_capacity__isnull=True) | Q(volume_capacity__gte=0), name="vehicle_volume_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(break_minutes__isnull=True)
                | Q(break_minutes__range=(0, LONGEST_BREAK), break_earliest__isnull=False, break_latest__isnull=False),
                name="vehicle_break_is_whole",
            ),
            *(_whole_place(end) for end in ("start", "end")),
        ]

    def __str__(self) -> str:
        return self.license_plate

    @property
    def is_deleted(self) -> bool:
        """Whether the vehicle is out of the fleet."""
        return self.deleted_at is not None
