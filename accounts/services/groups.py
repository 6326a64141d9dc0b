"""Membership of the group Roadside, which only dispatchers may have."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import ROADSIDE, User
from depannini_dashmap.lib.errors import Conflict, Forbidden
from depannini_dashmap.lib.ops import audit


@transaction.atomic
def set_roadside(*, actor: User, user: User, is_member: bool) -> None:
    """Let a dispatcher work the roadside side, or end that; who is so already stays so.

    Effects: sockets ask again whether they belong where they are; it is audited.
    Raises: Forbidden for an actor who is no operator; Conflict for who is no dispatcher.
    """
    if not actor.is_operator:
        raise Forbidden()
    if is_member and user.user_type != User.Type.DISPATCHER:
        raise Conflict(_("Only dispatchers work the roadside side"), code="not_a_dispatcher")
    User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk").first()
    if user.groups.filter(name=ROADSIDE).exists() == is_member:
        return
    group = Group.objects.get_or_create(name=ROADSIDE)[0]
    (user.groups.add if is_member else user.groups.remove)(group)
    audit.record("roadside_granted" if is_member else "roadside_ended", actor=actor, target=user)
