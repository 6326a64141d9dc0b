"""Receivers for changes of memberships and groups: the person's sockets check their rights again."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.dispatch import receiver

from accounts import events
from accounts.models import Membership, User
from depannini_dashmap.lib.api import idempotency


@receiver([post_save, post_delete], sender=Membership)
def membership_changed(sender: Any, instance: Membership, **kwargs: Any) -> None:
    """Somebody joined a company, left it or has another role there."""
    events.rights_changed(instance.user_id)


@receiver(m2m_changed, sender=User.groups.through)
def groups_changed(sender: Any, instance: Any, action: str, reverse: bool, pk_set: Any, **kwargs: Any) -> None:
    """Somebody joined or left a group, seen from either side."""
    if not reverse:
        people = {instance.pk}
    elif action == "pre_clear":
        people = set(instance.user_set.values_list("pk", flat=True))
    else:
        people = pk_set or set()
    for user_id in people:
        events.rights_changed(user_id)
        if action in ("post_remove", "pre_clear", "post_clear"):
            idempotency.withdraw_answers(user_id)


@receiver(pre_delete, sender=Group)
def group_deleted(sender: Any, instance: Any, **kwargs: Any) -> None:
    """A group goes, and with it what its members might do."""
    for user_id in instance.user_set.values_list("pk", flat=True):
        events.rights_changed(user_id)
        idempotency.withdraw_answers(user_id)
