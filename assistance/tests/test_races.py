"""Many at once, on real connections: exactly one winner, and history is one legal chain."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from assistance import services
from assistance.models import Assistance, AssistantProfile, Offer
from depannini_dashmap.lib.realtime import layer
from testing.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
CONTENDERS = 16
ROUNDS = 5
REQUEST = {"pickup": {"lat": 36.7525, "lng": 3.0420}}


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Start all at the same moment in their own threads, and give what each answered."""
    barrier, answers = threading.Barrier(len(actions)), [None] * len(actions)

    def run(place: int) -> None:
        try:
            barrier.wait()
            answers[place] = actions[place]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _clients(count: int) -> list[User]:
    return [
        User.objects.create_user(f"+21366{n:07}", None, None, name=f"Client {n}", user_type="client")
        for n in range(count)
    ]


def _statuses(answers: list[Any]) -> dict[int, int]:
    return dict(Counter(answer.status_code for answer in answers))


def _end_everything() -> None:
    for job in Assistance.objects.open():
        services.update_status(actor=job.client, assistance_id=job.pk, status="canceled")


def _check_invariants() -> None:
    for field, states in (
        ("client_id", ["requested", "accepted", "ongoing"]),
        ("assistant_id", ["accepted", "ongoing"]),
    ):
        open_now = Assistance.objects.filter(status__in=states).exclude(**{field: None}).values_list(field, flat=True)
        assert len(open_now) == len(set(open_now))
    assert not Offer.objects.open().exclude(assistance__status="requested").exists()


def test_e01_sixteen_assistants_accept_one_request(api: Any, make_assistant: Any) -> None:
    [client] = _clients(1)
    helpers = [make_assistant(number) for number in range(CONTENDERS)]
    doors = [api(helper) for helper in helpers]
    for _ in range(ROUNDS):
        job_id = services.request_assistance(actor=client, pickup=(36.7525, 3.0420)).job.pk
        with layer.captured() as heard:
            answers = at_once(*[partial(door.patch, f"/api/assistance/accept/{job_id}/") for door in doors])
        assert _statuses(answers) == {200: 1, 409: CONTENDERS - 1}
        accepted = [frame for group, frame in heard if group == f"assistance.{job_id}"]
        assert [frame["status"] for frame in accepted] == ["accepted"]
        _check_invariants()
        _end_everything()


def test_e02_one_assistant_accepts_sixteen_requests(api: Any, make_assistant: Any) -> None:
    helper = make_assistant(1)
    clients = _clients(CONTENDERS)
    for _ in range(ROUNDS):
        ids = [services.request_assistance(actor=one, pickup=(36.7525, 3.0420)).job.pk for one in clients]
        doors = [api(helper) for _ in ids]
        answers = at_once(
            *[partial(door.patch, f"/api/assistance/accept/{pk}/") for door, pk in zip(doors, ids, strict=True)]
        )
        assert _statuses(answers) == {200: 1, 409: CONTENDERS - 1}
        _check_invariants()
        _end_everything()


def test_e03_one_client_asks_sixteen_times(api: Any) -> None:
    [client] = _clients(1)
    doors = [api(client) for _ in range(CONTENDERS)]
    for _ in range(ROUNDS):
        answers = at_once(*[partial(door.post, "/api/assistance/request/", REQUEST) for door in doors])
        assert _statuses(answers) == {201: 1, 409: CONTENDERS - 1}
        [made] = [answer.json()["assistance"]["id"] for answer in answers if answer.status_code == 201]
        assert {answer.json()["assistance_id"] for answer in answers if answer.status_code == 409} == {made}
        _check_invariants()
        _end_everything()


def test_e04_the_client_cancels_while_an_assistant_accepts(api: Any, make_assistant: Any) -> None:
    [client], helper = _clients(1), make_assistant(1)
    by_client, by_helper = api(client), api(helper)
    seen = set()
    for _ in range(ROUNDS * 4):
        job_id = services.request_assistance(actor=client, pickup=(36.7525, 3.0420)).job.pk
        with layer.captured() as heard:
            canceled, accepted = at_once(
                partial(by_client.patch, f"/api/assistance/update/{job_id}/", {"status": "canceled"}),
                partial(by_helper.patch, f"/api/assistance/accept/{job_id}/"),
            )
        job = Assistance.objects.get(pk=job_id)
        told = sorted((frame["seq"], frame["status"]) for group, frame in heard if group == f"assistance.{job_id}")
        assert (canceled.status_code, job.status) == (200, "canceled")
        if accepted.status_code == 200:
            assert told == [(2, "accepted"), (3, "canceled")]
        else:
            assert (accepted.status_code, told) == (409, [(2, "canceled")])
        seen.add(accepted.status_code)
        _check_invariants()
    assert seen <= {200, 409}


