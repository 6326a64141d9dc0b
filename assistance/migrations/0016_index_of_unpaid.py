"""Say of open jobs that nothing is paid yet, and index the jobs that are unpaid, while people write."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import AddIndexWhileWritten, in_batches


def nothing_is_paid_of_open_jobs(apps, schema_editor):
    jobs = apps.get_model("assistance", "Assistance").objects
    in_batches(jobs.filter(status__in=("requested", "accepted", "ongoing"), paid=None), paid=0)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("assistance", "0015_vat_and_paid")]

    operations = [
        migrations.RunPython(nothing_is_paid_of_open_jobs, migrations.RunPython.noop),
        AddIndexWhileWritten(
            "assistance",
            models.Index(
                fields=["ended_at"],
                condition=models.Q(("status", "completed"), ("total_price__gt", models.F("paid"))),
                name="assistance_unpaid",
            ),
        ),
    ]
