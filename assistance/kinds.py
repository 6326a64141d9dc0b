"""The kinds of help, and the sizes of vehicles, that requests, profiles and tariffs share."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ServiceType(models.TextChoices):
    """What an assistant does and a client asks for."""

    TOWING = "towing", _("Towing")
    REPAIR = "repair", _("Repair")


class VehicleClass(models.TextChoices):
    """How heavy the vehicle in need is."""

    LIGHT = "light", _("Light")
    HEAVY = "heavy", _("Heavy")