def test_e05_complete_and_cancel_have_one_winner(api: Any, make_assistant: Any) -> None:
    [client], helper = _clients(1), make_assistant(1)
    by_client, by_helper = api(client), api(helper)
    for _ in range(ROUNDS * 4):
        job_id = services.request_assistance(actor=client, pickup=(36.7525, 3.0420)).job.pk
        services.accept(actor=helper, assistance_id=job_id)
        answers = at_once(
            partial(by_client.patch, f"/api/assistance/update/{job_id}/", {"status": "canceled"}),
            partial(by_helper.patch, f"/api/assistance/update/{job_id}/", {"status": "completed"}),
        )
        assert _statuses(answers) == {200: 1, 409: 1}
        winner = "canceled" if answers[0].status_code == 200 else "completed"
        assert Assistance.objects.get(pk=job_id).status == winner


def test_e14_profile_place_and_duty_at_once_lose_no_field(api: Any, assistant_user: Any) -> None:
    door = [api(assistant_user) for _ in range(4)]
    for number in range(ROUNDS):
        answers = at_once(
            partial(
                door[0].patch, "/api/profile/assistant/", {"name": f"Karim {number}", "vehicle_type": f"t{number}"}
            ),
            partial(door[1].post, "/api/profile/update-location/", {"lat": 36 + number / 10, "lng": 3}),
            partial(door[2].post, "/api/profile/assistant-status/", {"is_active": number % 2 == 0}),
            partial(door[3].patch, "/api/profile/user/", {"address": f"Rue {number}"}),
        )
        assert _statuses(answers) == {200: 4}
        assistant_user.refresh_from_db()
        profile = AssistantProfile.objects.get(pk=assistant_user.pk)
        assert (assistant_user.name, assistant_user.address) == (f"Karim {number}", f"Rue {number}")
        assert (profile.vehicle_type, profile.lat, profile.is_active) == (
            f"t{number}",
            36 + number / 10,
            number % 2 == 0,
        )


def test_many_accept_many_without_blocking_each_other(api: Any, make_assistant: Any) -> None:
    helpers = [make_assistant(number) for number in range(8)]
    clients = _clients(8)
    for shift in range(ROUNDS):
        ids = [services.request_assistance(actor=one, pickup=(36.7525, 3.0420)).job.pk for one in clients]
        doors = [api(helper) for helper in helpers]
        answers = at_once(
            *[
                partial(doors[place].patch, f"/api/assistance/accept/{ids[(place * 3 + shift) % 8]}/")
                for place in range(8)
            ]
        )
        assert _statuses(answers) == {200: 8}
        _check_invariants()
        _end_everything()


def test_a_wave_and_an_acceptance_leave_no_open_offer(make_assistant: Any) -> None:
    [client] = _clients(1)
    helpers = [make_assistant(number) for number in range(30)]
    for _ in range(ROUNDS * 2):
        job_id = services.request_assistance(actor=client, pickup=(36.7525, 3.0420)).job.pk
        at_once(
            partial(services.accept, actor=helpers[0], assistance_id=job_id),
            partial(services.send_next_wave, actor=None, assistance_id=job_id, wave=2),
            partial(services.send_next_wave, actor=None, assistance_id=job_id, wave=2),
        )
        assert Assistance.objects.get(pk=job_id).status == "accepted"
        _check_invariants()
        _end_everything()


def test_a_place_told_many_times_at_once_is_offered_each_request_once(make_assistant: Any) -> None:
    """Each report finds the requests waiting; who locks them second sees the offers of who was first."""
    for client in _clients(10):
        services.request_assistance(actor=client, pickup=(36.7525, 3.0420))
    helpers = [make_assistant(number, lat=10.0, lng=10.0) for number in range(2)]
    reports = [partial(services.report_location, actor=helper, lat=36.7525, lng=3.0420) for helper in helpers for _ in range(4)]
    for _ in range(ROUNDS):
        AssistantProfile.objects.update(lat=10.0, lng=10.0, cell_y=0, cell_x=0)
        at_once(*reports)
        for helper in helpers:
            assert Offer.objects.filter(assistant=helper).count() == 10
        Offer.objects.all().delete()


def test_what_was_offered_while_a_place_waited_for_a_lock_is_not_offered_again(make_assistant: Any) -> None:
    """The search sees the offers of before it waited: that nothing is asked twice rests on a look after the lock."""
    asked, other = _clients(2)
    for client in (asked, other):
        services.request_assistance(actor=client, pickup=(36.7525, 3.0420))
    helper, job = make_assistant(1, lat=10.0, lng=10.0), Assistance.objects.get(client=asked)
    report = threading.Thread(target=partial(at_once, partial(services.report_location, actor=helper, lat=36.7525, lng=3.0420)))
    with transaction.atomic():
        Assistance.objects.select_for_update().get(pk=job.pk)
        report.start()
        wait_until(_is_somebody_blocked)
        now = timezone.now()
        Offer.objects.create(assistance=job, assistant=helper, answer="declined", reason="declined", answered_at=now, closed_at=now)
    report.join()
    made = Offer.objects.filter(assistant=helper).order_by("pk").values_list("assistance__client", "source")
    assert list(made) == [(asked.pk, "wave"), (other.pk, "nearby")]


def _is_somebody_blocked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return cursor.fetchone() is not None
