"""The drill of ended sessions: every way to end one, each with open sockets on both servers, with Redis and without."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from websockets.exceptions import ConnectionClosed

from bench.drills.load import Writers
from bench.drills.outcomes import lost_writes, print_table, server_errors
from testing.clients import SocketClient
from testing.environments import IsolatedEnvironment, MemoryGrowth
from testing.samples import ask_for_help, new_vehicle
from testing.users import PASSWORD, Caller, Users

EACH = 2  # sockets of one user on each server: a user may hold five
UNAUTHENTICATED = 4401
WITH_REDIS_S, WITHOUT_REDIS_S = 2.0, 60.0  # goals, from the request that ends the session to its last socket's close
PATIENCE_S = 10.0  # waited beyond the goal, so that a miss has a figure
NEW_PASSWORD = "another-horse-battery"
OPERATOR = "drill-operator"


class Held:
    """One open socket; notes when it was closed and with which code."""

    def __init__(self, base: str, path: str, header: str) -> None:
        self.client = SocketClient(base.replace("http", "ws", 1) + path, header, open_timeout=20, ping_interval=None)
        self.client.receive(seconds=20)  # the state is shown: from here on it is a socket like any other
        self.ended, self.code = 0.0, 0
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        try:
            while True:
                self.client.connection.recv()
        except ConnectionClosed as end:
            self.ended, self.code = time.monotonic(), end.rcvd.code if end.rcvd else 0


@dataclass
class Victim:
    """Somebody whose session is going to end, and their sockets."""

    caller: Caller
    path: str
    code: str = ""
    held: list[Held] = field(default_factory=list)

    @property
    def header(self) -> str:
        """The Authorization header of the session."""
        return self.caller.header

    @property
    def phone(self) -> str:
        """The phone number of a client."""
        return self.caller.known["phone"]

    @property
    def refresh(self) -> str:
        """The refresh token, empty for a fleet token."""
        return self.caller.known.get("refresh", "")

    def open(self, urls: list[str]) -> None:
        """Open their sockets on every server."""
        self.held = [Held(url, self.path, self.header) for url in urls for _ in range(EACH)]


class Deployment:
    """Two servers, those who may lose their sessions, and an operator in the admin."""

    def __init__(self, environment: IsolatedEnvironment) -> None:
        self.environment = environment
        self.urls = [environment.start_server("one"), environment.start_server("two", TASK_WORKER="off")]
        self.users = Users(environment, [self.urls[0]])
        self.browser = self._operator()

    def _operator(self) -> httpx.Client:
        """Sign an operator in to the admin, as a browser does."""
        make = f"from accounts.models import User; User.objects.create_superuser({OPERATOR!r}, None, {PASSWORD!r})"
        self.environment.python(make)
        browser = httpx.Client(timeout=60, base_url=self.urls[0])
        browser.get("/admin/login/")
        form = {"username": OPERATOR, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        if browser.post("/admin/login/?next=/admin/", data=form).status_code != 302:
            raise SystemExit("The operator cannot sign in")
        return browser

    def client(self) -> Victim:
        """Return somebody new with a JWT pair and an open request."""
        client = self.users.client()
        number = ask_for_help(client, pickup={"lat": -60.0, "lng": 10.0})
        return Victim(client, f"/ws/assistance/{number}/")

    def client_with_code(self) -> Victim:
        """Return a client who has been sent a code for a new password."""
        victim = self.client()
        self.environment.code_for(victim.phone)  # the first one verifies the number
        self.users.anyone.post("/api/auth/password-reset/", {"phone_number": victim.phone})
        victim.code = self.environment.code_for(victim.phone, after=1)
        return victim

    def dispatcher(self) -> Victim:
        """Return a new dispatcher with a fleet token."""
        return Victim(self.users.dispatcher(), "/ws/fleet/")

    def in_admin(self, step: str, victim: Victim) -> None:
        """Have the operator do something to somebody."""
        form = {"ids": victim.caller.id, "csrfmiddlewaretoken": self.browser.cookies["csrftoken"]}
        answer = self.browser.post(f"/admin/dispatch/people/{step}/", data=form)
        if answer.status_code != 302:
            raise SystemExit(f"{step} in the admin: {answer.status_code}")

    # --- Ways to end a session ----------------------------------------------------------------------------------------
    def log_out(self, victim: Victim) -> None:
        """End the token used, and the refresh token that came with it."""
        victim.caller.post("/api/auth/logout/", {"refresh": victim.refresh} if victim.refresh else {})

    def change_password(self, victim: Victim) -> None:
        """Enter the old and a new password."""
        victim.caller.post("/api/auth/password-change/", {"old_password": PASSWORD, "new_password": NEW_PASSWORD, "new_password_confirm": NEW_PASSWORD})

    def reset_password(self, victim: Victim) -> None:
        """Enter the code that was sent, and a new password."""
        self.users.anyone.post("/api/auth/password-reset/confirm/", {"phone_number": victim.phone, "code": victim.code, "new_password": NEW_PASSWORD, "new_password_confirm": NEW_PASSWORD})

    def deactivate(self, victim: Victim) -> None:
        """Switch the account off."""
        self.in_admin("deactivate", victim)

    def revoke_all(self, victim: Victim) -> None:
        """End all tokens of the account."""
        self.in_admin("end-sessions", victim)

    def revoke_refresh_token(self, victim: Victim) -> str:
        """End a refresh token, which is no end of the session; returns what counts afterwards."""
        self.users.anyone.post("/api/auth/token/revoke/", {"refresh": victim.refresh})
        refreshed = self.users.anyone.http.post(f"{self.urls[1]}/api/auth/token/refresh/", json={"refresh": victim.refresh}).status_code
        profile = self.users.anyone.http.get(f"{self.urls[1]}/api/auth/profile/", headers={"Authorization": victim.header}).status_code
        time.sleep(WITH_REDIS_S)
        alive = sum(one.thread.is_alive() for one in victim.held)
        return f"{refreshed} when used; access token {profile}, {alive} of {len(victim.held)} sockets still open"

    def refused(self, victim: Victim) -> bool:
        """Return whether both servers refuse the access token, and one the refresh token, on the very next call."""
        asked = [self.users.anyone.http.get(f"{url}/api/auth/profile/", headers={"Authorization": victim.header}) for url in self.urls]
        if victim.refresh:
            asked.append(self.users.anyone.http.post(f"{self.urls[1]}/api/auth/token/refresh/", json={"refresh": victim.refresh}))
        return {answer.status_code for answer in asked} == {401}


WAYS: dict[str, tuple[Callable[[Deployment], Victim], Callable[[Deployment, Victim], None]]] = {
    "logout": (Deployment.client, Deployment.log_out),
    "logout, fleet token": (Deployment.dispatcher, Deployment.log_out),
    "password change": (Deployment.client, Deployment.change_password),
    "password change, fleet token": (Deployment.dispatcher, Deployment.change_password),
    "password reset": (Deployment.client_with_code, Deployment.reset_password),
    "deactivation in the admin": (Deployment.client, Deployment.deactivate),
    "all tokens revoked in the admin": (Deployment.client, Deployment.revoke_all),
}


@dataclass
class Seen:
    """What one way of ending gave over all rounds."""

    answer_s: float = 0.0
    last_s: float = 0.0
    sockets: int = 0
    left_open: int = 0
    not_refused: int = 0
    codes: Counter[int] = field(default_factory=Counter)

    def end(self, deployment: Deployment, victim: Victim, end: Callable[[Deployment, Victim], None]) -> float:
        """End one session and try its tokens; returns when it began."""
        began = time.monotonic()
        end(deployment, victim)
        self.answer_s = max(self.answer_s, time.monotonic() - began)
        self.not_refused += not deployment.refused(victim)
        return began

    def take_in(self, victim: Victim, began: float, until: float) -> None:
        """Wait for the sockets' ends and note them."""
        for one in victim.held:
            one.thread.join(max(0.0, until - time.monotonic()))
            self.sockets += 1
            if one.thread.is_alive():
                self.left_open += 1
                one.client.close()
            else:
                self.codes[one.code] += 1
                self.last_s = max(self.last_s, one.ended - began)

    def held(self, goal: float) -> bool:
        """Return whether all was as expected."""
        return not self.left_open and not self.not_refused and set(self.codes) == {UNAUTHENTICATED} and self.last_s <= goal

    def __str__(self) -> str:
        rest = f", {self.left_open} LEFT OPEN" if self.left_open else ""
        token = f"NOT REFUSED {self.not_refused} times" if self.not_refused else "refused at once"
        closed = ", ".join(f"{number} with {code}" for code, number in self.codes.items())
        return f"of {self.sockets} sockets {closed}, the last after {self.last_s:.3f} s (answer {self.answer_s:.2f} s){rest}; token {token}"


