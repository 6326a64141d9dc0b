"""The units and the Prometheus job of docs/operations.md, taken out of the page and held against the programs that read them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
UNITS = re.findall(r"^```ini\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SERVER = next(unit for unit in UNITS if "manage.py serve" in unit)
HIDDEN = ("/tmp", "/var/tmp", "/dev/shm")
# What ProtectSystem=strict, PrivateTmp and ReadWritePaths come to: all is read-only but a /tmp of its own and these.
CONFINED = """
set -e
mount --make-rprivate /
mount -o remount,bind,ro /
for place in {hidden}; do mount -t tmpfs -o {tmp} none $place; done
exec {python} - <<'END'
import os, tempfile
file = tempfile.TemporaryFile()
file.write(b"x" * 300000)
END
"""


@pytest.mark.parametrize("number", range(len(UNITS)))
def test_a_unit_is_valid(number: int, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze (Debian: apt-get install systemd)")
    text = UNITS[number].replace("/srv/dashmap/.venv/bin/python", sys.executable).replace("/srv/dashmap", str(tmp_path)).replace("User=dashmap", "User=daemon")
    name = "dashmap-http@8000.service" if "%i" in text else "dashmap-prune.timer" if "[Timer]" in text else "dashmap-prune.service"
    (tmp_path / name).write_text(text)
    if name.endswith(".timer"):
        (tmp_path / "dashmap-prune.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    done = subprocess.run([program, "verify", "--man=no", "--recursive-errors=no", str(tmp_path / name)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert tmp_path.name not in done.stderr, done.stderr


def test_there_are_three_units() -> None:
    assert len(UNITS) == 3


@pytest.mark.parametrize(("is_writable", "status"), [(True, 0), (False, 1)])
def test_the_server_has_a_folder_for_bodies_under_its_units_restrictions(is_writable: bool, status: int) -> None:
    """Without PrivateTmp the same confinement leaves no temporary folder: the second case shows that the first proves something."""
    assert {"ProtectSystem=strict", "PrivateTmp=yes", "NoNewPrivileges=yes"} <= set(SERVER.splitlines())
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs mount namespaces (unshare -rm)")
    # The environment's own python may lie under one of the hidden folders; the one it was made from does so more rarely.
    python = os.path.realpath(sys.executable)
    if python.startswith(HIDDEN):
        pytest.skip(f"{python} lies in a folder that the confinement hides")
    script = CONFINED.format(python=python, hidden=" ".join(HIDDEN), tmp="rw" if is_writable else "ro")
    done = subprocess.run([unshare, "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=60)
    if "mount:" in done.stderr:
        pytest.skip(f"mounts are not allowed here: {done.stderr.strip()[:100]}")
    assert done.returncode == status, done.stderr
    assert is_writable or "No usable temporary directory" in done.stderr


def test_the_prometheus_job_scrapes_each_process(tmp_path: Path) -> None:
    (block,) = re.findall(r"^  ```yaml\n(.*?)^  ```$", PAGE, re.DOTALL | re.MULTILINE)
    (job,) = yaml.safe_load(block)["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert job["authorization"] == {"credentials_file": "/etc/prometheus/dashmap.token"}
    targets = {target for group in job["static_configs"] for target in group["targets"]}
    upstreams = set(re.findall(r"server (127\.0\.0\.1:\d+);", PAGE))
    assert targets == upstreams
    if program := shutil.which("promtool"):
        (tmp_path / "token").write_text("x")
        (tmp_path / "prometheus.yml").write_text(block.replace("/etc/prometheus/dashmap.token", str(tmp_path / "token")))
        done = subprocess.run([program, "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
