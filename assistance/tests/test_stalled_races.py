"""A job that is taken back while its assistant comes to life, starts it, or completes it: one wins, and nothing is half done."""

import datetime as dt
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from assistance import services
from assistance.models import Assistance, AssistantProfile, Offer
from assistance.sign_throttle import forget_signs
from assistance.tests.test_races import _check_invariants, _clients, _end_everything, at_once
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.models import AuditEvent

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 6


def _outcome(action: Any) -> str:
    try:
        action()
    except DomainError as error:
        return str(error.code)
    return "done"


def _silent_job(client: Any, assistant: Any) -> Assistance:
    """Give an accepted job whose assistant has been silent for an hour."""
    job_id = services.request_assistance(actor=client, pickup=(36.7525, 3.0420)).job.pk
    services.accept(actor=assistant, assistance_id=job_id)
    long_ago = timezone.now() - dt.timedelta(hours=1)
    AssistantProfile.objects.filter(pk=assistant.pk).update(seen_at=long_ago, alive_at=long_ago)
    Assistance.objects.filter(pk=job_id).update(accepted_at=long_ago)
    forget_signs()
    job = Assistance.objects.get(pk=job_id)
    services.check_stalled(actor=None, assistance_id=job_id, accepted_at=job.accepted_at.timestamp())
    return job


def test_taken_back_or_alive_again(make_assistant: Any) -> None:
    [client], assistant = _clients(1), make_assistant(1)
    for _ in range(ROUNDS):
        job = _silent_job(client, assistant)
        outcome, _sign = at_once(
            partial(_outcome, partial(services.release, actor=client, assistance_id=job.pk)),
            partial(_outcome, partial(services.note_sign_of_life, actor=None, user_id=assistant.pk)),
        )
        job.refresh_from_db()
        assert (outcome, job.status, job.stalled_since) in [
            ("done", "requested", None),
            ("not_stalled", "accepted", None),
        ]
        _check_invariants()
        _end_everything()


def test_taken_back_or_started(make_assistant: Any) -> None:
    [client], assistant = _clients(1), make_assistant(1)
    for _ in range(ROUNDS):
        job = _silent_job(client, assistant)
        taken_back, started = at_once(
            partial(_outcome, partial(services.release, actor=client, assistance_id=job.pk)),
            partial(_outcome, partial(services.update_status, actor=assistant, assistance_id=job.pk, status="ongoing")),
        )
        job.refresh_from_db()
        assert (taken_back, started, job.status) in [
            ("done", "not_found", "requested"),
            ("not_stalled", "done", "ongoing"),
        ]
        assert job.stalled_since is None
        _check_invariants()
        _end_everything()


def test_staff_cancel_while_the_assistant_completes(make_assistant: Any, staff_user: Any) -> None:
    [client], assistant = _clients(1), make_assistant(1)
    for _ in range(ROUNDS):
        job = _silent_job(client, assistant)
        services.update_status(actor=assistant, assistance_id=job.pk, status="ongoing")
        outcomes = at_once(
            partial(_outcome, partial(services.cancel_by_staff, actor=staff_user, assistance_id=job.pk, note="flood")),
            partial(_outcome, partial(services.complete, actor=assistant, assistance_id=job.pk)),
        )
        job.refresh_from_db()
        assert sorted(outcomes) == ["already_final", "done"]
        assert job.status == ("canceled" if outcomes[0] == "done" else "completed")
        assert AuditEvent.objects.filter(event="assistance_canceled", target_id=str(job.pk)).count() == (outcomes[0] == "done")


def test_two_dispatchers_take_back_one_job(make_assistant: Any, staff_user: Any, roadside_dispatcher: Any) -> None:
    [client], assistant = _clients(1), make_assistant(1)
    for _ in range(ROUNDS):
        job = _silent_job(client, assistant)
        outcomes = at_once(
            *[partial(_outcome, partial(services.release, actor=actor, assistance_id=job.pk)) for actor in (staff_user, roadside_dispatcher)]
        )
        assert sorted(outcomes) == ["done", "invalid_transition"]
        assert Offer.objects.filter(assistance=job, reason="recalled").count() == 1
        assert User.objects.get(pk=assistant.pk).assistance_jobs.filter(status="accepted").count() == 0
        _check_invariants()
        _end_everything()
