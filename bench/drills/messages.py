"""The drill of what the worker sends: codes and notices, while the SMS gateway or the mail server misbehaves."""

from __future__ import annotations

import re
import shutil
import socketserver
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from bench.drills.load import Writers
from bench.drills.outcomes import NotRun, print_table
from bench.drills.outside import LATE_S, PATIENCE_S, TWICE, BadMail, drip, outside_server
from testing.environments import IsolatedEnvironment, MemoryGrowth
from testing.ports import free_port
from testing.samples import new_vehicle
from testing.users import PASSWORD, Users, fresh_phone, numbers
from testing.waiting import seconds_until

GATEWAY = "api.twilio.com"
MOODS = ("refused", "tarpit", "drip", "4xx", "5xx", "cut", "late", "good")
OF_MAIL = {"4xx": "451", "5xx": "550"}
PASSING_S = 25.0  # within which a code goes by the other channel: two tries may be before it, of ten seconds each
SETTLED_S = 90.0
WAITING = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status IN ('READY', 'RUNNING')"
LOST = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status = 'FAILED'"
# A try that failed has its successor as a row of its own.
FAILED_ONCE = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE args_kwargs -> 'kwargs' ->> 'attempt' = '2'"


class BadGateway(socketserver.StreamRequestHandler):
    """Twilio as seen through a proxy, misbehaving as `mood` says; keeps (number, text) of every message that it was given."""

    mood = "good"
    received: list[tuple[str, str]] = []
    context: ssl.SSLContext

    def handle(self) -> None:
        """Answer one CONNECT, and one message inside."""
        mood = type(self).mood
        if mood == "tarpit":
            time.sleep(20)
            return
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 fine\r\n\r\n")
        with suppress(OSError), self.context.wrap_socket(self.request, server_side=True) as line:
            fields = self._read(line)
            if mood == "drip":
                drip(line, "HTTP/1.1 201 Created\r\nX-Slow: ")
                return
            if mood in ("4xx", "5xx"):
                self._say(line, "429 Too Many Requests" if mood == "4xx" else "503 Service Unavailable")
                return
            message = (fields["To"][0], fields["Body"][0])
            self.received.append(message)
            is_first = sum(_kind(text) == _kind(message[1]) for to, text in self.received if to == message[0]) == 1
            if mood == "cut" and is_first:
                return
            if mood == "late" and is_first:
                time.sleep(LATE_S)
            self._say(line, "201 Created")

    def _read(self, line: ssl.SSLSocket) -> dict[str, list[str]]:
        with line.makefile("rb") as file:
            length = 0
            while head := file.readline().decode().strip().lower():
                if head.startswith("content-length:"):
                    length = int(head.split(":")[1])
            return parse_qs(file.read(length).decode())

    def _say(self, line: ssl.SSLSocket, status: str) -> None:
        line.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())


def _kind(text: str) -> str:
    """Return what a message is about: two codes of one kind are two tries of one message."""
    return re.sub(r"\d{6}", "", text)


def _certificate(folder: Path) -> Path:
    """Make the gateway's certificate and its key in one file, and have the gateway show it."""
    if not shutil.which("openssl"):
        raise NotRun("no openssl to make the gateway's certificate with")
    file = folder / "gateway.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", file, "-out", folder / "gateway.crt",
         "-days", "2", "-subj", f"/CN={GATEWAY}", "-addext", f"subjectAltName=DNS:{GATEWAY}"],
        check=True, capture_output=True,
    )  # fmt: skip
    BadGateway.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    BadGateway.context.load_cert_chain(folder / "gateway.crt", file)
    return folder / "gateway.crt"


