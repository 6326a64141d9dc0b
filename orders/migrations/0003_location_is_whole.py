"""A stop has a latitude and a longitude, or neither."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_whole_locations")]

    operations = [
        AddCheckForNewRows(
            model_name="stop",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("latitude__isnull", True), ("longitude__isnull", True)),
                    models.Q(("latitude__isnull", False), ("longitude__isnull", False)),
                    _connector="OR",
                ),
                name="stop_location_whole",
            ),
        ),
    ]
