"""Text messages by the backend that `SMS_URL` names; their text belongs to the apps.

`console:` writes to standard output, `file:///dir` one file per message, `twilio://SID:TOKEN@FROM` sends.
"""

import asyncio
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

PATIENCE = 10.0  # seconds in all: those of a client are per read, and a gateway that drips never exceeds them
STEP = (3.05, 5.0, 5.0, 5.0)  # seconds to connect, read, write, and wait for a connection


class SmsError(Exception):
    """The message did not leave; trying again may help."""


def is_configured() -> bool:
    """Return whether messages reach phones: a deployment without a gateway writes them to its log."""
    return settings.DEBUG or not settings.SMS_URL.startswith("console:")


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
    import httpx  # some megabytes, which few processes need

    parts = urlsplit(url)
    account, secret = unquote(parts.username or ""), unquote(parts.password or "")
    # The netloc keeps the case and the plus that `hostname` would lose.
    sender = unquote(parts.netloc.rpartition("@")[2])
    try:
        message = {"To": to, "From": sender, "Body": text}
        status = asyncio.run(asyncio.wait_for(_post_to_twilio(account, secret, message), PATIENCE))
    except (httpx.HTTPError, TimeoutError) as error:
        raise SmsError(f"Twilio is unreachable: {type(error).__name__}") from None
    if status >= 300:
        raise SmsError(f"Twilio refused: {status}")


async def _post_to_twilio(account: str, secret: str, message: dict[str, str]) -> int:
    """Return the status of the answer; cancelling closes the connection at any point."""
    import httpx

    async with httpx.AsyncClient(timeout=STEP) as client:
        url = f"https://api.twilio.com/2010-04-01/Accounts/{account}/Messages.json"
        return (await client.post(url, auth=(account, secret), data=message)).status_code


_BACKENDS: dict[str, Callable[[str, str, str], None]] = {
    "console": _to_console,
    "file": _to_file,
    "twilio": _to_twilio,
}
