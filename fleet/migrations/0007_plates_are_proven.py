"""Normalise plates written in between, and validate the constraint for existing rows."""

from importlib import import_module

from django.db import migrations

from depannini_dashmap.lib.db.migration_operations import ProveCheck

spell = import_module("fleet.migrations.0006_plain_plates").spell


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("fleet", "0006_plain_plates")]

    operations = [
        migrations.RunPython(spell, migrations.RunPython.noop),
        ProveCheck(model_name="vehicle", name="vehicle_plate_is_plain"),
    ]
