"""Time-outs hold on every connection, also through PgBouncer, and the doctor sees how it shares them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from testing.ports import free_port, is_listening
from testing.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="needs PgBouncer (Debian: apt-get install pgbouncer)")
LOOK = """
import json, django; django.setup()
from django.db import connection
from depannini_dashmap.operations.doctor import examine
with connection.cursor() as cursor:
    cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
    said = cursor.fetchone()
(finding,) = examine(["pooler"])
print(json.dumps([*said, finding.level, finding.remedy]))
"""


@pytest.mark.postgres
@pytest.mark.django_db
def test_every_connection_has_the_time_outs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('plan_cache_mode')")
        assert cursor.fetchone() == ("15s", "3s", "force_generic_plan")


@contextmanager
def bouncing(folder: Path, mode: str) -> Iterator[int]:
    """Run PgBouncer in front of the tests' PostgreSQL; return its port."""
    port, database = free_port(), connection.settings_dict
    # It refuses to be root; another user has to read its configuration.
    folder.chmod(0o755)
    user = database["USER"]
    (folder / "users.txt").write_text(f'"{user}" "{database["PASSWORD"]}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={database['HOST']} port={database['PORT'] or 5432}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
        f"auth_file = {folder}/users.txt\npool_mode = {mode}\ndefault_pool_size = 5\n"
    )
    command = [str(PGBOUNCER), *(["-u", "nobody"] if os.geteuid() == 0 else []), str(folder / "pgbouncer.ini")]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: is_listening(port), f"PgBouncer starts: {(folder / 'log').read_text()}")
            yield port
        finally:
            process.terminate()


@pytest.fixture
def look() -> Iterator[Callable[..., list[Any]]]:
    """Start a process of ours behind PgBouncer in a mode and return what it meets there."""
    with ExitStack() as stack:

        def ask(mode: str, **environment: str) -> list[Any]:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dashmap-pgbouncer-")))
            port, database = stack.enter_context(bouncing(folder, mode)), connection.settings_dict
            given = {
                **os.environ, "DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings", "SECRET_KEY": django_settings.SECRET_KEY,
                "DATABASE_URL": f"postgres://{database['USER']}:{database['PASSWORD']}@127.0.0.1:{port}/{database['NAME']}", **environment,
            }  # fmt: skip
            said = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, env=given, capture_output=True, text=True, timeout=60)
            assert said.returncode == 0, said.stderr
            return list(json.loads(said.stdout))

        yield ask


@needs_pgbouncer
@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.django_db
def test_a_pooler_of_sessions_needs_nothing(look: Callable[..., list[Any]]) -> None:
    assert look("session") == ["15s", "3s", "ok", ""]


@needs_pgbouncer
@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.django_db
def test_the_doctor_sees_a_pooler_of_transactions(look: Callable[..., list[Any]]) -> None:
    *_, level, remedy = look("transaction")
    assert level == "broken"
    assert "DATABASE_PREPARE=off" in remedy
    *_, level, remedy = look("transaction", DATABASE_PREPARE="off")
    assert level == "doubtful"
    assert f"ALTER ROLE {connection.settings_dict['USER']} SET statement_timeout = '15s';" in remedy
