"""Lockout of an account from an address after five wrong passwords.

However many guess at once, five learn that they were wrong: a try is judged after its password was compared, one after
the other, and a sixth learns only that there were too many.
"""

from __future__ import annotations

from datetime import timedelta

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.limits import failed_tries
from accounts.limits.throttles import caller_address
from depannini_dashmap.lib.db.advisory_locks import take_lock
from depannini_dashmap.lib.errors import TooManyRequests


def require_unlocked(request: HttpRequest, name: str) -> None:
    """Let pass, without counting, while account and address are not locked. Raises: TooManyRequests."""
    if not settings.THROTTLING_ENABLED:
        return
    failed_tries.require_tries_left(caller_address(request))
    if _is_locked(request, name):
        raise _too_many(request, name)


def record_attempt(request: HttpRequest, name: str, *, is_right: bool) -> None:
    """Judge a try whose password was compared: a wrong one counts.

    Raises: TooManyRequests if others locked the account and address meanwhile, even if the password was right.
    """
    if not settings.THROTTLING_ENABLED:
        return
    with transaction.atomic():
        take_lock(f"{caller_address(request)} {name}")
        is_late = _is_locked(request, name)
        if not is_late and not is_right:
            user_login_failed.send(sender=__name__, credentials={"username": name}, request=request)
            # The fifth failure is still a failure; only the next try meets the lock.
            request.axes_locked_out = False  # type: ignore[attr-defined]
    if is_late:
        raise _too_many(request, name)


def _is_locked(request: HttpRequest, name: str) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": name})


def _too_many(request: HttpRequest, name: str) -> TooManyRequests:
    latest = (
        AccessAttempt.objects.filter(username=name, ip_address=caller_address(request))
        .order_by("-attempt_time")
        .values_list("attempt_time", flat=True)
        .first()
    )
    cool_off: timedelta = settings.AXES_COOLOFF_TIME
    left = cool_off - (timezone.now() - latest) if latest else cool_off
    return TooManyRequests(retry_after=int(left.total_seconds()) + 1)
