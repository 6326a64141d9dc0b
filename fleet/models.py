"""What a company drives."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from simple_history.models import HistoricalRecords

from depannini_dashmap.lib.contact_phone import PhoneTextField
from fleet.managers import VehicleQuerySet

FIRST_YEAR = 1900
LAST_YEAR = 2100


class Vehicle(models.Model):
    """A van or truck with the driver who usually drives it; `deleted_at` marks one that is out of the fleet."""

    company = models.ForeignKey("accounts.Company", on_delete=models.PROTECT, related_name="vehicles")
    license_plate = models.CharField(max_length=20)
    make = models.CharField(max_length=50)
    model = models.CharField(max_length=50)
    year = models.PositiveSmallIntegerField(validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)])
    capacity = models.DecimalField(
        max_digits=8, decimal_places=2, validators=[MinValueValidator(0)], help_text="tonnes"
    )
    driver_name = models.CharField(max_length=100, blank=True, default="")
    driver_email = models.EmailField(blank=True, default="")
    driver_phone = PhoneTextField(blank=True, default="")
    driver_language = models.CharField(
        max_length=5,
        choices=settings.LANGUAGES,
        blank=True,
        default="",
        db_default="",
        help_text="of what the driver is sent; empty: that of who sends it",
    )
    is_active = models.BooleanField(default=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = VehicleQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
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
