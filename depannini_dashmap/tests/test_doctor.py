"""The doctor finds what is broken, names the remedy, and says nothing against what works."""

import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from depannini_dashmap.operations import doctor, doctor_findings, doctor_proxies
from depannini_dashmap.operations.doctor import examine


class Answer(BaseHTTPRequestHandler):
    """A server that says what its path asks for, with a picture under /tile."""

    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/ill/readyz" else 200)
        self.send_header("Content-Type", "image/png" if self.path.startswith("/tile") else "application/json")
        body = b'{"status": "ok"}' if self.path == "/readyz" else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a running web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


class Mailman(socketserver.StreamRequestHandler):
    """As much SMTP as a login needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            if line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def mail_server() -> Iterator[int]:
    """The port of a running mail server."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailman) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running.server_address[1]
        running.shutdown()
        thread.join()


def one(name: str) -> doctor.Finding:
    (finding,) = examine([name])
    return finding


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["database", "migrations", "tasks", "photos"])
def test_what_works_is_ok(name: str) -> None:
    assert one(name).level == "ok"


@pytest.mark.django_db
def test_late_tasks_mean_that_no_worker_runs() -> None:
    row = {"args_kwargs": {"args": [], "kwargs": {}}, "backend_name": "default", "queue_name": "default", "priority": 0}
    later = DBTaskResult.objects.create(task_path="x.later", run_after=timezone.now() + timedelta(hours=1), **row)
    long_ago = timezone.now() - timedelta(hours=1)
    DBTaskResult.objects.filter(pk=later.pk).update(enqueued_at=long_ago)
    assert one("tasks").level == "ok"
    late = DBTaskResult.objects.create(task_path="x.late", run_after=long_ago, **row)
    DBTaskResult.objects.filter(pk=late.pk).update(enqueued_at=long_ago)
    finding = one("tasks")
    assert finding.level == "broken"
    assert "db_worker" in finding.remedy


def test_an_unwritable_photo_folder_is_broken(settings: Any) -> None:
    settings.MEDIA_ROOT = Path("/dev/null/media")
    assert one("photos").level == "broken"


def test_an_absent_redis_is_doubtful_and_a_dead_one_broken(settings: Any) -> None:
    settings.REDIS_URL = ""
    assert one("redis_server").level == "doubtful"
    assert one("events").level == "ok"
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert one("redis_server").level == "broken"
    assert one("events").level == "broken"


@pytest.mark.postgres
def test_an_event_is_received_over_redis() -> None:
    assert one("redis_server").level == "ok"
    assert one("events").level == "ok"


