"""System checks of a deployment, each with an id and a hint (`manage.py check --deploy`).

Dangerous settings are not left to a check: they refuse to load. Every id is explained in docs/operations.md.
"""

import base64
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register

from depannini_dashmap.lib.ops import redis_connections

_LOOPBACK = {"localhost", "127.0.0.1", "::1", "[::1]"}
_LEVELS: dict[str, type[Error | Info | Warning]] = {"E": Error, "W": Warning, "I": Info}
_RULES: list[tuple[str, type[Error | Info | Warning], Callable[[], str | None], str]] = []


def rule(number: str, hint: str) -> Callable[[Callable[[], str | None]], Callable[[], str | None]]:
    """Add a function that returns a sentence when something is doubtful; `E…` numbers are errors, `W…` warnings, `I…` advice."""

    def add(function: Callable[[], str | None]) -> Callable[[], str | None]:
        _RULES.append((f"dashmap.{number}", _LEVELS[number[0]], function, hint))
        return function

    return add


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Run every rule."""
    return list(_findings())


def _findings() -> Iterator[CheckMessage]:
    for number, level, function, hint in _RULES:
        sentence = function()
        if sentence:
            yield level(sentence, hint=hint, id=number)


# --- Errors: it would not work -------------------------------------------------------------------------------------------


@rule("E001", "Set REDIS_URL, or SERVE=all.")
def separate_processes_share_redis() -> str | None:
    """REST and sockets apart need something between them."""
    if settings.SERVE != "all" and not settings.REDIS_URL:
        return f"SERVE={settings.SERVE} without REDIS_URL: sockets would never hear of what REST does."
    return None


@rule("E002", "Set ASSISTANCE_MAX_RADIUS_KM to at least ASSISTANCE_RADIUS_KM, and both above 0.")
def radii_widen() -> str | None:
    """The search grows from one radius to the other."""
    if not 0 < settings.ASSISTANCE_RADIUS_KM <= settings.ASSISTANCE_MAX_RADIUS_KM:
        return "ASSISTANCE_RADIUS_KM and ASSISTANCE_MAX_RADIUS_KM contradict each other."
    return None


@rule("E003", "Name a zone of the IANA database, such as Africa/Algiers.")
def time_zone_exists() -> str | None:
    """Pages show times in it."""
    try:
        ZoneInfo(settings.DISPLAY_TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"DISPLAY_TIME_ZONE={settings.DISPLAY_TIME_ZONE!r} is no known time zone."
    return None


@rule("E004", "Use the two letters of a country, such as DZ.")
def phone_region_exists() -> str | None:
    """Numbers without a prefix are read in it."""
    if settings.PHONE_DEFAULT_REGION not in phonenumbers.SUPPORTED_REGIONS:
        return f"PHONE_DEFAULT_REGION={settings.PHONE_DEFAULT_REGION!r} is no known region."
    return None


@rule("E005", "Use the three letters of ISO 4217, such as DZD.")
def currency_is_a_code() -> str | None:
    """It is shown next to every price."""
    if not (len(settings.CURRENCY) == 3 and settings.CURRENCY.isascii() and settings.CURRENCY.isupper()):
        return f"CURRENCY={settings.CURRENCY!r} is no currency code."
    return None


@rule("E006", "Make the folder and give it to the user that runs the server, or set MEDIA_ROOT.")
def photos_can_be_written() -> str | None:
    """Photos go there."""
    return None if _takes_files(Path(settings.MEDIA_ROOT)) else f"MEDIA_ROOT={settings.MEDIA_ROOT} cannot be written."


def _takes_files(folder: Path) -> bool:
    """The nearest existing folder must be writable."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


@rule("W021", "Give its folder to the user that runs the server, or set ERASURES_FILE; not below MEDIA_ROOT, which a restore replaces.")
def erasures_can_be_kept() -> str | None:
    """Without them a restore brings people back who were erased."""
    file = Path(settings.ERASURES_FILE)
    if Path(settings.MEDIA_ROOT) in file.parents:
        return f"ERASURES_FILE={file} is below MEDIA_ROOT."
    can_be_kept = os.access(file, os.W_OK) if file.exists() else _takes_files(file.parent)
    return None if can_be_kept else f"ERASURES_FILE={file} cannot be written."


@rule("E007", "Use the two letters of countries, such as SMS_COUNTRIES=DZ,FR.")
def sms_countries_exist() -> str | None:
    """A country that does not exist lets nobody through."""
    unknown = sorted(settings.SMS_COUNTRIES - phonenumbers.SUPPORTED_REGIONS)
    if unknown:
        return f"SMS_COUNTRIES names what is no country: {', '.join(unknown)}."
    return None


# --- Warnings: it works, but hardly as meant -----------------------------------------------------------------------------------


@rule("W001", "Set REDIS_URL=redis://… as soon as there is more than one process.")
def redis_is_there() -> str | None:
    """Without it events stay inside one process."""
    if not settings.REDIS_URL:
        return "No REDIS_URL: channel layer and cache live in memory, so only one process may serve."
    return None