# --- Who is written to -------------------------------------------------------------------------------------------------------
@dataclass
class Channel:
    """A way to users: which server takes it, which field of an account holds the address."""

    name: str
    field: str
    verify: str
    handler: Any

    def register(self, users: Users) -> tuple[str, int, float, dict]:
        """Make an account that is reached this way; returns its address, status, seconds, answer."""
        name = f"notified{next(numbers)}"
        if self.name == "text":
            address, body = fresh_phone(), {"name": "Amina"}
        else:
            address, body = f"{name}@example.com", {"username": name, "first_name": "D", "last_name": "D", "company_name": name}
        status, took, answer = _ask(users, "register/", {self.field: address, "password": PASSWORD, **body})
        return address, status, took, answer

    def header(self, users: Users, address: str, answer: dict) -> str:
        """Return the Authorization of a new account."""
        if self.name == "text":
            return f"Bearer {answer['access']}"
        login = users.anyone.post("/api/auth/login/", {"username": address.split("@")[0], "password": PASSWORD})
        return f"Token {login.json()['token']}"

    def taken(self, address: str, about: str) -> list[tuple[str, str]]:
        """Return (text, Message-ID) of what was taken for an address about something, oldest first."""
        return [(text, number) for to, text, number in self._everything() if to == address and about in text]

    def _everything(self) -> list[tuple[str, str, str]]:
        if self.name == "text":
            return [(to, text, "") for to, text in BadGateway.received]
        return [(str(mail["To"]), _plain(mail), str(mail["Message-ID"])) for mail in BadMail.received]


def _plain(mail: Any) -> str:
    part = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    return part.get_payload(decode=True).decode()


TEXT = Channel("text", "phone_number", "verify-phone/", BadGateway)
MAIL = Channel("mail", "email", "verify-email/", BadMail)


def _ask(users: Users, path: str, body: dict, header: str = "") -> tuple[int, float, dict]:
    """POST below /api/auth/; returns status, seconds, answer."""
    headers = {"Authorization": header} if header else {}
    started = time.monotonic()
    answer = users.anyone.post(f"/api/auth/{path}", body, headers=headers)
    return answer.status_code, time.monotonic() - started, answer.json()


@dataclass
class Promise:
    """A message that the product promised to send."""

    address: str
    about: str
    is_answered: bool
    took: float
    enter: Callable[[str], bool] | None = None
    is_code_good: bool = True


# --- The drill ---------------------------------------------------------------------------------------------------------------
def messages() -> bool:
    """Codes and notices by SMS and by mail, with a gateway or a mail server that refuses, tarpits, drips, says 4xx and 5xx, cuts and answers too late.

    The API answers at once in any state of the gateway. Once it works everything arrives, once; after `cut` and `late`
    twice at most, and then a notice has one Message-ID, while a code is a new one of which the last counts.
    """
    held, figures = True, {}
    ports = {"text": free_port(), "mail": free_port()}
    BadMail.received, BadGateway.received = [], []
    with IsolatedEnvironment(EMAIL_URL=f"smtp://127.0.0.1:{ports['mail']}", SMS_URL="twilio://AC1:secret@+15550001111", HTTPS_PROXY=f"http://127.0.0.1:{ports['text']}") as environment:
        environment.variables["SSL_CERT_FILE"] = str(_certificate(environment.folder))
        users = Users(environment, [environment.start_server("one")])
        with outside_server(ports["mail"], BadMail, "good"):
            dispatcher = users.dispatcher()
            vehicle = new_vehicle(dispatcher)
            _settle(environment)
        promised: dict[tuple[str, str], list[Promise]] = {}
        memory = MemoryGrowth(environment, "one")
        with Writers(users.urls, dispatcher.header, vehicle, threads=1) as writers:
            for way, other in ((TEXT, MAIL), (MAIL, TEXT)):
                for mood in MOODS:
                    with outside_server(ports[other.name], other.handler, "good"):
                        promises, passing, settled = _round(environment, users, (way, other), ports[way.name], mood)
                    promised[way.name, mood] = promises
                    good = passing <= PASSING_S and settled < SETTLED_S
                    held &= good
                    figures[f"{way.name} {mood}"] = f"other channel within {passing:.1f} s, outbox empty {settled:.1f} s after{'' if good else '   MISSED'}"
        time.sleep(LATE_S)  # an attempt that was given up must not arrive after all
        for way in (TEXT, MAIL):
            for mood in MOODS:
                good, figure = _judge(way, mood, promised[way.name, mood])
                held &= good
                figures[f"{way.name} {mood}"] = f"{figure}; {figures[f'{way.name} {mood}']}"
        stored = {row[0] for row in environment.rows("SELECT id FROM telematics_position")}
        lost, waiting, parked = len(writers.acknowledged - stored), environment.rows(WAITING)[0][0], environment.rows(LOST)[0][0]
        print_table(
            "Messages, three of each way in each mood, and once more when it is over",
            **figures, others=dict(writers.statuses), others_slowest_s=f"{writers.slowest_s:.2f}", acknowledged_writes_lost=lost,
            tasks_left=waiting, tasks_parked=parked, memory_growth_mb=memory,
        )  # fmt: skip
    return held and not (lost or waiting or parked) and set(writers.statuses) <= {"200", "201"} and writers.slowest_s <= PATIENCE_S


