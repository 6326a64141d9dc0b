"""A stop of a trip longer than a day may name its day."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("trips", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="tripstop",
            name="planned_arrival_date",
            field=models.DateField(blank=True, help_text="the day of the planned time, for trips longer than a day; empty: near the start", null=True),
        ),
    ]
