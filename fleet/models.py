"""What a company drives."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from depannini_dashmap.lib.phone_fields import PhoneTextField
from fleet.managers import VehicleQuerySet

FIRST_YEAR = 1900
LAST_YEAR = 2100


class Vehicle(models.Model):
    """A van or truck with the driver who usually drives it; `deleted_at` marks one that is out of the fleet."""

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
        max_length=5,
        choices=settings.LANGUAGES,
        blank=True,
        default="",
        db_default="",
        help_text=_("of what the driver is sent; empty: that of who sends it"),
    )
    is_active = models.BooleanField(_("is active"), default=True)
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = VehicleQuerySet.as_manager()
    history = HistoricalRecords()

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
            models.CheckConstraint(condition=Q(year__range=(FIRST_YEAR, LAST_YEAR)), name="vehicle_year_range"),
            models.CheckConstraint(condition=Q(capacity__gte=0), name="vehicle_capacity_not_negative"),
        ]

    def __str__(self) -> str:
        return self.license_plate

    @property
    def is_deleted(self) -> bool:
        """Whether the vehicle is out of the fleet."""
        return self.deleted_at is not None
