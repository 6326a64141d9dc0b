"""What `manage.py doctor` looks at: each examination tries the real thing and says how to mend what fails."""

import secrets
import smtplib
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from django.conf import settings
from django.core import checks as system_checks
from django.core.mail import get_connection
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from accounts.models import User
from depannini_dashmap.models import AuditEvent
from depannini_dashmap.operations import (
    doctor_redis,  # noqa: F401 - their examinations
    erasures,
    proxies,
)
from depannini_dashmap.operations.findings import EXAMINATIONS, PATIENCE, Broken, Doubtful, Finding, cause, examination

CLOCK_SLACK = 5.0  # seconds that two clocks may differ
TASKS_LATE = 120.0  # seconds after which a due task says that no worker runs


CONFIGURATION = "configuration"


def names() -> list[str]:
    """Name everything that can be examined."""
    return [CONFIGURATION, *EXAMINATIONS]


def examine(only: list[str] | None = None) -> Iterator[Finding]:
    """Run the named examinations, or all, in order."""
    if not only or CONFIGURATION in only:
        yield from configuration()
    for name, function in EXAMINATIONS.items():
        if only and name not in only:
            continue
        try:
            yield Finding(name, "ok", function())
        except Doubtful as trouble:
            level = "broken" if isinstance(trouble, Broken) else "doubtful"
            yield Finding(name, level, trouble.sentence, trouble.remedy)


def configuration() -> Iterator[Finding]:
    """Run the system checks of a deployment, but for those of the API's documentation."""
    found = system_checks.run_checks(include_deployment_checks=True)
    found = [message for message in found if not (message.id or "").startswith("drf_spectacular")]
    for message in found:
        level = "broken" if message.level >= system_checks.ERROR else "doubtful"
        yield Finding(CONFIGURATION, level, f"{message.id}: {message.msg}", str(message.hint or ""))
    if not found:
        yield Finding(CONFIGURATION, "ok", "no doubtful setting")


@examination
def database() -> str:
    """Ask the database, and compare its clock with ours."""
    began = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            if connection.vendor != "postgresql":
                return f"{connection.vendor} answers in {1000 * (time.perf_counter() - began):.1f} ms"
            cursor.execute("SELECT clock_timestamp(), current_setting('server_version')")
            now, version = cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        raise Broken(f"No answer: {cause(error)}", "Start PostgreSQL, or correct DATABASE_URL.") from error
    drift = abs((datetime.now(UTC) - now).total_seconds())
    if drift > CLOCK_SLACK:
        raise Broken(f"Its clock is {drift:.0f} s off ours", "Run NTP (chrony, systemd-timesyncd) on both machines.")
    return f"PostgreSQL {version.split()[0]} answers in {1000 * (time.perf_counter() - began):.1f} ms"


@examination
def migrations() -> str:
    """Look for migrations that have not run."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError) as error:
        raise Broken(f"Cannot be read: {cause(error)}", "See database.") from error
    if pending:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in pending[:5])
        raise Broken(f"{len(pending)} not applied: {names}", "Run python manage.py migrate.")
    return "all applied"


@examination
def audit_trail() -> str:
    """See whether the server's role could remove audit events, where another one owns the tables."""
    if connection.vendor != "postgresql" or not settings.MIGRATE_DATABASE_URL:
        return "one role owns all tables; a trigger keeps the events"
    table = AuditEvent._meta.db_table
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT has_table_privilege(%s, 'UPDATE, DELETE')", [table])
            may_remove = cursor.fetchone()[0]
            cursor.execute("SELECT current_user")
            role = cursor.fetchone()[0]
    except (DatabaseError, InterfaceError) as error:
        raise Broken(f"Cannot be read: {cause(error)}", "See database and migrations.") from error
    if may_remove:
        raise Broken(
            f"The role {role} may change audit events",
            f"REVOKE UPDATE, DELETE ON {table} FROM {role}; also after each restore.",
        )
    return f"the role {role} can only add to it"


@examination
def tasks() -> str:
    """See whether a worker takes what is due, and what was given up."""
    late = timezone.now() - timedelta(seconds=TASKS_LATE)
    waiting = DBTaskResult.objects.ready().filter(enqueued_at__lt=late).exclude(run_after__range=(late, timezone.now()))
    try:
        number, parked = waiting.count(), DBTaskResult.objects.failed().count()
    except (DatabaseError, InterfaceError) as error:
        raise Broken(f"Cannot be read: {cause(error)}", "See database.") from error
    if number:
        raise Broken(
            f"{number} tasks are due for more than {TASKS_LATE:.0f} s",
            "Run python manage.py db_worker, or set TASK_WORKER=on.",
        )
    if parked:
        raise Doubtful(
            f"{parked} tasks were given up after ten tries",
            "Read why in the log, mend it, and set them to READY in the database (docs/operations.md).",
        )
    return "none is late"


@examination
def identities() -> str:
    """Look for accounts whose e-mail or username is another account's in another spelling."""
    found = User.objects.spelled_otherwise()
    if found:
        named = ", ".join(map(str, found[:10])) + (", …" if len(found) > 10 else "")
        raise Doubtful(
            f"{len(found)} accounts have an e-mail or username that another account has in its one spelling: {named}",
            "Ask whose it is, and change or close the other account in the admin.",
        )
    return "each e-mail and username has one spelling"


