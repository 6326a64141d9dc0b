"""Telling somebody, at the address they had, what happened to their account."""

from __future__ import annotations

from accounts import budget, tasks
from accounts.models import Notice, User


def send_notice(
    user: User,
    kind: str,
    channel: str,
    address: str,
    *,
    asker: User | None = None,
    was_proven: bool = False,
    budget_kind: str = budget.NOTICE,
) -> None:
    """Have a notice sent after the running transaction, if the budget has room for it.

    Shape: `asker` is the signed-in account that caused it; `was_proven` says that the user had proven an address that is
    not theirs any more. Effects: a row that is deleted once it has left.
    """
    if not budget.allow(budget_kind, channel, address, asker=asker, holder=user, was_proven=was_proven):
        return
    notice = Notice.objects.create(user_id=user.pk, kind=kind, channel=channel, address=address)
    tasks.deliver_notice.enqueue(notice.pk)
