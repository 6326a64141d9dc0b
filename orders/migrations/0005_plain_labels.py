"""Labels in plain words; nothing changes in the database."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import ChangeLabels


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0004_location_is_proven"),
    ]

    operations = [ChangeLabels([
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
    ])]
