"""Stops that failed before keep the time of their last change, which was shown as that of the failure."""

from django.db import migrations
from django.db.models import F


def note_times(apps, schema_editor):
    stops = apps.get_model("trips", "TripStop").objects.using(schema_editor.connection.alias)
    stops.filter(failed=True, failed_at=None).update(failed_at=F("updated_at"))


class Migration(migrations.Migration):

    dependencies = [
        ("trips", "0013_failed_at"),
    ]

    operations = [migrations.RunPython(note_times, migrations.RunPython.noop)]
