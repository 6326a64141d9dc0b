"""The keys of devices and the secrets of forwarders: which of them a message carries, and what is stored of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from depannini_dashmap.lib import errors
from telematics.models import Device, Forwarder

LONGEST_KEY = 100


def recognise_device(key: str) -> Device:
    """Return the working device of a key. Raises: Unauthenticated."""
    return recognise_devices([key])[key]


def recognise_devices(keys: Iterable[str]) -> dict[str, Device]:
    """Return the working device of each key, by one query. Raises: Unauthenticated where one is nobody's."""
    digests = {key: digest_of(key) for key in keys if 0 < len(key) <= LONGEST_KEY}
    found = {device.key_digest: device for device in Device.objects.working().filter(key_digest__in=digests.values())}
    try:
        return {key: found[digests[key]] for key in keys}
    except KeyError:
        raise errors.Unauthenticated() from None


def forwarder_of(secret: str) -> Forwarder | None:
    """Return the working forwarder of a secret, if it is one's."""
    if not 0 < len(secret) <= LONGEST_KEY:
        return None
    return Forwarder.objects.working().filter(secret_digest=digest_of(secret)).first()


def digest_of(key: str) -> str:
    """Return what is stored of a key: it is random enough to need no salt."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
