"""Hold one account for each number that callers without an account of their own have."""

from django.db import migrations, models
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import AddUniqueWhileWritten


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0013_callers")]

    operations = [
        AddUniqueWhileWritten(
            "user",
            models.UniqueConstraint(
                fields=["caller_phone"], condition=Q(caller_phone__isnull=False), name="user_caller_phone_unique"
            ),
        ),
    ]
