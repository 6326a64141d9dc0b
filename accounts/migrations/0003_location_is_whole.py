"""Let the check of a user's location refuse a half: compared with NULL it said neither yes nor no, and the row passed."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_whole_locations")]

    operations = [
        migrations.RemoveConstraint(model_name="user", name="user_location_valid"),
        AddCheckForNewRows(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("current_lat__isnull", True), ("current_lng__isnull", True)),
                    models.Q(
                        ("current_lat__isnull", False),
                        ("current_lat__range", (-90, 90)),
                        ("current_lng__isnull", False),
                        ("current_lng__range", (-180, 180)),
                    ),
                    _connector="OR",
                ),
                name="user_location_valid",
            ),
        ),
    ]
