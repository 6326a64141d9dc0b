"""What `manage.py doctor` asks of our own server: the photo folder, the public address, the proxies in front, a socket."""

import os
import secrets
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from depannini_dashmap.operations import doctor_proxies
from depannini_dashmap.operations.doctor_findings import (
    CLOCK_SLACK,
    PATIENCE,
    Broken,
    Doubtful,
    cause,
    examination,
    shown,
)


@examination
def photos() -> str:
    """Write and remove a file where photos go."""
    folder = Path(settings.MEDIA_ROOT)
    probe = folder / f".doctor-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise Broken(
            f"{folder} cannot be written: {error.strerror}", "Give it to the server's user, or free space."
        ) from error
    return f"{folder} can be written by user {os.geteuid()}, as who doctor runs"


@examination
def web() -> str:
    """Ask our own server through its public address, and compare clocks."""
    url = f"{shown(settings.BASE_URL)}/readyz"
    try:
        answer = requests.get(f"{settings.BASE_URL}/readyz", timeout=PATIENCE, allow_redirects=False)
    except requests.RequestException as error:
        raise Broken(
            f"{url} cannot be reached: {cause(error)}", "Start the server, or correct BASE_URL."
        ) from None
    if answer.status_code != 200:
        raise Broken(
            f"{url} answers {answer.status_code}",
            "400: add the host to ALLOWED_HOSTS; 502: the proxy does not find the server; 503: see database.",
        )
    if '"status": "ok"' not in answer.text[:200]:
        raise Broken(f"{url} answers, but not as this program does", "Let BASE_URL and the proxy lead to this server.")
    took = f"{url} answers in {1000 * answer.elapsed.total_seconds():.0f} ms"
    try:
        drift = abs((datetime.now(UTC) - parsedate_to_datetime(answer.headers["Date"])).total_seconds())
    except (KeyError, ValueError, TypeError):
        return f"{took}; it names no time, so clocks were not compared"
    if drift > CLOCK_SLACK:
        raise Broken(f"{url} is {drift:.0f} s off our clock", "Run NTP on both machines.")
    return took


@examination
def callers() -> str:
    """Ask our own server, through its public address, as whom it knows us: limits count by that."""
    try:
        answer = requests.get(f"{settings.BASE_URL}/readyz", timeout=PATIENCE, headers=doctor_proxies.question())
        said = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise Doubtful(f"The server cannot be asked how we reached it: {cause(error)}", "See web.") from None
    arrival = said.get("arrival") if isinstance(said, dict) else None
    if not isinstance(arrival, dict):
        raise Doubtful(f"The server answers {answer.status_code} and does not say how we reached it", "See web; doctor needs the server's own SECRET_KEY.")
    return _judged(arrival)


def _judged(arrival: dict[str, Any]) -> str:
    """Return the account as which a request arrived. Raises: Doubtful, Broken."""
    peer, said, trusted, entries = (arrival[key] for key in ("peer", "said", "num_proxies", "entries"))
    if said is not None and not arrival["address"]:
        raise Broken(
            f"The proxy {peer or 'on the Unix socket'} sends X-Forwarded-For without a readable address ({said[:40]!r}): all behind it count as one",
            "Have it append the caller's address (nginx: $proxy_add_x_forwarded_for), or correct NUM_PROXIES.",
        )
    if entries < trusted:
        raise Doubtful(
            f"{entries} of {trusted} proxies say whom they serve",
            "Correct NUM_PROXIES, or have each append to X-Forwarded-For.",
        )
    if entries and not trusted:
        raise Doubtful(f"A proxy is in front ({peer}) and not believed: all behind it count as one", "Set NUM_PROXIES.")
    return f"we are {arrival['address'] or peer}, behind {trusted} proxies"


@examination
def socket() -> str:
    """Open a socket through the public address: without credentials it must be closed with 4401."""
    address = f"{settings.BASE_URL.replace('http', 'ws', 1)}/ws/assistance/0/"
    url = shown(address)
    try:
        with connect(address, open_timeout=PATIENCE, close_timeout=1, proxy=None) as client:
            client.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        if closed.rcvd and closed.rcvd.code == 4401:
            return f"{url} upgrades"
        raise Broken(f"{url} was closed oddly: {cause(closed)}", "Look into the server's log.") from closed
    except (OSError, WebSocketException, TimeoutError) as error:
        raise Broken(
            f"{url} does not upgrade: {cause(error)}",
            "Let the proxy pass the headers Upgrade and Connection (docs/operations.md).",
        ) from error
    raise Broken(f"{url} let a stranger in", "Look into the server's log.")
