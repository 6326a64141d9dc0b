"""Sign-in with Google: whether an ID token is genuine, for us, and whom it names; accounts are matched elsewhere."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from depannini_dashmap.lib.errors import Forbidden, Unauthenticated, Unavailable
from depannini_dashmap.lib.text import NotAnEmail, canonical_email, clean

logger = logging.getLogger(__name__)

CERTIFICATES_URL = "https://www.googleapis.com/oauth2/v1/certs"
ISSUERS = {"accounts.google.com", "https://accounts.google.com"}
PATIENCE = 2.0  # seconds for the whole fetch; a client's own are per read, and a server that drips never exceeds them
LONGEST = 1_000_000  # bytes
KEPT = 3600.0
RETRY_AFTER_FAILURE = 10.0
REFETCH_AT_MOST_EVERY = 60.0

_fetcher = ThreadPoolExecutor(1, "google-keys")  # one, so that fetches that hang do not pile up

CertificateSource = Callable[[], Mapping[str, str]]


class CertificatesUnavailable(Exception):
    """Google's certificates could not be fetched."""


@dataclass(frozen=True, slots=True)
class GoogleIdentity:
    """Whom a verified token names; the e-mail is one that Google has verified."""

    sub: str
    email: str
    name: str


def fetch_certificates() -> Mapping[str, str]:
    """Return Google's certificates by key id, within two seconds in any case. Raises: CertificatesUnavailable."""
    import httpx  # with google.auth some megabytes, which few processes need

    # Waited for from outside: looking a name up cannot be cancelled. Cancelled a little later than waited for:
    # a TLS handshake closes its socket when it times out by itself, not when it is cancelled.
    fetching = _fetcher.submit(lambda: asyncio.run(asyncio.wait_for(_download(), PATIENCE + 1)))
    try:
        found = json.loads(fetching.result(PATIENCE))
        if not isinstance(found, dict):
            raise ValueError("no object")
        return found
    except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
        fetching.cancel()
        raise CertificatesUnavailable(type(error).__name__) from error


async def _download() -> bytes:
    """Return what Google answers; cancelling closes the connection at any point."""
    import httpx

    body = b""
    async with (
        httpx.AsyncClient(timeout=PATIENCE, follow_redirects=True) as client,
        client.stream("GET", CERTIFICATES_URL) as response,
    ):
        response.raise_for_status()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LONGEST:
                raise CertificatesUnavailable("too long")
    return body


class _Certificates:
    """The certificates of one source, kept for an hour; a failure is remembered for some seconds."""

    def __init__(self, source: CertificateSource) -> None:
        self.source = source
        self.known: Mapping[str, str] = {}
        self.fetched_at = self.failed_at = float("-inf")
        self.lock = threading.Lock()

    def for_key(self, key_id: str | None) -> Mapping[str, str]:
        """Return all certificates, fetched again when old or when they lack the key."""
        if self._age() > KEPT or (key_id not in self.known and self._age() > REFETCH_AT_MOST_EVERY):
            with self.lock:
                self._fetch(key_id)
        return self.known

    def _age(self) -> float:
        return time.monotonic() - self.fetched_at

    def _fetch(self, key_id: str | None) -> None:
        if self._age() < REFETCH_AT_MOST_EVERY:
            return  # another thread was first
        if time.monotonic() - self.failed_at > RETRY_AFTER_FAILURE:
            try:
                self.known = self.source()
                self.fetched_at = time.monotonic()
                return
            except CertificatesUnavailable as error:
                logger.warning("Google's certificates: %s", error)
                self.failed_at = time.monotonic()
        if key_id not in self.known:
            raise Unavailable("Google sign-in is not available now", code="google_unavailable")


_caches: dict[str, _Certificates] = {}


def _certificates() -> _Certificates:
    path = getattr(settings, "GOOGLE_CERTIFICATE_SOURCE", "accounts.google.fetch_certificates")
    if path not in _caches:
        _caches[path] = _Certificates(import_string(path))
    return _caches[path]


def verify_google_token(raw: str) -> GoogleIdentity:
    """Return whom an ID token of Google names.

    Raises: Unauthenticated (not a JWT, forged, expired, for somebody else), Forbidden (e-mail not verified by Google),
    Unavailable (not configured, or the certificates cannot be fetched).
    """
    from google.auth import exceptions, jwt

    try:
        key_id = jwt.decode_header(raw).get("kid")
    except (ValueError, TypeError, AttributeError, exceptions.GoogleAuthError) as error:
        raise Unauthenticated() from error
    if not settings.GOOGLE_CLIENT_IDS:
        raise Unavailable("Google sign-in is not configured", code="google_not_configured")
    if not isinstance(key_id, str):
        raise Unauthenticated()
    claims = _verified_claims(raw, _certificates().for_key(key_id))
    sub, email = claims.get("sub"), claims.get("email")
    if claims.get("iss") not in ISSUERS or not isinstance(sub, str) or not 0 < len(sub) <= 255:
        raise Unauthenticated()
    if not isinstance(email, str) or claims.get("email_verified") not in (True, "true"):
        raise Forbidden("Google has not verified this e-mail", code="email_unverified")
    try:
        canonical = canonical_email(email[:1000])
    except NotAnEmail as error:
        raise Forbidden("Google has not verified this e-mail", code="email_unverified") from error
    return GoogleIdentity(sub, canonical, clean(str(claims.get("name") or "")[:150]))


def _verified_claims(raw: str, certificates: Mapping[str, str]) -> Mapping:
    from google.auth import exceptions, jwt

    try:
        claims = jwt.decode(
            raw,
            certs=certificates,
            audience=list(settings.GOOGLE_CLIENT_IDS),
            clock_skew_in_seconds=int(settings.CLOCK_LEEWAY.total_seconds()),
        )
    except (ValueError, TypeError, KeyError, exceptions.GoogleAuthError) as error:
        raise Unauthenticated() from error
    if not isinstance(claims, Mapping):
        raise Unauthenticated()
    return claims
