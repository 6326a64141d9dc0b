"""Validate the constraint for existing rows."""

from django.db import migrations

from depannini_dashmap.lib.db.migration_operations import ProveCheck


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("telematics", "0010_whole_places_of_alarms")]

    operations = [ProveCheck(model_name="devicealarm", name="device_alarm_place_whole")]
