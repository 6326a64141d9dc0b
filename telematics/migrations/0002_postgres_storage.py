"""PostgreSQL only: time indexes that cost next to nothing, and room on each page for updates in place."""

from typing import Any

from django.db import migrations

FORWARDS = (
    # Rows arrive in about the order of both instants, so block ranges find old and new ones.
    "CREATE INDEX position_times_brin ON telematics_position USING brin (timestamp, created_at)",
    "ALTER TABLE telematics_latestposition SET (fillfactor = 70)",
)
BACKWARDS = (
    "ALTER TABLE telematics_latestposition RESET (fillfactor)",
    "DROP INDEX position_times_brin",
)


def _run(statements: tuple[str, ...]) -> Any:
    def run(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            for statement in statements:
                schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("telematics", "0001_initial")]

    operations = [migrations.RunPython(_run(FORWARDS), _run(BACKWARDS))]
