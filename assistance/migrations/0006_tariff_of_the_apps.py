"""Insert the tariff that the apps in the field show into new databases; where jobs were priced already, prices stay.

Operators may rely on the former default, and nobody is notified of a price that changes by itself:
there the operator decides, with a new row.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import migrations

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
Rates = dict[str, tuple[Decimal, Decimal]]
FORMER: Rates = {"light": (Decimal("2000.00"), Decimal("100.00")), "heavy": (Decimal("4000.00"), Decimal("200.00"))}
OF_THE_APPS: Rates = {"light": (Decimal("1500.00"), Decimal("50.00")), "heavy": (Decimal("3000.00"), Decimal("150.00"))}


def use_tariff_of_the_apps(apps: Any, schema_editor: Any) -> None:
    _exchange(apps, FORMER, OF_THE_APPS)


def use_former_tariff(apps: Any, schema_editor: Any) -> None:
    _exchange(apps, OF_THE_APPS, FORMER)


def _exchange(apps: Any, old: Rates, new: Rates) -> None:
    """Change the rates of the default rows, if nobody has touched the tariffs and nothing was priced by them."""
    tariffs = apps.get_model("assistance", "Tariff").objects
    is_touched = apps.get_model("assistance", "HistoricalTariff").objects.exists()
    if is_touched or apps.get_model("assistance", "Assistance").objects.exists():
        return
    columns = ("assistance_type", "vehicle_class", "base", "per_km", "minimum", "currency", "valid_from")
    untouched = {("towing", size, base, per_km, Decimal(0), "", SINCE) for size, (base, per_km) in old.items()}
    if set(tariffs.values_list(*columns)) == untouched:
        for size, (base, per_km) in new.items():
            tariffs.filter(vehicle_class=size).update(base=base, per_km=per_km)


class Migration(migrations.Migration):
    dependencies = [("assistance", "0005_one_message_per_client_id")]
    operations = [migrations.RunPython(use_tariff_of_the_apps, use_former_tariff)]
