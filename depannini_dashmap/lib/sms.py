"""Text messages by the backend that `SMS_URL` names; what they say belongs to the apps.

`console:` writes to standard output, `file:///dir` one file per message, `twilio://SID:TOKEN@FROM` sends.
"""

import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests
from django.conf import settings

PATIENCE = (3.05, 5)  # seconds to connect, to be answered


class SmsError(Exception):
    """The message did not leave; trying again may help."""


def send_sms(to: str, text: str) -> None:
    """Send one message to an E.164 number. Raises: SmsError."""
    url = settings.SMS_URL
    scheme = urlsplit(url).scheme
    if scheme not in _BACKENDS:
        raise SmsError(f"SMS_URL names an unknown backend: {scheme}")
    _BACKENDS[scheme](url, to, text)


def _to_console(url: str, to: str, text: str) -> None:
    sys.stdout.write(f"--- SMS ---\nTo: {to}\n\n{text}\n-----------\n")
    sys.stdout.flush()


def _to_file(url: str, to: str, text: str) -> None:
    directory = Path(unquote(urlsplit(url).path))
    name = uuid.uuid4().hex
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Readers must never meet half a message.
        draft = directory / f".{name}"
        draft.write_text(f"To: {to}\n\n{text}\n", encoding="utf-8")
        draft.rename(directory / f"{name}.txt")
    except OSError as error:
        raise SmsError(f"The directory of SMS_URL cannot be written: {error.strerror}") from error


def _to_twilio(url: str, to: str, text: str) -> None:
    parts = urlsplit(url)
    account, secret = unquote(parts.username or ""), unquote(parts.password or "")
    # The netloc keeps the case and the plus that `hostname` would lose.
    sender = unquote(parts.netloc.rpartition("@")[2])
    try:
        response = requests.post(
            f"https://api.twilio.com/2010-04-01/Accounts/{account}/Messages.json",
            auth=(account, secret),
            data={"To": to, "From": sender, "Body": text},
            timeout=PATIENCE,
        )
    except requests.RequestException as error:
        raise SmsError(f"Twilio is unreachable: {type(error).__name__}") from None
    if response.status_code >= 300:
        raise SmsError(f"Twilio refused: {response.status_code}")


_BACKENDS: dict[str, Callable[[str, str, str], None]] = {
    "console": _to_console,
    "file": _to_file,
    "twilio": _to_twilio,
}
