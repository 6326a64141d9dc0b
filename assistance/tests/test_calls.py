"""For a caller: staff and Roadside ask for help, at once or later, and the number's owner finds it once they have proven it."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from accounts.services import caller_account
from accounts.steps.caller_merge import merge_caller_account
from assistance import services
from assistance.models import Assistance, Offer, ScheduledRequest
from depannini_dashmap.lib.errors import Conflict, InvalidData
from depannini_dashmap.lib.time_zone import format_utc
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db
PLACE = {"lat": 36.7525, "lng": 3.0420}
NUMBER = "+213661234567"
CALL = {"pickup": PLACE, "client": {"phone_number": "0661 23 45 67", "name": "Nabil"}}
PASSWORD = "correct-horse-battery"


@pytest.fixture
def samira(api: Any, roadside_dispatcher: Any) -> Any:
    """The API of a dispatcher who works the roadside side."""
    return api(roadside_dispatcher)


def _ask(door: Any, **more: Any) -> Any:
    return door.post("/api/assistance/request/", {**CALL, **more}, format="json")


def _prove(user: User) -> None:
    """Prove a user's phone as a code does."""
    User.objects.filter(pk=user.pk).update(phone_verified=True)
    user.refresh_from_db()
    merge_caller_account(user, "phone", user.phone_number or "")


def _register(api: Any, number: str = NUMBER, **more: Any) -> Any:
    return api().post("/api/auth/register/", {"phone_number": number, "name": "Nabil", "password": PASSWORD, **more}, format="json")


@pytest.mark.parametrize("who", ["roadside_dispatcher", "staff_user"])
def test_a_request_for_a_caller(who: str, request: Any, api: Any, duty: Any, assistant_user: Any) -> None:
    actor = request.getfixturevalue(who)
    duty(assistant_user)
    answer = _ask(api(actor), billed_to="Garage Sahel", assistance_type="towing")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    shown = body["assistance"]
    assert shown["client"]["phone_number"] == NUMBER and shown["client"]["name"] == "Nabil"
    assert (shown["status"], shown["billed_to"]) == ("requested", "Garage Sahel")
    assert [one["assistant_id"] for one in body["nearby_assistants"]] == [assistant_user.pk]
    caller = User.objects.get(caller_phone=NUMBER)
    assert (caller.phone_number, caller.email, caller.has_usable_password()) == (None, None, False)
    event = AuditEvent.objects.get(event="assistance_requested")
    assert (event.actor_id, event.target_id) == (actor.pk, str(shown["id"]))
    taken = api(assistant_user).patch(f"/api/assistance/accept/{shown['id']}/").json()
    assert (taken["client"]["phone_number"], taken["billed_to"]) == (NUMBER, "Garage Sahel")


@pytest.mark.parametrize("who", ["client_user", "assistant_user", "dispatcher"])
def test_others_ask_for_nobody_else(who: str, request: Any, api: Any) -> None:
    actor = request.getfixturevalue(who)
    answer = _ask(api(actor))
    if who == "client_user":  # an unknown key of theirs
        assert answer.json()["assistance"]["client"]["id"] == actor.pk
    else:
        assert answer.status_code == 403
    assert not User.objects.filter(caller_phone__isnull=False).exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client": None}, "client"),
        ({"client": {"phone_number": "12", "name": "x"}}, "client.phone_number"),
        ({"client": {"phone_number": NUMBER, "name": " \u200b"}}, "client.name"),
        ({"client": "0661234567"}, "client.non_field_errors"),
        ({"client": {"name": "Nabil"}}, "client.phone_number"),
        ({"billed_to": "x" * 201}, "billed_to"),
        ({"scheduled_for": "tomorrow"}, "scheduled_for"),
        ({"scheduled_for": "2020-01-01T08:00:00Z"}, "scheduled_for"),
        ({"scheduled_for": "2999-01-01T08:00:00Z"}, "scheduled_for"),
        ({"pickup": {"lat": 91, "lng": 0}}, "pickup.lat"),
    ],
)
def test_what_is_wrong_is_named(changes: dict, field: str, samira: Any) -> None:
    answer = _ask(samira, **changes)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert not Assistance.objects.exists() and not ScheduledRequest.objects.exists()


def test_a_caller_who_rings_twice(samira: Any) -> None:
    first = _ask(samira).json()["assistance"]["id"]
    again = _ask(samira)
    assert (again.status_code, again.json()["code"], again.json()["assistance_id"]) == (409, "request_already_open", first)
    assert User.objects.filter(caller_phone=NUMBER).count() == 1
    services.update_status(actor=User.objects.get(caller_phone=NUMBER), assistance_id=first, status="canceled")
    assert _ask(samira).status_code == 201


