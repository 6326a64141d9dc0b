"""The latest is the newest trusted fix; a newer one that is out of reach is stored next to it.

The columns of the former release, trusted_*, stay in the table unused, so that its processes go on working next to this
schema; only the models forget them.
"""

import json
from typing import Any

from django.db import migrations, models

WHOLE = models.Q(
    models.Q(("doubted_at__isnull", True), ("doubted_latitude__isnull", True), ("doubted_longitude__isnull", True)),
    models.Q(("doubted_at__isnull", False), ("doubted_latitude__isnull", False), ("doubted_longitude__isnull", False)),
    _connector="OR",
)
READING = (
    "latitude",
    "longitude",
    "speed",
    "heading",
    "altitude",
    "timestamp",
    "odometer",
    "fuel_level",
    "engine_status",
    "created_at",
)


def trust(apps: Any, schema_editor: Any) -> None:
    """Replace an untrusted latest by the last trusted fix, where its row still exists."""
    latest_positions = apps.get_model("telematics", "LatestPosition").objects.using(schema_editor.connection.alias)
    positions = apps.get_model("telematics", "Position").objects.using(schema_editor.connection.alias)
    for latest in latest_positions.filter(trusted_at__isnull=False):
        fix = positions.filter(vehicle_id=latest.vehicle_id, timestamp=latest.trusted_at).first()
        if fix is None:
            continue
        latest_positions.filter(pk=latest.pk, timestamp=latest.timestamp).update(
            **{name: getattr(fix, name) for name in READING},
            position_id=fix.pk,
            is_implausible=False,
            reading_json=json.dumps(_shown(fix), separators=(",", ":")),
            doubted_at=latest.timestamp,
            doubted_latitude=latest.latitude,
            doubted_longitude=latest.longitude,
            trusted_at=None,
            trusted_latitude=None,
            trusted_longitude=None,
        )


def _shown(fix: Any) -> dict[str, Any]:
    places = {"latitude": 7, "longitude": 7, "speed": 2, "heading": 2, "altitude": 2, "odometer": 2, "fuel_level": 2}
    shown: dict[str, Any] = {}
    for name in READING:
        value = getattr(fix, name)
        if name in places:
            shown[name] = None if value is None else f"{value:.{places[name]}f}"
        elif name in ("timestamp", "created_at"):
            shown[name] = value.isoformat()[:19] + "Z"
        else:
            shown[name] = value
    return {**shown, "implausible": False}


def doubt(apps: Any, schema_editor: Any) -> None:
    """Forget the doubted fixes: the former release takes the latest for trusted then."""


class Migration(migrations.Migration):
    dependencies = [("telematics", "0003_trusted_fix_is_whole")]

    operations = [
        migrations.AddField(
            model_name="latestposition",
            name="doubted_at",
            field=models.DateTimeField(
                null=True, help_text="a newer fix out of reach, believed once a second one agrees"
            ),
        ),
        migrations.AddField("latestposition", "doubted_latitude", models.FloatField(null=True)),
        migrations.AddField("latestposition", "doubted_longitude", models.FloatField(null=True)),
        migrations.AddConstraint(
            "latestposition", models.CheckConstraint(condition=WHOLE, name="latest_doubted_whole")
        ),
        migrations.RunPython(trust, doubt),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("latestposition", "latest_trusted_whole"),
                migrations.RemoveField("latestposition", "trusted_at"),
                migrations.RemoveField("latestposition", "trusted_latitude"),
                migrations.RemoveField("latestposition", "trusted_longitude"),
            ]
        ),
        *(
            migrations.AlterField(
                name,
                "is_implausible",
                models.BooleanField(
                    default=False,
                    help_text="not to be trusted: out of a vehicle's reach, without satellites, or a circle of kilometres",
                ),
            )
            for name in ("position", "latestposition")
        ),
    ]
