"""Notifications on phones and in browsers, by the backend that `PUSH_URL` names; what they say belongs to the apps.

`console:` writes to standard output, `file:///dir` one file per message, `services:` sends: to FCM with the service account
of `FCM_CREDENTIALS`, to browsers with the key of `VAPID_PRIVATE_KEY`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

from depannini_dashmap.lib.outbound import fcm, web_push
from depannini_dashmap.lib.outbound.push_messages import FCM, LATER, REFUSED, SENT, WEB_PUSH, PushAddress, PushMessage

logger = logging.getLogger(__name__)

PATIENCE = 8.0  # seconds for one message in all: a service that drips must not hold the worker, which has waves to send
AT_ONCE = 20
Letter = tuple[PushAddress, PushMessage]

_SENDERS: dict[str, Callable[[PushAddress, PushMessage], Awaitable[str]]] = {FCM: fcm.send, WEB_PUSH: web_push.send}


class PushNotSet(Exception):
    """`PUSH_URL`, or what it needs, is wrong."""


def send_all(letters: Sequence[Letter]) -> list[str]:
    """Send messages beside each other and return what became of each: sent, gone (no such device), refused or later.

    Raises: PushNotSet.
    """
    scheme = urlsplit(settings.PUSH_URL).scheme
    if scheme not in _BACKENDS:
        raise PushNotSet(f"PUSH_URL names an unknown backend: {scheme}")
    return _BACKENDS[scheme](letters) if letters else []


def serves(kind: str) -> bool:
    """Return whether messages to this kind of device leave."""
    if urlsplit(settings.PUSH_URL).scheme != "services":
        return True
    return bool(settings.FCM_CREDENTIALS if kind == FCM else settings.VAPID_PRIVATE_KEY)


def _to_console(letters: Sequence[Letter]) -> list[str]:
    for address, message in letters:  # the address would let whoever reads the log send, too
        sys.stdout.write(f"--- push ({address.kind}) ---\n{message.tag}: {message.title}\n\n{message.body}\n-----------\n")
    sys.stdout.flush()
    return [SENT] * len(letters)


def _to_file(letters: Sequence[Letter]) -> list[str]:
    directory = Path(unquote(urlsplit(settings.PUSH_URL).path))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for address, message in letters:
            name = uuid.uuid4().hex
            # Readers must never meet half a message.
            draft = directory / f".{name}"
            draft.write_text(json.dumps({"to": asdict(address), **asdict(message)}, ensure_ascii=False), encoding="utf-8")
            draft.rename(directory / f"{name}.json")
    except OSError as error:
        raise PushNotSet(f"The directory of PUSH_URL cannot be written: {error.strerror}") from error
    return [SENT] * len(letters)


def _to_services(letters: Sequence[Letter]) -> list[str]:
    known = {kind: _known_outcome(kind) for kind in {address.kind for address, _ in letters}}
    sent = iter(asyncio.run(_send_beside([letter for letter in letters if not known[letter[0].kind]])))
    return [known[address.kind] or next(sent) for address, _ in letters]


def _known_outcome(kind: str) -> str:
    """Return what becomes of all messages to this kind of device whatever they say, empty where they can be sent.

    The key of one service must not stop what goes by another.
    """
    if not serves(kind):
        return REFUSED
    if kind == FCM:
        try:
            fcm.refresh()  # blocks, so not beside the others
        except fcm.FcmError as error:
            logger.error("%s", error)
            return LATER
    return ""


async def _send_beside(letters: Sequence[Letter]) -> list[str]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def send(address: PushAddress, message: PushMessage) -> str:
        async with slots:
            try:
                return await asyncio.wait_for(_SENDERS[address.kind](address, message), PATIENCE)
            except TimeoutError:
                return LATER

    return list(await asyncio.gather(*(send(*letter) for letter in letters)))


_BACKENDS: dict[str, Callable[[Sequence[Letter]], list[str]]] = {
    "console": _to_console,
    "file": _to_file,
    "services": _to_services,
}
