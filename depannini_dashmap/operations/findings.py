"""What an examination of `manage.py doctor` is, and what it may say."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.conf import settings

from depannini_dashmap.lib.ops.logs import redact

PATIENCE = 5  # seconds for any outside system


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
    """Say in a line what an outside system or its client said, without any secret of the settings."""
    text = " ".join(str(error).split())
    for secret in _secrets():
        text = text.replace(secret, "[secret]").replace(unquote(secret), "[secret]")
    return f"{type(error).__name__}: {redact(text)[:300]}" if text else type(error).__name__


def _secrets() -> list[str]:
    inside = [urlsplit(url).password for url in (settings.REDIS_URL, settings.SMS_URL, settings.MIGRATE_DATABASE_URL)]
    plain = [settings.SECRET_KEY, settings.METRICS_TOKEN, settings.DATABASES["default"].get("PASSWORD"), settings.EMAIL_HOST_PASSWORD]
    return sorted({str(secret) for secret in (*inside, *plain) if secret}, key=len, reverse=True)
