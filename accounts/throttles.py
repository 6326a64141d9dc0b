"""How often somebody may ask (contract section 7): fixed windows counted in the cache, off with THROTTLING=off."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from depannini_dashmap.lib import context
from depannini_dashmap.lib.errors import TooManyRequests


def caller_address(request: HttpRequest | Request) -> str:
    """Return the address that a caller counts under: IPv6 by its /64; proxies that are not ours cannot choose it."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return context.network_of(context.client_address(request.META.get("REMOTE_ADDR", ""), forwarded, settings.NUM_PROXIES))


class Quota:
    """So many events per key in each window of so many seconds."""

    def __init__(self, name: str, limit: int, seconds: int) -> None:
        self.name, self.limit, self.seconds = name, limit, seconds

    def _slot(self, key: Any) -> str:
        return f"quota:{self.name}:{key}:{int(time.time() // self.seconds)}"

    def retry_after(self) -> int:
        """Return the seconds until the present window ends."""
        return self.seconds - int(time.time() % self.seconds)

    def count(self, key: Any) -> int:
        """Add one event and return how many the window now holds."""
        slot = self._slot(key)
        try:
            return cache.incr(slot)
        except ValueError:
            if cache.add(slot, 1, self.seconds + 1):
                return 1
        try:
            return cache.incr(slot)
        except ValueError:
            return 1

    def spend(self, key: Any) -> None:
        """Count an event. Raises: TooManyRequests beyond the limit."""
        if settings.THROTTLING_ENABLED and self.count(key) > self.limit:
            raise TooManyRequests(retry_after=self.retry_after())

    def require_left(self, key: Any) -> None:
        """Let pass while the limit is not reached, without counting. Raises: TooManyRequests."""
        if settings.THROTTLING_ENABLED and (cache.get(self._slot(key)) or 0) >= self.limit:
            raise TooManyRequests(retry_after=self.retry_after())

    def note(self, key: Any) -> None:
        """Count an event that `require_left` let through."""
        if settings.THROTTLING_ENABLED:
            self.count(key)


REGISTRATIONS = Quota("register", 60, 60)


class QuotaThrottle(BaseThrottle):
    """A quota per key; None as key means that it does not apply."""

    quota: Quota

    def key(self, request: Request) -> Any:
        """Return whom the request counts for."""
        return request.user.pk if request.user.is_authenticated else None

    def allow_request(self, request: Request, view: Any) -> bool:
        if not settings.THROTTLING_ENABLED:
            return True
        key = self.key(request)
        return key is None or self.quota.count(key) <= self.quota.limit

    def wait(self) -> float:
        return self.quota.retry_after()


class SignedInThrottle(QuotaThrottle):
    """300 requests a minute for each signed-in user."""

    quota = Quota("user", 300, 60)


class LocationThrottle(QuotaThrottle):
    """120 locations a minute for each user; takes the place of `SignedInThrottle`."""

    quota = Quota("location", 120, 60)


class PositionThrottle(QuotaThrottle):
    """600 positions a minute for each token; takes the place of `SignedInThrottle`."""

    quota = Quota("position", 600, 60)

    def key(self, request: Request) -> Any:
        return getattr(request.auth, "token_id", None)


class RegistrationThrottle(QuotaThrottle):
    """60 registrations a minute from each address."""

    quota = REGISTRATIONS

    def key(self, request: Request) -> Any:
        return caller_address(request)
