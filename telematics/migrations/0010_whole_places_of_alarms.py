"""An alarm of a device has a whole place or none; half of one was neither kept nor broken by the check before."""

from django.db import migrations, models
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows


class Migration(migrations.Migration):
    dependencies = [("telematics", "0009_device_alarms")]

    operations = [
        migrations.RemoveConstraint(model_name="devicealarm", name="device_alarm_place_valid"),
        AddCheckForNewRows(
            model_name="devicealarm",
            constraint=models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__isnull=False, longitude__isnull=False, latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="device_alarm_place_whole",
            ),
        ),
    ]
