"""Leave room in the pages of hot rows, so that a move inside a cell touches no index (PostgreSQL only)."""

from typing import Any

from django.db import migrations


def set_fillfactor(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE assistance_assistantprofile SET (fillfactor = 70)")


def reset_fillfactor(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE assistance_assistantprofile RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [("assistance", "0002_default_tariff")]
    operations = [migrations.RunPython(set_fillfactor, reset_fillfactor)]
