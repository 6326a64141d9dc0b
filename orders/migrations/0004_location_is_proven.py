"""Hold what was there before against the check, after halves that an older release stored in between."""

from importlib import import_module

from django.db import migrations

from depannini_dashmap.lib.db.migration_operations import ProveCheck

empty_halves = import_module("orders.migrations.0002_whole_locations").empty_halves


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0003_location_is_whole")]

    operations = [
        migrations.RunPython(empty_halves, migrations.RunPython.noop),
        ProveCheck(model_name="stop", name="stop_location_whole"),
    ]
