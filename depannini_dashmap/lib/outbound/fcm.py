"""Messages to phones by Firebase Cloud Messaging, HTTP v1, as the service account of `FCM_CREDENTIALS`."""

from __future__ import annotations

import json
import logging
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings

from depannini_dashmap.lib.outbound.push_messages import GONE, LATER, REFUSED, PushAddress, PushMessage, outcome_of

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
URL = "https://fcm.googleapis.com/v1/projects/{project}/messages:send"
STEP = (3.05, 5.0, 5.0, 5.0)  # seconds to connect, read, write, and wait for a connection
_refreshing = threading.Lock()


class FcmError(Exception):
    """The service account cannot be used."""


def refresh() -> None:
    """Have an access token that counts; asks Google once an hour. Raises: FcmError."""
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    try:
        with _refreshing:
            account = credentials(settings.FCM_CREDENTIALS)
            if not account.valid:
                account.refresh(lambda *args, **kwargs: Request()(*args, **{**kwargs, "timeout": 5}))
    except (GoogleAuthError, OSError, ValueError) as error:
        raise FcmError(f"FCM_CREDENTIALS cannot be used: {type(error).__name__}") from None


@cache
def credentials(path: str) -> Any:
    """Return the service account in a file. Raises: OSError, ValueError, GoogleAuthError."""
    from google.oauth2 import service_account

    return service_account.Credentials.from_service_account_file(path, scopes=[SCOPE])


async def send(address: PushAddress, message: PushMessage) -> str:
    """Send one message after `refresh`, and return what became of it."""
    import httpx

    account = credentials(settings.FCM_CREDENTIALS)
    url = URL.format(project=account.project_id)
    try:
        async with httpx.AsyncClient(timeout=STEP) as client:
            answer = await client.post(
                url, headers={"Authorization": f"Bearer {account.token}"}, json={"message": body(address, message)}
            )
    except httpx.HTTPError:
        return LATER
    return _outcome(answer)


def body(address: PushAddress, message: PushMessage) -> dict[str, Any]:
    """Return the message as FCM takes it; one that is withdrawn is data alone, by which the app takes it away."""
    data = {**message.data, "tag": message.tag}
    shown: dict[str, Any] = {}
    aps: dict[str, Any] = {"content-available": 1}
    if message.is_withdrawn:
        data["withdrawn"] = "1"
    else:
        shown = {"notification": {"title": message.title, "body": message.body}}
        aps = {"sound": "default", "thread-id": message.tag}
    is_high = message.is_urgent and not message.is_withdrawn
    android: dict[str, Any] = {
        "collapse_key": message.tag, "priority": "HIGH" if is_high else "NORMAL", "ttl": f"{message.ttl_s}s",
        **({"notification": {"tag": message.tag}} if shown else {}),
    }  # fmt: skip
    headers = {
        "apns-collapse-id": message.tag,
        "apns-priority": "5" if message.is_withdrawn else "10",
        "apns-push-type": "background" if message.is_withdrawn else "alert",
        "apns-expiration": str(int(time.time()) + message.ttl_s),
    }
    return {"token": address.token, "data": data, **shown, "android": android, "apns": {"headers": headers, "payload": {"aps": aps}}}


def _outcome(answer: httpx.Response) -> str:
    """Return what became of a message; a token that is none, or of another project, is gone."""
    if answer.status_code < 300:
        return outcome_of(answer.status_code)
    error = _error(answer)
    codes = {detail.get("errorCode", "") for detail in _details(error)}
    if codes & {"UNREGISTERED", "SENDER_ID_MISMATCH"} or _names_token(error):
        return GONE
    found = outcome_of(answer.status_code)
    if found in (GONE, REFUSED):  # an unknown project is a 404, too, and no device's fault
        logger.error("FCM refuses a message: %s %s", answer.status_code, error.get("status", ""))
        return REFUSED
    return found


def _error(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    error = said.get("error") if isinstance(said, dict) else None
    return error if isinstance(error, dict) else {}


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    details = error.get("details")
    return [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []


def _names_token(error: dict[str, Any]) -> bool:
    violations = [one for detail in _details(error) for one in detail.get("fieldViolations") or []]
    return any(isinstance(one, dict) and one.get("field") == "message.token" for one in violations)
