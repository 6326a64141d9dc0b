"""The drills of what is outside: a bad mail server, hostile sockets, many at once, a full disk."""

from __future__ import annotations

import socketserver
import subprocess
import threading
import time
from contextlib import suppress

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bench.drills.faults import _table
from bench.drills.load import STOP, Pair, People
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


def hostile_sockets(seconds: float = 45) -> bool:
    """Slow readers and flooders beside honest pairs: memory stays, and honest frames arrive."""
    with Rig() as rig:
        base = rig.start_server("one")
        people = People(base)
        honest = Pair([base], people, 0.0)
        mine, his, _, number = people.pair(5.0)
        url = f"{base.replace('http', 'ws', 1)}/ws/assistance/{number}/"
        time.sleep(2)
        before = rig.memory_mb("one")
        stop, codes, lock = threading.Event(), {}, threading.Lock()

        def flood(header: str) -> None:
            while not stop.is_set():
                with suppress(OSError, TimeoutError):
                    try:
                        with connect(url, additional_headers={"Authorization": header}, open_timeout=10, close_timeout=0.2) as held:
                            while not stop.is_set():
                                held.send('{"type": "ping"}')
                    except ConnectionClosed as end:
                        with lock:
                            code = end.rcvd.code if end.rcvd else 0
                            codes[code] = codes.get(code, 0) + 1
                        time.sleep(0.5)

        threads = [threading.Thread(target=flood, args=(header,), daemon=True) for header in (mine, his) for _ in range(4)]
        for thread in threads:
            thread.start()
        delays, peak, until = [], before, time.monotonic() + seconds
        marker = 2.0
        while time.monotonic() < until:
            marker += 1
            delays.append(honest.reaches_within(10, marker))
            peak = max(peak, rig.memory_mb("one"))
        stop.set()
        honest.close()
        for thread in threads:
            thread.join(5)
        deaf = sum(delay is None for delay in delays)
        worst = sorted(delay for delay in delays if delay is not None)[int(len(delays) * 0.95) - 1] if delays else 0
        _table(
            f"Eight flooders for {seconds:.0f} s", closed_with=codes, memory_growth_mb=f"{peak - before:.0f}",
            honest_frames_lost=deaf, honest_p95_s=f"{worst:.2f}",
        )  # fmt: skip
        return deaf == 0 and peak - before <= 100 and 4429 in codes


def many_at_once(requests: int = 300, sockets: int = 200) -> bool:
    """Many requests at once beside many sockets: connections to PostgreSQL stay under the cap."""
    with Rig() as rig:
        base = rig.start_server("one")
        people = People(base)
        header, _ = people.dispatcher()
        pairs = [people.pair(index * 1.5) for index in range(20)]
        held_sockets = []
        for index in range(sockets):
            mine, his, _, number = pairs[index // 2 % len(pairs)]
            with suppress(OSError, TimeoutError):
                held_sockets.append(connect(f"{base.replace('http', 'ws', 1)}/ws/assistance/{number}/", additional_headers={"Authorization": mine if index % 2 else his}, open_timeout=20))
        statuses: dict[int, int] = {}
        lock, peak, done = threading.Lock(), 0, threading.Event()

        def get() -> None:
            status = httpx.get(f"{base}/api/vehicles/", headers={"Authorization": header}, timeout=60).status_code
            with lock:
                statuses[status] = statuses.get(status, 0) + 1

        threads = [threading.Thread(target=get) for _ in range(requests)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            peak = max(peak, rig.rows("SELECT count(*) FROM pg_stat_activity WHERE datname = 'drill'")[0][0] - 1)
            time.sleep(0.05)
        done.set()
        for held in held_sockets:
            with suppress(Exception):
                held.close()
        _table(f"{requests} requests at once beside {len(held_sockets)} sockets", statuses=statuses, connections_at_most=peak)
        return set(statuses) == {200} and peak <= 80


def full_media(megabytes: int = 1) -> bool:
    """The media folder is full: an upload is 503, everything else works."""
    with Rig() as rig:
        folder = rig.folder / "media"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True)
        if mounted.returncode:
            print("\nFull media folder: not run, a small file system cannot be mounted here", flush=True)
            return True
        try:
            base = rig.start_server("one")
            people = People(base)
            header = people.pair(0.0)[0]
            (folder / "filler").write_bytes(b"x" * (megabytes * 2**20 - 4096))
            picture = _noise()
            status = people.http.patch(f"{base}/api/profile/user/", files={"profile_photo": ("x.png", picture, "image/png")}, headers={"Authorization": header}).status_code
            other = people.http.get(f"{base}/api/profile/user/", headers={"Authorization": header}).status_code
            _table("Full media folder", upload=status, profile=other)
            return (status, other) == (503, 200)
        finally:
            subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def _noise() -> bytes:
    import io
    import os

    from PIL import Image

    out = io.BytesIO()
    Image.frombytes("RGB", (400, 400), os.urandom(400 * 400 * 3)).save(out, "PNG")
    return out.getvalue()


