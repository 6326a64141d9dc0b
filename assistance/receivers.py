"""Receivers of the signals of accounts: one service call each."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.dispatch import receiver

from accounts.signals import (
    account_closing,
    assistant_registered,
    caller_joining,
    location_reported,
    sessions_ended,
    signed_in_request,
)
from assistance import services
from assistance.sign_throttle import is_due


@receiver(assistant_registered)
def open_profile(sender: Any, user: Any, details: dict[str, Any], **kwargs: Any) -> None:
    """A new assistant has a profile from the start."""
    services.register_assistant(actor=user, details=details)


@receiver(location_reported)
def store_location(sender: Any, user: Any, latitude: float, longitude: float, **kwargs: Any) -> None:
    """Somebody said where they are."""
    services.report_location(actor=user, lat=latitude, lng=longitude)


@receiver(signed_in_request)
def note_sign_of_life(sender: Any, user_id: int, **kwargs: Any) -> None:
    """Who makes requests is there; noted outside the request's own transaction, whose locks come in another order."""
    if is_due(user_id):
        transaction.on_commit(lambda: services.note_sign_of_life(actor=None, user_id=user_id))


@receiver(sessions_ended)
def take_off_duty(sender: Any, user_id: int, reason: str, **kwargs: Any) -> None:
    """Who was switched off is offered nothing; other ends of sessions leave the duty to the clock."""
    if reason == "deactivated":
        services.leave_duty(actor=None, user_id=user_id)


@receiver(account_closing)
def end_open_jobs(sender: Any, user: Any, **kwargs: Any) -> None:
    """Nothing of a closed account stays open."""
    services.close_open_jobs(actor=None, user=user)


@receiver(caller_joining)
def merge_caller_account(sender: Any, user: Any, caller: Any, **kwargs: Any) -> None:
    """Requests made for a number belong to its owner, once they have proven it."""
    services.merge_caller_account(actor=user, caller=caller)
