"""Labels in plain words; nothing changes in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0004_location_is_proven"),
    ]

    operations = [
        migrations.AlterField(
            model_name="historicalorder",
            name="is_in_trip",
            field=models.BooleanField(default=False, editable=False, verbose_name="in a trip"),
        ),
        migrations.AlterField(
            model_name="order",
            name="is_in_trip",
            field=models.BooleanField(default=False, editable=False, verbose_name="in a trip"),
        ),
    ]
