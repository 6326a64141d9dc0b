"""Signs of life of assistants, and the accepted jobs whose assistant has given none for too long.

A sign of life is a location, a frame, an open socket (its pings are answered, or it is closed) and a signed-in request.
They come in streams, so that one in ten seconds is written; a job that stalled has had none for much longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assistance import events, lifecycle, task_queueing
from assistance.models import Assistance, AssistantProfile
from assistance.sign_throttle import is_due, remember_written
from assistance.steps import state
from assistance.steps.stalled_jobs import last_sign


def note_sign_of_life(*, actor: None, user_id: int) -> None:
    """Note that an assistant is there; who is no assistant is nobody's worry.

    Shape: no `actor`, sockets and requests call it.
    Effects: a stalled job of theirs is stalled no more, its room is told, and it is watched again.
    """
    if not is_due(user_id):
        return
    now = timezone.now()
    with transaction.atomic():
        if AssistantProfile.objects.filter(pk=user_id).update(alive_at=now):
            _revive(user_id, now)
    remember_written([user_id], now)


def note_signs_of_life(*, actor: None, user_ids: Iterable[int]) -> None:
    """Note the signs of many at once: a constant number of statements, and those of jobs that are stalled no more.

    Shape: no `actor`, they are of many users.
    """
    due, now = [user_id for user_id in user_ids if is_due(user_id)], timezone.now()
    if not due:
        return
    with transaction.atomic():
        # Locked by id, so that two processes do not block each other.
        profiles = AssistantProfile.objects.filter(pk__in=due).order_by("pk").select_for_update(no_key=True)
        AssistantProfile.objects.filter(pk__in=list(profiles.values_list("pk", flat=True))).update(alive_at=now)
    remember_written(due, now)
    stalled = Assistance.objects.filter(assistant_id__in=due, status__in=lifecycle.WITH_ASSISTANT).stalled()
    for user_id in list(stalled.values_list("assistant_id", flat=True)):
        with transaction.atomic():
            _revive(user_id, now)


def _revive(user_id: int, now: datetime) -> None:
    stalled = Assistance.objects.filter(assistant_id=user_id, status__in=lifecycle.WITH_ASSISTANT).stalled()
    pk = stalled.values_list("pk", flat=True).first()
    job = state.lock_request(pk) if pk is not None else None
    if job is None or job.assistant_id != user_id or job.status != lifecycle.ACCEPTED or job.stalled_since is None:
        return
    state.change(job, now, stalled_since=None)
    _tell(job)
    task_queueing.plan_stall_check(job, now + settings.ASSISTANCE_STALLED_AFTER)


@transaction.atomic
def check_stalled(*, actor: None, assistance_id: int, accepted_at: float) -> None:
    """Note that a job has stalled and tell its room, or look again when it might have.

    Shape: no `actor`, the worker calls it. Nothing if that acceptance is over, or it was noted already.
    """
    row = Assistance.objects.filter(pk=assistance_id, status=lifecycle.ACCEPTED)
    assistant_id = row.values_list("assistant_id", flat=True).first()
    profile = state.lock_assistant(assistant_id) if assistant_id else None
    job = state.lock_request(assistance_id)
    if job is None or profile is None or job.status != lifecycle.ACCEPTED or job.assistant_id != profile.pk:
        return None
    if job.accepted_at is None or job.accepted_at.timestamp() != accepted_at or job.stalled_since is not None:
        return None
    now = timezone.now()
    since = last_sign(job, profile) + settings.ASSISTANCE_STALLED_AFTER
    if since > now:
        return task_queueing.plan_stall_check(job, since)
    state.change(job, now, stalled_since=since)
    return _tell(job)


def _tell(job: Assistance) -> None:
    frame = events.stalled(assistance_id=job.pk, since=job.stalled_since, seq=job.version)
    events.publish_to_room(job.pk, frame)
    task_queueing.queue_push_of_job(job.pk)
