"""A tariff for towing from the start, without a minimum; repairs are priced by the assistant."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import migrations

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
RATES = {"light": (Decimal("2000.00"), Decimal("100.00")), "heavy": (Decimal("4000.00"), Decimal("200.00"))}


def add_default_tariff(apps: Any, schema_editor: Any) -> None:
    tariffs = apps.get_model("assistance", "Tariff")
    for vehicle_class, (base, per_km) in RATES.items():
        tariffs.objects.get_or_create(
            assistance_type="towing",
            vehicle_class=vehicle_class,
            valid_from=SINCE,
            defaults={"base": base, "per_km": per_km, "minimum": 0},
        )


def remove_default_tariff(apps: Any, schema_editor: Any) -> None:
    apps.get_model("assistance", "Tariff").objects.filter(assistance_type="towing", valid_from=SINCE).delete()


class Migration(migrations.Migration):
    dependencies = [("assistance", "0001_initial")]
    operations = [migrations.RunPython(add_default_tariff, remove_default_tariff)]
