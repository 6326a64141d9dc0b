"""Calling people about alarms that ring for longer than they allow: at most one message a watch in ten minutes, within the budget."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.limits import message_budget
from accounts.models import Company, Membership, User
from alarms import messages
from alarms.managers import ROADSIDE_KINDS
from alarms.models import LONGEST_WAIT, Alarm, AlarmMessage, AlarmWatch
from depannini_dashmap.lib.errors import Forbidden, InvalidData, NotFound, TooManyRequests
from depannini_dashmap.lib.ops.enqueue import enqueue
from depannini_dashmap.lib.time_zone import display_zone

MESSAGE_EVERY = dt.timedelta(minutes=10)


@transaction.atomic
def set_watch(
    *,
    actor: User,
    company: Company | None,
    channel: str,
    after_minutes: int,
    begins: dt.time | None = None,
    ends: dt.time | None = None,
    language: str = "en",
) -> AlarmWatch:
    """Have the actor told of a company's alarms, or of the roadside's, by SMS or mail once they ring for so many minutes.

    Raises: NotFound (a company of others), Forbidden (the roadside is not theirs), InvalidData (no proven address for the
    channel, minutes out of range, half an interval).
    """
    if company is None and not actor.is_roadside:
        raise Forbidden()
    if company is not None and not Company.objects.visible_to(actor).filter(pk=company.pk).exists():
        raise NotFound(_("Company"))
    faults: dict[str, list[Any]] = {}
    if not 1 <= after_minutes <= LONGEST_WAIT:
        faults["after_minutes"] = [_("Give 1 to %(most)d minutes.") % {"most": LONGEST_WAIT}]
    if (begins is None) != (ends is None):
        faults["begins" if begins is None else "ends"] = [_("Give both times, or none.")]
    if channel not in AlarmWatch.Channel.values:
        faults["channel"] = [_("Choose SMS or e-mail.")]
    elif not messages.address_of(actor, channel):
        faults["channel"] = [_("You have no confirmed address for it. Confirm one in your profile first.")]
    if faults:
        raise InvalidData(fields=faults)
    fields = {"channel": channel, "after_minutes": after_minutes, "begins": begins, "ends": ends, "language": language[:8]}
    watch, _made = AlarmWatch.objects.update_or_create(user=actor, company=company, defaults=fields)
    return watch


def stop_watch(*, actor: User, company: Company | None) -> None:
    """Tell the actor no more of a company's alarms, or of the roadside's."""
    AlarmWatch.objects.filter(user=actor, company=company).delete()


def call_watchers(*, actor: None, now: dt.datetime) -> None:
    """Queue messages to those whose alarms ring for too long. Four queries at most, and a transaction for each message.

    Shape: no `actor`, the worker calls it by `look`.
    """
    clock = now.astimezone(display_zone()).time()
    rested = Q(last_message_at__isnull=True) | Q(last_message_at__lte=now - MESSAGE_EVERY)
    watches = [row for row in AlarmWatch.objects.filter(rested, user__is_active=True).select_related("user") if row.is_on(clock)]
    if not watches:
        return
    ringing: list[Any] = list(Alarm.objects.ringing(now).with_ringing_since())
    if not ringing:
        return
    members = set(Membership.objects.filter(user__in={row.user_id for row in watches}).values_list("user_id", "company_id"))
    told = set(AlarmMessage.objects.filter(watch__in=watches, alarm__in=ringing).values_list("watch_id", "alarm_id"))
    for watch in watches:
        longest = now - dt.timedelta(minutes=watch.after_minutes)
        news = [alarm for alarm in ringing if alarm.ringing_since <= longest and (watch.pk, alarm.pk) not in told]
        due = [alarm.pk for alarm in news if _is_of(alarm, watch, members)]
        if due and messages.address_of(watch.user, watch.channel):
            _queue(watch.pk, due, now)


def _is_of(alarm: Alarm, watch: AlarmWatch, members: Collection[tuple[int, int]]) -> bool:
    """Return whether an alarm is what a watch is about, and its owner still sees it; the groups are asked for last, by a query."""
    if watch.company_id is not None:
        is_there = alarm.company_id == watch.company_id
        return is_there and ((watch.user_id, watch.company_id) in members or watch.user.is_operator)
    return alarm.company_id is None and watch.user.is_roadside and (alarm.kind in ROADSIDE_KINDS or watch.user.is_operator)


@transaction.atomic
def _queue(watch_id: int, alarm_ids: Iterable[int], now: dt.datetime) -> None:
    """Queue one message about alarms of which a watch was not told, if the budget has room; else the next look tries again."""
    watch = AlarmWatch.objects.select_for_update(of=("self",)).select_related("user").filter(pk=watch_id).first()
    if watch is None or (watch.last_message_at is not None and watch.last_message_at > now - MESSAGE_EVERY):
        return
    told = set(watch.messages.filter(alarm__in=alarm_ids).values_list("alarm_id", flat=True))
    news = [pk for pk in alarm_ids if pk not in told]
    address = messages.address_of(watch.user, watch.channel)
    if not news or not address:
        return
    try:
        message_budget.spend(message_budget.ALARM, watch.channel, address, asker=watch.user, company_id=watch.company_id)
    except (TooManyRequests, InvalidData):
        return
    AlarmMessage.objects.bulk_create([AlarmMessage(watch=watch, alarm_id=pk) for pk in news], ignore_conflicts=True)
    AlarmWatch.objects.filter(pk=watch.pk).update(last_message_at=now)
    enqueue("alarms.tasks.deliver_alarm", watch.pk)


def send_messages(*, actor: None, watch_id: int) -> None:
    """Send what is queued for a watch as one message, leaving out what rings no more.

    Shape: no `actor`, the worker calls it. Safe to run twice. Raises: what the mail server or the SMS backend raises.
    """
    watch = AlarmWatch.objects.select_related("user", "company").filter(pk=watch_id, user__is_active=True).first()
    address = watch and messages.address_of(watch.user, watch.channel)
    if watch is None or not address:
        forget_unsent(actor=None, watch_id=watch_id)
        return
    now = timezone.now()
    queued = AlarmMessage.objects.filter(watch=watch, sent_at__isnull=True)
    ringing = _queued_alarms(queued, now)
    if not ringing:
        queued.delete()  # what rings again after a snooze may be told
        return
    messages.send(watch, address, ringing)
    queued.filter(alarm__in=[alarm.pk for alarm in ringing]).update(sent_at=now)
    queued.delete()


def forget_unsent(*, actor: None, watch_id: int) -> None:
    """Count what a watch was to be told as not told: the next looks queue what rings still.

    Shape: no `actor`, the worker calls it.
    """
    AlarmMessage.objects.filter(watch=watch_id, sent_at__isnull=True).delete()


def _queued_alarms(queued: QuerySet[AlarmMessage], now: dt.datetime) -> list[Alarm]:
    return list(Alarm.objects.ringing(now).filter(pk__in=queued.values("alarm")).by_urgency(now))
