"""The newest payments of all companies, and the newest cash handed in, are read from an index."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import AddIndexWhileWritten


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0001_initial")]

    operations = [
        AddIndexWhileWritten(
            model_name="payment", index=models.Index(fields=["-created_at", "-id"], name="payment_newest")
        ),
        AddIndexWhileWritten(
            model_name="cashhandin", index=models.Index(fields=["-created_at", "-id"], name="hand_in_newest")
        ),
    ]
