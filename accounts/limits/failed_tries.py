"""Limit of wrong passwords, codes and tokens of one network, counted in the database.

What an account and an address may fail together is axes's (`lockouts`).
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.keyed_hashes import name_key
from accounts.limits import rates
from accounts.limits.message_budget import WARNING
from accounts.limits.throttles import caller_address
from accounts.models import Notice, User
from accounts.networks import network_key
from accounts.steps.notices import notice_address, send_notice
from depannini_dashmap.lib.errors import TooManyRequests


def require_tries_left(address: str) -> None:
    """Let pass, without counting, while a network has failed less than its limit. Raises: TooManyRequests."""
    if not settings.THROTTLING_ENABLED:
        return
    recent = _tries().filter(network_key=network_key(address), at__gt=timezone.now() - rates.NETWORK_FAILURES_WINDOW)
    times = list(recent.order_by("-at").values_list("at", flat=True)[:rates.NETWORK_FAILURES])
    if len(times) >= rates.NETWORK_FAILURES:
        raise TooManyRequests(retry_after=int((times[-1] + rates.NETWORK_FAILURES_WINDOW - timezone.now()).total_seconds()) + 1)


def count_failure(address: str, account: str = "") -> None:
    """Count a failure of a network; of a sign-in with the name that was tried."""
    if settings.THROTTLING_ENABLED:
        _tries().create(network_key=network_key(address), account_key=name_key(account) if account else "")


@receiver(user_login_failed, dispatch_uid="accounts.failures")
def note_failed_login(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Count a failed sign-in by any way, and warn the owner of an account at which many networks guess."""
    name = str(credentials.get("username") or "")[:254]
    if request is None or not name or not settings.THROTTLING_ENABLED:
        return
    count_failure(caller_address(request), name)
    recent = _tries().filter(account_key=name_key(name), at__gt=timezone.now() - rates.GUESSING_WINDOW)
    if recent.order_by().values("network_key").distinct().count() >= rates.GUESSING_NETWORKS:
        _warn(name)


def _warn(name: str) -> None:
    """Notify the owner at a proven address, if there is one; the budget lets one warning an hour through."""
    user = User.objects.active().filter(username=name).first()
    if user is None:
        return
    if target := notice_address(user):
        send_notice(user, Notice.Kind.GUESSED_AT, *target, budget_kind=WARNING)


def _tries() -> Any:
    return apps.get_model("depannini_dashmap", "FailedTry").objects
