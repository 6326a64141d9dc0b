"""Labels in plain words; nothing changes in the database."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import ChangeLabels


class Migration(migrations.Migration):
    dependencies = [
        ("trips", "0003_arrival_is_suggested"),
    ]

    operations = [ChangeLabels([
        migrations.AlterField(
            model_name="historicaltrip",
            name="actual_end_datetime",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="ended"),
        ),
        migrations.AlterField(
            model_name="historicaltrip",
            name="actual_start_datetime",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="started"),
        ),
        migrations.AlterField(
            model_name="historicaltrip",
            name="planned_start_date",
            field=models.DateField(verbose_name="day"),
        ),
        migrations.AlterField(
            model_name="historicaltrip",
            name="planned_start_time",
            field=models.TimeField(verbose_name="planned start"),
        ),
        migrations.AlterField(
            model_name="trip",
            name="actual_end_datetime",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="ended"),
        ),
        migrations.AlterField(
            model_name="trip",
            name="actual_start_datetime",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="started"),
        ),
        migrations.AlterField(
            model_name="trip",
            name="planned_start_date",
            field=models.DateField(verbose_name="day"),
        ),
        migrations.AlterField(
            model_name="trip",
            name="planned_start_time",
            field=models.TimeField(verbose_name="planned start"),
        ),
        migrations.AlterField(
            model_name="tripstop",
            name="actual_arrival_datetime",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="arrived"),
        ),
        migrations.AlterField(
            model_name="tripstop",
            name="actual_departure_datetime",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="left"),
        ),
        migrations.AlterField(
            model_name="tripstop",
            name="is_completed",
            field=models.BooleanField(default=False, verbose_name="done"),
        ),
        migrations.AlterField(
            model_name="tripstop",
            name="planned_arrival_date",
            field=models.DateField(
                blank=True,
                help_text="the day of the planned time, for trips longer than a day; empty: near the start",
                null=True,
                verbose_name="due on",
            ),
        ),
        migrations.AlterField(
            model_name="tripstop",
            name="planned_arrival_time",
            field=models.TimeField(blank=True, null=True, verbose_name="due"),
        ),
    ])]
