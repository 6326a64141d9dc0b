"""Each doubtful setting has its own check, and a good deployment has none."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from depannini_dashmap.lib.ops.checks import check_deployment

REGISTERED = """
import django
from django.core.checks.registry import registry
django.setup()
print([check.__name__ for check in registry.deployment_checks if check.__module__ == "depannini_dashmap.lib.ops.checks"])
"""


def test_the_checks_run_in_a_deployment() -> None:
    """A process of its own asks: this module has imported them."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings_test"}
    done = subprocess.run([sys.executable, "-c", REGISTERED], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['check_deployment']"


@pytest.fixture
def production(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings that nothing can be said against."""
    settings.SERVE = "all"
    settings.REDIS_URL = "redis://:secret@redis:6379/0"
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.SMS_URL = "twilio://sid:token@+15005550006"
    settings.PUSH_URL = "services:"
    settings.VAPID_PRIVATE_KEY = "A" * 43
    settings.ALLOW_FAKE_DATA = False
    settings.THROTTLING_ENABLED = True
    settings.BASE_URL = "https://api.example.com"
    settings.ASSISTANT_APPROVAL = True
    settings.HTTPS = True
    settings.NUM_PROXIES = 1
    settings.ALLOWED_HOSTS = ["api.example.com", "127.0.0.1"]
    settings.ENV_FILE = tmp_path / ".env"
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings


def ids() -> list[str]:
    return [message.id or "" for message in check_deployment()]


def test_a_good_deployment_has_nothing_doubtful(production: Any) -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        ("E001", {"SERVE": "http", "REDIS_URL": ""}),
        ("E002", {"ASSISTANCE_RADIUS_KM": 60.0}),
        ("E003", {"DISPLAY_TIME_ZONE": "Africa/Atlantis"}),
        ("E004", {"PHONE_DEFAULT_REGION": "XX"}),
        ("E005", {"CURRENCY": "dinar"}),
        ("E006", {"MEDIA_ROOT": "/dev/null/media"}),
        ("E007", {"SMS_COUNTRIES": frozenset({"DZ", "EUROPE"})}),
        ("W001", {"REDIS_URL": ""}),
        ("W003", {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}),
        ("W004", {"SMS_URL": "console:"}),
        ("I002", {"PUSH_URL": "console:"}),
        ("W022", {"VAPID_PRIVATE_KEY": ""}),
        ("E008", {"PUSH_URL": "pigeon:"}),
        ("E008", {"VAPID_PRIVATE_KEY": "no key"}),
        ("E008", {"FCM_CREDENTIALS": "/nowhere/account.json"}),
        ("W005", {"ALLOW_FAKE_DATA": True}),
        ("W006", {"THROTTLING_ENABLED": False}),
        ("W007", {"BASE_URL": "http://127.0.0.1:8000"}),
        ("W007", {"BASE_URL": "http://api.example.com"}),
        ("W008", {"METRICS_TOKEN": "short"}),
        ("W009", {"NUM_PROXIES": 0}),
        ("W010", {"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"]}),
        ("W012", {"CORS_ALLOWED_ORIGINS": ["http://console.example.com"]}),
        ("W013", {"REDIS_URL": "redis://redis:6379/0"}),
        ("W013", {"REDIS_URL": "redis+sentinel://s1,s2,s3/main/0?sentinel_password=x"}),
        ("W023", {"REDIS_URL": "redis+sentinel://:secret@s1,s2/main/0"}),
        ("W016", {"SMS_COUNTRIES": frozenset({"FR"})}),
        ("W017", {"CODES_PER_NETWORK": 1}),
        ("W017", {"CODES_PER_NETWORK": 5000}),
        ("I001", {"ASSISTANT_APPROVAL": False}),
        ("W021", {"ERASURES_FILE": "/dev/null/erasures/accounts.jsonl"}),
        ("W021", {"MEDIA_ROOT": "/tmp", "ERASURES_FILE": "/tmp/erasures/accounts.jsonl"}),
        ("W020", {"ASSISTANCE_STALLED_AFTER": timedelta(seconds=1)}),
        ("W018", {"MESSAGES_PER_COMPANY": 0}),
        ("W014", {"ACCESS_TOKEN_TTL": timedelta(days=31)}),
        ("W015", {"RETENTION_DAYS": {"positions": 0, "chat": 365}}),
    ],
)
def test_each_doubtful_setting_is_named(production: Any, number: str, changes: dict) -> None:
    for name, value in changes.items():
        setattr(production, name, value)
    assert f"dashmap.{number}" in ids()
    message = next(message for message in check_deployment() if message.id == f"dashmap.{number}")
    assert message.hint
    assert message.level == {"E": 40, "W": 30, "I": 20}[number[0]]


def test_a_key_file_that_others_can_read_is_named(production: Any) -> None:
    file = Path(production.ENV_FILE)
    file.write_text("SECRET_KEY=x\n")
    file.chmod(0o644)
    assert ids() == ["dashmap.W011"]
    file.chmod(0o600)
    assert ids() == []


def test_several_database_hosts_without_a_word_which_is_wanted_are_named(production: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(production.DATABASES["default"], "HOST", "db1,db2")
    monkeypatch.setitem(production.DATABASES["default"], "OPTIONS", {})
    assert ids() == ["dashmap.W024"]
    monkeypatch.setitem(production.DATABASES["default"], "OPTIONS", {"target_session_attrs": "read-write"})
    assert ids() == []


def test_sqlite_is_named(production: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(production.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert ids() == ["dashmap.W002"]
