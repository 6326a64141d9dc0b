"""What `manage.py doctor` asks of others: the mail server, the SMS gateway, those who deliver notifications, the tile server."""

import os
import smtplib
import ssl
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests
from django.conf import settings
from django.core.mail import get_connection

from depannini_dashmap.lib.outbound import fcm, web_push
from depannini_dashmap.operations.doctor_findings import PATIENCE, Broken, Doubtful, cause, examination, shown

TWILIO = "https://api.twilio.com"


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
    if settings.EMAIL_HOST_USER:
        return f"{settings.EMAIL_HOST} accepts our login; whether it takes mail of {settings.DEFAULT_FROM_EMAIL} is not tried"
    return f"{settings.EMAIL_HOST} answers; EMAIL_URL has no login, and whether it takes our mail is not tried"


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
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Broken(f"{folder} cannot be written", "Give it to the server's user, or correct SMS_URL.")
        return f"messages go to {folder}"
    if address.scheme != "twilio":
        raise Broken("Unknown gateway", "Use console:, file:///dir or twilio://SID:TOKEN@FROM.")
    return _twilio(unquote(address.username or ""), unquote(address.password or ""))


def _twilio(account: str, token: str) -> str:
    try:
        answer = requests.get(f"{TWILIO}/2010-04-01/Accounts/{account}.json", auth=(account, token), timeout=PATIENCE)
        status = answer.json().get("status") if answer.status_code == 200 else ""
    except (requests.RequestException, AttributeError) as error:
        raise Broken(f"Twilio cannot be asked: {cause(error)}", "Let the server reach api.twilio.com:443.") from None
    if answer.status_code != 200:
        raise Broken(f"Twilio answers {answer.status_code}", "Correct SID and TOKEN in SMS_URL.")
    if status != "active":
        raise Broken(f"Twilio calls the account {status or 'nothing'}", "Ask Twilio to open it.")
    return "Twilio accepts our login; whether it takes the sender is not tried"


@examination
def push() -> str:
    """Look at how notifications leave; sign in at Google, sending nothing."""
    address = urlsplit(settings.PUSH_URL)
    if address.scheme == "console":
        raise Doubtful("Notifications are printed", "Set PUSH_URL=services:, FCM_CREDENTIALS and VAPID_PRIVATE_KEY.")
    if address.scheme == "file":
        return _push_folder(Path(unquote(address.path)))
    if address.scheme != "services":
        raise Broken("Unknown way of sending", "Use console:, file:///dir or services:.")
    found = [_browsers() if settings.VAPID_PRIVATE_KEY else "", _phones() if settings.FCM_CREDENTIALS else ""]
    if not all(found):
        missing = "FCM_CREDENTIALS" if found[0] else "VAPID_PRIVATE_KEY"
        raise Doubtful(f"{'; '.join(filter(None, found)) or 'Nothing is sent'}: no {missing}", f"Set {missing}, or leave it if nobody needs it.")
    return "; ".join(found)


def _push_folder(folder: Path) -> str:
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise Broken(f"{folder} does not exist or cannot be written", "Make it for the server's user, or correct PUSH_URL.")
    return f"notifications go to {folder}"


def _browsers() -> str:
    try:
        web_push.public_key()
    except ValueError:
        raise Broken("VAPID_PRIVATE_KEY is no key", "Set what manage.py vapid_keys prints.") from None
    return "browsers: the key is whole, a message is not tried"


def _phones() -> str:
    try:
        fcm.refresh()
    except fcm.FcmError as error:
        raise Broken(f"Google does not take the service account: {error}", "Correct FCM_CREDENTIALS, and let the server reach oauth2.googleapis.com:443.") from None
    return "phones: Google takes the service account, a message is not tried"


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
        said = answer.headers.get("Content-Type", "no type")
        raise Broken(f"The tile server answers {answer.status_code} with {said[:40]}", "Correct MAP_TILE_URL, or unset it.")
    return f"{shown(settings.MAP_TILE_URL)} gives tiles"
