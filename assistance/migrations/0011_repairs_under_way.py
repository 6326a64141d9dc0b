"""Let repairers go on pricing what they took without a type before that made it a repair."""

from typing import Any

from django.db import migrations


def name_repairs(apps: Any, schema_editor: Any) -> None:
    under_way = apps.get_model("assistance", "Assistance").objects.filter(
        assistance_type="", status__in=["accepted", "ongoing"], assistant__assistant_profile__service_type="repair"
    )
    for job in under_way.values("pk"):
        apps.get_model("assistance", "Assistance").objects.filter(
            pk=job["pk"], assistance_type="", price_source="", status__in=["accepted", "ongoing"]
        ).update(assistance_type="repair")


class Migration(migrations.Migration):
    dependencies = [("assistance", "0010_one_open_request")]
    operations = [migrations.RunPython(name_repairs, migrations.RunPython.noop)]
