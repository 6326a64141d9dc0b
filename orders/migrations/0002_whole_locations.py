"""Empty halves of stops' locations, which the next migration's check refuses: a latitude alone is no place."""

from django.db import migrations
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import in_batches


def empty_halves(apps, schema_editor):
    halves = Q(latitude__isnull=True, longitude__isnull=False) | Q(latitude__isnull=False, longitude__isnull=True)
    in_batches(apps.get_model("orders", "Stop").objects.filter(halves), latitude=None, longitude=None)


class Migration(migrations.Migration):
    atomic = False  # each batch stands by itself
    dependencies = [("orders", "0001_initial")]

    operations = [migrations.RunPython(empty_halves, migrations.RunPython.noop)]
