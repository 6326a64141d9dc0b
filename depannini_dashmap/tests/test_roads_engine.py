"""The host's road engine: one for all processes, new data without a pause, and it ends with who keeps it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from depannini_dashmap.lib.roads import data, engine, osrm, routing
from depannini_dashmap.lib.roads.build.pipeline import read_box
from testing.roads import LIECHTENSTEIN, MONACO, put_into_use

VADUZ, SCHAAN, HARBOUR, CASINO = (47.1393, 9.5228), (47.1650, 9.5100), (43.7350, 7.4200), (43.7392, 7.4273)
pytestmark = pytest.mark.slow
KEEP = """
import sys, time
from depannini_dashmap.lib.roads import engine
engine.start()
while True: time.sleep(0.05)
"""


@pytest.fixture
def in_use(engine_programs, engine_files, settings, tmp_path):
    settings.ROADS_DIR = tmp_path
    (tmp_path / "engine").symlink_to(engine_programs.parents[1])

    def use(extract):
        put_into_use(tmp_path, f"of-{extract.stem}", read_box(extract), {data.ENGINE_FILES: engine_files(extract)})

    osrm.forget()
    yield use
    osrm.forget()


def _until(is_so, within=20):
    deadline = time.monotonic() + within
    while not (found := is_so()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
    return found


def _is_by_road(*points):
    osrm.forget()
    return routing.route(points).source == "road"


def _keeper(roads: Path):
    environment = {**os.environ, "ROADS_DIR": str(roads), "SECRET_KEY": "k" * 20 + "abcdefghijklmnopqrst"}
    environment["DJANGO_SETTINGS_MODULE"] = "depannini_dashmap.settings"
    return subprocess.Popen([sys.executable, "-c", "import django; django.setup()\n" + KEEP], env=environment)


def _engine_record(roads: Path):
    try:
        return json.loads((roads / ".engine.json").read_text())
    except (OSError, ValueError):
        return None


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:  # it ended between the two questions
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # a system without /proc


def test_new_data_is_taken_up_and_the_engine_of_before_ends(in_use, tmp_path):
    keeper = engine.Keeper()
    keeper.start()
    try:
        assert engine.address() is None
        in_use(LIECHTENSTEIN)
        _until(lambda: _is_by_road(VADUZ, SCHAAN))
        first = _engine_record(tmp_path)
        in_use(MONACO)
        _until(lambda: _is_by_road(HARBOUR, CASINO))
        _until(lambda: not _is_alive(first["pid"]))
    finally:
        keeper.stop()
    assert _engine_record(tmp_path) is None
    assert routing.route([HARBOUR, CASINO]).source == "straight_line"


def test_a_killed_or_frozen_engine_is_replaced(in_use, tmp_path):
    in_use(MONACO)
    keeper = engine.Keeper()
    keeper.start()
    try:
        for blow in (signal.SIGKILL, signal.SIGSTOP):
            before = _until(lambda: _engine_record(tmp_path))
            _until(lambda: _is_by_road(HARBOUR, CASINO))
            os.kill(before["pid"], blow)
            _until(lambda before=before: _engine_record(tmp_path)["pid"] != before["pid"])
        _until(lambda: _is_by_road(HARBOUR, CASINO))
    finally:
        keeper.stop()


def test_processes_share_one_engine_and_it_ends_with_its_keeper(in_use, tmp_path):
    in_use(MONACO)
    first, second = _keeper(tmp_path), None
    try:
        one = _until(lambda: _engine_record(tmp_path))
        second = _keeper(tmp_path)
        _until(lambda: _is_by_road(HARBOUR, CASINO))
        assert _engine_record(tmp_path) == one
        first.kill()
        first.wait()
        _until(lambda: not _is_alive(one["pid"]))
        another = _until(lambda: (found := _engine_record(tmp_path)) and found["pid"] != one["pid"] and found)
        _until(lambda: _is_by_road(HARBOUR, CASINO))
        second.terminate()
        second.wait()
        _until(lambda: not _is_alive(another["pid"]))
    finally:
        for process in (first, second):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


def test_files_that_the_engine_cannot_read_leave_straight_lines(in_use, tmp_path):
    in_use(MONACO)
    files = tmp_path / "of-broken" / data.ENGINE_FILES
    files.mkdir(parents=True)
    (files / "roads.osrm.hsgr").write_bytes(b"nothing")
    (files.parent / data.SOURCE).write_text(json.dumps({"box": read_box(MONACO)}))
    data.switch_to(files.parent)
    keeper = engine.Keeper()
    keeper.start()
    try:
        _until(lambda: (tmp_path / ".engine.lock").exists())
        assert not _is_by_road(HARBOUR, CASINO)
    finally:
        keeper.stop()
    assert _engine_record(tmp_path) is None


def test_it_can_answer_for_other_hosts(in_use, settings):
    in_use(MONACO)
    port = engine._free_port()
    ended = threading.Event()
    serving = threading.Thread(target=engine.serve, args=("127.0.0.1", port, ended))
    serving.start()
    try:
        settings.ROUTING_URL = f"http://127.0.0.1:{port}"
        _until(lambda: _is_by_road(HARBOUR, CASINO))
        in_use(LIECHTENSTEIN)
        _until(lambda: _is_by_road(VADUZ, SCHAAN))
    finally:
        ended.set()
        serving.join()
    assert not _is_by_road(VADUZ, SCHAAN)
