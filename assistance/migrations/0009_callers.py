"""Let dispatchers ask for help for callers: whom to bill, and requests that are made at a time."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assistance", "0008_approval_of_assistants"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ScheduledRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scheduled_for", models.DateTimeField()),
                (
                    "assistance_type",
                    models.CharField(
                        blank=True, choices=[("towing", "Towing"), ("repair", "Repair")], default="", max_length=6
                    ),
                ),
                (
                    "vehicle_type",
                    models.CharField(
                        blank=True, choices=[("light", "Light"), ("heavy", "Heavy")], default="", max_length=5
                    ),
                ),
                ("description", models.CharField(blank=True, default="", max_length=1000)),
                ("billed_to", models.CharField(blank=True, default="", max_length=200)),
                ("pickup_lat", models.FloatField()),
                ("pickup_lng", models.FloatField()),
                ("dropoff_lat", models.FloatField(blank=True, null=True)),
                ("dropoff_lng", models.FloatField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("canceled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "refusal",
                    models.CharField(
                        blank=True, default="", help_text="why it could not be made in time", max_length=30
                    ),
                ),
            ],
            options={
                "ordering": ["-scheduled_for", "-id"],
            },
        ),
        migrations.AddField(
            model_name="assistance",
            name="billed_to",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="who pays instead of the client", max_length=200
            ),
        ),
        migrations.AddField(
            model_name="assistance",
            name="is_one_of_many",
            field=models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="does not count as the client's one open request: billed to somebody else, or joined to an account",
            ),
        ),
        migrations.AddField(
            model_name="scheduledrequest",
            name="assistance",
            field=models.OneToOneField(
                blank=True,
                help_text="once it is made",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="scheduled",
                to="assistance.assistance",
            ),
        ),
        migrations.AddField(
            model_name="scheduledrequest",
            name="client",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="scheduled_requests",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="scheduledrequest",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="scheduledrequest",
            index=models.Index(
                condition=models.Q(("assistance__isnull", True), ("canceled_at__isnull", True)),
                fields=["scheduled_for"],
                name="scheduled_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="scheduledrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("assistance__isnull", True), ("canceled_at__isnull", True), _connector="OR"),
                name="scheduled_made_or_canceled",
            ),
        ),
        migrations.AddConstraint(
            model_name="scheduledrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("pickup_lat__range", (-90, 90)), ("pickup_lng__range", (-180, 180))),
                name="scheduled_pickup_valid",
            ),
        ),
        migrations.AddConstraint(
            model_name="scheduledrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("dropoff_lat__isnull", True), ("dropoff_lng__isnull", True)),
                    models.Q(
                        ("dropoff_lat__isnull", False),
                        ("dropoff_lat__range", (-90, 90)),
                        ("dropoff_lng__isnull", False),
                        ("dropoff_lng__range", (-180, 180)),
                    ),
                    _connector="OR",
                ),
                name="scheduled_dropoff_valid",
            ),
        ),
    ]
