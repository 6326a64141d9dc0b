"""Notifying browsers that follow a link: one is kept with it, and sent what it does not show yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts.keyed_hashes import device_key
from accounts.link_subscriptions import BrowserSubscription
from accounts.notifications import Notification, withdrawal
from accounts.steps.notifications import PushFailed
from depannini_dashmap.lib.errors import Unavailable
from depannini_dashmap.lib.ops.metrics import MESSAGES_SENT
from depannini_dashmap.lib.outbound import push
from depannini_dashmap.lib.outbound.push_messages import GONE, LATER, WEB_PUSH, PushAddress, PushMessage

Subscription = TypeVar("Subscription", bound=BrowserSubscription)


def require_push() -> None:
    """Raise Unavailable where nothing can be sent to browsers."""
    if not push.serves(WEB_PUSH):
        raise Unavailable("Notifications of this kind are not configured here", code="push_not_configured", retry_after=3600)


def subscribe(kind: type[Subscription], address: PushAddress, seen: Iterable[Notification], **fields: Any) -> Subscription:
    """Keep a browser with its (locked) link, which is among `fields`; what its page shows now, `seen`, it is not told."""
    link, rows = fields["link"], kind._default_manager
    made = kind(
        endpoint=address.token, endpoint_key=device_key(WEB_PUSH, address.token), p256dh=address.p256dh, auth=address.auth,
        seen=contents(seen), **fields,
    )  # fmt: skip
    changed = ["endpoint", "p256dh", "auth", "seen", *(name for name in fields if name != "link")]
    rows.bulk_create([made], update_conflicts=True, unique_fields=["link", "endpoint_key"], update_fields=changed)
    kept = rows.filter(link=link).order_by("-subscribed_at", "-pk")
    rows.filter(pk__in=list(kept.values_list("pk", flat=True)[kind.MOST :])).delete()
    return kept.get(endpoint_key=made.endpoint_key)


def contents(notifications: Iterable[Notification]) -> dict[str, str]:
    """Return what notifications say of each thing, in words of the program."""
    return {one.tag: one.content for one in notifications}


def show(row: BrowserSubscription, notifications: Iterable[Notification], now: datetime) -> bool:
    """Send a browser what it does not show yet, and take away what is over; return whether it is still there.

    Effects: forgets a browser that is no more. Raises: PushFailed, PushNotSet.
    """
    wanted = {one.tag: one for one in notifications}
    new = [tag for tag, one in wanted.items() if row.shown.get(tag, row.seen.get(tag)) != one.content]
    with translation.override(row.language):
        over = [withdrawal(tag, {}, _("Nothing to do any more"), _("This has been dealt with.")) for tag in row.shown if tag not in wanted]
        messages = [*over, *(wanted[tag].message(now) for tag in new)]
    outcome = _send(row, messages)
    if outcome == GONE:
        row.delete()
        return False
    if outcome == LATER:
        raise PushFailed(WEB_PUSH)
    shown = {tag: wanted[tag].content for tag in wanted if tag in row.shown or tag in new}
    type(row)._default_manager.filter(pk=row.pk).update(shown=shown)
    return True


def _send(row: BrowserSubscription, messages: list[PushMessage]) -> str:
    """Return what became of the messages together: gone or later if that is so of any."""
    outcomes = push.send_all([(row.address, message) for message in messages])
    for outcome in outcomes:
        MESSAGES_SENT.labels(f"push_{outcome}", WEB_PUSH).inc()
    return next((outcome for outcome in (GONE, LATER) if outcome in outcomes), "")
