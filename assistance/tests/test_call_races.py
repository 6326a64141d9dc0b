"""Calls at once: two dispatchers, an assistant who accepts, two workers, and an owner who proves the number meanwhile."""

import datetime as dt
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.steps.caller_merge import lock_phone_number, merge_caller_account
from assistance import services
from assistance.models import Assistance, Offer, ScheduledRequest
from assistance.services import Caller
from assistance.tests.test_races import _check_invariants, _clients, at_once
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.models import AuditEvent

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 6
PICKUP = (36.7525, 3.0420)


def _outcome(action: Any) -> str:
    try:
        action()
    except DomainError as error:
        return str(error.code)
    return "done"


def _end(job_id: int) -> None:
    services.update_status(actor=Assistance.objects.get(pk=job_id).client, assistance_id=job_id, status="canceled")


def test_assigned_to_two_and_accepted_by_a_third(
    make_assistant: Any, staff_user: Any, roadside_dispatcher: Any
) -> None:
    [client], helpers = _clients(1), [make_assistant(number) for number in range(3)]
    for _ in range(ROUNDS):
        job_id = services.request_assistance(actor=client, pickup=PICKUP).job.pk
        outcomes = at_once(
            *[
                partial(
                    _outcome, partial(services.assign_by_hand, actor=actor, assistance_id=job_id, assistant_id=helper.pk)
                )
                for actor, helper in zip((staff_user, roadside_dispatcher), helpers, strict=False)
            ],
            partial(_outcome, partial(services.accept, actor=helpers[2], assistance_id=job_id)),
        )
        assert sorted(outcomes) == ["already_taken", "already_taken", "done"]
        assert Offer.objects.filter(assistance_id=job_id, reason="accepted").count() == 1
        assert AuditEvent.objects.filter(event="assistance_assigned", target_id=str(job_id)).count() == (outcomes[2] != "done")
        _check_invariants()
        _end(job_id)


def test_two_dispatchers_choose_the_same(make_assistant: Any, staff_user: Any, roadside_dispatcher: Any) -> None:
    [client], helper = _clients(1), make_assistant(1)
    for _ in range(ROUNDS):
        job_id = services.request_assistance(actor=client, pickup=PICKUP).job.pk
        assign = partial(services.assign_by_hand, assistance_id=job_id, assistant_id=helper.pk)
        outcomes = at_once(*[partial(_outcome, partial(assign, actor=actor)) for actor in (staff_user, roadside_dispatcher)])
        assert outcomes == ["done", "done"]
        assert AuditEvent.objects.filter(event="assistance_assigned", target_id=str(job_id)).count() == 1
        _end(job_id)


def test_one_assistant_is_assigned_two_requests(make_assistant: Any, staff_user: Any, roadside_dispatcher: Any) -> None:
    clients, helper = _clients(2), make_assistant(1)
    for _ in range(ROUNDS):
        jobs = [services.request_assistance(actor=client, pickup=PICKUP).job.pk for client in clients]
        outcomes = at_once(
            *[
                partial(_outcome, partial(services.assign_by_hand, actor=actor, assistance_id=job, assistant_id=helper.pk))
                for actor, job in zip((staff_user, roadside_dispatcher), jobs, strict=True)
            ]
        )
        assert sorted(outcomes) == ["assistant_busy", "done"]
        _check_invariants()
        for job in jobs:
            _end(job)


def test_two_workers_make_what_is_due_once(staff_user: Any) -> None:
    for number in range(ROUNDS):
        row = services.schedule_for_caller(
            actor=staff_user, caller=Caller(f"+21366111{number:04}", "Nabil"), scheduled_for=timezone.now() + dt.timedelta(hours=1),
            pickup=PICKUP,
        )  # fmt: skip
        ScheduledRequest.objects.filter(pk=row.pk).update(scheduled_for=timezone.now())
        at_once(*[partial(services.open_scheduled, actor=None, scheduled_id=row.pk) for _ in range(4)])
        row.refresh_from_db()
        assert row.assistance_id is not None
        assert Assistance.objects.filter(client_id=row.client_id).count() == 1


def test_one_caller_asked_for_by_two(staff_user: Any, roadside_dispatcher: Any) -> None:
    for number in range(ROUNDS):
        caller = Caller(f"+21366112{number:04}", "Nabil")
        outcomes = at_once(
            *[
                partial(_outcome, partial(services.request_for_caller, actor=actor, caller=caller, pickup=PICKUP))
                for actor in (staff_user, roadside_dispatcher)
            ]
        )
        assert sorted(outcomes) == ["done", "request_already_open"]
        assert User.objects.filter(caller_phone=caller.phone_number).count() == 1


def test_the_owner_proves_the_number_while_a_request_is_entered(staff_user: Any) -> None:
    for number in range(ROUNDS):
        phone = f"+21366113{number:04}"
        services.request_for_caller(actor=staff_user, caller=Caller(phone, "Nabil", "Garage"), pickup=PICKUP)
        owner = User.objects.create_user(phone, None, None, name="Nabil", phone_number=phone, user_type="client")

        def prove(owner: User = owner, phone: str = phone) -> None:
            with transaction.atomic():
                lock_phone_number("phone", phone)
                account = User.objects.select_for_update(no_key=True).get(pk=owner.pk)
                account.phone_verified = True
                account.save(update_fields=["phone_verified"])
                merge_caller_account(account, "phone", phone)

        outcomes = at_once(
            partial(_outcome, prove),
            partial(_outcome, partial(services.request_for_caller, actor=staff_user, caller=Caller(phone, "Nabil"), pickup=PICKUP)),
        )
        assert outcomes == ["done", "done"]
        assert Assistance.objects.filter(client=owner).count() == 2
        assert not User.objects.filter(caller_phone=phone).exists()
        assert Assistance.objects.open().filter(client=owner, is_one_of_many=False).count() == 1
