"""The drills of what is outside and asked within a request: a bad mail server, a full disk. See `messages` for the worker's."""

from __future__ import annotations

import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

from bench.drills.load import STOP
from bench.drills.outcomes import NotRun, print_table
from testing.environments import IsolatedEnvironment, MemoryGrowth
from testing.ports import free_port
from testing.samples import accepted_request, new_trip, new_vehicle
from testing.users import Caller, Users

PATIENCE_S = 6.0  # within which notify-driver answers
LATE_S = 8.0  # beyond it
DRIP_S = 40  # well beyond it


class BadMail(socketserver.StreamRequestHandler):
    """An SMTP server that misbehaves as `mood` says; keeps every mail that it was given whole."""

    mood = "good"
    received: list[Message] = []

    def handle(self) -> None:
        """Speak just enough SMTP."""
        mood = type(self).mood
        if mood == "tarpit":
            time.sleep(20)
            return
        if mood == "drip":
            drip(self.request, "220-")
            return
        self._say("220 drill")
        while line := self.rfile.readline().decode(errors="replace").strip().upper():
            if line.startswith("DATA"):
                self._say("354 go on")
                mail = self._take()
                if mail is None or (mood == "cut" and self._is_first(mail)):
                    return
                if mood == "late" and self._is_first(mail):
                    time.sleep(LATE_S)
                self._say("250 taken")
            elif line.startswith("RCPT") and mood in ("451", "550"):
                self._say(f"{mood} no")
            elif line.startswith("QUIT"):
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _take(self) -> Message | None:
        """Read one mail, noting it if it came to its end: from then on it may be delivered, whatever the answer."""
        lines: list[bytes] = []
        while line := self.rfile.readline():
            if line.strip() == b".":
                mail = message_from_bytes(b"".join(lines))
                self.received.append(mail)
                return mail
            lines.append(line)
        return None

    def _is_first(self, mail: Message) -> bool:
        """Return whether no mail of this subject reached this address before: each mail fails once, not on every try."""
        return sum((old["To"], old["Subject"]) == (mail["To"], mail["Subject"]) for old in self.received) == 1

    def _say(self, text: str) -> None:
        with suppress(OSError):
            self.wfile.write(f"{text}\r\n".encode())


def drip(line: socket.socket, beginning: str) -> None:
    """Begin an answer and go on with a byte a second, which no limit between two bytes ever ends."""
    with suppress(OSError):
        line.sendall(beginning.encode())
        for _ in range(DRIP_S):
            line.sendall(b"x")
            time.sleep(1)


@contextmanager
def outside_server(port: int, handler: Any, mood: str) -> Iterator[None]:
    """Listen in this mood; for "refused" nobody does."""
    if mood == "refused":
        yield
        return
    handler.mood = mood
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    server = socketserver.ThreadingTCPServer(("127.0.0.1", port), handler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


# Where the mail had been given whole when the line went, nobody can know whether it counts: it may come again, as the same.
TWICE = ("cut", "late")


def mail() -> bool:
    """notify-driver with a mail server that refuses, tarpits, drips, says 451 and 550, cuts after DATA or answers it too late.

    The user tries again twice once mails are taken. The driver gets one mail for the one trip; after `cut` and `late` at
    most two, and these with the same Message-ID.
    """
    held, port = True, free_port()
    tries: dict[str, list[tuple[int, bool, float]]] = {}
    figures = {}
    BadMail.received = []
    with IsolatedEnvironment(EMAIL_URL=f"smtp://127.0.0.1:{port}") as environment:
        base = environment.start_server("one")
        users = Users(environment, [base])
        dispatcher = users.dispatcher()
        vehicle = new_vehicle(dispatcher)
        memory = MemoryGrowth(environment, "one")
        for mood in ("refused", "tarpit", "drip", "451", "550", "cut", "late", "good"):
            trip = new_trip(dispatcher, vehicle, name=f"mood {mood}")
            dispatcher.post("/api/trip-stops/", {"trip": trip, "stop": STOP})
            tries[mood] = []
            for present in (mood, "good", "good"):
                with outside_server(port, BadMail, present):
                    tries[mood].append(_notify(dispatcher, trip))
        time.sleep(LATE_S)  # an attempt that was given up must not arrive after all
        for mood, tried in tries.items():
            ids = [str(message["Message-ID"]) for message in BadMail.received if f"mood {mood} " in str(message["Subject"])]
            expected = [(200, True), (400, True), (400, True)] if mood == "good" else [(502, False), (200, True), (400, True)]
            good = (
                [(status, notified) for status, notified, _ in tried] == expected
                and max(took for *_, took in tried) <= PATIENCE_S
                and 1 <= len(ids) <= (2 if mood in TWICE else 1) and len(set(ids)) == 1
            )  # fmt: skip
            held &= good
            answers = ", ".join(f"{status} in {took:.1f} s" for status, _, took in tried)
            notified = " ".join("yes" if notified else "no" for _, notified, _ in tried)
            figures[mood] = f"{answers}; driver_notified {notified}; mails received {len(ids)}, Message-IDs {len(set(ids))}{'' if good else '   MISSED'}"
        print_table("Mail server, asked thrice: in its mood, then twice while it works", **figures, memory_growth_mb=memory)
    return held


def _notify(dispatcher: Caller, trip: int) -> tuple[int, bool, float]:
    """Ask for the driver's mail once; returns status, `driver_notified` afterwards, seconds."""
    started = time.monotonic()
    status = dispatcher.post(f"/api/trips/{trip}/notify-driver/").status_code
    took = time.monotonic() - started
    return status, dispatcher.get(f"/api/trips/{trip}/").json()["driver_notified"], took


def full_media(megabytes: int = 1) -> bool:
    """The volume of the photos and the log is full: an upload is 503, everything else works, and so does the stop."""
    with IsolatedEnvironment() as environment:
        folder = environment.folder / "media"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True)
        if mounted.returncode:
            raise NotRun(f"no small file system can be mounted: {mounted.stderr.decode().strip()}")
        try:
            (environment.folder / "server-one.log").symlink_to(folder / "one.log")
            base = environment.start_server("one")
            users = Users(environment, [base])
            client, *_ = accepted_request(users)
            _fill(folder / "filler")
            picture = _noise()
            statuses = [
                client.call("PATCH", "/api/profile/user/", files={"profile_photo": ("x.png", picture, "image/png")}).status_code
                for _ in range(20)
            ]
            others = [client.get("/api/profile/user/").status_code for _ in range(20)]
            accepted_request(users, lat=38.0)
            environment.signal("one", signal.SIGTERM)
            status = environment.processes["one"].wait(20)
            print_table("Full volume of photos and logs", uploads=set(statuses), others=set(others), exit_status=status)
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