def _round(environment: IsolatedEnvironment, users: Users, ways: tuple[Channel, Channel], port: int, mood: str) -> tuple[list[Promise], float, float]:
    """Promise three things in this mood, let each fail once, then let the server work.

    Returns them, after how many seconds a code came by the other channel, and after how many the outbox was empty.
    """
    way, other = ways
    with outside_server(port, way.handler, "good"):
        owners = [(address, way.header(users, address, answer)) for address, _, _, answer in (way.register(users) for _ in range(2))]
        _settle(environment)
    failed = environment.rows(FAILED_ONCE)[0][0]
    with outside_server(port, way.handler, OF_MAIL.get(mood, mood) if way is MAIL else mood):
        promises = _promise(users, way, owners)
        asked = time.monotonic()
        address, *_ = other.register(users)
        seconds_until(lambda: bool(other.taken(address, "code is")), SETTLED_S)
        passing = time.monotonic() - asked
        if mood != "good":
            seconds_until(lambda: environment.rows(FAILED_ONCE)[0][0] >= failed + len(promises), SETTLED_S)
    with outside_server(port, way.handler, "good"):
        settled = _settle(environment)
        for promise in promises:
            codes = re.findall(r"code is (\d{6})", " ".join(text for text, _ in way.taken(promise.address, promise.about)))
            if promise.enter is not None:
                promise.is_code_good = bool(codes) and promise.enter(codes[-1])
        _settle(environment)
    return promises, passing, settled


def _promise(users: Users, way: Channel, owners: list[tuple[str, str]]) -> list[Promise]:
    """Have the product promise a new account's code, a reset code and a notice."""
    address, status, took, _ = way.register(users)
    new = "another-horse-battery"
    promises = [Promise(address, "verification code is", status == 201, took, lambda code: _ask(users, way.verify, {way.field: address, "code": code})[0] == 200)]
    (forgetful, _), (careful, header) = owners
    status, took, _ = _ask(users, "password-reset/", {way.field: forgetful})
    reset = {way.field: forgetful, "new_password": new, "new_password_confirm": new}
    promises.append(Promise(forgetful, "reset code is", status == 200, took, lambda code: _ask(users, "password-reset/confirm/", {**reset, "code": code})[0] == 200))
    status, took, _ = _ask(users, "password-change/", {"old_password": PASSWORD, "new_password": new, "new_password_confirm": new}, header)
    return [*promises, Promise(careful, "password of your account was changed", status == 200, took)]


def _settle(environment: IsolatedEnvironment) -> float:
    """Wait until no task is left, those that rest after a failure included; returns after how many seconds."""
    return seconds_until(lambda: environment.rows(WAITING)[0][0] == 0, SETTLED_S)


def _judge(way: Channel, mood: str, promises: list[Promise]) -> tuple[bool, str]:
    """Return whether each promise was kept, and how often."""
    taken = [way.taken(promise.address, promise.about) for promise in promises]
    counts = [len(messages) for messages in taken]
    notices = {number for _, number in taken[-1]}
    # A mailbox may drop what has a Message-ID that it knows: a repeated notice should be, a later code must not.
    codes = [number for messages in taken[:-1] for _, number in messages if number]
    good = (
        all(promise.is_answered and promise.is_code_good for promise in promises)
        and max(promise.took for promise in promises) <= PATIENCE_S
        and all(1 <= count <= (2 if mood in TWICE else 1) for count in counts)
        and len(notices) == 1 and len(set(codes)) == len(codes)
    )  # fmt: skip
    answered, entered = sum(promise.is_answered for promise in promises), sum(promise.is_code_good for promise in promises if promise.enter)
    slowest = max(promise.took for promise in promises)
    ids = f", Message-IDs of the notice {len(notices)}" if way is MAIL else ""
    return good, f"{answered} of {len(promises)} answered within {slowest:.1f} s; taken {counts}, codes good {entered} of 2{ids}{'' if good else '   MISSED'}"
