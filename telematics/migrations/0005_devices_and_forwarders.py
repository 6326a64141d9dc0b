"""The status of devices; forwarding servers report for trackers by their external ids."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_location_is_proven"),
        ("fleet", "0001_initial"),
        ("telematics", "0004_latest_is_trusted"),
    ]

    operations = [
        migrations.CreateModel(
            name="Forwarder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("secret_digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("contacted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("unknown_ids", models.JSONField(blank=True, default=dict, editable=False)),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddField(
            model_name="device",
            name="app",
            field=models.CharField(
                choices=[
                    ("traccar_client", "Traccar Client"),
                    ("osmand", "OsmAnd"),
                    ("owntracks", "OwnTracks"),
                    ("gpslogger", "GPSLogger"),
                    ("forwarded", "through a forwarding server"),
                    ("other", "another one"),
                ],
                db_default="other",
                default="other",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="device",
            name="battery",
            field=models.PositiveSmallIntegerField(blank=True, editable=False, help_text="percent", null=True),
        ),
        migrations.AddField(
            model_name="device",
            name="company",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="devices",
                to="accounts.company",
            ),
        ),
        migrations.AddField(
            model_name="device",
            name="contacted_at",
            field=models.DateTimeField(blank=True, editable=False, help_text="when it last said anything", null=True),
        ),
        migrations.AddField(
            model_name="device",
            name="dropped",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, help_text="values last left out", max_length=100
            ),
        ),
        migrations.AddField(
            model_name="device",
            name="external_id",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="IMEI or name by which a forwarder calls it",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="device",
            name="position_at",
            field=models.DateTimeField(blank=True, editable=False, help_text="its newest trusted fix", null=True),
        ),
        migrations.AddField(
            model_name="device",
            name="refusal",
            field=models.CharField(
                blank=True,
                choices=[
                    ("clock_ahead", "the device's clock is ahead"),
                    ("clock_unset", "the device's clock is not set"),
                    ("bad_time", "the time cannot be read"),
                    ("bad_place", "the place cannot be read"),
                    ("no_fix", "no satellites: kept, not shown"),
                    ("inaccurate", "accurate to kilometres: kept, not shown"),
                    ("jump", "out of the vehicle's reach: kept, not shown"),
                    ("not_understood", "the message was not understood"),
                ],
                db_default="",
                default="",
                editable=False,
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="device",
            name="refusal_detail",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=60),
        ),
        migrations.AddField(
            model_name="device",
            name="refused_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="device",
            name="key_digest",
            field=models.CharField(editable=False, max_length=64, null=True, unique=True),
        ),
        migrations.AddConstraint(
            model_name="device",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True), models.Q(("external_id", ""), _negated=True)),
                fields=("company", "external_id"),
                name="device_external_id_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="device",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("key_digest__isnull", False), models.Q(("external_id", ""), _negated=True), _connector="OR"
                ),
                name="device_can_be_recognised",
            ),
        ),
        migrations.AddField(
            model_name="forwarder",
            name="company",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="forwarders", to="accounts.company"
            ),
        ),
    ]
