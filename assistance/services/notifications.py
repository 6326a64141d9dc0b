"""Telling people of requests while their app is closed: by notification, where it matters and they have none by SMS.

Each flow looks at what should be shown now and sends what differs from what is shown: a task that runs twice, or after
its time, does no harm. No transaction may be open, as outside systems are asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from accounts.limits import message_budget
from accounts.models import PushDevice, PushNotice, User
from accounts.notifications import Notification
from accounts.steps import notifications as devices
from assistance import lifecycle, notifications, task_queueing
from assistance.models import Assistance, ChatMessage, LinkSubscription, Offer
from assistance.notifications import CHAT, OFFER, PRICE, STATUS, tag_of
from depannini_dashmap.lib.db.advisory_locks import take_lock
from depannini_dashmap.lib.errors import InvalidData, TooManyRequests
from depannini_dashmap.lib.outbound.sms import SmsError, send_sms

REPEATED_WITHIN = timedelta(seconds=60)
MOST_OFFERS = 5  # of one assistant at once: more say nothing more
TAKEN_SINCE = timedelta(minutes=10)
_TAKEN_AWAY = (Offer.Reason.RECALLED, Offer.Reason.STALLED)


def push_offers(*, actor: None, assistance_ids: Sequence[int]) -> None:
    """Show the open offers of some requests to those on duty, and take away what is over.

    Shape: no `actor`, the worker calls it. Effects: a request of a client whose request before was shown within the last
    minute is not shown again.
    """
    now = timezone.now()
    asked = Offer.objects.filter(assistance_id__in=list(assistance_ids))
    everybody = {(user_id, tag_of(OFFER, pk)) for user_id, pk in asked.values_list("assistant_id", "assistance_id")}
    open_now = asked.open().filter(assistant__assistant_profile__is_active=True, assistance__expires_at__gt=now)
    offers = list(open_now.select_related("assistance").order_by("distance_km", "pk"))
    over = everybody - {(offer.assistant_id, tag_of(OFFER, offer.assistance_id)) for offer in offers}
    _try_again(devices.withdraw(over))
    _try_again(devices.show([notifications.of_offer(offer) for offer in _worth_showing(offers, now)]))


def _worth_showing(offers: Sequence[Offer], now: datetime) -> list[Offer]:
    repeated = _repeated(offers, now)
    count: Counter[int] = Counter()
    chosen = []
    for offer in offers:
        count[offer.assistant_id] += 1
        if count[offer.assistant_id] <= MOST_OFFERS and (offer.assistant_id, offer.assistance.client_id) not in repeated:
            chosen.append(offer)
    return chosen


def _repeated(offers: Sequence[Offer], now: datetime) -> set[tuple[int, int]]:
    """Return which assistants were shown another request of which client within the last minute."""
    clients = {offer.assistance.client_id for offer in offers}
    before = Offer.objects.filter(
        assistance__client_id__in=clients, assistant_id__in={offer.assistant_id for offer in offers},
        offered_at__gt=now - REPEATED_WITHIN - timedelta(minutes=1),
    ).exclude(assistance_id__in={offer.assistance_id for offer in offers})  # fmt: skip
    known = {
        (user_id, tag_of(OFFER, pk)): (user_id, client_id)
        for user_id, pk, client_id in before.values_list("assistant_id", "assistance_id", "assistance__client_id")
    }
    shown = PushNotice.objects.filter(
        user_id__in={user_id for user_id, _tag in known}, tag__in={tag for _user_id, tag in known}, shown_at__gt=now - REPEATED_WITHIN
    )
    return {known[row] for row in shown.values_list("user_id", "tag") if row in known}


def push_job(*, actor: None, assistance_id: int) -> None:
    """Show each party of a request what it should know, and take away what is over, its offers too.

    Shape: no `actor`, the worker calls it. Effects: a client without a device gets an SMS where their request is accepted,
    or cancelled by the office. Raises: SmsError, PushNotSet.
    """
    now = timezone.now()
    job = Assistance.objects.select_related("client", "assistant").filter(pk=assistance_id).first()
    if job is None:
        return
    wanted = _wanted(job, now)
    tags = {(one.user_id, one.tag) for one in wanted}
    parties = [user_id for user_id in (job.client_id, job.assistant_id) if user_id is not None]
    over = {(user_id, tag_of(kind, job.pk)) for user_id in parties for kind in (STATUS, PRICE)} - tags
    push_offers(actor=None, assistance_ids=[job.pk])
    _try_again(devices.withdraw(over))
    _try_again(devices.show(wanted))
    for one in wanted:
        if one.user_id == job.client_id and _matters(one):
            _send_sms(job.client, one, now)
    _queue_links(job.pk)
    if Assistance.objects.filter(pk=job.pk).exclude(version=job.version).exists():
        # What another worker has shown of the new state may have reached a phone before this: nothing old may stay there.
        task_queueing.queue_push_of_job(job.pk)


def _wanted(job: Assistance, now: datetime) -> list[Notification]:
    shown = PushNotice.objects.filter(user_id=job.client_id, tag=tag_of(STATUS, job.pk), withdrawn_at=None)
    before = shown.values_list("content", flat=True).first() or ""
    offers = Offer.objects.filter(assistance_id=job.pk)
    by_hand = offers.filter(assistant_id=job.assistant_id, source=Offer.Source.HAND, reason=Offer.Reason.ACCEPTED)
    is_assigned = job.status == lifecycle.ACCEPTED and by_hand.exists()
    former = offers.filter(reason__in=_TAKEN_AWAY, closed_at__gt=now - TAKEN_SINCE).exclude(assistant_id=job.assistant_id)
    return [
        *notifications.to_client(job, before, now),
        *notifications.to_assistant(job, is_assigned=is_assigned),
        *(notifications.to_former(job, user_id) for user_id in set(former.values_list("assistant_id", flat=True))),
    ]


def push_chat(*, actor: None, message_id: int) -> None:
    """Tell the other party of a message, and take the notification away from who wrote it: they have read the others.

    Shape: no `actor`, the worker calls it.
    """
    message = ChatMessage.objects.select_related("assistance").filter(pk=message_id).first()
    if message is None or message.sender_id is None:
        return
    job = message.assistance
    parties = {user_id for user_id in (job.client_id, job.assistant_id) if user_id is not None}
    _try_again(devices.withdraw({(message.sender_id, tag_of(CHAT, job.pk))}))
    _queue_links(job.pk)
    told = [notifications.of_chat(job.pk, user_id, message.pk) for user_id in parties - {message.sender_id}]
    _try_again(devices.show(told))


def push_again(*, actor: None, device_id: int, tag: str) -> None:
    """Send to a device what did not reach it.

    Shape: no `actor`, the worker calls it. Raises: PushFailed.
    """
    user_id = PushDevice.objects.filter(pk=device_id).values_list("user_id", flat=True).first()
    if user_id is not None:
        devices.show_again(device_id, _now_shown(user_id, tag), tag)


def _now_shown(user_id: int, tag: str) -> Notification | None:
    kind, assistance_id = notifications.read_tag(tag)
    found: Iterable[Notification]
    if kind == OFFER:
        offers = Offer.objects.open().filter(assistance_id=assistance_id, assistant_id=user_id).select_related("assistance")
        found = [notifications.of_offer(offer) for offer in offers]
    elif kind == CHAT:
        newest = ChatMessage.objects.filter(assistance_id=assistance_id).exclude(sender_id=user_id).order_by("-pk").first()
        found = [notifications.of_chat(assistance_id, user_id, newest.pk)] if newest else []
    else:
        job = Assistance.objects.filter(pk=assistance_id).first()
        found = _wanted(job, timezone.now()) if job else []
    return next((one for one in found if (one.user_id, one.tag) == (user_id, tag)), None)


def _queue_links(assistance_id: int) -> None:
    """Have browsers that follow the request by a link looked at, each by a task of its own."""
    for pk in LinkSubscription.objects.filter(link__assistance_id=assistance_id).values_list("pk", flat=True):
        task_queueing.queue_push_of_link(pk)


def _try_again(retries: Iterable[devices.Retry]) -> None:
    for retry in retries:
        task_queueing.queue_push_again(retry.device_id, retry.tag)


def _matters(one: Notification) -> bool:
    """Return whether somebody must hear of it who has no device for notifications."""
    return _for_sms(one).startswith("accepted.") or one.content == f"canceled.{Assistance.Reason.STAFF}"


def _for_sms(one: Notification) -> str:
    """Return the content that is noted for an SMS: that help comes is said once, from however far."""
    return one.content.replace("near.", "accepted.")


def _send_sms(client: User, one: Notification, now: datetime) -> None:
    """Send a notification as an SMS to a client without a device, to a number that is proven or that they called from."""
    number = client.phone_number if client.phone_verified else client.caller_phone
    if not settings.SMS_FALLBACK or not number or not client.is_active or devices.with_devices([client.pk]):
        return
    one = replace(one, content=_for_sms(one))
    with transaction.atomic():
        take_lock(f"notice {client.pk}")  # no row may be there to lock: of two workers one sends
        said = PushNotice.objects.filter(user_id=client.pk, tag=one.tag, content=one.content, withdrawn_at=None)
        if said.exists() or _is_repeated(client, one, now):
            return
        try:
            spent = message_budget.spend_roadside(number)
        except (TooManyRequests, InvalidData):
            return
        devices.note([one], now)
    try:
        with translation.override(settings.LANGUAGE_CODE):
            send_sms(number, f"{one.title}. {one.body}")
    except SmsError:
        message_budget.give_back(spent)
        said.delete()
        raise


def _is_repeated(client: User, one: Notification, now: datetime) -> bool:
    """Return whether the same was said of another request of the client within the last minute."""
    kind = one.content.partition(".")[0]
    others = PushNotice.objects.filter(user_id=client.pk, content__startswith=kind, shown_at__gt=now - REPEATED_WITHIN)
    return others.exclude(tag=one.tag).exists()
