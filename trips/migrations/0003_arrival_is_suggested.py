"""Arrivals that positions report are suggestions until the vehicle stayed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trips", "0002_planned_arrival_date"),
    ]

    operations = [
        migrations.AddField(
            model_name="tripstop",
            name="arrival_is_suggested",
            field=models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="told by positions that may only have passed by",
            ),
        ),
    ]