@rule("W002", "Set DATABASE_URL=postgres://…")
def database_takes_parallel_writes() -> str | None:
    """SQLite has one writer."""
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return "The database is SQLite: one write at a time, on one machine."
    return None


@rule("W024", "Add ?target_session_attrs=read-write to DATABASE_URL, so that the host is taken that takes writes.")
def the_primary_is_found() -> str | None:
    """Without it the first host that answers is taken, a standby too."""
    database = settings.DATABASES["default"]
    several = "," in str(database.get("HOST") or "")
    if several and database.get("OPTIONS", {}).get("target_session_attrs") not in {"read-write", "primary"}:
        return "DATABASE_URL names several hosts, and not which of them is wanted."
    return None


@rule("W003", "Set EMAIL_URL=smtp+tls://user:password@host:587.")
def mail_leaves() -> str | None:
    """Codes printed to a log reach nobody, or the wrong people."""
    if settings.EMAIL_BACKEND.rsplit(".", 2)[-2] in {"console", "filebased", "dummy", "locmem"}:
        return "EMAIL_URL sends no mail: verification and reset codes go to a log or a folder."
    return None


@rule("W004", "Set SMS_URL=twilio://SID:TOKEN@FROM, or file:///dir for a gateway that reads files.")
def sms_leaves() -> str | None:
    """As with mail."""
    if settings.SMS_URL.startswith("console:"):
        return "SMS_URL=console: prints codes into the log."
    return None


@rule("W005", "Set ALLOW_FAKE_DATA=off.")
def no_fake_data() -> str | None:
    """Anyone with an account could fill the database with nonsense."""
    if settings.ALLOW_FAKE_DATA:
        return "ALLOW_FAKE_DATA is on: accounts may add invented orders and positions."
    return None


@rule("W006", "Remove THROTTLING=off.")
def rates_are_limited() -> str | None:
    """Passwords could be guessed at full speed."""
    if not settings.THROTTLING_ENABLED:
        return "THROTTLING is off: no rate limits, no lockouts."
    return None


@rule("W007", "Set BASE_URL to the public address, with https://.")
def links_lead_here() -> str | None:
    """Mails carry it."""
    address = urlsplit(settings.BASE_URL)
    if address.hostname in _LOOPBACK or (settings.HTTPS and address.scheme != "https"):
        return f"BASE_URL={settings.BASE_URL}: links in mails would not open elsewhere."
    return None


@rule("W008", "Use at least 16 random characters; python -c 'import secrets; print(secrets.token_urlsafe(24))'.")
def metrics_are_guarded() -> str | None:
    """A short token can be guessed."""
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < 16:
        return "METRICS_TOKEN is short."
    return None


@rule("W009", "Set NUM_PROXIES to the number of proxies in front, and let them alone reach the server.")
def proxies_are_counted() -> str | None:
    """X-Forwarded-Proto is believed with HTTPS=on, which only makes sense behind a proxy."""
    if settings.HTTPS and not settings.NUM_PROXIES:
        return "HTTPS=on with NUM_PROXIES=0: behind a proxy all callers would share one address and its limits."
    return None


@rule("W010", "Set ALLOWED_HOSTS to the public host names.")
def hosts_are_public() -> str | None:
    """Only this machine could call."""
    if set(settings.ALLOWED_HOSTS) <= _LOOPBACK:
        return "ALLOWED_HOSTS names this machine only."
    return None


@rule("W011", "chmod 600 .env")
def env_file_is_private() -> str | None:
    """It holds the secret key."""
    file = Path(settings.ENV_FILE)
    if file.exists() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"{file} can be read by other users of this machine."
    return None


@rule("W012", "List the origins with https://.")
def origins_are_encrypted() -> str | None:
    """A page that anyone on the way can change must not call with a user's token."""
    origins = [*settings.CORS_ALLOWED_ORIGINS, *settings.CSRF_TRUSTED_ORIGINS]
    plain = [origin for origin in origins if origin.startswith("http://")]
    if settings.HTTPS and plain:
        return f"Unencrypted origins are trusted: {', '.join(plain)}."
    return None


@rule("W013", "Set a password (requirepass) and REDIS_URL=redis://:password@host:6379/0.")
def redis_asks_for_a_password() -> str | None:
    """Anybody who reaches an open Redis can send to every socket."""
    url = settings.REDIS_URL
    if url and not redis_connections.options_of(url).get("password") and not set(redis_connections.hosts_of(url)) <= _LOOPBACK:
        return "REDIS_URL has no password, and Redis is on another machine."
    return None


@rule("W023", "Name all Sentinels in REDIS_URL: redis+sentinel://s1:26379,s2:26379,s3:26379/name/0; three on three machines bear the loss of one.")
def several_sentinels_are_named() -> str | None:
    """One alone that is away names no primary, and cannot agree with anybody that one is down."""
    known = redis_connections.sentinels(settings.REDIS_URL)
    if known is not None and len(set(known.hosts)) < 3:
        return "REDIS_URL names fewer than three Sentinels."
    return None


