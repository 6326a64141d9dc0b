"""What `manage.py doctor` asks the database: whether it answers, what is in it, and who may change it."""

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg2
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from depannini_dashmap.lib.db.database_hosts import are_several
from depannini_dashmap.lib.ops.erasures_file import remembered
from depannini_dashmap.models import AuditEvent
from depannini_dashmap.operations import erasure_replay
from depannini_dashmap.operations.doctor_findings import CLOCK_SLACK, PATIENCE, Broken, Doubtful, cause, examination

TASKS_LATE = 120.0  # seconds after which a due task says that no worker runs


@examination
def database() -> str:
    """Ask the database, and compare its clock with ours."""
    began = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            if connection.vendor != "postgresql":
                return f"{connection.vendor} answers in {1000 * (time.perf_counter() - began):.1f} ms"
            cursor.execute("SELECT clock_timestamp(), current_setting('server_version'), current_setting('transaction_read_only') = 'on', pg_is_in_recovery()")
            now, version, is_read_only, is_standby = cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        raise Broken(f"No answer: {cause(error)}", "Start PostgreSQL, or correct DATABASE_URL.") from error
    place = f" on {connection.connection.info.host}" if are_several(connection.get_connection_params()) else ""
    if is_read_only:
        raise Broken(
            f"This PostgreSQL{place} takes no writes: it {'is a standby' if is_standby else 'has default_transaction_read_only'}",
            "Name the primary in DATABASE_URL, or all hosts with ?target_session_attrs=read-write.",
        )
    drift = abs((datetime.now(UTC) - now).total_seconds())
    if drift > CLOCK_SLACK:
        raise Broken(f"Its clock is {drift:.0f} s off ours", "Run NTP (chrony, systemd-timesyncd) on both machines.")
    return f"PostgreSQL {version.split()[0]}{place} answers in {1000 * (time.perf_counter() - began):.1f} ms"


