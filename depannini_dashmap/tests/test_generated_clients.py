"""Clients that generators of TypeScript and Python make from the committed schema drive a running server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from testing.servers import Server

pytestmark = pytest.mark.slow
SCHEMA = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
PROGRAMS = Path(__file__).with_name("clients")
NPM = {"openapi-typescript": "7.13.0", "openapi-fetch": "0.17.0", "typescript": "5.9.3"}
STRICT = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--skipLibCheck"]


def _run(command: list[str], where: Path, **environment: str) -> str:
    """Run a program and return what it wrote. Raises: AssertionError with that where it failed."""
    done = subprocess.run(command, cwd=where, env=os.environ | environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture
def node_packages(tmp_path: Path) -> Path:
    """Return a directory with the generator, its runtime and the compiler, installed once on a machine."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("needs node and npm, which are not installed")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "depannini-dashmap"
    installed = caches / "-".join(["npm", *NPM.values()])
    if not installed.exists():
        caches.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=caches))
        try:
            subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(fresh), *(f"{name}@{version}" for name, version in NPM.items())],
                cwd=fresh, capture_output=True, check=True, timeout=50,
            )  # fmt: skip
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            shutil.rmtree(fresh)
            pytest.skip("needs packages of npm, and its registry cannot be reached")
        with suppress(OSError):  # another run was first
            fresh.rename(installed)
        shutil.rmtree(fresh, ignore_errors=True)
    (tmp_path / "node_modules").symlink_to(installed / "node_modules")
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    return tmp_path


def test_typescript(node_packages: Path, server: Server, dispatcher: Any, password: str) -> None:
    tools = node_packages / "node_modules" / ".bin"
    _run([str(tools / "openapi-typescript"), str(SCHEMA), "-o", "schema.d.ts"], node_packages)
    shutil.copy(PROGRAMS / "drive.ts", node_packages)
    _run([str(tools / "tsc"), *STRICT, "drive.ts"], node_packages)
    _run(["node", "--experimental-websocket", "drive.js", server.url, password], node_packages)


def test_python(tmp_path: Path, server: Server, dispatcher: Any, password: str) -> None:
    pytest.importorskip("openapi_python_client", reason="needs requirements-dev.txt")
    generator = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(SCHEMA), "--output-path", "generated"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it formats by ruff
    # The generator knows pictures only by this name.
    (tmp_path / "generator.yaml").write_text("content_type_overrides:\n  image/*: application/octet-stream\n")
    said = _run([*generator, "--config", "generator.yaml", "--meta", "none", "--fail-on-warning"], tmp_path, PATH=path)
    assert "Warning" not in said
    shutil.copy(PROGRAMS / "drive.py", tmp_path)
    _run([sys.executable, "drive.py", server.url, password], tmp_path)
