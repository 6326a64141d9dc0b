"""The audit trail lets go of addresses, and of nothing else: erasing a person empties those that they came from."""

from django.db import migrations

# Nothing but the address may differ, and the new one is empty.
POSTGRES = """
CREATE OR REPLACE FUNCTION audit_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('dashmap.pruning', true) = 'on' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.address = '' AND to_jsonb(NEW) - 'address' = to_jsonb(OLD) - 'address' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE FUNCTION audit_forget_addresses(person bigint) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE depannini_dashmap_auditevent SET address = ''
    WHERE address <> '' AND (actor_id = person OR actor_id IS NULL AND target_type = 'accounts.user' AND target_id = person::text)
$$;
"""
POSTGRES_BACK = """
DROP FUNCTION audit_forget_addresses(bigint);
CREATE OR REPLACE FUNCTION audit_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('dashmap.pruning', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
"""
SQLITE_BACK = """
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON depannini_dashmap_auditevent
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
"""
SQLITE = """
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON depannini_dashmap_auditevent
WHEN NOT (NEW.address = '' AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.event IS OLD.event AND NEW.actor_id IS OLD.actor_id
    AND NEW.target_type IS OLD.target_type AND NEW.target_id IS OLD.target_id AND NEW.request_id IS OLD.request_id AND NEW.detail IS OLD.detail)
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
"""


def forwards(apps, schema_editor):  # noqa: ANN001, ANN201 - the signature is Django's
    """Replace the trigger by one that lets addresses be emptied."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES, params=None)
    elif schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER audit_event_no_update", params=None)
        schema_editor.execute(SQLITE, params=None)


def backwards(apps, schema_editor):  # noqa: ANN001, ANN201 - the signature is Django's
    """Bring the former trigger back."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES_BACK, params=None)
    elif schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER audit_event_no_update", params=None)
        schema_editor.execute(SQLITE_BACK, params=None)


class Migration(migrations.Migration):
    """Functions and triggers only; no row and no lock of the table."""

    dependencies = [("depannini_dashmap", "0004_message_budget")]
    operations = [migrations.RunPython(forwards, backwards)]