@examination
def migrations() -> str:
    """Look for migrations that have not run."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError) as error:
        raise Broken(f"Cannot be read: {cause(error)}", "See database.") from error
    if pending:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in pending[:5])
        raise Broken(f"{len(pending)} not applied: {names}", "Run python manage.py migrate.")
    return "all applied"


@examination
def audit_trail() -> str:
    """See whether the trigger is there that keeps audit events, and what the server's role and the owner's may do."""
    table = AuditEvent._meta.db_table
    try:
        with connection.cursor() as cursor:
            cursor.execute(_TRIGGER[connection.vendor], [table])
            is_kept = cursor.fetchone()[0] > 0
            may_change, role = False, ""
            if connection.vendor == "postgresql":
                cursor.execute("SELECT has_table_privilege(%s, 'UPDATE, DELETE'), current_user", [table])
                may_change, role = cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        raise Broken(f"Cannot be read: {cause(error)}", "See database and migrations.") from error
    if not is_kept:
        raise Broken("The trigger that keeps audit events is missing or off", f"ALTER TABLE {table} ENABLE TRIGGER ALL; or restore a backup that has it.")
    if connection.vendor != "postgresql" or not settings.MIGRATE_DATABASE_URL:
        return "one role owns all tables; a trigger keeps the events"
    if may_change:
        raise Broken(
            f"The role {role} may change audit events",
            f"REVOKE UPDATE, DELETE ON {table} FROM {role}; also after each restore.",
        )
    return f"the role {role} can only add to it"


# How many triggers are on that refuse changes.
_TRIGGER = {
    "postgresql": "SELECT count(*) FROM pg_trigger WHERE tgname = 'audit_event_append_only' AND tgenabled <> 'D' AND tgrelid = to_regclass(%s)",
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = 'audit_event_no_update' AND tbl_name = %s",
}


@examination
def tables_owner() -> str:
    """Sign in as the role that migrates, saves and restores, where it is one of its own."""
    if not settings.MIGRATE_DATABASE_URL:
        return "the server's role is the tables' owner"
    parts = urlsplit(settings.MIGRATE_DATABASE_URL)
    if not parts.scheme.startswith(("postgres", "pgsql")):
        raise Broken("MIGRATE_DATABASE_URL names no PostgreSQL", "Name the same database as DATABASE_URL, by the owner's role.")
    table = AuditEvent._meta.db_table
    try:
        with closing(psycopg2.connect(settings.MIGRATE_DATABASE_URL.replace(parts.scheme, "postgresql", 1), connect_timeout=PATIENCE)) as owner, owner.cursor() as cursor:
            cursor.execute(
                "SELECT current_user, current_database(), to_regclass(%s) IS NOT NULL,"
                " (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass(%s))",
                [table, table],
            )
            role, name, has_tables, is_owner = cursor.fetchone()
    except psycopg2.Error as error:
        raise Broken(f"Cannot sign in: {cause(error)}", "Correct MIGRATE_DATABASE_URL.") from error
    if name != connection.settings_dict["NAME"]:
        raise Doubtful(f"MIGRATE_DATABASE_URL names the database {name}, DATABASE_URL {connection.settings_dict['NAME']}", "Name the same one in both, unless a pooler calls it otherwise.")
    if has_tables and not is_owner:
        raise Broken(f"The role {role} does not own the tables", "Name the role that ran the first migrate in MIGRATE_DATABASE_URL.")
    return f"the role {role} signs in" + (" and owns the tables" if has_tables else "; there are no tables yet")


@examination
def tasks() -> str:
    """See whether a worker takes what is due, and what was given up."""
    late = timezone.now() - timedelta(seconds=TASKS_LATE)
    waiting = DBTaskResult.objects.ready().filter(enqueued_at__lt=late).exclude(run_after__range=(late, timezone.now()))
    try:
        number, parked = waiting.count(), DBTaskResult.objects.failed().count()
    except (DatabaseError, InterfaceError) as error:
        raise Broken(f"Cannot be read: {cause(error)}", "See database.") from error
    if number:
        raise Broken(
            f"{number} tasks are due for more than {TASKS_LATE:.0f} s",
            "Run python manage.py db_worker, or set TASK_WORKER=on.",
        )
    if parked:
        raise Doubtful(
            f"{parked} tasks were given up after ten tries",
            "Read why in the log, mend it, and set them to READY in the database (docs/operations.md).",
        )
    return "none is late"


@examination
def identities() -> str:
    """Look for accounts whose e-mail or username is another account's in another spelling."""
    try:
        found = User.objects.spelled_otherwise()
    except (DatabaseError, InterfaceError) as error:
        raise Broken(f"Cannot be read: {cause(error)}", "See database and migrations.") from error
    if found:
        named = ", ".join(map(str, found[:10])) + (", …" if len(found) > 10 else "")
        raise Doubtful(
            f"{len(found)} accounts have an e-mail or username that another account has in its one spelling: {named}",
            "Ask whose it is, and change or close the other account in the admin.",
        )
    return "each e-mail and username has one spelling"


@examination
def erased_people() -> str:
    """Look for accounts that were erased and are open again, as after a restore."""
    try:
        number, back = len(remembered()), erasure_replay.open_again()
    except (DatabaseError, InterfaceError) as error:
        raise Broken(f"Cannot be read: {cause(error)}", "See database and migrations.") from error
    except OSError as error:
        raise Broken(f"{settings.ERASURES_FILE} cannot be read: {error.strerror}", "Give it to the server's user, or correct ERASURES_FILE.") from error
    if back:
        named = ", ".join(str(user.pk) for user in back[:10]) + (", …" if len(back) > 10 else "")
        raise Broken(f"{len(back)} accounts were erased and are open again: {named}", "Run python manage.py erase_person --again.")
    return f"nobody of the {number} in {settings.ERASURES_FILE} is open again"
