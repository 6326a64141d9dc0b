"""Two roles in PostgreSQL, made as docs/operations.md says: the server's cannot touch audit events, `prune` can."""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
TOP = Path(settings.BASE_DIR)
DOCUMENTED = re.search(r"```sql\n(CREATE ROLE dashmap .*?)```", (TOP / "docs" / "operations.md").read_text(), re.S)
EVENT = "INSERT INTO depannini_dashmap_auditevent (at, event, target_type, target_id, address, request_id, detail) VALUES (%s, 'role.changed', '', '', '', '', '{}')"


class Roles:
    """A database of an owner's, and the environment of a server that is another role."""

    def __init__(self, folder: Path) -> None:
        base = settings.DATABASES["default"]
        self.server = f"dashmap_{uuid.uuid4().hex[:12]}"
        self.owner = f"{self.server}_owner"
        self.at = {"host": base["HOST"], "port": base["PORT"] or 5432}
        self.superuser = {"user": base["USER"], "password": base["PASSWORD"], **self.at}
        where = f"{self.at['host']}:{self.at['port']}/{self.server}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "ENV_FILE": str(folder / "none"),
            "MEDIA_ROOT": str(folder),
            "SECRET_KEY": "a-key-of-the-roles-test-that-is-long-enough-0123456789",
            "DATABASE_URL": f"postgres://{self.server}:secret@{where}",
            "MIGRATE_DATABASE_URL": f"postgres://{self.owner}:secret@{where}",
        }

    def documented(self) -> tuple[str, str]:
        """Return the documented statements for before and after the first `migrate`, with this test's names."""
        assert DOCUMENTED
        text = re.sub(r"\bdashmap\b", self.server, DOCUMENTED[1]).replace("dashmap_owner", self.owner).replace("…", "secret")
        before, after = text.split("-- after the first migrate, and after each restore:")
        return before, after

    def ask(self, statement: str, *values: object, **role: object) -> list[tuple]:
        """Run a statement in the database, as the server's role by default."""
        login = role or {"user": self.server, "password": "secret", **self.at}
        connection = psycopg2.connect(dbname=self.server, **login)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def manage(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as an operator would."""
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=TOP, env={**self.environment, **environment}, capture_output=True, text=True
        )


@pytest.fixture(scope="module")
def migrated(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    made = Roles(tmp_path_factory.mktemp("roles"))
    admin = psycopg2.connect(dbname="postgres", **made.superuser)
    admin.autocommit = True
    cursor = admin.cursor()
    try:
        cursor.execute(f"CREATE ROLE {made.owner} LOGIN PASSWORD 'secret'")
        cursor.execute(f"CREATE DATABASE {made.server} OWNER {made.owner}")
        before, after = made.documented()
        made.ask(before, **made.superuser)
        done = made.manage("migrate", "-v0")
        assert done.returncode == 0, done.stderr
        made.ask(after, **made.superuser)
        yield made
    finally:
        cursor.execute(f"DROP DATABASE IF EXISTS {made.server} WITH (FORCE)")
        cursor.execute(f"DROP ROLE IF EXISTS {made.server}")
        cursor.execute(f"DROP ROLE IF EXISTS {made.owner}")
        admin.close()


@pytest.fixture
def roles(migrated: Roles) -> Roles:
    """The two roles over empty tables; migrating for each test took longer than the tests."""
    migrated.ask("TRUNCATE depannini_dashmap_auditevent, accounts_user CASCADE", **migrated.superuser)
    return migrated


def test_only_prune_removes_audit_events(roles: Roles) -> None:
    roles.ask(EVENT, "2020-01-01T00:00Z")
    roles.ask(EVENT, "2999-01-01T00:00Z")
    for statement in ("UPDATE depannini_dashmap_auditevent SET event = ''", "DELETE FROM depannini_dashmap_auditevent"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            roles.ask(statement)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        roles.ask("ALTER TABLE depannini_dashmap_auditevent DISABLE TRIGGER ALL")
    refused = roles.manage("prune", MIGRATE_DATABASE_URL="")
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr
    done = roles.manage("prune")
    assert done.returncode == 0, done.stderr
    assert roles.ask("SELECT extract(year FROM at) FROM depannini_dashmap_auditevent") == [(2999,)]


def test_a_restore_gives_the_right_back_and_doctor_says_so(roles: Roles, tmp_path: Path) -> None:
    roles.ask(EVENT, "2020-01-01T00:00Z")
    assert "can only add to it" in roles.manage("doctor", "--only", "audit_trail").stdout
    done = roles.manage("backup", str(tmp_path / "backups"))
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "backups").iterdir()
    done = roles.manage("restore", str(made), "--replace")
    assert done.returncode == 0, done.stderr
    asked = roles.manage("doctor", "--only", "audit_trail")
    assert asked.returncode == 1
    assert f"REVOKE UPDATE, DELETE ON depannini_dashmap_auditevent FROM {roles.server}" in asked.stdout
    roles.ask(roles.documented()[1], **roles.superuser)
    assert "can only add to it" in roles.manage("doctor", "--only", "audit_trail").stdout
    assert roles.ask("SELECT count(*) FROM depannini_dashmap_auditevent") == [(1,)]


def test_the_server_role_reads_and_writes_rows(roles: Roles) -> None:
    made = roles.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.com", DJANGO_SUPERUSER_PASSWORD="correct-horse-battery")
    assert made.returncode == 0, made.stderr
    assert roles.ask("SELECT username FROM accounts_user") == [("root",)]
    assert roles.manage("migrate", "--check").returncode == 0
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        roles.ask("CREATE TABLE mine (id int)")
