"""Validate the constraint for existing rows."""

from django.db import migrations

from depannini_dashmap.lib.db.migration_operations import ProveCheck


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("alarms", "0002_alarms_of_devices")]

    operations = [ProveCheck(model_name="alarm", name="alarm_raised_by_vehicle_of_company")]
