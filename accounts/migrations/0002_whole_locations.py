"""Forget halves of locations, which the next migration's check refuses."""

from django.db import migrations
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import in_batches


def forget_halves(apps, schema_editor):
    halves = Q(current_lat__isnull=True, current_lng__isnull=False) | Q(
        current_lat__isnull=False, current_lng__isnull=True
    )
    in_batches(apps.get_model("accounts", "User").objects.filter(halves), current_lat=None, current_lng=None)


class Migration(migrations.Migration):
    atomic = False  # each batch stands by itself
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(forget_halves, migrations.RunPython.noop)]
