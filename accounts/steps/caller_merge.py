"""The number of a caller, while somebody proves that it is theirs."""

from __future__ import annotations

from accounts import signals
from accounts.models import User, VerificationCode
from depannini_dashmap.lib.db.advisory_locks import take_lock
from depannini_dashmap.lib.ops import audit


def lock_phone_number(channel: str, address: str) -> None:
    """Let nobody ask for help for a caller until the number that is being proven is joined; call it before row locks."""
    if channel == VerificationCode.Channel.PHONE:
        take_lock(f"caller {address}")


def merge_caller_account(user: User, channel: str, address: str) -> None:
    """Move to a client the requests that dispatchers made under the number that they have just proven.

    Effects: ``caller_joining``, then the caller's account is gone. Nothing for who is no client.
    """
    if channel != VerificationCode.Channel.PHONE or user.user_type != User.Type.CLIENT:
        return
    caller = User.objects.select_for_update(no_key=True).filter(caller_phone=address).exclude(pk=user.pk).first()
    if caller is None:
        return
    signals.caller_joining.send(sender=User, user=user, caller=caller)
    audit.record("caller_joined", actor=user, target=user, caller_id=caller.pk)
    caller.delete()
