"""The compose file and the Dockerfile: valid by the compose specification, pinned, and made of commands that really run.

No container engine is needed: the file is held against the specification's own JSON schema, and on PostgreSQL + Redis
every command of our services is run as it stands, in a fresh database.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import redis
import yaml
from django.conf import settings

from depannini_dashmap.settings import SECRETS
from testing.databases import own_database
from testing.fixtures import database_url
from testing.ports import free_port

TOP = Path(settings.BASE_DIR)
COMPOSE = yaml.safe_load((TOP / "docker-compose.yml").read_text())
OURS = ["migrate", "web", "sockets", "worker", "roads"]
ALL = [*OURS, "postgres", "redis"]
PINNED = re.compile(r"^[a-z0-9./-]+:\d+\.\d+(\.\d+)?[a-z0-9.-]*@sha256:[0-9a-f]{64}$")


def test_compose_file_is_valid() -> None:
    schema_file = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(schema_file.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []


def test_compose_has_its_services() -> None:
    assert set(COMPOSE["services"]) == set(ALL)
    assert COMPOSE["services"]["sockets"]["environment"]["SERVE"] == "sockets"
    assert COMPOSE["services"]["sockets"]["profiles"] == ["split"]
    assert COMPOSE["services"]["web"]["environment"]["SERVE"] == "${WEB_SERVE:-all}"
    assert COMPOSE["services"]["migrate"]["restart"] == "no"


def test_all_wait_for_a_migrated_database() -> None:
    for name in ("web", "sockets", "worker"):
        needs = COMPOSE["services"][name]["depends_on"]
        assert needs["migrate"] == {"condition": "service_completed_successfully"}
        assert needs["postgres"] == {"condition": "service_healthy"}
        assert needs["redis"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", ["web", "sockets", "worker", "postgres", "redis"])
def test_every_lasting_service_has_a_health_check(name: str) -> None:
    check = COMPOSE["services"][name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert check["interval"]


@pytest.mark.parametrize("name", ALL)
def test_every_service_is_bounded_and_gains_no_privileges(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "/tmp" in [*service.get("tmpfs", ()), *service.get("volumes", ())]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"]["max-size"]


def test_images_are_pinned() -> None:
    images = {service["image"] for service in COMPOSE["services"].values() if "build" not in service}
    assert len(images) == 2
    assert [image for image in images if not PINNED.match(image)] == []
    bases = re.findall(r"^FROM (\S+)", (TOP / "Dockerfile").read_text(), re.M)
    assert len(bases) == 2
    assert [base for base in bases if not PINNED.match(base)] == []


def test_the_image_is_not_root() -> None:
    lines = (TOP / "Dockerfile").read_text().splitlines()
    last_stage = lines[max(index for index, line in enumerate(lines) if line.startswith("FROM")) :]
    user = next(index for index, line in enumerate(last_stage) if line.startswith("USER"))
    assert last_stage[user] == "USER dashmap"
    assert any(line.startswith("CMD") for line in last_stage[user:])


def test_secrets_are_files_and_stand_in_no_environment() -> None:
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": "${FCM_CREDENTIALS:-/dev/null}" if name == "fcm_credentials" else f"./secrets/{name}"}
    for service in COMPOSE["services"].values():
        for name, value in service["environment"].items() if "environment" in service else ():
            if name in {*SECRETS, "POSTGRES_PASSWORD"} and "_URL" not in name and name != "METRICS_TOKEN":
                raise AssertionError(f"{name} stands in the environment")
            if name.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            if name in ("DATABASE_URL", "REDIS_URL"):
                assert urlsplit(value).password is None
    ignored = (TOP / ".gitignore").read_text().splitlines(), (TOP / ".dockerignore").read_text().splitlines()
    assert "/secrets/" in ignored[0] and "secrets" in ignored[1]


def test_redis_takes_its_password_from_the_file(tmp_path: Path) -> None:
    """Its command as it stands, with another port and another place of the file."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server (Debian: apt-get install redis-server)")
    (tmp_path / "redis_password").write_text("a-redis-password\n")
    port = free_port()
    shell, option, script = COMPOSE["services"]["redis"]["command"]
    script = script.replace("$$", "$").replace("/run/secrets", str(tmp_path)).replace("redis-server -", f"redis-server - --port {port} --bind 127.0.0.1", 1)
    process = subprocess.Popen([shell, option, script], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout and any("Ready to accept connections" in line for line in process.stdout)
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with redis.Redis(port=port, password="a-redis-password") as ours:
            assert ours.ping()
        *shell_words, check = COMPOSE["services"]["redis"]["healthcheck"]["test"][1:]
        asked = run([*shell_words, check.replace("$$", "$").replace("/run/secrets", str(tmp_path)).replace("redis-cli", f"redis-cli -p {port}")], dict(os.environ))
        assert asked.stdout.strip() == "PONG"
    finally:
        process.terminate()
        process.communicate(timeout=10)


LOOK = "from depannini_dashmap import settings as s; print(s.SECRET_KEY, s.REDIS_URL, s.DATABASES['default']['PASSWORD'])"


def look(tmp_path: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    given = {"PATH": os.environ["PATH"], "ENV_FILE": str(tmp_path / "none"), "DATABASE_URL": "postgres://dashmap@postgres:5432/dashmap", "REDIS_URL": "redis://redis:6379/0", **environment}
    return run([sys.executable, "-c", LOOK], given)


def test_settings_read_secrets_from_files(tmp_path: Path) -> None:
    key = "a-key-from-a-file-that-is-long-enough-0123456789"
    for name, text in (("key", f"{key}\n"), ("password", "p@ss/word\n"), ("empty", "\n")):
        (tmp_path / name).write_text(text)
    files = {"SECRET_KEY_FILE": str(tmp_path / "key"), "DATABASE_PASSWORD_FILE": str(tmp_path / "password"), "REDIS_PASSWORD_FILE": str(tmp_path / "password")}
    assert look(tmp_path, **files).stdout.split() == [key, "redis://:p%40ss%2Fword@redis:6379/0", "p@ss/word"]
    for fault in ("nowhere", "empty"):
        failed = look(tmp_path, **{**files, "SECRET_KEY_FILE": str(tmp_path / fault)})
        assert failed.returncode != 0
        assert f"SECRET_KEY_FILE={tmp_path / fault}" in failed.stderr


def test_every_setting_of_the_compose_file_exists() -> None:
    known = set(re.findall(r"^# ?([A-Z_]+)=", (TOP / ".env.example").read_text(), re.M))
    for name in OURS:
        settable = known | {f"{secret}_FILE" for secret in SECRETS}
        assert set(COMPOSE["services"][name]["environment"]) - settable == set()


def test_any_setting_may_stand_in_the_env_file() -> None:
    for name in OURS:
        assert COMPOSE["services"][name]["env_file"] == [{"path": ".env", "required": False}]


def test_the_service_account_of_fcm_is_mounted_where_it_is_looked_for() -> None:
    for name in OURS:
        service = COMPOSE["services"][name]
        assert service["environment"]["FCM_CREDENTIALS"] == "${FCM_CREDENTIALS:+/run/secrets/fcm_credentials}"
        assert "fcm_credentials" in service["secrets"]


def test_the_image_can_back_up_the_database_of_compose() -> None:
    server = re.fullmatch(r"postgres:(\d+)\..*", COMPOSE["services"]["postgres"]["image"])
    assert server
    assert f"postgresql-client-{server[1]} " in (TOP / "Dockerfile").read_text()


def test_the_image_starts_what_compose_starts() -> None:
    text = (TOP / "Dockerfile").read_text()
    command = json.loads(re.findall(r"^CMD (\[.*\])$", text, re.M)[-1])
    assert command == COMPOSE["services"]["web"]["command"]
    health = json.loads(re.findall(r"^\s+CMD (\[.*\])$", text, re.M)[-1])
    assert health == COMPOSE["services"]["web"]["healthcheck"]["test"][1:]


# --- The commands, run as they stand ---------------------------------------------------------------------------------------


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A container's environment, with a database of its own that is dropped at the end."""
    with own_database(database_url(), "compose") as url:
        yield {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "ENV_FILE": str(tmp_path / ".env"),
            "MEDIA_ROOT": str(tmp_path / "media"),
            "SECRET_KEY": "a-key-of-the-compose-test-that-is-long-enough-0123456789",
            "DATABASE_URL": url,
            "REDIS_URL": settings.REDIS_URL,
            "TASK_WORKER": COMPOSE["services"]["web"]["environment"]["TASK_WORKER"],
        }


def command_of(name: str, port: int) -> list[str]:
    """Return the command of a service with this test's interpreter, and a free port instead of 8000."""
    words = [word.replace("8000", str(port)) for word in COMPOSE["services"][name]["command"]]
    return [sys.executable, *words[1:]] if words[0] == "python" else words


def health_of(name: str, port: int) -> list[str]:
    """Return the health check of a service likewise."""
    words = [word.replace("8000", str(port)) for word in COMPOSE["services"][name]["healthcheck"]["test"][1:]]
    return [sys.executable, *words[1:]]


def run(command: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=300)


def healthy(name: str, port: int, environment: dict[str, str], process: Any) -> bool:
    """Ask the health check until it agrees, at most 30 seconds."""
    for _ in range(60):
        if process.poll() is not None:
            return False
        if run(health_of(name, port), environment).returncode == 0:
            return True
        time.sleep(0.5)
    return False


@pytest.mark.slow
@pytest.mark.postgres
def test_the_commands_run(environment: dict[str, str]) -> None:
    port = free_port()
    migrated = run(command_of("migrate", port), environment)
    assert migrated.returncode == 0, migrated.stderr
    assert run(health_of("web", port), environment).returncode == 1
    for name in ("web", "worker"):
        process = subprocess.Popen(
            command_of(name, port), cwd=TOP, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            # Each says so once it can be stopped gracefully, which a healthy queue alone does not show.
            assert process.stdout and "Ctrl-C stops" in process.stdout.readline()
            assert healthy(name, port, environment, process), f"{name} did not become healthy"
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
