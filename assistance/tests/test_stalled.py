"""Nobody is stuck: jobs whose assistant has gone silent, and what staff and Roadside do for a party."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from assistance import services
from assistance.models import Assistance, AssistantProfile, Offer
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def clock() -> Any:
    """A clock that only moves when told: `clock.shift(seconds)`."""
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as traveller:
        yield traveller


@pytest.fixture
def accepted(job_in: Any, client_user: Any, assistant_user: Any, clock: Any) -> Assistance:
    """A job that its assistant has just accepted."""
    return job_in("accepted", client_user, assistant_user)


@pytest.fixture
def stalled(accepted: Assistance, clock: Any, run_tasks: Any) -> Assistance:
    """The job a quarter of an hour later, without a word from its assistant."""
    clock.shift(15 * MINUTE + MINUTE / 60)
    run_tasks()
    accepted.refresh_from_db()
    return accepted


def _shown(api: Any, user: Any, job: Assistance) -> Any:
    return api(user).get(f"/api/assistance/view/{job.pk}/").json()["stalled_since"]


def test_a_job_without_a_sign_of_life_stalls(
    accepted: Assistance, api: Any, client_user: Any, clock: Any, run_tasks: Any, frames: Any
) -> None:
    due = accepted.accepted_at + 15 * MINUTE
    clock.shift(15 * MINUTE - MINUTE / 60)
    run_tasks()
    assert _shown(api, client_user, accepted) is None
    clock.shift(MINUTE / 30)
    with frames() as heard:
        run_tasks()
    told = [frame for group, frame in heard if frame["type"] == "stalled"]
    since = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [(frame["assistance_id"], frame["since"]) for frame in told] == [(accepted.pk, since)]
    assert {group for group, frame in heard} == {f"assistance.{accepted.pk}"}
    assert _shown(api, client_user, accepted) == since


@pytest.mark.parametrize("sign", ["location", "duty", "socket", "request"])
def test_each_sign_of_life_puts_it_off_and_ends_it(
    sign: str, stalled: Assistance, api: Any, assistant_user: Any, client_user: Any, clock: Any, run_tasks: Any, frames: Any
) -> None:
    def give() -> None:
        if sign == "location":
            services.report_location(actor=assistant_user, lat=36.76, lng=3.06)
        elif sign == "duty":
            services.set_duty(actor=assistant_user, is_active=True)
        elif sign == "socket":
            services.keep_fresh(actor=None, user_id=assistant_user.pk)
        else:
            assert api(assistant_user).get("/api/profile/assistant/").status_code == 200

    assert stalled.stalled_since is not None
    with frames() as heard:
        give()
    assert [frame["since"] for _, frame in heard if frame["type"] == "stalled"] == [None]
    assert _shown(api, client_user, stalled) is None
    clock.shift(10 * MINUTE)
    with frames():
        give()
    clock.shift(10 * MINUTE)
    run_tasks()
    assert _shown(api, client_user, stalled) is None
    clock.shift(6 * MINUTE)
    run_tasks()
    assert _shown(api, client_user, stalled) is not None


def test_signs_of_life_are_written_once_in_ten_seconds(
    accepted: Assistance, assistant_user: Any, clock: Any, django_assert_num_queries: Any
) -> None:
    clock.shift(11)
    services.note_sign_of_life(actor=None, user_id=assistant_user.pk)
    clock.shift(9)
    with django_assert_num_queries(0):
        services.note_sign_of_life(actor=None, user_id=assistant_user.pk)
    clock.shift(2)
    services.note_sign_of_life(actor=None, user_id=assistant_user.pk)
    assert AssistantProfile.objects.get(pk=assistant_user.pk).alive_at == timezone.now()


def test_signs_of_many_are_written_together_and_revive_the_stalled(
    stalled: Assistance, assistant_user: Any, other_assistant: Any, clock: Any, django_assert_num_queries: Any
) -> None:
    clock.shift(11)
    services.note_signs_of_life(actor=None, user_ids=[assistant_user.pk, other_assistant.pk])
    stalled.refresh_from_db()
    assert stalled.stalled_since is None
    everybody = [assistant_user.pk, other_assistant.pk]
    with django_assert_num_queries(0):
        services.note_signs_of_life(actor=None, user_ids=everybody)
    clock.shift(11)
    with django_assert_num_queries(5):  # a savepoint and its release among them
        services.note_signs_of_life(actor=None, user_ids=everybody)
    signs = AssistantProfile.objects.filter(pk__in=everybody).values_list("alive_at", flat=True)
    assert list(signs) == [timezone.now()] * 2


def test_an_off_duty_assistant_gives_signs_of_life_too(stalled: Assistance, assistant_user: Any) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=False)
    services.keep_fresh(actor=None, user_id=assistant_user.pk)
    stalled.refresh_from_db()
    assert stalled.stalled_since is None


def test_checks_run_twice_change_nothing(stalled: Assistance, run_tasks: Any) -> None:
    since = stalled.stalled_since
    services.check_stalled(actor=None, assistance_id=stalled.pk, accepted_at=stalled.accepted_at.timestamp())
    stalled.refresh_from_db()
    assert (stalled.stalled_since, run_tasks()) == (since, 0)


def test_a_check_of_an_acceptance_that_is_over_does_nothing(
    accepted: Assistance, assistant_user: Any, other_assistant: Any, duty: Any, clock: Any
) -> None:
    before = accepted.accepted_at.timestamp()
    clock.shift(MINUTE)
    services.release(actor=assistant_user, assistance_id=accepted.pk)
    services.accept(actor=duty(other_assistant), assistance_id=accepted.pk)
    clock.shift(14 * MINUTE + MINUTE / 30)
    services.check_stalled(actor=None, assistance_id=accepted.pk, accepted_at=before)
    accepted.refresh_from_db()
    assert accepted.stalled_since is None


def test_the_client_waits_while_the_assistant_is_there(
    accepted: Assistance, api: Any, client_user: Any, other_client: Any
) -> None:
    answer = api(client_user).post(f"/api/assistance/release/{accepted.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_stalled")
    assert api(other_client).post(f"/api/assistance/release/{accepted.pk}/").status_code == 404


@pytest.mark.parametrize("status", ["requested", "ongoing", "completed"])
def test_only_an_accepted_job_is_taken_back(
    status: str, job_in: Any, client_user: Any, assistant_user: Any, clock: Any
) -> None:
    job = job_in(status, client_user, assistant_user)
    clock.shift(60 * MINUTE)
    with pytest.raises(Conflict) as refused:
        services.release(actor=client_user, assistance_id=job.pk)
    assert refused.value.code == ("already_final" if status == "completed" else "not_stalled")


def test_the_client_takes_a_stalled_job_back(
    stalled: Assistance, api: Any, client_user: Any, assistant_user: Any, other_assistant: Any, duty: Any, frames: Any
) -> None:
    duty(other_assistant)
    with frames() as heard:
        answer = api(client_user).post(f"/api/assistance/release/{stalled.pk}/")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["assistant"], body["stalled_since"]) == ("requested", None, None)
    closed = [(group, frame["reason"]) for group, frame in heard if frame["type"] == "request_closed"]
    assert closed == [(f"assistant.{assistant_user.pk}", "stalled")]
    asked = [group for group, frame in heard if frame["type"] == "new_assistance_request"]
    assert asked == [f"assistant.{other_assistant.pk}"]


def test_it_may_be_taken_back_before_the_worker_saw_it(accepted: Assistance, client_user: Any, clock: Any) -> None:
    clock.shift(15 * MINUTE)
    assert services.release(actor=client_user, assistance_id=accepted.pk).status == "requested"


def test_a_sign_of_life_that_came_first_keeps_the_job(stalled: Assistance, client_user: Any, assistant_user: Any) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(alive_at=timezone.now())  # its room is not told yet
    with pytest.raises(Conflict) as refused:
        services.release(actor=client_user, assistance_id=stalled.pk)
    assert refused.value.code == "not_stalled"


def test_the_former_assistant_is_asked_again_after_a_sign_of_life(
    stalled: Assistance, client_user: Any, assistant_user: Any, settings: Any, run_tasks: Any, clock: Any
) -> None:
    settings.LOCATION_TTL = dt.timedelta(hours=2)  # still fresh, so that only their silence keeps them from being asked
    services.release(actor=client_user, assistance_id=stalled.pk)
    clock.shift(31)
    run_tasks()
    assert not Offer.objects.open().filter(assistant=assistant_user).exists()
    services.report_location(actor=assistant_user, lat=36.7000, lng=3.0588)
    assert Offer.objects.open().filter(assistant=assistant_user, assistance=stalled).count() == 1
    assert services.accept(actor=assistant_user, assistance_id=stalled.pk).status == "accepted"


def test_what_an_assistant_gave_back_is_not_offered_again(accepted: Assistance, assistant_user: Any, run_tasks: Any, clock: Any) -> None:
    services.release(actor=assistant_user, assistance_id=accepted.pk)
    clock.shift(31)
    run_tasks()
    services.report_location(actor=assistant_user, lat=36.70, lng=3.05)
    assert not Offer.objects.open().filter(assistant=assistant_user).exists()


@pytest.mark.parametrize("who", ["staff_user", "roadside_dispatcher"])
@pytest.mark.parametrize("status", ["accepted", "ongoing"])
def test_staff_take_a_job_back(
    who: str, status: str, request: Any, job_in: Any, api: Any, client_user: Any, assistant_user: Any, frames: Any
) -> None:
    actor = request.getfixturevalue(who)
    job = job_in(status, client_user, assistant_user)
    with frames() as heard:
        answer = api(actor).post(f"/api/assistance/release/{job.pk}/")
    assert (answer.status_code, answer.json()["status"]) == (200, "requested")
    job.refresh_from_db()
    assert (job.assistant_id, job.accepted_at, job.started_at) == (None, None, None)
    assert (f"assistant.{assistant_user.pk}", "recalled") in [
        (group, frame["reason"]) for group, frame in heard if frame["type"] == "request_closed"
    ]
    event = AuditEvent.objects.get(event="assistance_released")
    assert (event.actor_id, event.target_id, event.detail) == (actor.pk, str(job.pk), {"assistant_id": assistant_user.pk})


@pytest.mark.parametrize("who", ["staff_user", "roadside_dispatcher"])
def test_staff_start_and_complete_for_the_assistant(
    who: str, request: Any, job_in: Any, api: Any, client_user: Any, assistant_user: Any
) -> None:
    actor = request.getfixturevalue(who)
    job = job_in("accepted", client_user, assistant_user, assistance_type="towing")
    path = f"/api/assistance/update/{job.pk}/"
    assert api(actor).patch(path, {"status": "ongoing"}).json()["status"] == "ongoing"
    assert api(actor).patch(path, {"status": "completed"}).json()["status"] == "completed"
    assert api(actor).patch(path, {"status": "canceled"}).status_code == 409
    named = AuditEvent.objects.filter(target_id=str(job.pk), actor_id=actor.pk).order_by("id")
    assert [event.event for event in named] == ["assistance_started", "assistance_completed"]


def test_staff_complete_a_repair_with_its_price(
    ask: Any, make_assistant: Any, api: Any, client_user: Any, roadside_dispatcher: Any
) -> None:
    repairer = make_assistant(1, service_type="repair")
    job = ask(client_user, assistance_type="repair")
    services.accept(actor=repairer, assistance_id=job.pk)
    samira = api(roadside_dispatcher)
    for path in (f"/api/assistance/update/{job.pk}/", f"/api/assistance/update/end/{job.pk}/"):
        refused = samira.patch(path, {"status": "completed"})
        assert (refused.status_code, list(refused.json()["fields"])) == (400, ["total_price"])
    done = samira.patch(f"/api/assistance/update/end/{job.pk}/", {"total_price": 4500})
    assert (done.status_code, done.json()["total_price"], done.json()["status"]) == (200, 4500.0, "completed")


def test_nobody_starts_what_nobody_has_accepted(ask: Any, client_user: Any, staff_user: Any) -> None:
    job = ask(client_user)
    for status in ("ongoing", "completed"):
        with pytest.raises(Conflict):
            services.update_status(actor=staff_user, assistance_id=job.pk, status=status)
    with pytest.raises(Forbidden):
        services.update_status(actor=staff_user, assistance_id=job.pk, status="accepted")
    with pytest.raises(Conflict):
        services.release(actor=staff_user, assistance_id=job.pk)


def test_a_client_still_only_cancels(accepted: Assistance, client_user: Any) -> None:
    for status in ("ongoing", "completed", "accepted"):
        with pytest.raises(Forbidden):
            services.update_status(actor=client_user, assistance_id=accepted.pk, status=status)
    with pytest.raises((Forbidden, InvalidData)):
        services.complete(actor=client_user, assistance_id=accepted.pk)
