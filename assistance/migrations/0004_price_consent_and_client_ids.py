"""Note who named a price and what the client says to it; let a sender name a message, so that a repeat is known."""

from django.db import migrations, models
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows


class Migration(migrations.Migration):
    dependencies = [("assistance", "0003_room_for_moves")]

    operations = [
        migrations.AddField(
            "assistance",
            "price_source",
            models.CharField(
                blank=True,
                choices=[
                    ("", "None"), ("tariff", "Tariff"), ("assistant", "Assistant"), ("staff", "adjusted by staff"),
                ],
                db_default="",
                default="",
                editable=False,
                max_length=9,
            ),
        ),
        migrations.AddField(
            "assistance",
            "price_consent",
            models.CharField(
                blank=True,
                choices=[
                    ("", "None"), ("pending", "not answered yet"), ("accepted", "price accepted"),
                    ("refused", "price refused"),
                ],
                db_default="",
                default="",
                editable=False,
                max_length=8,
            ),
        ),
        migrations.AddField(
            "assistance",
            "price_note",
            models.CharField(
                blank=True, db_default="", default="", help_text="why staff adjusted the price", max_length=500
            ),
        ),
        migrations.AddField(
            "chatmessage",
            "client_id",
            models.CharField(
                blank=True, db_default="", default="", help_text="the sender's own name for it", max_length=64
            ),
        ),
        AddCheckForNewRows(
            "assistance",
            models.CheckConstraint(
                condition=Q(price_source__in=["", "tariff", "assistant", "staff"])
                & (Q(price_consent="") | Q(price_consent__in=["pending", "accepted", "refused"], price_is_final=True)),
                name="assistance_price_explained",
            ),
        ),
    ]  # fmt: skip