@rule("W014", "Give ACCESS_TOKEN_TTL at most REFRESH_TOKEN_TTL.")
def tokens_are_refreshed() -> str | None:
    """A refresh token that ends first is of no use."""
    if settings.ACCESS_TOKEN_TTL > settings.REFRESH_TOKEN_TTL:
        return "ACCESS_TOKEN_TTL is longer than REFRESH_TOKEN_TTL."
    return None


@rule("W015", "Set the RETENTION_…_DAYS settings to what your privacy notice says.")
def personal_data_ends() -> str | None:
    """0 keeps rows for ever."""
    kept = sorted(name for name, days in settings.RETENTION_DAYS.items() if days <= 0)
    if kept:
        return f"Kept for ever: {', '.join(kept)}."
    return None


@rule("W016", "Add the country of PHONE_DEFAULT_REGION to SMS_COUNTRIES.")
def own_country_gets_sms() -> str | None:
    """A user who types a number without a prefix would get no code."""
    if settings.SMS_COUNTRIES and settings.PHONE_DEFAULT_REGION not in settings.SMS_COUNTRIES:
        return f"SMS_COUNTRIES leaves out PHONE_DEFAULT_REGION={settings.PHONE_DEFAULT_REGION}."
    return None


@rule("W017", "Set CODES_PER_NETWORK to some tens: many phones of one provider share an address.")
def codes_are_limited_sensibly() -> str | None:
    """Too few shut a café out, too many pay for anybody's flood."""
    if not 10 <= settings.CODES_PER_NETWORK <= 1000:
        return f"CODES_PER_NETWORK={settings.CODES_PER_NETWORK} codes an hour from one address."
    return None


@rule("I001", "Approve those who work already in the console, then set ASSISTANT_APPROVAL=on.")
def assistants_are_approved() -> str | None:
    """Who accepts a job sees the motorist's phone."""
    if not settings.ASSISTANT_APPROVAL:
        return "ASSISTANT_APPROVAL is off: whoever registers as an assistant takes jobs and sees motorists' phones."
    return None


@rule("W020", "Set ASSISTANCE_STALLED_AFTER to some minutes, and ASSISTANCE_LONGEST to more than that.")
def silence_is_noticed() -> str | None:
    """Shorter than a socket's check, everybody is silent."""
    if not 120 <= settings.ASSISTANCE_STALLED_AFTER.total_seconds() < settings.ASSISTANCE_LONGEST.total_seconds():
        return "ASSISTANCE_STALLED_AFTER is below two minutes, or not below ASSISTANCE_LONGEST."
    return None


@rule("W018", "Set MESSAGES_PER_COMPANY to what a company's trips need in a day.")
def companies_may_send() -> str | None:
    """Without it no driver is notified."""
    if settings.MESSAGES_PER_COMPANY == 0:
        return "MESSAGES_PER_COMPANY=0: no driver can be notified."
    return None


@rule("E008", "Set PUSH_URL to console:, file:///dir or services:, FCM_CREDENTIALS to a service account's file, VAPID_PRIVATE_KEY to what manage.py vapid_keys prints.")
def push_can_be_sent() -> str | None:
    """A key that is none would be found out by the first notification."""
    if urlsplit(settings.PUSH_URL).scheme not in {"console", "file", "services"}:
        return "PUSH_URL names no way of sending notifications."
    if settings.VAPID_PRIVATE_KEY and not _is_vapid_key(settings.VAPID_PRIVATE_KEY):
        return "VAPID_PRIVATE_KEY is no key."
    if settings.FCM_CREDENTIALS and not Path(settings.FCM_CREDENTIALS).is_file():
        return f"FCM_CREDENTIALS={settings.FCM_CREDENTIALS} is no file."
    return None


def _is_vapid_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == 32
    except ValueError:
        return False


@rule("I002", "Set PUSH_URL=services: with FCM_CREDENTIALS (apps) and VAPID_PRIVATE_KEY (browsers).")
def push_is_on() -> str | None:
    """Sockets and SMS work without notifications; an assistant whose app is closed learns of an offer by a notification alone."""
    return "PUSH_URL=console: prints notifications into the log." if settings.PUSH_URL.startswith("console:") else None


@rule("W022", "Set FCM_CREDENTIALS (apps) or VAPID_PRIVATE_KEY (browsers).")
def push_leaves() -> str | None:
    """Notifications that are switched on must have a key by which they leave."""
    if settings.PUSH_URL.startswith("services:") and not (settings.FCM_CREDENTIALS or settings.VAPID_PRIVATE_KEY):
        return "PUSH_URL=services: without FCM_CREDENTIALS and VAPID_PRIVATE_KEY: no notification leaves."
    return None