def test_mail(settings: Any, mail_server: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert one("mail").level == "doubtful"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", mail_server, False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    assert one("mail").level == "ok"
    settings.EMAIL_PORT = 1
    assert one("mail").level == "broken"


@pytest.mark.parametrize(
    ("url", "level"),
    [("console:", "doubtful"), ("file:///", "ok"), ("file:///no/such/folder", "broken"), ("pigeon://x", "broken")],
)
def test_sms(settings: Any, url: str, level: str) -> None:
    settings.SMS_URL = url
    assert one("sms").level == level


@pytest.mark.parametrize(
    ("url", "level"),
    [("console:", "doubtful"), ("file:///tmp", "ok"), ("file:///no/such/folder", "broken"), ("pigeon://x", "broken"), ("services:", "doubtful")],
)
def test_push(settings: Any, url: str, level: str) -> None:
    settings.PUSH_URL = url
    assert one("push").level == level


def test_push_keys_that_are_none(settings: Any, tmp_path: Any) -> None:
    settings.PUSH_URL, settings.VAPID_PRIVATE_KEY = "services:", "no key"
    assert one("push").level == "broken"
    settings.VAPID_PRIVATE_KEY, settings.FCM_CREDENTIALS = "", str(tmp_path / "account.json")
    assert one("push").level == "broken"
    settings.VAPID_PRIVATE_KEY, settings.FCM_CREDENTIALS = "A" * 42 + "E", ""
    finding = one("push")
    assert finding.level == "doubtful" and "no FCM_CREDENTIALS" in finding.sentence


def test_the_public_address(settings: Any, server: str) -> None:
    settings.BASE_URL = server
    assert one("web").level == "ok"
    settings.BASE_URL = f"{server}/ill"
    assert one("web").level == "broken"
    settings.BASE_URL = f"{server}/parked"
    assert "not as this program does" in one("web").sentence
    settings.BASE_URL = "http://127.0.0.1:1"
    assert one("web").level == "broken"
    assert one("callers").level == "doubtful"


@pytest.mark.parametrize(
    ("said", "trusted", "level"),
    [
        ("198.51.100.7:40001", 1, "ok"),
        ("6.6.6.6, [2001:db8::7]:443, 10.0.0.1", 2, "ok"),
        ("", 0, "ok"),
        ("unknown", 1, "broken"),
        ("6.6.6.6, unix:", 1, "broken"),
        ("198.51.100.7", 2, "doubtful"),
        ("", 1, "doubtful"),
        ("198.51.100.7", 0, "doubtful"),
    ],
)
def test_what_proxies_say_of_their_callers(settings: Any, said: str, trusted: int, level: str) -> None:
    class Arrival(Answer):
        """A server of ours behind a proxy."""

        def do_GET(self) -> None:
            headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
            request = RequestFactory().get(self.path, REMOTE_ADDR="10.0.0.2", **headers, HTTP_X_FORWARDED_FOR=said)
            body = json.dumps({"arrival": doctor_proxies.answer(request)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    settings.NUM_PROXIES = trusted
    with ThreadingHTTPServer(("127.0.0.1", 0), Arrival) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        settings.BASE_URL = f"http://127.0.0.1:{running.server_address[1]}"
        finding = one("callers")
        running.shutdown()
        thread.join()
    assert finding.level == level
    if level == "broken":
        assert "10.0.0.2" in finding.sentence


def test_nobody_else_is_answered_how_a_request_arrived(settings: Any) -> None:
    for header in ({}, {doctor_proxies.HEADER: ""}, {doctor_proxies.HEADER: "x:y:z"}, {doctor_proxies.HEADER: signing.dumps("proxies")}):
        assert doctor_proxies.answer(RequestFactory().get("/readyz", headers=header)) is None
    asked = doctor_proxies.question()
    assert doctor_proxies.answer(RequestFactory().get("/readyz", headers=asked)) is not None
    with time_machine.travel(timezone.now() + timedelta(seconds=doctor_proxies.GOOD_FOR + 1)):
        assert doctor_proxies.answer(RequestFactory().get("/readyz", headers=asked)) is None


def test_a_proxy_that_passes_no_upgrade_is_broken(settings: Any, server: str) -> None:
    settings.BASE_URL = server
    finding = one("socket")
    assert finding.level == "broken"
    assert "Upgrade" in finding.remedy


def test_tiles(settings: Any, server: str) -> None:
    settings.MAP_TILE_URL = ""
    assert one("tiles").level == "ok"
    settings.MAP_TILE_URL = server + "/tile/{z}/{x}/{y}.png"
    assert one("tiles").level == "ok"
    settings.MAP_TILE_URL = server + "/other/{z}/{x}/{y}.png"
    assert one("tiles").level == "broken"


@pytest.mark.django_db
def test_the_command_fails_when_something_is_broken(settings: Any) -> None:
    settings.MEDIA_ROOT = Path("/dev/null/media")
    out = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("doctor", only=["photos", "database"], stdout=out)
    assert stopped.value.code == 1
    assert "BROKEN   photos" in out.getvalue()
    assert "ok       database" in out.getvalue()
    call_command("doctor", only=["database"], stdout=out)


def test_an_unknown_examination_is_named() -> None:
    with pytest.raises(CommandError, match="No such examination: nose"):
        call_command("doctor", only=["nose"])


@pytest.mark.django_db
def test_identities_in_two_spellings_are_named(client_user: Any, other_client: Any) -> None:
    """A migration leaves those of which another account has the canonical spelling."""
    assert one("identities").level == "ok"
    type(client_user).objects.filter(pk=client_user.pk).update(email="x@xn--bcher-kva.example")
    type(client_user).objects.filter(pk=other_client.pk).update(email="x@b\u00fccher.example")
    finding = one("identities")
    assert finding.level == "doubtful" and finding.sentence.endswith(f": {other_client.pk}") and finding.remedy


def test_a_cause_is_shown_without_secrets(settings: Any) -> None:
    settings.REDIS_URL = "redis://:p%40ss-word@127.0.0.1:1/0"
    finding = one("redis_server")
    assert finding.level == "broken"
    assert "refused" in finding.sentence
    said = doctor_findings.cause(ValueError(f"no p@ss-word, nor p%40ss-word, nor\n{settings.SECRET_KEY}"))
    assert said == "ValueError: no [secret], nor [secret], nor [secret]"
