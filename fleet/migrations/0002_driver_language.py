"""The language of what a driver is sent."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicalvehicle",
            name="driver_language",
            field=models.CharField(
                blank=True,
                choices=[("en", "English"), ("fr", "Français"), ("ar", "العربية")],
                db_default="",
                default="",
                help_text="of what the driver is sent; empty: that of who sends it",
                max_length=5,
            ),
        ),
        migrations.AddField(
            model_name="vehicle",
            name="driver_language",
            field=models.CharField(
                blank=True,
                choices=[("en", "English"), ("fr", "Français"), ("ar", "العربية")],
                db_default="",
                default="",
                help_text="of what the driver is sent; empty: that of who sends it",
                max_length=5,
            ),
        ),
    ]
