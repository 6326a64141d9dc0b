"""Notifications of one request in the browser of who follows it by its link, without an account, while the page is closed.

They say what the client's own say, and nothing of any account. They know no link: the page keeps its own address in the browser,
where the service worker finds it by the number of the request.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.notifications import Notification
from accounts.steps import link_push
from assistance import notifications, task_queueing
from assistance.models import Assistance, ChatMessage, LinkSubscription, RequestLink
from assistance.notifications import STATUS, tag_of
from assistance.steps import request_links
from depannini_dashmap.lib.outbound.push_messages import PushAddress


@transaction.atomic
def follow_by_link(*, actor: None, token: str, address: PushAddress, language: str) -> LinkSubscription:
    """Notify a browser of what changes from now on, until the link ends; what its page shows now it is not told.

    Shape: no `actor`. Raises: NotFound for a link that opens nothing; Unavailable where nothing can be sent to browsers.
    """
    link_push.require_push()
    link = request_links.find_link(token)
    RequestLink.objects.select_for_update(no_key=True).get(pk=link.pk)  # waits for who ends the links
    request_links.require_open(token)
    now = timezone.now()
    seen = _wanted(link.assistance, {}, now)
    return link_push.subscribe(LinkSubscription, address, seen, link=link, language=language, subscribed_at=now)


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
    is_there = link_push.show(row, _wanted(job, row.seen | row.shown, now), now)
    if is_there and Assistance.objects.filter(pk=job.pk).exclude(version=job.version).exists():
        task_queueing.queue_push_of_link(row.pk)


def _wanted(job: Assistance, shown: dict[str, str], now: datetime) -> list[Notification]:
    found = notifications.to_client(job, shown.get(tag_of(STATUS, job.pk), ""), now)
    newest = ChatMessage.objects.filter(assistance_id=job.pk).order_by("-pk").values_list("pk", "sender_id").first()
    if newest is not None and newest[1] != job.client_id:  # who wrote the newest has read the others
        found.append(notifications.of_chat(job.pk, job.client_id, newest[0]))
    return found
