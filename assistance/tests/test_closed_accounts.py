"""What was under way when an account was closed: it is refused, and nothing of the person comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import change_profile, close_account, set_active
from assistance import nearby, services
from assistance.models import Assistance, AssistantProfile, ChatMessage
from assistance.nearby import Search
from assistance.services import PartyLocation
from depannini_dashmap.lib.errors import DomainError, InvalidData, Unauthenticated

PLACE = (36.75, 3.05)
ERASED = {"name": "", "address": "", "phone_number": None, "email": None, "current_lat": None, "current_lng": None}
CLIENT_FLOWS: dict[str, Callable[[User], Any]] = {
    "name": lambda user: change_profile(actor=user, user=user, name="Back again", phone_number="+213555123456"),
    "whole profile": lambda user: services.change_own_profile(
        actor=user, name="Back again", current_lat=36.7, current_lng=3.0
    ),
    "place in the profile": lambda user: services.change_own_profile(actor=user, current_lat=36.7, current_lng=3.0),
    "location": lambda user: services.report_location(actor=user, lat=PLACE[0], lng=PLACE[1]),
    "request": lambda user: services.request_assistance(actor=user, pickup=PLACE),
}
ASSISTANT_FLOWS: dict[str, Callable[[User], Any]] = {
    "papers": lambda user: services.change_papers(actor=user, driving_license_cat="b", driving_license_num="16/1"),
    "papers in the profile": lambda user: services.change_own_profile(actor=user, vehicle_type="van"),
    "location": lambda user: services.report_location(actor=user, lat=PLACE[0], lng=PLACE[1]),
    "on duty": lambda user: services.set_duty(actor=user, is_active=True),
    "off duty": lambda user: services.set_duty(actor=user, is_active=False),
}
END: dict[str, Callable[[User], Any]] = {
    "closed": lambda user: close_account(actor=None, user=user),
    "switched off": lambda user: set_active(actor=None, user=user, is_active=False),
}


def _erased(user: User) -> bool:
    return User.objects.filter(pk=user.pk).values(*ERASED).get() == ERASED


def _profile(user: User) -> dict[str, Any]:
    return dict(AssistantProfile.objects.filter(pk=user.pk).values().get())


@pytest.mark.django_db
@pytest.mark.parametrize("end", END)
@pytest.mark.parametrize("flow", CLIENT_FLOWS)
def test_a_client_who_is_gone_is_refused(client_user: User, flow: str, end: str) -> None:
    END[end](client_user)
    row = User.objects.filter(pk=client_user.pk).values().get()
    with pytest.raises(Unauthenticated):
        CLIENT_FLOWS[flow](client_user)
    assert User.objects.filter(pk=client_user.pk).values().get() == row
    assert not Assistance.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("end", END)
@pytest.mark.parametrize("flow", ASSISTANT_FLOWS)
def test_an_assistant_who_is_gone_is_refused(assistant_user: User, duty: Any, flow: str, end: str) -> None:
    duty(assistant_user)
    END[end](assistant_user)
    row = _profile(assistant_user)
    with pytest.raises(Unauthenticated):
        ASSISTANT_FLOWS[flow](assistant_user)
    assert _profile(assistant_user) == row
    assert nearby.within(*PLACE, 50.0, Search("", timezone.now())) == []


@pytest.mark.django_db
@pytest.mark.parametrize("end", END)
def test_who_is_gone_takes_no_job(
    client_user: User, assistant_user: User, staff_user: User, ask: Any, duty: Any, end: str
) -> None:
    duty(assistant_user)
    job = ask(client_user)
    END[end](assistant_user)
    with pytest.raises(Unauthenticated):
        services.accept(actor=assistant_user, assistance_id=job.pk)
    with pytest.raises(InvalidData):
        services.assign_by_hand(actor=staff_user, assistance_id=job.pk, assistant_id=assistant_user.pk)
    job.refresh_from_db()
    assert (job.status, job.assistant_id) == ("requested", None)


@pytest.mark.django_db
def test_who_is_gone_writes_no_message(client_user: User, assistant_user: User, job_in: Any) -> None:
    job = job_in("completed", client_user, assistant_user)
    close_account(actor=None, user=client_user)
    with pytest.raises(Unauthenticated):
        services.post_chat(actor=client_user, assistance_id=job.pk, message="I am still here")
    assert not ChatMessage.objects.exists()


@pytest.mark.django_db
def test_what_staff_wrote_about_somebody_goes_with_them(
    client_user: User, assistant_user: User, staff_user: User, job_in: Any
) -> None:
    job = job_in("completed", client_user, assistant_user, description="Beside my house")
    services.set_price(actor=staff_user, assistance_id=job.pk, amount=Decimal(900), reason="Amina rang from 0555 00 00 01")
    close_account(actor=None, user=client_user)
    job.refresh_from_db()
    assert (job.description, job.reason_note, job.price_note, job.total_price) == ("", "", "", 900)


@pytest.mark.django_db
def test_nobody_fills_a_closed_account_again(client_user: User) -> None:
    close_account(actor=None, user=client_user)
    with pytest.raises(Unauthenticated):
        change_profile(actor=client_user, user=User.objects.get(pk=client_user.pk), name="Back again")
    assert _erased(client_user)


@pytest.mark.django_db
def test_an_operator_still_changes_who_is_switched_off(client_user: User) -> None:
    set_active(actor=None, user=client_user, is_active=False)
    assert change_profile(actor=client_user, user=User.objects.get(pk=client_user.pk), name="Amina B.").name == "Amina B."


@pytest.mark.django_db
def test_an_open_socket_does_not_bring_a_closed_account_back(assistant_user: User, duty: Any) -> None:
    duty(assistant_user)
    close_account(actor=None, user=assistant_user)
    services.keep_fresh(actor=None, user_id=assistant_user.pk)
    assert _profile(assistant_user)["seen_at"] is None


# --- At the same moment, on real connections ------------------------------------------------------------------------------
def _while_closing(user: User, *late: Callable[[], Any]) -> list[Any]:
    """Close an account while other actions, begun before, wait for it; give their answers or refusals."""
    with transaction.atomic():
        close_account(actor=None, user=user)
        answers, threads = _start(*late)
        _wait_for_blocked(len(late))
    for thread in threads:
        thread.join()
    return answers


def _start(*actions: Callable[[], Any]) -> tuple[list[Any], list[threading.Thread]]:
    """Start each in a thread of its own; what each answered or raised stands in the list once its thread has ended."""
    answers: list[Any] = [None] * len(actions)

    def run(place: int) -> None:
        try:
            answers[place] = actions[place]()
        except Exception as error:
            answers[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(actions))]
    for thread in threads:
        thread.start()
    return answers, threads


def _wait_for_blocked(count: int) -> None:
    """Wait until so many connections to this database wait for a lock."""
    deadline = time.monotonic() + 10
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone()[0] >= count:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits for the closing account")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_closing_client_is_refused(api: Any, client_user: User) -> None:
    doors = [api(client_user) for _ in range(3)]
    answers = _while_closing(
        client_user,
        partial(doors[0].put, "/api/profile/user/", {"name": "Back again", "phone_number": "+213555123456"}),
        partial(doors[1].post, "/api/profile/update-location/", {"lat": 36.7, "lng": 3.0}),
        partial(doors[2].post, "/api/assistance/request/", {"pickup": {"lat": 36.7, "lng": 3.0}}),
    )
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(401, "invalid_token")] * 3
    assert _erased(client_user)
    assert not Assistance.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_closing_assistant_is_refused(
    api: Any, assistant_user: User, client_user: User, duty: Any, ask: Any
) -> None:
    duty(assistant_user)
    job = ask(client_user)
    doors = [api(assistant_user) for _ in range(4)]
    answers = _while_closing(
        assistant_user,
        partial(doors[0].put, "/api/profile/assistant/", {"vehicle_type": "van", "driving_license_cat": "b"}),
        partial(doors[1].post, "/api/profile/update-location/", {"lat": 36.7, "lng": 3.0}),
        partial(doors[2].post, "/api/profile/assistant-status/", {"is_active": True}),
        partial(doors[3].patch, f"/api/assistance/accept/{job.pk}/"),
        partial(services.keep_fresh, actor=None, user_id=assistant_user.pk),
    )
    assert [getattr(answer, "status_code", answer) for answer in answers] == [401, 401, 401, 401, None]
    row = _profile(assistant_user)
    assert (row["is_active"], row["lat"], row["seen_at"], row["vehicle_type"]) == (False, None, None, "")
    job.refresh_from_db()
    assert job.status == "requested"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_places_from_sockets_do_not_outlive_a_closing_account(
    client_user: User, assistant_user: User, job_in: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user)
    for user in (client_user, assistant_user):
        place = PartyLocation(job.pk, user.pk, 36.7, 3.0)
        Assistance.objects.filter(pk=job.pk).update(status="accepted", ended_at=None, reason="")
        assert _while_closing(user, partial(services.store_locations, actor=None, places=[place])) == [set()]
    assert _erased(client_user)
    assert _profile(assistant_user)["lat"] is None


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_closing_both_parties_blocks_nobody_and_leaves_nothing_open(make_assistant: Any, staff_user: User) -> None:
    """In whatever order they come: no deadlock, and no job, duty or place of who is gone."""
    for number in range(6):
        client = User.objects.create_user(f"+21366{number:07}", None, None, name="Client", user_type="client")
        helper = make_assistant(number)
        unanswered = services.request_assistance(actor=client, pickup=PLACE).job.pk
        Assistance.objects.filter(pk=unanswered).update(status="canceled", reason="unanswered", ended_at=timezone.now())
        job = services.request_assistance(actor=client, pickup=PLACE).job.pk
        answers, threads = _start(
            partial(services.accept, actor=helper, assistance_id=job),
            partial(close_account, actor=None, user=client),
            partial(services.assign_by_hand, actor=staff_user, assistance_id=job, assistant_id=helper.pk),
            partial(close_account, actor=None, user=helper),
            partial(services.ask_again, actor=staff_user, assistance_id=unanswered),
            partial(services.request_assistance, actor=client, pickup=PLACE),
            partial(services.report_location, actor=client, lat=PLACE[0], lng=PLACE[1]),
            partial(services.report_location, actor=helper, lat=PLACE[0], lng=PLACE[1]),
            partial(services.set_duty, actor=helper, is_active=True),
            partial(services.change_own_profile, actor=helper, name="Back", vehicle_type="van", current_lat=1, current_lng=1),
        )
        for thread in threads:
            thread.join()
        assert [
            answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, DomainError)
        ] == []
        assert [answers[1], answers[3]] == [None, None]
        assert not Assistance.objects.open().exists()
        assert _erased(client) and _erased(helper)
        profile = _profile(helper)
        assert (profile["is_active"], profile["lat"], profile["vehicle_type"]) == (False, None, "")
