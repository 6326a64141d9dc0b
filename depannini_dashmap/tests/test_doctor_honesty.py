"""The doctor reports ok only for what it could check, names the cause otherwise, and shows no secret."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from depannini_dashmap.operations import doctor, doctor_findings, doctor_services
from depannini_dashmap.operations.doctor import examine
from depannini_dashmap.operations.doctor_findings import Broken, shown
from testing.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("db-pa$$word", "own-pa$$word", "redis-pa$$word", "mail-pa$$word", "tile-key-0123", "site-pa$$word", "a-key-of-the-honest-doctor-0123456789abcdef", "metrics-token-0123456789")
ALL_THAT_CAN_BE_ASKED = {
    "configuration", "database", "migrations", "audit_trail", "tables_owner", "tasks", "identities", "erased_people", "pooler", "redis_server",
    "neighbours", "events", "photos", "web", "callers", "socket", "mail", "sms", "push", "tiles", "roads",
}  # fmt: skip


def one(name: str) -> doctor_findings.Finding:
    (finding,) = examine([name])
    return finding


def test_every_examination_is_there_and_in_the_docs() -> None:
    assert set(doctor.names()) == ALL_THAT_CAN_BE_ASKED
    page = (ROOT / "docs" / "operations.md").read_text()
    for name in re.findall(r"doctor --only (\w+)", page):
        assert name in doctor.names()


@pytest.mark.slow
def test_where_everything_is_away_nothing_is_ok_and_no_secret_is_shown(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "file").write_text("")
    environment = {
        "PATH": os.environ["PATH"], "ENV_FILE": str(tmp_path / "none"), "MEDIA_ROOT": str(tmp_path / "file" / "media"),
        "SECRET_KEY": SECRETS[6], "METRICS_TOKEN": SECRETS[7], "ERASURES_FILE": str(tmp_path),
        "DATABASE_URL": f"postgres://dashmap:db-pa%24%24word@127.0.0.1:{port}/dashmap",
        "MIGRATE_DATABASE_URL": f"postgres://owner:own-pa%24%24word@127.0.0.1:{port}/dashmap",
        "REDIS_URL": f"redis://:redis-pa%24%24word@127.0.0.1:{port}/0",
        "EMAIL_URL": f"smtp://dashmap:mail-pa%24%24word@127.0.0.1:{port}",
        "SMS_URL": f"file://{tmp_path}/nowhere",
        "BASE_URL": f"http://site:site-pa%24%24word@127.0.0.1:{port}",
        "MAP_TILE_URL": f"http://127.0.0.1:{port}/{{z}}/{{x}}/{{y}}.png?access=tile-key-0123",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "manage.py", "doctor"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    for secret in SECRETS:
        assert secret not in said
        assert secret.replace("$", "%24") not in said
    levels = {match[2]: match[1] for match in re.finditer(r"^(ok|doubtful|BROKEN) +(\w+)", done.stdout, re.M)}
    assert set(levels) == ALL_THAT_CAN_BE_ASKED
    assert [name for name, level in levels.items() if level == "ok"] == []
    for name in ("database", "redis_server", "mail", "web", "tiles"):
        assert re.search(rf"BROKEN +{name} .*refused", said), name


def test_what_was_not_foreseen_is_a_finding_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def nose() -> str:
        raise KeyError("smell")

    monkeypatch.setitem(doctor.EXAMINATIONS, "nose", nose)
    finding = one("nose")
    assert finding.level == "broken"
    assert "KeyError: 'smell'" in finding.sentence


def test_an_address_is_shown_without_what_it_hides() -> None:
    assert shown("https://user:word@example.com:8443/a/{z}.png?key=1#x") == "https://example.com:8443/a/{z}.png"


@pytest.mark.django_db
def test_a_missing_trigger_is_seen() -> None:
    assert one("audit_trail").level == "ok"
    table = "depannini_dashmap_auditevent"
    drop = f"DROP TRIGGER audit_event_append_only ON {table}" if connection.vendor == "postgresql" else "DROP TRIGGER audit_event_no_update"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(drop)
        assert one("audit_trail").level == "broken"
        transaction.set_rollback(True)


@pytest.mark.postgres
@pytest.mark.django_db
def test_an_owner_who_cannot_sign_in_is_seen(settings: Any) -> None:
    base = connection.settings_dict
    where = f"{base['HOST']}:{base['PORT'] or 5432}"
    settings.MIGRATE_DATABASE_URL = f"postgres://{base['USER']}:{base['PASSWORD']}@{where}/{base['NAME']}"
    assert one("tables_owner").level == "ok"
    settings.MIGRATE_DATABASE_URL = f"postgres://nobody_of_that_name:x@{where}/{base['NAME']}"
    assert one("tables_owner").level == "broken"
    settings.MIGRATE_DATABASE_URL = f"postgres://{base['USER']}:{base['PASSWORD']}@{where}/postgres"
    assert one("tables_owner").level == "doubtful"
    settings.MIGRATE_DATABASE_URL = "sqlite:///x"
    assert one("tables_owner").level == "broken"


@pytest.mark.django_db
def test_a_file_of_erasures_that_cannot_be_read_is_seen(settings: Any, tmp_path: Path) -> None:
    settings.ERASURES_FILE = tmp_path
    assert one("erased_people").level == "broken"


@contextmanager
def answering(status: int, body: bytes, kind: str) -> Iterator[str]:
    """Run a server with one fixed answer; return its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)  # without Date
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "level"),
    [(200, b'{"status": "active"}', "ok"), (200, b'{"status": "suspended"}', "broken"), (200, b"<html>", "broken"), (401, b"{}", "broken"), (200, b"[]", "broken")],
)
def test_an_sms_account_has_to_be_open(settings: Any, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, level: str) -> None:
    settings.SMS_URL = "twilio://AC1:sms-token-0123@+15005550006"
    with answering(status, body, "application/json") as address:
        monkeypatch.setattr(doctor_services, "TWILIO", address)
        finding = one("sms")
    assert finding.level == level
    assert "sms-token" not in finding.sentence


def test_clocks_that_were_not_compared_are_not_called_equal(settings: Any) -> None:
    with answering(200, b'{"status": "ok"}', "application/json") as address:
        settings.BASE_URL = address
        assert "clocks were not compared" in one("web").sentence


@pytest.mark.parametrize(("body", "words"), [(b"{}", "does not say how we reached it"), (b"[]", "does not say"), (b"<html>", "cannot be asked")])
def test_a_server_that_does_not_say_who_we_are_is_doubtful(settings: Any, body: bytes, words: str) -> None:
    with answering(200, body, "application/json") as address:
        settings.BASE_URL = address
        finding = one("callers")
    assert finding.level == "doubtful"
    assert words in finding.sentence


def test_a_page_is_no_tile(settings: Any) -> None:
    with answering(200, b"<html>", "text/html") as address:
        settings.MAP_TILE_URL = f"{address}/{{z}}.png?key=tile-key-0123"
        finding = one("tiles")
    assert finding.level == "broken"
    assert "text/html" in finding.sentence
    assert "tile-key" not in finding.sentence


def test_a_secret_in_a_sentence_is_taken_out(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def nose() -> str:
        raise Broken(f"it smells of {settings.SECRET_KEY}", "")

    monkeypatch.setitem(doctor.EXAMINATIONS, "nose", nose)
    assert one("nose").sentence == "it smells of [secret]"
