"""Several codes of one address beside each other, guesses counted by caller; suspended and claimed addresses."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows

PURPOSES = [("verify", "Verify"), ("reset", "Reset"), ("claim", "verify an address that another account holds")]
NOTHING_ELSE = "names the account at sign-in and nothing else"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_invitation")]

    operations = [
        migrations.CreateModel(
            name="CodeGuess",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address_key", models.CharField(help_text="keyed hash of the address", max_length=64)),
                ("purpose", models.CharField(choices=PURPOSES, max_length=6)),
                (
                    "caller",
                    models.CharField(help_text="keyed hash of the account or network that guessed", max_length=64),
                ),
                ("compared", models.PositiveSmallIntegerField(help_text="with how many codes")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="code_guesses",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "code guesses",
                "indexes": [
                    models.Index(fields=["address_key", "at"], name="guess_by_address"),
                    models.Index(fields=["user", "at"], name="guess_by_user"),
                    models.Index(fields=["at"], name="guess_by_age"),
                ],
            },
        ),
        migrations.RemoveConstraint(model_name="verificationcode", name="code_tries_bounded"),
        migrations.RemoveConstraint(model_name="verificationcode", name="code_one_open"),
        migrations.AddField(
            model_name="verificationcode",
            name="asked_by",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="keyed hash of the account or network that asked",
                max_length=64,
            ),
        ),
        migrations.AlterField(
            model_name="verificationcode", name="purpose", field=models.CharField(choices=PURPOSES, max_length=6)
        ),
        migrations.AddField(
            model_name="user",
            name="email_suspended",
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text=NOTHING_ELSE),
        ),
        migrations.AddField(
            model_name="user",
            name="phone_suspended",
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text=NOTHING_ELSE),
        ),
        migrations.AddField(
            model_name="user",
            name="pending_email",
            field=models.EmailField(
                blank=True, editable=False, help_text="claimed, not yet proven", max_length=254, null=True
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="pending_phone_number",
            field=models.CharField(
                blank=True, editable=False, help_text="claimed, not yet proven", max_length=16, null=True
            ),
        ),
        AddCheckForNewRows(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=~Q(email_suspended=True, email_verified=True)
                & ~Q(phone_suspended=True, phone_verified=True),
                name="user_proven_is_not_suspended",
            ),
        ),
        AddCheckForNewRows(
            model_name="verificationcode",
            constraint=models.CheckConstraint(
                condition=Q(tries__gte=0, tries__lte=20), name="code_tries_at_most_20"
            ),
        ),
    ]
