"""What a job costs before anybody has asked for it. Changes nothing."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from assistance import pricing
from assistance.models import Assistance, ServiceType, Tariff, VehicleClass
from depannini_dashmap.lib.db.prepared import PreparedObjects, typed
from depannini_dashmap.lib.errors import InvalidData
from depannini_dashmap.lib.geo import haversine_km

Place = tuple[float, float]


class Quote(NamedTuple):
    """What a job costs, who says so, and the tariff behind it; nothing yet where an assistant names the price."""

    price: Decimal
    source: str
    currency: str
    tariff: Tariff | None = None
    vat_rate: Decimal = pricing.ZERO


def quote(assistance_type: str, vehicle_type: str, distance_km: Decimal, now: datetime) -> Quote:
    """Price a job by the tariff in force; of a repair it gives the VAT rate alone, its price is named later, as without a tariff."""
    found = _in_force(assistance_type or ServiceType.TOWING, vehicle_type or VehicleClass.LIGHT, now)
    tariff = found[0] if found else None
    vat_rate = tariff.vat_rate if tariff else pricing.ZERO
    price = tariff.price_of(distance_km) if tariff and assistance_type != ServiceType.REPAIR else None
    if tariff is None or price is None:
        return Quote(pricing.ZERO, Assistance.PriceSource.NONE, settings.CURRENCY, vat_rate=vat_rate)
    return Quote(price, Assistance.PriceSource.TARIFF, tariff.currency or settings.CURRENCY, tariff, vat_rate)


def price_lines(tariff: Tariff | None, distance_km: Decimal) -> pricing.Lines | None:
    """Give what a tariff's price of a way is made of; None where no tariff gives the price."""
    if tariff is None:
        return None
    return pricing.lines(pricing.Rates(tariff.base, tariff.per_km, tariff.minimum), distance_km)


_in_force = PreparedObjects(
    lambda assistance_type, vehicle_class, now: Tariff.objects.in_force(
        typed(assistance_type, "varchar"), typed(vehicle_class, "varchar"), typed(now, "timestamptz")
    )[:1]
)


def distance_of(pickup: Place, dropoff: Place | None) -> Decimal:
    """Return the way to be driven with the vehicle. Raises: InvalidData beyond ASSISTANCE_MAX_DISTANCE_KM."""
    if dropoff is None:
        return Decimal("0.000")
    distance_km = pricing.kilometres(haversine_km(*pickup, *dropoff))
    if distance_km > settings.ASSISTANCE_MAX_DISTANCE_KM:
        raise InvalidData(
            fields={
                "dropoff": [
                    format_lazy(
                        _("At most {count} km from the pickup."), count=f"{settings.ASSISTANCE_MAX_DISTANCE_KM:g}"
                    )
                ]
            }
        )
    return distance_km
