"""Hold what was there before against the check, after halves that an older release stored in between."""

from importlib import import_module

from django.db import migrations

from depannini_dashmap.lib.db.migration_operations import ProveCheck

forget_halves = import_module("accounts.migrations.0002_whole_locations").forget_halves


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0003_location_is_whole")]

    operations = [
        migrations.RunPython(forget_halves, migrations.RunPython.noop),
        ProveCheck(model_name="user", name="user_location_valid"),
    ]
