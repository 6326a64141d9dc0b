"""A known load: writers whose acknowledged rows are counted, and pairs of people who hold sockets."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from testing.samples import accepted_request
from testing.users import Users

STOP = {"name": "Stop", "address": "1 Rue", "latitude": "36.7", "longitude": "3.0"}


class Writers:
    """Threads that post positions and read lists, each with a pause of so many seconds; counts statuses and remembers what was acknowledged."""

    # Shared by all writers of a run: a moment that comes again would be a repetition, not a new row.
    moments = iter(range(10**9))

    def __init__(self, urls: list[str], header: str, vehicle: int, threads: int = 6, pause: float = 0.0) -> None:
        self.urls, self.header, self.vehicle, self.pause = urls, header, vehicle, pause
        self.statuses: Counter[str] = Counter()
        self.acknowledged: set[int] = set()
        self.slowest_s = 0.0
        self.good_at: list[float] = []
        self.refused_at: list[float] = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(index,), daemon=True) for index in range(threads)]

    def __enter__(self) -> Writers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def _run(self, index: int) -> None:
        with httpx.Client(timeout=40, headers={"Authorization": self.header}) as http:
            turn = index
            while not self.stopping.is_set():
                turn += 1
                self._once(http, self.urls[turn % len(self.urls)], turn % 4 != 0)
                self.stopping.wait(self.pause)

    def _once(self, http: httpx.Client, base: str, is_write: bool) -> None:
        started = time.monotonic()
        try:
            if is_write:
                with self.lock:
                    moment = dt.datetime(2020, 1, 1) + dt.timedelta(seconds=next(self.moments))
                body = {"vehicle_id": self.vehicle, "latitude": "36.7", "longitude": "3.0", "speed": "50", "heading": "90", "timestamp": f"{moment.isoformat()}Z"}
                answer = http.post(f"{base}/api/positions/", json=body)
            else:
                answer = http.get(f"{base}/api/vehicles/")
            kind = str(answer.status_code)
            if kind == "503" and "retry-after" not in answer.headers:
                kind = "503 without Retry-After"
        except httpx.ConnectError:
            answer, kind = None, "refused"
        except httpx.HTTPError as error:
            answer, kind = None, f"cut ({type(error).__name__})"
        ended = time.monotonic()
        with self.lock:
            self.statuses[kind] += 1
            self.slowest_s = max(self.slowest_s, ended - started)
            if answer is not None and answer.is_success:
                self.good_at.append(ended)
                if is_write:
                    self.acknowledged.add(answer.json()["id"])
            else:
                self.refused_at.append(ended)
        if kind != "200" and kind != "201":
            time.sleep(0.05)

    def first_good_after(self, moment: float) -> float | None:
        """Return seconds from `moment` to the first success after it."""
        later = [good - moment for good in self.good_at if good >= moment]
        return min(later) if later else None


class ReconnectingPair:
    """A client's and an assistant's socket on one request, on two servers, reconnecting as apps do."""

    def __init__(self, urls: list[str], users: Users, spread: float) -> None:
        client, assistant, self.number = accepted_request(users, -60 + spread, 10.0)
        self.mine, self.his, self.helper = client.header, assistant.header, assistant.id
        self.urls = urls
        self.received_at: dict[str, float] = {}
        self.codes: Counter[int] = Counter()
        self.stopping = threading.Event()
        self.sockets: dict[str, Any] = {}
        self.threads = [
            threading.Thread(target=self._hold, args=(name, header, urls[index % len(urls)]), daemon=True)
            for index, (name, header) in enumerate((("client", self.mine), ("assistant", self.his)))
        ]
        for thread in self.threads:
            thread.start()

    def _hold(self, name: str, header: str, base: str) -> None:
        url = f"{base.replace('http', 'ws', 1)}/ws/assistance/{self.number}/"
        while not self.stopping.is_set():
            try:
                with connect(url, additional_headers={"Authorization": header}, open_timeout=10, close_timeout=1) as held:
                    self.sockets[name] = held
                    while not self.stopping.is_set():
                        with suppress(TimeoutError):
                            event = json.loads(held.recv(timeout=0.5))
                            self.received_at[f"{name}:{event.get('type')}:{event.get('lat', '')}"] = time.monotonic()
            except (WebSocketException, OSError, TimeoutError) as error:
                received = getattr(error, "rcvd", None)
                if received is not None:
                    self.codes[received.code] += 1
                time.sleep(0.3)

    def wait_until_open(self, seconds: float = 20) -> None:
        """Wait until both sockets are open. Raises: TimeoutError."""
        until = time.monotonic() + seconds
        while len(self.sockets) < 2:
            if time.monotonic() > until:
                raise TimeoutError("The sockets do not open")
            time.sleep(0.05)

    def speak(self, lat: float) -> None:
        """Send a location from the assistant's side, if the socket is there."""
        with suppress(Exception):
            self.sockets["assistant"].send(json.dumps({"type": "location", "lat": lat, "lng": 10.0}))

    def reaches_within(self, seconds: float, marker: float) -> float | None:
        """Send until the client receives; returns how long that took, None for never."""
        started, step = time.monotonic(), 0
        while time.monotonic() - started < seconds:
            step += 1
            lat = round(marker + step / 10000, 6)
            self.speak(lat)
            time.sleep(0.25)
            if any(key.startswith("client:location:") and when >= started for key, when in self.received_at.items()):
                return time.monotonic() - started
        return None

    def close(self) -> None:
        """Let go."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(5)
