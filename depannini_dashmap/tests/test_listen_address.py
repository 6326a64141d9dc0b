"""Which command lines serve beyond this machine; with DEBUG these are refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from depannini_dashmap.server.listen_address import public_address

APPLICATION = "depannini_dashmap.asgi:application"


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (f"/bin/daphne -b 0.0.0.0 -p 8000 {APPLICATION}", "0.0.0.0"),
        (f"/bin/daphne --bind=192.168.1.5 {APPLICATION}", "192.168.1.5"),
        (f"/bin/daphne -b :: {APPLICATION}", "::"),
        (f"/x/daphne/__main__.py -b 10.0.0.1 {APPLICATION}", "10.0.0.1"),
        (f"/bin/daphne -e tcp:port=8000 {APPLICATION}", "0.0.0.0"),
        (f"/bin/uvicorn --host 0.0.0.0 {APPLICATION}", "0.0.0.0"),
        ("manage.py runserver 0.0.0.0:8000", "0.0.0.0"),
        ("manage.py runserver --noreload 0:8000", "0"),
        ("manage.py runserver [::]:8000", "::"),
        ("manage.py serve --host 0.0.0.0", "0.0.0.0"),
        (f"/bin/daphne -b 127.0.0.1 -p 8000 {APPLICATION}", None),
        (f"/bin/daphne {APPLICATION}", None),
        (f"/bin/daphne --fd 3 {APPLICATION}", None),
        (f"/bin/daphne -e tcp:port=8000:interface=127.0.0.1 {APPLICATION}", None),
        ("manage.py runserver", None),
        ("manage.py runserver 8000", None),
        ("manage.py runserver [::1]:8000", None),
        ("manage.py serve --host localhost --port 8000", None),
        ("manage.py migrate -b 0.0.0.0", None),
        ("/bin/pytest -b 0.0.0.0", None),
        ("", None),
    ],
)
def test_the_address_of_a_command_line(line: str, address: str | None) -> None:
    assert public_address(line.split()) == address


def test_serve_listens_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    assert public_address(["manage.py", "serve"]) == "0.0.0.0"
    assert public_address(["manage.py", "serve", "--host", "127.0.0.1"]) is None


@pytest.mark.parametrize(
    "command",
    [["-m", "daphne", "-b", "0.0.0.0", "-p", "0", APPLICATION], ["manage.py", "runserver", "--noreload", "0.0.0.0:0"]],
)
def test_debug_beyond_loopback_does_not_start(command: list[str]) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "DEBUG": "on", "SECRET_KEY": "k" * 50, "ENV_FILE": os.devnull, "TASK_WORKER": "off"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "DEBUG must be off when the server listens on 0.0.0.0" in done.stderr
