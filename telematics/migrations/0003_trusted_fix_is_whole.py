"""The last believable fix is there with its instant and its place, or not at all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telematics", "0002_postgres_storage")]

    operations = [
        migrations.AddConstraint(
            model_name="latestposition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("trusted_at__isnull", True),
                        ("trusted_latitude__isnull", True),
                        ("trusted_longitude__isnull", True),
                    ),
                    models.Q(
                        ("trusted_at__isnull", False),
                        ("trusted_latitude__isnull", False),
                        ("trusted_longitude__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="latest_trusted_whole",
            ),
        ),
    ]
