"""The audit trail may only grow: a trigger refuses to change a row, and to delete one inside its retention."""

from django.db import migrations

POSTGRES = """
CREATE FUNCTION audit_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('dashmap.pruning', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON depannini_dashmap_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_event_append_only();
"""
POSTGRES_BACK = """
DROP TRIGGER audit_event_append_only ON depannini_dashmap_auditevent;
DROP FUNCTION audit_event_append_only();
"""
SQLITE = """
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON depannini_dashmap_auditevent
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
"""


def forwards(apps, schema_editor):  # noqa: ANN001, ANN201 - the signature is Django's
    """Create the trigger that fits the database."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES, params=None)
    elif schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(SQLITE, params=None)


def backwards(apps, schema_editor):  # noqa: ANN001, ANN201 - the signature is Django's
    """Drop it."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES_BACK, params=None)
    elif schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER audit_event_no_update", params=None)


class Migration(migrations.Migration):
    """Schema only."""

    dependencies = [("depannini_dashmap", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
