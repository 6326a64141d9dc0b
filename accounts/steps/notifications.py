"""Sending notifications to the devices of accounts, and taking them away; outside of any transaction.

Each is noted once it has left: a task that runs twice shows the same sentence in the same place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts.models import PushDevice, PushNotice
from accounts.notifications import Notification, withdrawal
from depannini_dashmap.lib.ops.metrics import MESSAGES_SENT
from depannini_dashmap.lib.outbound import push
from depannini_dashmap.lib.outbound.push_messages import GONE, LATER, SENT, PushMessage

Tag = tuple[int, str]  # whose, and of what


class PushFailed(Exception):
    """The message did not leave; trying again may help."""


class Retry(NamedTuple):
    """A device that a message did not reach yet."""

    device_id: int
    tag: str


def show(notifications: Sequence[Notification]) -> list[Retry]:
    """Send notifications whose content is new, and return what should be tried again."""
    now = timezone.now()
    shown = _notices((one.user_id, one.tag) for one in notifications)
    devices = _devices({one.user_id for one in notifications})
    clock = now.astimezone(ZoneInfo(settings.DISPLAY_TIME_ZONE)).time()
    chosen = [
        (device, one)
        for one in notifications
        if not _is_shown(shown.get((one.user_id, one.tag)), one)
        for device in devices[one.user_id]
        if not (one.is_of_chat and device.user.is_quiet(clock))
    ]
    outcomes = _send([(device, _worded(device, one, now)) for device, one in chosen])
    reached = {one for (_device, one), outcome in zip(chosen, outcomes, strict=True) if outcome in (SENT, LATER)}
    note(reached, now)
    return [Retry(device.pk, one.tag) for (device, one), outcome in zip(chosen, outcomes, strict=True) if outcome == LATER]


def withdraw(tags: Iterable[Tag]) -> list[Retry]:
    """Take away what is shown of some things, and return what should be tried again."""
    now = timezone.now()
    over = [row for row in _notices(tags).values() if row.withdrawn_at is None]
    if not over:
        return []
    devices = _devices({row.user_id for row in over})
    chosen = [(device, row) for row in over for device in devices[row.user_id]]
    outcomes = _send([(device, _withdrawal(device, row.tag)) for device, row in chosen])
    PushNotice.objects.filter(pk__in=[row.pk for row in over]).update(withdrawn_at=now)
    return [Retry(device.pk, row.tag) for (device, row), outcome in zip(chosen, outcomes, strict=True) if outcome == LATER]


def show_again(device_id: int, notification: Notification | None, tag: str) -> None:
    """Send to one device what is shown of a thing, or take it away where that was done. Raises: PushFailed."""
    device = PushDevice.objects.live().filter(pk=device_id).first()
    row = PushNotice.objects.filter(user_id=device.user_id, tag=tag).first() if device else None
    if device is None or row is None:
        return
    if row.withdrawn_at is not None:
        message = _withdrawal(device, tag)
    elif notification is not None and notification.content == row.content:
        message = _worded(device, notification, timezone.now())
    else:
        return  # another sentence took its place, and was sent to this device, too
    if _send([(device, message)]) == [LATER]:
        raise PushFailed(device.kind)


def with_devices(user_ids: Iterable[int]) -> set[int]:
    """Return who of some people gets notifications at all."""
    return set(PushDevice.objects.live().filter(user_id__in=list(user_ids)).values_list("user_id", flat=True))


def _devices(user_ids: set[int]) -> dict[int, list[PushDevice]]:
    found: dict[int, list[PushDevice]] = defaultdict(list)
    rows = PushDevice.objects.live().filter(user_id__in=user_ids, user__is_active=True).select_related("user")
    for device in rows.only("kind", "token", "p256dh", "auth", "language", "user__quiet_from", "user__quiet_until"):
        found[device.user_id].append(device)
    return found


def _notices(tags: Iterable[Tag]) -> dict[Tag, PushNotice]:
    asked = set(tags)
    rows = PushNotice.objects.filter(
        user_id__in={user_id for user_id, _tag in asked}, tag__in={tag for _user_id, tag in asked}
    )
    return {(row.user_id, row.tag): row for row in rows if (row.user_id, row.tag) in asked}


def _is_shown(row: PushNotice | None, notification: Notification) -> bool:
    return row is not None and row.withdrawn_at is None and row.content == notification.content


def _worded(device: PushDevice, notification: Notification, now: datetime) -> PushMessage:
    with translation.override(device.language):
        return notification.message(now)


def _withdrawal(device: PushDevice, tag: str) -> PushMessage:
    with translation.override(device.language):
        return withdrawal(tag, {}, _("Nothing to do any more"), _("This has been dealt with."))


def _send(letters: Sequence[tuple[PushDevice, PushMessage]]) -> list[str]:
    """Send and forget the devices that are no more. Raises: PushNotSet."""
    outcomes = push.send_all([(device.address, message) for device, message in letters])
    gone = [device.pk for (device, _message), outcome in zip(letters, outcomes, strict=True) if outcome == GONE]
    PushDevice.objects.filter(pk__in=gone).delete()
    for (device, _message), outcome in zip(letters, outcomes, strict=True):
        MESSAGES_SENT.labels(f"push_{outcome}", device.kind).inc()
    return outcomes


def note(notifications: Iterable[Notification], now: datetime) -> None:
    """Write down what people have been told."""
    rows = [PushNotice(user_id=one.user_id, tag=one.tag, content=one.content, shown_at=now) for one in notifications]
    PushNotice.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["user", "tag"], update_fields=["content", "shown_at", "withdrawn_at"]
    )
