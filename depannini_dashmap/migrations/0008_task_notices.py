"""PostgreSQL says when a task is ready, so that workers need not ask."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION dashmap_task_ready() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('dashmap_tasks', '');
    RETURN NULL;
END $$;
CREATE TRIGGER dashmap_task_ready AFTER INSERT OR UPDATE OF status, run_after ON django_tasks_database_dbtaskresult
    FOR EACH ROW WHEN (NEW.status = 'READY') EXECUTE FUNCTION dashmap_task_ready();
"""
BACKWARDS = """
DROP TRIGGER dashmap_task_ready ON django_tasks_database_dbtaskresult;
DROP FUNCTION dashmap_task_ready();
"""


def forwards(apps, schema_editor):  # noqa: ANN001, ANN201 - the signature is Django's
    """Create the trigger."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FORWARDS, params=None)


def backwards(apps, schema_editor):  # noqa: ANN001, ANN201 - the signature is Django's
    """Drop it."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BACKWARDS, params=None)


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [
        ("depannini_dashmap", "0007_sheet_imports"),
        ("django_tasks_database", "0021_conditional_partial_index_ordering"),
    ]
    operations = [migrations.RunPython(forwards, backwards)]
