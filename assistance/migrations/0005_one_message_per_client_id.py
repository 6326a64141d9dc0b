"""Allow one message for each `client_id` of a sender, and validate existing requests against their new check."""

from django.db import migrations, models
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import AddUniqueWhileWritten, ProveCheck


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("assistance", "0004_price_consent_and_client_ids")]

    operations = [
        AddUniqueWhileWritten(
            "chatmessage",
            models.UniqueConstraint(
                fields=["assistance", "sender", "client_id"], condition=~Q(client_id=""), name="chat_once"
            ),
        ),
        ProveCheck("assistance", "assistance_price_explained"),
    ]
