"""Prices by kind of help and size of vehicle, each from a day on."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from assistance import pricing
from assistance.kinds import ServiceType, VehicleClass
from assistance.managers import (
    TariffQuerySet,
)
from depannini_dashmap.lib.db.history_manager import HistoryManager


class Tariff(models.Model):
    """What a job costs from an instant on, until a later row for the same type and class."""

    assistance_type = models.CharField(_("assistance type"), max_length=6, choices=ServiceType.choices)
    vehicle_class = models.CharField(_("vehicle class"), max_length=5, choices=VehicleClass.choices)
    base = models.DecimalField(_("base"), max_digits=10, decimal_places=2)
    per_km = models.DecimalField(_("per km"), max_digits=10, decimal_places=2)
    minimum = models.DecimalField(_("minimum"), max_digits=10, decimal_places=2, default=0)
    vat_rate = models.DecimalField(
        _("VAT rate"), max_digits=5, decimal_places=2, default=0, db_default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("per cent; the figures above have it in them already"),
    )  # fmt: skip
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="", help_text=_("empty: the CURRENCY setting"))
    valid_from = models.DateTimeField(_("valid from"), default=timezone.now)

    objects = TariffQuerySet.as_manager()
    history = HistoricalRecords(history_manager=HistoryManager)

    class Meta:
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")
        ordering = ["assistance_type", "vehicle_class", "-valid_from", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["assistance_type", "vehicle_class", "valid_from"], name="tariff_once"),
            models.CheckConstraint(
                condition=Q(base__gte=0, per_km__gte=0, minimum__gte=0), name="tariff_amounts_not_negative"
            ),
            models.CheckConstraint(condition=Q(vat_rate__range=(0, 100)), name="tariff_vat_rate_range"),
        ]

    def __str__(self) -> str:
        names = {
            "service": self.get_assistance_type_display(),
            "vehicle": self.get_vehicle_class_display(),
            "day": date_format(timezone.localtime(self.valid_from), "Y-m-d"),
        }
        return gettext("%(service)s, %(vehicle)s, since %(day)s") % names

    def clean(self) -> None:
        """Refuse figures whose price of the longest way cannot be stored."""
        amounts = (self.base, self.per_km, self.minimum)
        if None not in amounts and self.price_of(pricing.kilometres(settings.ASSISTANCE_MAX_DISTANCE_KM)) is None:
            raise ValidationError({"per_km": _("Too much for the longest way.")})

    def price_of(self, distance_km: Decimal) -> Decimal | None:
        """Return what a way costs, or None for what cannot be stored."""
        price = pricing.price(pricing.Rates(self.base, self.per_km, self.minimum), distance_km)
        return price if price < pricing.TOO_MUCH else None
