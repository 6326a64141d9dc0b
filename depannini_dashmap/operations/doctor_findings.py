"""What an examination of `manage.py doctor` is, and what it may say."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from django.conf import settings

from depannini_dashmap.lib.ops import redis_connections
from depannini_dashmap.lib.ops.logs import redact

PATIENCE = 5  # seconds for any outside system
CLOCK_SLACK = 5.0  # seconds that two clocks may differ


class Doubtful(Exception):
    """It works, but hardly as meant. Holds the sentence and the remedy."""

    def __init__(self, sentence: str, remedy: str) -> None:
        self.sentence, self.remedy = sentence, remedy
        super().__init__(sentence)


class Broken(Doubtful):
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `level` is ok, doubtful or broken."""

    name: str
    level: str
    sentence: str
    remedy: str = ""


Examination = Callable[[], str]
EXAMINATIONS: dict[str, Examination] = {}


def examination(function: Examination) -> Examination:
    """Register a function that says what is well, or raises Doubtful or Broken."""
    EXAMINATIONS[function.__name__] = function
    return function


def cause(error: Exception) -> str:
    """Return on one line what an outside system or its client said, without any secret of the settings."""
    text = without_secrets(" ".join(str(error).split()))
    return f"{type(error).__name__}: {redact(text)[:300]}" if text else type(error).__name__


def without_secrets(text: str) -> str:
    """Return a text without the secrets of the settings, however a URL spells them."""
    for secret in _secrets():
        text = text.replace(secret, "[secret]")
    return text


def shown(url: str) -> str:
    """Return an address without its user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _secrets() -> list[str]:
    urls = [settings.SMS_URL, settings.MIGRATE_DATABASE_URL, settings.MAP_TILE_URL, settings.BASE_URL]
    found = [settings.SECRET_KEY, settings.METRICS_TOKEN, settings.DATABASES["default"].get("PASSWORD"), settings.EMAIL_HOST_PASSWORD]
    found += redis_connections.secrets(settings.REDIS_URL)
    for url in urls:
        found += [urlsplit(url).password, *(value for _, value in parse_qsl(urlsplit(url).query))]
    plain = {unquote(str(secret)) for secret in found if secret} | {str(secret) for secret in found if secret}
    return sorted(plain | {quote(secret, safe="") for secret in plain}, key=len, reverse=True)
