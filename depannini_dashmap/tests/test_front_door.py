"""Checks before every view: probes and metrics over plain HTTP, allowed hosts and origins of sockets."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db.migrations.recorder import MigrationRecorder

from depannini_dashmap.lib.db import readiness
from depannini_dashmap.lib.realtime import handshake

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import json, django; django.setup()
from django.conf import settings
from django.test import Client
client = Client(HTTP_HOST="api.example.com")
answers = {path: client.get(path) for path in ("/healthz", "/metrics", "/api/")}
hsts = client.get("/healthz", HTTP_X_FORWARDED_PROTO="https")["Strict-Transport-Security"]
print(json.dumps({"statuses": {path: answer.status_code for path, answer in answers.items()}, "hsts": hsts}))
"""


def ask(**environment: str) -> dict[str, Any]:
    """Answer how a server behind HTTPS answers in plain HTTP, and what it says of HSTS."""
    given = {
        **os.environ, "SECRET_KEY": "a-secret-of-the-front-door-0123456789-abcdef", "HTTPS": "on", "ALLOWED_HOSTS": "api.example.com",
        "DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings", "METRICS_TOKEN": "x" * 40, **environment,
    }  # fmt: skip
    said = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=given, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def test_probes_and_metrics_answer_in_plain_http_and_hsts_is_modest() -> None:
    assert ask() == {"statuses": {"/healthz": 200, "/metrics": 401, "/api/": 301}, "hsts": "max-age=31536000"}


def test_hsts_covers_more_where_it_is_configured() -> None:
    said = ask(HSTS_INCLUDE_SUBDOMAINS="on", HSTS_PRELOAD="on")["hsts"]
    assert said == "max-age=31536000; includeSubDomains; preload"


@pytest.mark.parametrize("path", ["/healthz", "/api/companies/", "/admin/login/", "/nowhere"])
def test_a_strange_host_is_answered_with_the_setting_in_one_line(api: Any, caplog: pytest.LogCaptureFixture, path: str) -> None:
    for host in ("evil.example", "evil.example:99", "a b", "x" * 300, "[::"):
        caplog.clear()
        answer = api().get(path, HTTP_HOST=host)
        assert answer.status_code == 400
        assert answer.json()["code"] == "bad_request"
        assert "ALLOWED_HOSTS" in answer.json()["error"]
        assert "evil" not in answer.content.decode()
        (record,) = caplog.records
        assert record.exc_info is None
        assert len(record.getMessage()) < 200


@pytest.mark.django_db
def test_a_database_without_its_tables_is_not_ready(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked until it is good, and not again."""
    monkeypatch.setattr(readiness, "_migrated", type(readiness._migrated)())
    monkeypatch.setattr(readiness, "_asked", lambda name, ask, within: ask())  # in this thread, which sees the transaction
    monkeypatch.setattr(readiness, "connection", Kept())
    applied = MigrationRecorder.Migration.objects.filter(app="accounts").order_by("-pk").first()
    assert applied is not None
    applied.delete()
    answer = api().get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "migrations_missing")
    MigrationRecorder.Migration.objects.create(app=applied.app, name=applied.name)
    assert api().get("/readyz").status_code == 200
    MigrationRecorder.Migration.objects.filter(app="accounts").delete()
    assert api().get("/readyz").status_code == 200


class Kept:
    """The test's own connection, which nobody closes."""

    def __getattr__(self, name: str) -> Any:
        from django.db import connection

        return (lambda: None) if name == "close" else getattr(connection, name)


TRUSTED = ["https://console.example.com", "https://*.fleet.example", "https://odd.example:8443"]


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [
        ("https://console.example.com", True), ("https://a.fleet.example", True), ("https://a.b.fleet.example", True),
        ("https://odd.example:8443", True), ("http://localhost", True), ("http://console.example.com", False),
        ("https://console.example.com:8443", False), ("https://odd.example", False), ("http://a.fleet.example", False),
        ("https://evilfleet.example", False), ("https://a.fleet.example.evil.example", False), ("null", False), ("", False),
        ("https://evil.example/.fleet.example", False), ("https://evil.example?.fleet.example", False),
        ("https://evil.example#.fleet.example", False), ("https://evil.example\\.fleet.example", False), ("https://*.fleet.example", True),
    ],
)  # fmt: skip
def test_sockets_come_from_this_site_and_from_trusted_origins(settings: Any, origin: str, is_let_in: bool) -> None:
    settings.CSRF_TRUSTED_ORIGINS = TRUSTED
    scope = {"headers": [(b"host", b"localhost"), (b"origin", origin.encode())], "scheme": "ws"}
    assert (handshake.objection(scope) is None) is is_let_in


async def test_each_refused_socket_is_a_line_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    async def receive() -> dict:
        return {"type": "websocket.connect"}

    async def send(message: dict) -> None:
        assert message["type"] == "websocket.close"

    async def never(*_: Any) -> None:
        raise AssertionError("a refused socket came through")

    cases = (
        ([(b"host", b"localhost"), (b"origin", b"https://evil.example")], "CSRF_TRUSTED_ORIGINS"),
        ([(b"host", b"localhost:8443"), (b"origin", b"http://localhost")], "with its port"),
        ([(b"host", b"evil.example")], "ALLOWED_HOSTS"),
        ([], "0 Host headers"),
    )
    for headers, reason in cases:
        caplog.clear()
        await handshake.OriginGuard(never)({"headers": headers, "scheme": "ws"}, receive, send)
        (record,) = caplog.records
        assert reason in record.getMessage()
