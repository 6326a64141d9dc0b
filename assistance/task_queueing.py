"""The queue of the tasks of requests: each function queues one, inside the transaction that makes it necessary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from assistance.models import Assistance
from depannini_dashmap.lib.ops.enqueue import enqueue

PUSH_AGAIN_AFTER = timedelta(seconds=2)


def plan_scheduled(scheduled_id: int, at: datetime) -> None:
    """Queue the making of a request at its time."""
    enqueue("assistance.tasks.make_scheduled", scheduled_id, run_after=at + timedelta(milliseconds=1))


def plan_stall_check(job: Assistance, at: datetime) -> None:
    """Queue a look at an accepted job; the acceptance is named, so that each has one row of looks."""
    accepted_at = job.accepted_at.timestamp() if job.accepted_at else 0.0
    enqueue("assistance.tasks.look_for_silence", job.pk, accepted_at, run_after=at + timedelta(milliseconds=1))


def plan_wave(assistance_id: int, wave: int, now: datetime) -> None:
    """Queue a wave; call it inside the transaction that makes it necessary."""
    enqueue("assistance.tasks.send_wave", assistance_id, wave, run_after=now + settings.OFFER_WAVE_INTERVAL)


def plan_expiry(assistance_id: int, expires_at: datetime) -> None:
    """Queue the end of an unanswered request."""
    enqueue("assistance.tasks.expire_request", assistance_id, run_after=expires_at + timedelta(milliseconds=1))


def queue_link(link_id: int, language: str) -> None:
    """Queue the sending of a motorist's link."""
    enqueue("assistance.tasks.send_link", link_id, language)


def queue_push_of_offers(assistance_ids: Iterable[int]) -> None:
    """Queue a look at what assistants are shown of some requests."""
    enqueue("assistance.tasks.push_offers", sorted(assistance_ids))


def queue_push_of_job(assistance_id: int) -> None:
    """Queue a look at what the parties of a request are shown."""
    enqueue("assistance.tasks.push_job", assistance_id)


def queue_push_of_message(message_id: int) -> None:
    """Queue telling of a message."""
    enqueue("assistance.tasks.push_chat", message_id)


def queue_push_of_link(subscription_id: int) -> None:
    """Queue a look at what a browser that follows a request by its link is shown."""
    enqueue("assistance.tasks.push_link", subscription_id)


def queue_push_again(device_id: int, tag: str) -> None:
    """Queue another try of what did not reach a device."""
    enqueue("assistance.tasks.push_again", device_id, tag, run_after=timezone.now() + PUSH_AGAIN_AFTER)
