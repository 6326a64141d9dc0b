"""DRF's throttles of requests, and the address that a caller counts under; what they allow is in `rates`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.limits import rates
from accounts.limits.counters import Quota
from depannini_dashmap.lib.ops import request_context


def caller_address(request: HttpRequest | Request) -> str:
    """Return the address that a caller counts under: IPv6 by its /64; proxies that are not ours cannot choose it."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return request_context.network_of(request_context.client_address(request.META.get("REMOTE_ADDR", ""), forwarded, settings.NUM_PROXIES))


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

    quota = rates.SIGNED_IN


class LocationThrottle(QuotaThrottle):
    """120 locations a minute for each user; takes the place of `SignedInThrottle`."""

    quota = rates.LOCATIONS


class PositionThrottle(BaseThrottle):
    """600 positions a minute for each token, 5,000 at once after a silence; takes the place of `SignedInThrottle`."""

    bucket = rates.POSITIONS
    seconds = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        key = getattr(request.auth, "token_id", None)
        if settings.THROTTLING_ENABLED and key is not None:
            self.seconds = self.bucket.take(key)
        return not self.seconds

    def wait(self) -> float:
        return self.seconds


class BulkThrottle(QuotaThrottle):
    """600 lists of positions a minute for each token: who forwards a whole fleet's has one for all of it."""

    quota = rates.POSITION_LISTS

    def key(self, request: Request) -> Any:
        return getattr(request.auth, "token_id", None)


class RegistrationThrottle(QuotaThrottle):
    """60 registrations a minute from each address."""

    quota = rates.REGISTRATIONS

    def key(self, request: Request) -> Any:
        return caller_address(request)
