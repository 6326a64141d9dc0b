"""Messages to browsers: encrypted for the browser (RFC 8291), signed with our key (RFC 8292), given to its push service.

An endpoint is a URL that a caller chose: https alone, of push services that are known (or named in `WEB_PUSH_HOSTS`), on a
public address that is looked up at the time of sending and connected to as found; no redirect is followed and no answer
is read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from email.utils import parseaddr
from urllib.parse import urlsplit

import http_ece
import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from depannini_dashmap.lib.outbound.public_addresses import NotPublic, resolve
from depannini_dashmap.lib.outbound.push_messages import LATER, REFUSED, PushAddress, PushMessage, outcome_of

KNOWN_HOSTS = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
LONGEST_ENDPOINT = 2048
STEP = (3.05, 5.0, 5.0, 5.0)  # seconds to connect, read, write, and wait for a connection
_SIGNED_FOR = 12 * 3600  # seconds
_PUBLIC_KEY_SIZE, _AUTH_SIZE = 65, 16


class NotASubscription(ValueError):
    """What a browser would never give; the message says which part."""


def check_endpoint(endpoint: str) -> None:
    """Let an endpoint pass that may be sent to, as far as its spelling tells. Raises: NotASubscription."""
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise NotASubscription("endpoint") from None
    is_plain = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint and len(endpoint) <= LONGEST_ENDPOINT
    if not is_plain or parts.scheme != "https" or parts.username is not None or port not in (None, 443) or not _is_served(host):
        raise NotASubscription("endpoint")


def _is_served(host: str) -> bool:
    if "*" in settings.WEB_PUSH_HOSTS:
        return bool(host)
    return any(host == known or host.endswith(f".{known}") for known in (*KNOWN_HOSTS, *settings.WEB_PUSH_HOSTS))


def check_keys(p256dh: str, auth: str) -> None:
    """Let the keys of a browser pass. Raises: NotASubscription."""
    try:
        public = _decoded(p256dh)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    except ValueError:
        raise NotASubscription("p256dh") from None
    if len(public) != _PUBLIC_KEY_SIZE:
        raise NotASubscription("p256dh")
    try:
        if len(_decoded(auth)) != _AUTH_SIZE:
            raise NotASubscription("auth")
    except ValueError:
        raise NotASubscription("auth") from None


def make_private_key() -> str:
    """Return a new key for `VAPID_PRIVATE_KEY`."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _encoded(number.to_bytes(32, "big"))


def public_key() -> str:
    """Return what pages subscribe with, empty where there is no key. Raises: ValueError for a key that is none."""
    return public_key_of(settings.VAPID_PRIVATE_KEY) if settings.VAPID_PRIVATE_KEY else ""


def public_key_of(private: str) -> str:
    """Return the public key of a private one. Raises: ValueError."""
    key = _read_key(private).public_key()
    return _encoded(key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))


def _read_key(private: str) -> ec.EllipticCurvePrivateKey:
    raw = _decoded(private)
    if len(raw) != 32:
        raise ValueError("VAPID_PRIVATE_KEY is no key of 32 bytes")
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


async def send(address: PushAddress, message: PushMessage) -> str:
    """Send one message and return what became of it."""
    import httpx

    try:
        check_endpoint(address.token)
        parts = urlsplit(address.token)
        host = (parts.hostname or "").rstrip(".")
        found = await resolve(host, 443)
        sealed = encrypted(address, message)
        at = f"[{found}]" if ":" in found else found
        target = parts._replace(netloc=at, fragment="").geturl()
        headers = {**_headers(message), "Host": host, "Authorization": _signature(f"https://{host}")}
    except NotASubscription:
        return REFUSED
    except NotPublic:
        return LATER  # a name server may be away; ten tries later it is given up
    except (ValueError, InvalidTag):  # keys of the browser, or our own, that are none
        return REFUSED
    try:
        # The certificate is the host's, though the connection goes to the address that was looked at.
        async with httpx.AsyncClient(timeout=STEP, follow_redirects=False, trust_env=False) as client:
            request = client.build_request("POST", target, content=sealed, headers=headers, extensions={"sni_hostname": host})
            answer = await client.send(request, stream=True)
            await answer.aclose()
    except httpx.HTTPError:
        return LATER
    return REFUSED if 300 <= answer.status_code < 400 else outcome_of(answer.status_code)


def encrypted(address: PushAddress, message: PushMessage) -> bytes:
    """Return the message as only the browser reads it."""
    said = {"tag": message.tag, "title": message.title, "body": message.body, "data": message.data, "withdrawn": message.is_withdrawn}
    return bytes(
        http_ece.encrypt(
            json.dumps(said, ensure_ascii=False).encode(),
            salt=os.urandom(16),
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=_decoded(address.p256dh),
            auth_secret=_decoded(address.auth),
            version="aes128gcm",
        )
    )


def _headers(message: PushMessage) -> dict[str, str]:
    topic = _encoded(hashlib.sha256(message.tag.encode()).digest())[:32]  # what a service compares, of at most 32 letters
    urgency = "high" if message.is_urgent and not message.is_withdrawn else "normal"
    return {"TTL": str(message.ttl_s), "Topic": topic, "Urgency": urgency, "Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream"}


def _signature(audience: str) -> str:
    claims = {"aud": audience, "exp": int(time.time()) + _SIGNED_FOR, "sub": f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"}
    return f"vapid t={jwt.encode(claims, _read_key(settings.VAPID_PRIVATE_KEY), algorithm='ES256')}, k={public_key()}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """Read base64url with or without padding. Raises: ValueError."""
    bare = text.rstrip("=")
    if not bare.isascii() or len(bare) > 200:
        raise ValueError("no base64url")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
