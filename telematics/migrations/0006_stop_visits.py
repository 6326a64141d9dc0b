"""Visits of stops are followed fix by fix."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("telematics", "0005_devices_and_forwarders"),
        ("trips", "0003_arrival_is_suggested"),
    ]

    operations = [
        migrations.CreateModel(
            name="StopVisit",
            fields=[
                (
                    "trip_stop",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="followed_visit",
                        serialize=False,
                        to="trips.tripstop",
                    ),
                ),
                ("seen_at", models.DateTimeField()),
                ("first_at", models.DateTimeField(null=True)),
                ("entered_at", models.DateTimeField(null=True)),
                ("is_sure", models.BooleanField(default=False)),
                ("outside_at", models.DateTimeField(null=True)),
                ("left_at", models.DateTimeField(null=True)),
            ],
        ),
    ]
