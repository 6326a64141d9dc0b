"""Allow requests billed to somebody else, or joined to an account, in addition to a client's one open request."""

from django.db import migrations, models
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import AddUniqueWhileWritten

OPEN = ["requested", "accepted", "ongoing"]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("assistance", "0009_callers")]

    operations = [
        AddUniqueWhileWritten(
            "assistance",
            models.UniqueConstraint(
                fields=["client"],
                condition=Q(status__in=OPEN, is_one_of_many=False),
                name="assistance_one_open_request",
            ),
        ),
        migrations.RemoveConstraint(model_name="assistance", name="assistance_one_open_per_client"),
    ]
