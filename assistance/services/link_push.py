"""Notifications of one request in the browser of who follows it by its link, without an account, while the page is closed.

They say what the client's own say, and nothing of any account. They know no link: the page keeps its own address in the browser,
where the service worker finds it by the number of the request.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts.keyed_hashes import device_key
from accounts.notifications import Notification, withdrawal
from accounts.steps.notifications import PushFailed
from assistance import notifications, task_queueing
from assistance.models import Assistance, ChatMessage, LinkSubscription, RequestLink
from assistance.notifications import STATUS, tag_of
from assistance.steps import request_links
from depannini_dashmap.lib.errors import Unavailable
from depannini_dashmap.lib.ops.metrics import MESSAGES_SENT
from depannini_dashmap.lib.outbound import push
from depannini_dashmap.lib.outbound.push_messages import GONE, LATER, WEB_PUSH, PushAddress, PushMessage


@transaction.atomic
def follow_by_link(*, actor: None, token: str, address: PushAddress, language: str) -> LinkSubscription:
    """Notify a browser of what changes from now on, until the link ends; what its page shows now it is not told.

    Shape: no `actor`. Raises: NotFound for a link that opens nothing; Unavailable where nothing can be sent to browsers.
    """
    if not push.serves(WEB_PUSH):
        raise Unavailable("Notifications of this kind are not configured here", code="push_not_configured", retry_after=3600)
    link = request_links.find_link(token)
    RequestLink.objects.select_for_update(no_key=True).get(pk=link.pk)  # waits for who ends the links
    request_links.require_open(token)
    now = timezone.now()
    subscription = LinkSubscription(
        link=link, endpoint=address.token, endpoint_key=device_key(WEB_PUSH, address.token), p256dh=address.p256dh, auth=address.auth,
        language=language, seen={one.tag: one.content for one in _wanted(link.assistance, {}, now)}, subscribed_at=now,
    )  # fmt: skip
    changed = ["endpoint", "p256dh", "auth", "language", "seen", "subscribed_at"]
    LinkSubscription.objects.bulk_create([subscription], update_conflicts=True, unique_fields=["link", "endpoint_key"], update_fields=changed)
    kept = LinkSubscription.objects.filter(link=link).order_by("-subscribed_at", "-pk")
    LinkSubscription.objects.filter(pk__in=list(kept.values_list("pk", flat=True)[LinkSubscription.MOST :])).delete()
    return kept.get(endpoint_key=subscription.endpoint_key)


def push_link(*, actor: None, subscription_id: int) -> None:
    """Send a browser what it does not show yet, and take away what is over; forget one that is no more, or whose link ended.

    Shape: no `actor`, the worker calls it, with no transaction open. Raises: PushFailed, PushNotSet.
    """
    row = LinkSubscription.objects.select_related("link__assistance").filter(pk=subscription_id).first()
    if row is None:
        return
    if not RequestLink.objects.open().filter(pk=row.link_id).exists():
        row.delete()
        return
    now, job = timezone.now(), row.link.assistance
    wanted = {one.tag: one for one in _wanted(job, row.seen | row.shown, now)}
    new = [tag for tag, one in wanted.items() if row.shown.get(tag, row.seen.get(tag)) != one.content]
    with translation.override(row.language):
        over = [withdrawal(tag, {}, _("Nothing to do any more"), _("This has been dealt with.")) for tag in row.shown if tag not in wanted]
        messages = [*over, *(wanted[tag].message(now) for tag in new)]
    outcome = _send(row, messages)
    if outcome == GONE:
        row.delete()
        return
    if outcome == LATER:
        raise PushFailed(WEB_PUSH)
    LinkSubscription.objects.filter(pk=row.pk).update(shown={tag: wanted[tag].content for tag in wanted if tag in row.shown or tag in new})
    if Assistance.objects.filter(pk=job.pk).exclude(version=job.version).exists():
        task_queueing.queue_push_of_link(row.pk)


def _wanted(job: Assistance, shown: dict[str, str], now: datetime) -> list[Notification]:
    found = notifications.to_client(job, shown.get(tag_of(STATUS, job.pk), ""), now)
    newest = ChatMessage.objects.filter(assistance_id=job.pk).order_by("-pk").values_list("pk", "sender_id").first()
    if newest is not None and newest[1] != job.client_id:  # who wrote the newest has read the others
        found.append(notifications.of_chat(job.pk, job.client_id, newest[0]))
    return found


def _send(row: LinkSubscription, messages: list[PushMessage]) -> str:
    """Return what became of the messages together: gone or later if that is so of any."""
    outcomes = push.send_all([(row.address, message) for message in messages])
    for outcome in outcomes:
        MESSAGES_SENT.labels(f"push_{outcome}", WEB_PUSH).inc()
    return next((outcome for outcome in (GONE, LATER) if outcome in outcomes), "")
