"""Prepares the roads of an extract for OSRM, and brings its programs where they are missing."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from depannini_dashmap.lib.roads import data
from depannini_dashmap.lib.roads.build.failures import Unavailable

# BSD-2. Its wheel is for Python 3.12 and later, but its programs need no Python: another version fetches them all the same.
PACKAGE, VERSION = "osrm-bindings", "26.10.0"
INSTALL_WITHIN, PREPARE_WITHIN = 600, 6 * 3600  # seconds
LEFT_OUT = "driving times stay estimates from straight lines"


def build_engine_files(extract: Path, target: Path) -> str:
    """Prepare an extract for contraction hierarchies into a new directory; say with what. Raises: Unavailable, RuntimeError."""
    programs = find_programs() or install_programs()
    target.mkdir()
    profile = programs.parent / "share" / "profiles" / "car.lua"
    _run(target, programs / "osrm-extract", "--verbosity", "WARNING", "-p", str(profile), "-o", "roads", str(extract.resolve()))
    _run(target, programs / "osrm-contract", "--verbosity", "WARNING", "roads.osrm")
    if data.engine_files(target) is None:
        raise RuntimeError("no road in it")
    return f"OSRM {VERSION}"


def find_programs() -> Path | None:
    """Return the directory of OSRM's programs; None where they are missing."""
    program = data.engine_program()
    return program.parent if program is not None else None


def install_programs() -> Path:
    """Fetch OSRM's programs from the package index, once. Raises: Unavailable, saying why and what follows."""
    target = data.engine_home()
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".engine-install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return find_programs() or _install(target)


def _install(target: Path) -> Path:
    beside = target.with_name(f".{target.name}")
    shutil.rmtree(beside, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--target", str(beside), "--python-version", "3.12", f"{PACKAGE}=={VERSION}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_WITHIN, check=False)  # noqa: S603 - our own words
        said = (done.stderr.strip().splitlines() or [""])[-1]
        if done.returncode == 0:
            shutil.rmtree(target, ignore_errors=True)
            beside.replace(target)
            for program in (target / "osrm" / "bin").iterdir():
                program.chmod(0o755)
            subprocess.run([target / "osrm" / "bin" / "osrm-routed", "--version"], capture_output=True, timeout=10, check=True)  # noqa: S603
            return target / "osrm" / "bin"
    except (OSError, subprocess.SubprocessError) as error:
        said = str(error)
        shutil.rmtree(target, ignore_errors=True)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    raise Unavailable(f"the road engine OSRM cannot be had on this machine ({said[:200]}), so {LEFT_OUT}")


def _run(directory: Path, program: Path, *arguments: str) -> None:
    try:
        done = subprocess.run([program.resolve(), *arguments], cwd=directory, capture_output=True, text=True, timeout=PREPARE_WITHIN, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{program.name} does not run on this machine ({type(error).__name__}), so {LEFT_OUT}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise RuntimeError(f"{program.name}: {said[-1] if said else done.returncode}")