def test_a_garage_has_many_jobs_at_once(samira: Any) -> None:
    for _ in range(3):
        assert _ask(samira, billed_to="Garage Sahel").status_code == 201
    assert _ask(samira).status_code == 201  # their own, which is one
    assert _ask(samira).status_code == 409
    assert User.objects.filter(caller_phone=NUMBER).count() == 1


@pytest.mark.parametrize("who", ["assistant_user", "dispatcher", "staff_user"])
@pytest.mark.parametrize("is_proven", [True, False])
def test_numbers_of_others_are_refused_in_words(who: str, is_proven: bool, request: Any, samira: Any) -> None:
    person = request.getfixturevalue(who)
    User.objects.filter(pk=person.pk).update(phone_number=NUMBER, phone_verified=is_proven)
    answer = _ask(samira)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["client.phone_number"])
    assert "This number belongs to" in answer.json()["fields"]["client.phone_number"][0]
    assert not Assistance.objects.exists()


def test_a_known_caller_is_their_account(samira: Any, api: Any, client_user: Any) -> None:
    User.objects.filter(pk=client_user.pk).update(phone_verified=True)
    call = {"phone_number": client_user.phone_number, "name": "Somebody"}
    shown = _ask(samira, client=call).json()["assistance"]
    assert shown["client"] == {"id": client_user.pk, "name": client_user.name, "phone_number": client_user.phone_number}
    assert api(client_user).get(f"/api/assistance/view/{shown['id']}/").status_code == 200
    assert not User.objects.filter(caller_phone__isnull=False).exists()


def test_the_number_opens_and_shows_nothing(samira: Any, api: Any, run_tasks: Any, settings: Any, tmp_path: Any) -> None:
    settings.SMS_URL = f"file://{tmp_path}"
    job = _ask(samira).json()["assistance"]["id"]
    stranger = api()
    for path, body in (
        ("login/phone/", {"phone_number": NUMBER, "password": ""}),
        ("login/phone/", {"phone_number": NUMBER, "password": PASSWORD}),
        ("login/", {"username": User.objects.get(caller_phone=NUMBER).username, "password": PASSWORD}),
    ):
        assert stranger.post(f"/api/auth/{path}", body, format="json").status_code in (400, 401)
    for path in ("password-reset/", "resend-verification/"):
        assert stranger.post(f"/api/auth/{path}", {"phone_number": NUMBER}, format="json").status_code == 200
    run_tasks()
    assert list(tmp_path.iterdir()) == []
    registered = _register(api)
    assert registered.status_code == 201
    holder = User.objects.get(phone_number=NUMBER)
    assert api(holder).get("/api/assistance/view/").json()["results"] == []
    assert api(holder).get(f"/api/assistance/view/{job}/").status_code == 404
    assert api(holder).patch(f"/api/assistance/update/{job}/", {"status": "canceled"}, format="json").status_code == 404
    assert api(holder).post("/api/assistance/request/", {"pickup": PLACE}, format="json").status_code == 201


def test_the_code_joins_both(samira: Any, api: Any, run_tasks: Any, settings: Any, tmp_path: Any) -> None:
    settings.SMS_URL = f"file://{tmp_path}"
    done = _ask(samira, billed_to="Garage").json()["assistance"]["id"]
    services.update_status(actor=User.objects.get(caller_phone=NUMBER), assistance_id=done, status="canceled")
    open_now = _ask(samira).json()["assistance"]["id"]
    later = _ask(samira, scheduled_for=format_utc(timezone.now() + dt.timedelta(hours=3))).json()["scheduled"]["id"]
    _register(api)
    run_tasks()
    [message] = [path.read_text() for path in tmp_path.iterdir()]
    code = "".join(letter for letter in message.split("\n\n", 1)[1] if letter.isdigit())[:6]
    holder = User.objects.get(phone_number=NUMBER)
    proven = api().post("/api/auth/verify-phone/", {"phone_number": NUMBER, "code": code}, format="json")
    assert proven.status_code == 200, proven.content
    shown = api(holder).get("/api/assistance/view/").json()["results"]
    assert [one["id"] for one in shown] == [open_now, done]
    assert ScheduledRequest.objects.get(pk=later).client_id == holder.pk
    assert not User.objects.filter(caller_phone__isnull=False).exists()
    assert api(holder).patch(f"/api/assistance/update/{open_now}/", {"status": "canceled"}, format="json").status_code == 200


