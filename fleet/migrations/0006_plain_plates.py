"""Normalise existing plates, and constrain new ones.

Where another vehicle of the company has it already, a number shows that there are two: `00123-116-16 (2)`.
"""

from django.db import IntegrityError, migrations, models, transaction
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows
from depannini_dashmap.lib.text import plain_plate

LONGEST = 20
ODD = (
    "[\u00a0\u00ad\u061c\u1680\u2000-\u2015\u202a-\u202f\u205f-\u2064\u2066-\u2069\u3000\ufeff\u0660-\u0669\u06f0-\u06f9\uff10-\uff19]"
)
PERHAPS_ANOTHER = r"[^ -~]|^ | $|  "


def spell(apps, schema_editor):
    vehicles = apps.get_model("fleet", "Vehicle").objects
    rows = vehicles.filter(license_plate__regex=PERHAPS_ANOTHER).order_by("pk").values_list("pk", "license_plate")
    for pk, plate in list(rows):
        plain = plain_plate(plate) or f"? {pk}"
        for candidate in [plain, *(f"{plain[: LONGEST - 4]} ({number})" for number in range(2, 10)), f"? {pk}"]:
            if candidate == plate or _written(vehicles, pk, candidate):
                break


def _written(vehicles, pk, plate):
    try:
        with transaction.atomic():
            vehicles.filter(pk=pk).update(license_plate=plate)
    except IntegrityError:
        return False
    return True


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("fleet", "0005_field_labels")]

    operations = [
        migrations.RunPython(spell, migrations.RunPython.noop),
        AddCheckForNewRows(
            "vehicle", models.CheckConstraint(condition=~Q(license_plate__regex=ODD), name="vehicle_plate_is_plain")
        ),
    ]
