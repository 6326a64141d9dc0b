"""Devices that an account gets notifications on, and the hours in which it wants none of other people."""

from __future__ import annotations

from datetime import time
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from accounts.keyed_hashes import device_key
from accounts.models import PushDevice, User
from depannini_dashmap.lib.errors import Unauthenticated, Unavailable
from depannini_dashmap.lib.outbound import push
from depannini_dashmap.lib.outbound.push_messages import PushAddress


class Registered(NamedTuple):
    """A device, and whether the account did not have it before."""

    device: PushDevice
    is_new: bool


@transaction.atomic
def register_push_device(*, actor: User, session: str, address: PushAddress, language: str) -> Registered:
    """Send notifications to a device from now on, in a language, until the sign-in `session` ends.

    Effects: a device that another account had is this one's now; beyond MOST the one that registered longest ago goes.
    Raises: Unavailable where nothing can be sent to its kind; Unauthenticated for an account whose sessions ended meanwhile.
    """
    if not push.serves(address.kind):
        raise Unavailable("Notifications of this kind are not configured here", code="push_not_configured", retry_after=3600)
    # Waits for whoever ends the account's sessions, who deletes the devices.
    held = User.objects.select_for_update(no_key=True).active().filter(pk=actor.pk, token_version=actor.token_version)
    if held.values_list("pk").first() is None:
        raise Unauthenticated()
    key = device_key(address.kind, address.token)
    is_new = not PushDevice.objects.filter(token_key=key, user_id=actor.pk).exists()
    device = PushDevice(
        user_id=actor.pk, kind=address.kind, token=address.token, token_key=key, p256dh=address.p256dh, auth=address.auth,
        session=session, language=language, registered_at=timezone.now(),
    )  # fmt: skip
    changed = ["user", "kind", "token", "p256dh", "auth", "session", "language", "registered_at"]
    PushDevice.objects.bulk_create([device], update_conflicts=True, unique_fields=["token_key"], update_fields=changed)
    stored = PushDevice.objects.get(token_key=key)
    kept = PushDevice.objects.filter(user_id=actor.pk).order_by("-registered_at", "-pk").values_list("pk", flat=True)
    PushDevice.objects.filter(pk__in=list(kept[PushDevice.MOST :])).delete()
    return Registered(stored, is_new)


def forget_push_devices(*, actor: User, session: str, address: PushAddress | None = None) -> None:
    """Send nothing more to one of one's devices, or where none is named to those that this sign-in registered."""
    mine = PushDevice.objects.filter(user_id=actor.pk)
    if address is None:
        mine.filter(session=session).delete()
    else:
        mine.filter(token_key=device_key(address.kind, address.token)).delete()


def set_quiet_hours(*, actor: User, quiet_from: time | None, quiet_until: time | None) -> User:
    """Store the hours in which one wants no messages of other people, in DISPLAY_TIME_ZONE; None for both: always."""
    User.objects.filter(pk=actor.pk).update(quiet_from=quiet_from, quiet_until=quiet_until)
    return User.objects.get(pk=actor.pk)
