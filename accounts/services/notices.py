"""Telling somebody, at the address they had, what happened to their account."""

from __future__ import annotations

from accounts import tasks
from accounts.models import Notice, User


def send_notice(user: User, kind: str, channel: str, address: str) -> None:
    """Have a notice sent after the running transaction. Effects: a row that is deleted once it has left."""
    notice = Notice.objects.create(user_id=user.pk, kind=kind, channel=channel, address=address)
    tasks.deliver_notice.enqueue(notice.pk)