def sessions_end(times: int = 1) -> bool:
    """End sessions in each way: tokens count no more on the next call, sockets close within 2 s, within 60 s without Redis."""
    seen: dict[bool, dict[str, Seen]] = {True: defaultdict(Seen), False: defaultdict(Seen)}
    revoked = ""
    with IsolatedEnvironment() as environment:
        deployment = Deployment(environment)
        dispatcher = deployment.users.dispatcher()
        vehicle = new_vehicle(dispatcher)
        memory = MemoryGrowth(environment, "one", "two")
        with Writers(deployment.urls, dispatcher.header, vehicle, threads=1) as writers:
            for _ in range(times):
                _one_after_the_other(deployment, seen[True])
                victim = deployment.client()
                victim.open(deployment.urls)
                revoked = deployment.revoke_refresh_token(victim)
                _all_without_redis(deployment, seen[False])
        lost, errors, grown = lost_writes(environment, writers), server_errors(writers), str(memory)
    for with_redis, ways in seen.items():
        goal = WITH_REDIS_S if with_redis else WITHOUT_REDIS_S
        title = f"Sessions ended with Redis {'up' if with_redis else 'killed'}, {times} times, goal ≤ {goal:.0f} s"
        print_table(title, **{name: f"{way}{'' if way.held(goal) else '   MISSED'}" for name, way in ways.items()})
    print_table(
        "Beside them", refresh_token_revoked=revoked, requests=dict(writers.statuses), server_errors=dict(errors) or 0, acknowledged_writes_lost=lost,
        slowest_answer_s=f"{writers.slowest_s:.2f}", memory_growth_mb=grown,
    )  # fmt: skip
    return not (errors or lost) and revoked.startswith("401") and all(
        way.held(WITH_REDIS_S if with_redis else WITHOUT_REDIS_S) for with_redis, ways in seen.items() for way in ways.values()
    )


def _one_after_the_other(deployment: Deployment, seen: dict[str, Seen]) -> None:
    for name, (make, end) in WAYS.items():
        victim = make(deployment)
        victim.open(deployment.urls)
        began = seen[name].end(deployment, victim, end)
        seen[name].take_in(victim, began, began + WITH_REDIS_S + PATIENCE_S)


def _all_without_redis(deployment: Deployment, seen: dict[str, Seen]) -> None:
    """Each session ends right after its sockets have opened, when their next look at the login is farthest away."""
    victims = {name: make(deployment) for name, (make, _) in WAYS.items()}
    deployment.environment.signal("redis", signal.SIGKILL)
    deployment.environment.processes["redis"].wait()
    began = {}
    for name, (_, end) in WAYS.items():
        victims[name].open(deployment.urls)
        began[name] = seen[name].end(deployment, victims[name], end)
    for name, victim in victims.items():
        seen[name].take_in(victim, began[name], began[name] + WITHOUT_REDIS_S + PATIENCE_S)
    deployment.environment.start_redis()