@examination
def erased_people() -> str:
    """Look for accounts that were erased and are open again, as after a restore."""
    try:
        back = erasures.open_again()
    except (DatabaseError, InterfaceError) as error:
        raise Broken(f"Cannot be read: {cause(error)}", "See database and migrations.") from error
    except OSError as error:
        raise Broken(f"{settings.ERASURES_FILE} cannot be read: {error.strerror}", "Give it to the server's user, or correct ERASURES_FILE.") from error
    if back:
        named = ", ".join(str(user.pk) for user in back[:10]) + (", …" if len(back) > 10 else "")
        raise Broken(f"{len(back)} accounts were erased and are open again: {named}", "Run python manage.py erase_person --again.")
    return "nobody who was erased is open again"


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
    return f"{folder} can be written"


@examination
def mail() -> str:
    """Sign in at the mail server, sending nothing."""
    if not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        raise Doubtful("Mails go to a log or a folder", "Set EMAIL_URL=smtp+tls://user:password@host:587.")
    server = get_connection(fail_silently=False, timeout=PATIENCE)
    try:
        server.open()
        server.close()
    except (OSError, smtplib.SMTPException, ssl.SSLError) as error:
        raise Broken(
            f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} refuses: {cause(error)}", "Correct EMAIL_URL."
        ) from error
    return f"{settings.EMAIL_HOST} accepts our login"


@examination
def sms() -> str:
    """Look at the gateway without sending."""
    address = urlsplit(settings.SMS_URL)
    if address.scheme == "console":
        raise Doubtful("Messages are printed", "Set SMS_URL=twilio://SID:TOKEN@FROM.")
    if address.scheme == "file":
        folder = Path(unquote(address.path))
        if not folder.is_dir():
            raise Broken(f"{folder} does not exist", "Make it, or correct SMS_URL.")
        return f"messages go to {folder}"
    if address.scheme != "twilio":
        raise Broken("Unknown gateway", "Use console:, file:///dir or twilio://SID:TOKEN@FROM.")
    account = unquote(address.username or "")
    try:
        answer = requests.get(
            f"https://api.twilio.com/2010-04-01/Accounts/{account}.json",
            auth=(account, unquote(address.password or "")),
            timeout=PATIENCE,
        )
    except requests.RequestException as error:
        raise Broken(
            f"Twilio is unreachable: {type(error).__name__}", "Let the server reach api.twilio.com:443."
        ) from None
    if answer.status_code != 200:
        raise Broken(f"Twilio answers {answer.status_code}", "Correct SID and TOKEN in SMS_URL.")
    return "Twilio accepts our login"


@examination
def web() -> str:
    """Ask our own server through its public address, and compare clocks."""
    url = f"{settings.BASE_URL}/readyz"
    try:
        answer = requests.get(url, timeout=PATIENCE, allow_redirects=False)
    except requests.RequestException as error:
        raise Broken(
            f"{url} cannot be reached: {cause(error)}", "Start the server, or correct BASE_URL."
        ) from None
    if answer.status_code != 200:
        raise Broken(
            f"{url} answers {answer.status_code}",
            "400: add the host to ALLOWED_HOSTS; 502: the proxy does not find the server; 503: see database.",
        )
    said = answer.headers.get("Date", "")
    drift = abs((datetime.now(UTC) - parsedate_to_datetime(said)).total_seconds()) if said else 0.0
    if drift > CLOCK_SLACK:
        raise Broken(f"{settings.BASE_URL} is {drift:.0f} s off our clock", "Run NTP on both machines.")
    return f"{url} answers in {1000 * answer.elapsed.total_seconds():.0f} ms"


@examination
def callers() -> str:
    """Ask our own server, through its public address, as whom it knows us: limits count by that."""
    try:
        answer = requests.get(f"{settings.BASE_URL}/readyz", timeout=PATIENCE, headers=proxies.question())
        arrival = answer.json()["arrival"]
    except (requests.RequestException, KeyError, ValueError, TypeError):
        raise Doubtful(
            "The server does not say how we reached it", "See web; doctor needs the server's own SECRET_KEY."
        ) from None
    return _judged(arrival)


def _judged(arrival: dict[str, Any]) -> str:
    """Say as whom a request arrived. Raises: Doubtful, Broken."""
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
    url = f"{settings.BASE_URL.replace('http', 'ws', 1)}/ws/assistance/0/"
    try:
        with connect(url, open_timeout=PATIENCE, close_timeout=1, proxy=None) as client:
            client.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        if closed.rcvd and closed.rcvd.code == 4401:
            return f"{url} upgrades"
        raise Broken(f"{url} was closed oddly: {closed}", "Look into the server's log.") from closed
    except (OSError, WebSocketException, TimeoutError) as error:
        raise Broken(
            f"{url} does not upgrade: {cause(error)}",
            "Let the proxy pass the headers Upgrade and Connection (docs/operations.md).",
        ) from error
    raise Broken(f"{url} let a stranger in", "Look into the server's log.")


@examination
def tiles() -> str:
    """Fetch one map tile."""
    if not settings.MAP_TILE_URL:
        return "the map uses the basemap that ships with it"
    url = settings.MAP_TILE_URL.replace("{s}", "a").replace("{r}", "")
    for name in "zxy":
        url = url.replace("{" + name + "}", "0")
    try:
        answer = requests.get(url, timeout=PATIENCE, headers={"Referer": settings.BASE_URL})
    except requests.RequestException as error:
        raise Broken(f"Unreachable: {cause(error)}", "Correct MAP_TILE_URL, or unset it.") from None
    if not (answer.ok and answer.headers.get("Content-Type", "").startswith("image/")):
        raise Broken(f"The tile server answers {answer.status_code}", "Correct MAP_TILE_URL, or unset it.")
    return "the tile server answers"
