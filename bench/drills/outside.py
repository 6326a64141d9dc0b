"""The drills of what is outside: a bad mail server, a full disk."""

from __future__ import annotations

import signal
import socketserver
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from bench.drills.faults import _table
from bench.drills.load import STOP, People
from bench.drills.rig import Rig, free_port


class BadMail(socketserver.StreamRequestHandler):
    """An SMTP server that misbehaves as `mood` says; counts the messages that it took."""

    mood = "good"
    accepted = 0

    def handle(self) -> None:
        """Speak just enough SMTP."""
        cls = type(self)
        if cls.mood == "tarpit":
            time.sleep(20)
            return
        self._say("220 drill")
        while line := self.rfile.readline().decode(errors="replace").strip().upper():
            if line.startswith("DATA"):
                self._say("354 go on")
                while self.rfile.readline().strip() != b".":
                    pass
                if cls.mood == "cut":
                    return
                cls.accepted += 1
                self._say("250 taken")
            elif line.startswith("RCPT") and cls.mood in ("451", "550"):
                self._say(f"{cls.mood} no")
            elif line.startswith("QUIT"):
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _say(self, text: str) -> None:
        with suppress(OSError):
            self.wfile.write(f"{text}\r\n".encode())


def mail() -> bool:
    """notify-driver with a mail server that refuses, tarpits, says 451 and 550, cuts after DATA, and at last works."""
    held, port = True, free_port()
    with Rig(EMAIL_URL=f"smtp://127.0.0.1:{port}") as rig:
        base = rig.start_server("one")
        people = People(base)
        header, vehicle = people.dispatcher()
        figures = {}
        for mood in ("refused", "tarpit", "451", "550", "cut", "good"):
            trip = people.post("/api/trips/", {"vehicle": vehicle, "name": mood, "planned_start_date": "2026-01-01", "planned_start_time": "08:00"}, header)["id"]
            people.post("/api/trip-stops/", {"trip": trip, "stop": STOP}, header)
            server = None
            if mood != "refused":
                BadMail.mood, BadMail.accepted = mood, 0
                socketserver.ThreadingTCPServer.allow_reuse_address = True
                server = socketserver.ThreadingTCPServer(("127.0.0.1", port), BadMail)
                server.daemon_threads = True
                threading.Thread(target=server.serve_forever, daemon=True).start()
            started = time.monotonic()
            status = people.http.post(f"{base}/api/trips/{trip}/notify-driver/", json={}, headers={"Authorization": header}).status_code
            took = time.monotonic() - started
            notified = people.http.get(f"{base}/api/trips/{trip}/", headers={"Authorization": header}).json()["driver_notified"]
            if server:
                server.shutdown()
                server.server_close()
            good = (status, notified) == ((200, True) if mood == "good" else (502, False)) and took <= 6 and BadMail.accepted <= 1
            held &= good
            figures[mood] = f"{status} after {took:.1f} s, driver_notified {notified}{'' if good else '   MISSED'}"
        _table("Mail server", **figures)
    return held


def full_media(megabytes: int = 1) -> bool:
    """The volume of the photos and the log is full: an upload is 503, everything else works, and so does the stop."""
    with Rig() as rig:
        folder = rig.folder / "media"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True)
        if mounted.returncode:
            print("\nFull media folder: not run, a small file system cannot be mounted here", flush=True)
            return True
        try:
            (rig.folder / "one.log").symlink_to(folder / "one.log")
            base = rig.start_server("one")
            people = People(base)
            header = people.pair(0.0)[0]
            _fill(folder / "filler")
            picture = _noise()
            statuses = [
                people.http.patch(f"{base}/api/profile/user/", files={"profile_photo": ("x.png", picture, "image/png")}, headers={"Authorization": header}).status_code
                for _ in range(20)
            ]
            others = [people.http.get(f"{base}/api/profile/user/", headers={"Authorization": header}).status_code for _ in range(20)]
            people.pair(2.0)
            rig.signal("one", signal.SIGTERM)
            status = rig.processes["one"].wait(20)
            _table("Full volume of photos and logs", uploads=set(statuses), others=set(others), exit_status=status)
            return (set(statuses), set(others), status) == ({503}, {200}, 0)
        finally:
            subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def _fill(path: Path) -> None:
    """Write until nothing more fits."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def _noise() -> bytes:
    import io
    import os

    from PIL import Image

    out = io.BytesIO()
    Image.frombytes("RGB", (400, 400), os.urandom(400 * 400 * 3)).save(out, "PNG")
    return out.getvalue()


