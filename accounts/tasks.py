"""Tasks that send codes, notices and invitations. A task holds an id; the code itself is made here and stored as a hash.

Each is safe to run twice: a code that may not have been sent is made again, a notice may be sent twice. A task that fails is
retried by the worker; `attempt` is in tasks that an older release queued.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.utils import timezone
from django_tasks import task

from accounts import messages
from accounts.keyed_hashes import address_key, code_hash
from accounts.models import Invitation, InvitationLink, Notice, User, VerificationCode
from depannini_dashmap.lib.db.secret_links import new_token

# The worker takes due tasks by priority (-100 to 100), then by time; waves and expiry come before all of these.
CODE_PRIORITIES = {VerificationCode.Channel.PHONE: 20, VerificationCode.Channel.EMAIL: 10}
NOTICE_PRIORITY = 0
CODE_TTL = timedelta(minutes=10)


def queue_code(row: VerificationCode) -> None:
    """Queue the making and sending of a code; call it inside the transaction that asks for it."""
    priority = CODE_PRIORITIES[VerificationCode.Channel(row.channel)]
    deliver_code.using(priority=priority).enqueue(row.pk)


@task()
def deliver_code(code_id: int, attempt: int = 1) -> None:
    """Make, hash and send a code, unless it was sent, replaced, or its address is no longer the user's to prove.

    A code for somebody without an account has an address of its own. A decoy costs the same up to the sending, so that the
    time of later requests reveals nothing either.
    """
    unsent = VerificationCode.objects.open().filter(pk=code_id, sent_at__isnull=True)
    row = unsent.select_related("user").first()
    address = row and _address(row)
    is_decoy = row is not None and row.user_id is None
    if row is None or not (address or is_decoy):
        return
    code = f"{secrets.randbelow(10**row.digits):0{row.digits}d}"
    expires_at = timezone.now() + CODE_TTL
    hashed = code_hash(row.pk, code)
    if not unsent.update(code_hash=hashed, expires_at=expires_at):
        return
    if address:
        messages.send_code(row.channel, address, row.purpose, code, int(CODE_TTL.total_seconds() // 60))
    VerificationCode.objects.filter(pk=row.pk, code_hash=hashed).update(sent_at=timezone.now(), claimed_address="")


@task(priority=NOTICE_PRIORITY)
def deliver_notice(notice_id: int, attempt: int = 1) -> None:
    """Send a notice and delete its row."""
    notice = Notice.objects.filter(pk=notice_id).first()
    if notice is None:
        return
    # The key has the instant too, because a restore uses a number again.
    key = f"{notice.pk}-{notice.created_at:%Y%m%d%H%M%S%f}"
    messages.send_notice(notice.channel, notice.address, notice.kind, key=key)
    notice.delete()


@task(priority=NOTICE_PRIORITY)
def deliver_invitation(invitation_id: int, attempt: int = 1) -> None:
    """Send an invitation by username while it is open, unless no account has the name."""
    row = Invitation.objects.open().filter(pk=invitation_id).select_related("company", "user", "invited_by").first()
    if row is not None and (address := _own_address(row.user)):
        messages.send_invitation(row, address)


@task(priority=NOTICE_PRIORITY)
def deliver_invitation_link(link_id: int) -> None:
    """Make the token of a link, store its hash and send it to the invited address, unless it was sent or the invitation has ended.

    A try whose mail may have left makes another token: the older one then opens nothing.
    """
    unsent = InvitationLink.objects.live().filter(pk=link_id, sent_at=None)
    link = unsent.select_related("invitation__company", "invitation__invited_by").first()
    if link is None or link.invitation is None or not link.invitation.is_open:
        return
    token = new_token()
    if unsent.update(token_hash=InvitationLink.hash_of(token)):
        messages.send_invitation(link.invitation, link.invitation.email, link=link, url=InvitationLink.address_of(token))
        unsent.update(sent_at=timezone.now())


def _own_address(user: User | None) -> str | None:
    """Return the e-mail for notices; None for a suspended address, which may be a stranger's."""
    return user.email if user and user.is_active and not user.email_suspended else None


def _address(row: VerificationCode) -> str | None:
    """Return the address for the code: the user's own, or the address to prove."""
    user = row.user
    if row.purpose == VerificationCode.Purpose.HELP:
        return row.claimed_address or None
    if user is None or not user.is_active:
        return None
    if row.purpose == VerificationCode.Purpose.CLAIM:
        return row.claimed_address or None
    own = user.email if row.channel == VerificationCode.Channel.EMAIL else user.phone_number
    is_own = bool(own) and address_key(row.channel, own) == row.address_key
    return own if is_own else None