def test_an_open_request_of_each_goes_on(samira: Any, api: Any, client_user: Any, ask: Any, frames: Any) -> None:
    User.objects.filter(pk=client_user.pk).update(phone_number=NUMBER)
    client_user.refresh_from_db()
    theirs = _ask(samira).json()["assistance"]["id"]
    own = ask(client_user)
    with frames() as heard:
        _prove(client_user)
    assert [(group, frame["client"]["id"]) for group, frame in heard if frame["type"] == "status"] == [
        (f"assistance.{theirs}", client_user.pk)
    ]
    assert set(Assistance.objects.open().filter(client=client_user).values_list("pk", flat=True)) == {theirs, own.pk}
    refused = api(client_user).post("/api/assistance/request/", {"pickup": PLACE}, format="json")
    assert (refused.status_code, refused.json()["assistance_id"]) == (409, own.pk)


def test_an_assistant_who_proves_the_number_gets_no_caller(samira: Any, assistant_user: Any) -> None:
    job = _ask(samira).json()["assistance"]["id"]
    User.objects.filter(pk=assistant_user.pk).update(phone_number=NUMBER)
    assistant_user.refresh_from_db()
    _prove(assistant_user)
    assert Assistance.objects.get(pk=job).client.caller_phone == NUMBER


def test_a_callers_name_is_corrected_a_holders_is_not(client_user: Any) -> None:
    first = caller_account(actor=None, phone_number=NUMBER, name="Nabl")
    assert caller_account(actor=None, phone_number=NUMBER, name="Nabil").pk == first.pk
    assert User.objects.get(pk=first.pk).name == "Nabil"


def test_a_switched_off_holder_is_refused(client_user: Any) -> None:
    User.objects.filter(pk=client_user.pk).update(phone_verified=True, is_active=False)
    with pytest.raises(InvalidData):
        caller_account(actor=None, phone_number=client_user.phone_number, name="x")


# --- Later ---------------------------------------------------------------------------------------------------------------


def _scheduled(samira: Any, **more: Any) -> tuple[ScheduledRequest, Any]:
    due = timezone.now() + dt.timedelta(hours=2)
    answer = _ask(samira, scheduled_for=format_utc(due), **more)
    assert answer.status_code == 201, answer.content
    return ScheduledRequest.objects.get(pk=answer.json()["scheduled"]["id"]), answer.json()


def test_a_request_for_later_is_none_yet(samira: Any, api: Any, dispatcher: Any, run_tasks: Any) -> None:
    row, answer = _scheduled(samira)
    assert (answer["assistance"], answer["nearby_assistants"]) == (None, [])
    assert answer["scheduled"]["client"]["phone_number"] == NUMBER
    run_tasks()
    assert not Assistance.objects.exists()
    assert _ask(samira).status_code == 201  # no limit before its time
    assert [one["id"] for one in samira.get("/api/assistance/scheduled/").json()["results"]] == [row.pk]
    assert api(dispatcher).get("/api/assistance/scheduled/").status_code == 403
    assert api(dispatcher).delete(f"/api/assistance/scheduled/{row.pk}/").status_code == 403


def test_it_is_made_and_offered_when_its_time_comes(samira: Any, run_tasks: Any, duty: Any, assistant_user: Any) -> None:
    row, _ = _scheduled(samira, billed_to="Garage", assistance_type="towing", description="blue Clio")
    with time_machine.travel(row.scheduled_for + dt.timedelta(seconds=1), tick=False):
        duty(assistant_user)
        run_tasks()
        row.refresh_from_db()
        job = row.assistance
        assert job is not None
        assert (job.status, job.billed_to, job.description, job.created_at) == ("requested", "Garage", "blue Clio", timezone.now())
        assert Offer.objects.open().filter(assistance=job, assistant=assistant_user).exists()
        services.open_scheduled(actor=None, scheduled_id=row.pk)
        assert Assistance.objects.count() == 1
        assert samira.get("/api/assistance/scheduled/").json()["results"] == []
        gone = samira.delete(f"/api/assistance/scheduled/{row.pk}/")
        assert (gone.status_code, gone.json()["assistance_id"]) == (409, job.pk)


def test_it_waits_for_the_one_that_is_open(samira: Any, run_tasks: Any) -> None:
    row, _ = _scheduled(samira)
    with time_machine.travel(row.scheduled_for, tick=False) as clock:
        clock.shift(1)
        first = _ask(samira).json()["assistance"]["id"]
        services.open_scheduled(actor=None, scheduled_id=row.pk)
        row.refresh_from_db()
        assert (row.assistance_id, row.refusal) == (None, "request_already_open")
        services.update_status(actor=row.client, assistance_id=first, status="canceled")
        clock.shift(61)
        run_tasks()
        row.refresh_from_db()
        assert row.assistance_id is not None and row.refusal == ""


