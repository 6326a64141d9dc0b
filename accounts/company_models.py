"""The company that vehicles, orders and trips belong to."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.depots import PARTS, depot_faults
from accounts.managers import (
    CompanyQuerySet,
)
from depannini_dashmap.lib.db.phone_fields import PhoneTextField


class Company(models.Model):
    """A haulier or fleet owner; the tenant that vehicles, orders and trips belong to."""

    name = models.CharField(_("name"), max_length=200)
    address = models.CharField(_("address"), max_length=500, blank=True, default="")
    phone = PhoneTextField(_("phone"), blank=True, default="")
    email = models.EmailField(_("email"), blank=True, default="")
    depot_name = models.CharField(
        _("depot name"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("empty: the name of the company"),
    )
    depot_address = models.CharField(
        _("depot address"),
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text=_("the pickup of sheets' rows that give only a delivery"),
    )
    depot_latitude = models.DecimalField(
        _("depot latitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )
    depot_longitude = models.DecimalField(
        _("depot longitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = CompanyQuerySet.as_manager()

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(depot_latitude__isnull=True, depot_longitude__isnull=True)
                | Q(
                    depot_latitude__isnull=False, depot_longitude__isnull=False,
                    depot_latitude__range=(-90, 90), depot_longitude__range=(-180, 180),
                ),
                name="company_depot_location",
            ),
            models.CheckConstraint(
                condition=~Q(depot_address="") | Q(depot_name="", depot_latitude__isnull=True), name="company_depot_has_address"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a depot without an address, and half a location."""
        if faults := depot_faults({part: getattr(self, f"depot_{part}") for part in PARTS}):
            raise ValidationError({f"depot_{part}": texts for part, texts in faults.items()})

    @property
    def depot(self) -> dict[str, Any] | None:
        """The place where the company's goods wait, None without an address."""
        if not self.depot_address:
            return None
        place = {part: getattr(self, f"depot_{part}") for part in PARTS}
        return {**place, "name": self.depot_name or self.name}
