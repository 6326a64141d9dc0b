"""Notices to users, at the address they had, of what happened to their account."""

from __future__ import annotations

from accounts import tasks
from accounts.limits import message_budget
from accounts.models import Notice, User


def send_notice(
    user: User,
    kind: str,
    channel: str,
    address: str,
    *,
    asker: User | None = None,
    was_proven: bool = False,
    budget_kind: str = message_budget.NOTICE,
) -> None:
    """Send a notice after the running transaction, if the budget has room for it.

    Shape: `asker` is the signed-in account that caused it; `was_proven` says that the user had proven an address that is
    not theirs any more. Effects: a row that is deleted once it has left.
    """
    if not message_budget.try_spend(budget_kind, channel, address, asker=asker, holder=user, was_proven=was_proven):
        return
    notice = Notice.objects.create(user_id=user.pk, kind=kind, channel=channel, address=address)
    tasks.deliver_notice.enqueue(notice.pk)


def notice_address(user: User) -> tuple[str, str] | None:
    """Return channel and address of who surely is the owner, else of an address that nobody has proven, if any.

    A suspended address may be a stranger's, who must not be notified.
    """
    held = {"email": user.email, "phone": user.phone_number}
    found = [
        (channel, address) for channel, address in held.items() if address and not getattr(user, f"{channel}_suspended")
    ]
    found.sort(key=lambda pair: not getattr(user, f"{pair[0]}_verified"))
    return found[0] if found else None
