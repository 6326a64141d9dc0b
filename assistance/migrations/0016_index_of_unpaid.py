"""Index the jobs that are unpaid, while people write."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import AddIndexWhileWritten


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("assistance", "0015_vat_and_paid")]

    operations = [
        AddIndexWhileWritten(
            "assistance",
            models.Index(
                fields=["ended_at"],
                condition=models.Q(("status", "completed"), ("total_price__gt", models.F("paid"))),
                name="assistance_unpaid",
            ),
        ),
    ]
