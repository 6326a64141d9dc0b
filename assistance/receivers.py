"""What this app does when accounts announces something: one service call each."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from accounts.signals import account_closing, assistant_registered, location_reported, sessions_ended
from assistance import events, services
from depannini_dashmap.lib import realtime


@receiver(assistant_registered)
def open_profile(sender: Any, user: Any, details: dict[str, Any], **kwargs: Any) -> None:
    """A new assistant has a profile from the start."""
    services.register_assistant(user, details)


@receiver(location_reported)
def store_location(sender: Any, user: Any, latitude: float, longitude: float, **kwargs: Any) -> None:
    """Somebody said where they are."""
    services.report_location(user, latitude, longitude)


@receiver(sessions_ended)
def close_sockets(sender: Any, user_id: int, reason: str, **kwargs: Any) -> None:
    """Open sockets of the user close."""
    realtime.publish(events.user_group(user_id), dict(events.session_ended(reason)))


@receiver(account_closing)
def end_open_jobs(sender: Any, user: Any, **kwargs: Any) -> None:
    """Nothing of a closed account stays open."""
    services.close_open_jobs(user)