def test_what_is_struck_out_is_never_made(samira: Any, run_tasks: Any) -> None:
    row, _ = _scheduled(samira)
    for _ in range(2):
        assert samira.delete(f"/api/assistance/scheduled/{row.pk}/").status_code == 204
    assert samira.delete("/api/assistance/scheduled/99999/").status_code == 404
    with time_machine.travel(row.scheduled_for + dt.timedelta(seconds=1), tick=False):
        run_tasks()
    assert not Assistance.objects.exists()


def test_a_day_late_nobody_waits_any_more(samira: Any) -> None:
    row, _ = _scheduled(samira)
    with time_machine.travel(row.scheduled_for + dt.timedelta(days=1, minutes=1), tick=False):
        services.open_scheduled(actor=None, scheduled_id=row.pk)
    row.refresh_from_db()
    assert (row.assistance_id, row.refusal) == (None, "too_late")
    assert row.canceled_at is not None


def test_a_dropoff_too_far_is_refused_while_they_are_on_the_line(samira: Any) -> None:
    due = format_utc(timezone.now() + dt.timedelta(hours=2))
    answer = _ask(samira, dropoff={"lat": -36.0, "lng": -150.0}, scheduled_for=due)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["dropoff"])


# --- Assign --------------------------------------------------------------------------------------------------------------


def test_assign_accepts_it_for_the_assistant(samira: Any, api: Any, assistant_user: Any, other_assistant: Any, frames: Any) -> None:
    job = _ask(samira).json()["assistance"]["id"]
    path = f"/api/assistance/assign/{job}/"
    with frames() as heard:
        answer = samira.post(path, {"assistant": assistant_user.pk}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert answer.json()["assistant"]["id"] == assistant_user.pk
    assert (f"assistant.{assistant_user.pk}", "assistance_assigned") in [(group, frame["type"]) for group, frame in heard]
    again = samira.post(path, {"assistant": assistant_user.pk}, format="json")
    assert (again.status_code, again.json()["seq"]) == (200, answer.json()["seq"])
    other = samira.post(path, {"assistant": other_assistant.pk}, format="json")
    assert (other.status_code, other.json()["code"], other.json()["assistant_id"]) == (409, "already_taken", assistant_user.pk)
    assert AuditEvent.objects.filter(event="assistance_assigned").count() == 1


def test_assign_refuses_in_words(samira: Any, api: Any, assistant_user: Any, client_user: Any, dispatcher: Any, ask: Any) -> None:
    job = _ask(samira).json()["assistance"]["id"]
    path = f"/api/assistance/assign/{job}/"
    for wrong in (client_user.pk, 999999, None, "x", True, -1):
        answer = samira.post(path, {"assistant": wrong}, format="json")
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["assistant"]), wrong
    assert samira.post("/api/assistance/assign/999999/", {"assistant": assistant_user.pk}, format="json").status_code == 404
    for who in (dispatcher, assistant_user, client_user):
        assert api(who).post(path, {"assistant": assistant_user.pk}, format="json").status_code == 403
    samira.post(path, {"assistant": assistant_user.pk}, format="json")
    second = ask(client_user)
    busy = samira.post(f"/api/assistance/assign/{second.pk}/", {"assistant": assistant_user.pk}, format="json")
    assert (busy.status_code, busy.json()["code"], busy.json()["assistance_id"]) == (409, "assistant_busy", job)


def test_asking_again_keeps_who_pays(samira: Any, staff_user: Any) -> None:
    job = Assistance.objects.get(pk=_ask(samira, billed_to="Garage").json()["assistance"]["id"])
    with time_machine.travel(job.expires_at + dt.timedelta(seconds=1), tick=False):
        services.expire(actor=None, assistance_id=job.pk)
        again = services.ask_again(actor=staff_user, assistance_id=job.pk).job.pk
        assert Assistance.objects.get(pk=again).billed_to == "Garage"
        own = Assistance.objects.get(pk=_ask(samira).json()["assistance"]["id"])
    with time_machine.travel(own.expires_at + dt.timedelta(seconds=1), tick=False):
        services.expire(actor=None, assistance_id=own.pk)
        newer = _ask(samira).json()["assistance"]["id"]
        with pytest.raises(Conflict) as refused:
            services.ask_again(actor=staff_user, assistance_id=own.pk)
        assert refused.value.extra["assistance_id"] == newer
