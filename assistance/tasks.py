"""Delayed tasks of requests: rows that hold ids only and are safe to run twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django_tasks import task

if TYPE_CHECKING:
    from assistance.models import Assistance

PRIORITY = 50  # somebody waits at the roadside: before every code and notice


@task(priority=PRIORITY)
def send_wave(assistance_id: int, wave: int) -> None:
    """Offer a request to more assistants, unless that wave was sent or the request is no longer waiting."""
    from assistance import services

    services.send_next_wave(actor=None, assistance_id=assistance_id, wave=wave)


@task(priority=PRIORITY)
def expire_request(assistance_id: int) -> None:
    """End a request that nobody has accepted in time."""
    from assistance import services

    services.expire(actor=None, assistance_id=assistance_id)


@task(priority=PRIORITY)
def look_for_silence(assistance_id: int, accepted_at: float) -> None:
    """Note that the assistant of an accepted job has been silent too long, or look again later."""
    from assistance import services

    services.check_stalled(actor=None, assistance_id=assistance_id, accepted_at=accepted_at)


@task(priority=PRIORITY)
def make_scheduled(scheduled_id: int) -> None:
    """Make the request whose time has come."""
    from assistance import services

    services.open_scheduled(actor=None, scheduled_id=scheduled_id)


def plan_scheduled(scheduled_id: int, at: datetime) -> None:
    """Queue the making of a request at its time."""
    make_scheduled.using(run_after=at + timedelta(milliseconds=1)).enqueue(scheduled_id)


def plan_stall_check(job: Assistance, at: datetime) -> None:
    """Queue a look at an accepted job; the acceptance is named, so that each has one row of looks."""
    accepted_at = job.accepted_at.timestamp() if job.accepted_at else 0.0
    look_for_silence.using(run_after=at + timedelta(milliseconds=1)).enqueue(job.pk, accepted_at)


def plan_wave(assistance_id: int, wave: int, now: datetime) -> None:
    """Queue a wave; call it inside the transaction that makes it necessary."""
    send_wave.using(run_after=now + settings.OFFER_WAVE_INTERVAL).enqueue(assistance_id, wave)


def plan_expiry(assistance_id: int, expires_at: datetime) -> None:
    """Queue the end of an unanswered request."""
    expire_request.using(run_after=expires_at + timedelta(milliseconds=1)).enqueue(assistance_id)
