"""Waves, offers to who becomes available, declining, and the end of what nobody answers."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from assistance import services
from assistance.models import Assistance, AssistantProfile, Offer
from assistance.steps.offers import radius_of, size_of

pytestmark = pytest.mark.django_db
PICKUP = (36.7525, 3.0420)


def _asked(job: Assistance) -> list[int]:
    return sorted(Offer.objects.filter(assistance=job, wave=job.wave).values_list("assistant_id", flat=True))


def _north(km: float) -> float:
    return PICKUP[0] + km / 111.195


def test_waves_grow_to_a_bound() -> None:
    assert [radius_of(wave) for wave in (1, 2, 3, 4, 99)] == [10.0, 20.0, 40.0, 50.0, 50.0]
    assert [size_of(wave) for wave in (1, 2, 3, 99)] == [10, 20, 40, 160]


def test_every_half_minute_a_wider_wave_asks_those_not_asked_yet(
    client_user: Any, make_assistant: Any, ask: Any, run_tasks: Any
) -> None:
    close = [make_assistant(number, lat=_north(1 + number / 100)).pk for number in range(12)]
    farther = make_assistant(20, lat=_north(15)).pk
    farthest = make_assistant(21, lat=_north(45)).pk
    too_far = make_assistant(22, lat=_north(51)).pk
    with time_machine.travel(timezone.now(), tick=False) as clock:
        job = ask(client_user)
        assert _asked(job) == close[:10]
        run_tasks()
        clock.shift(29)
        assert run_tasks() == 0
        seen = []
        for _ in range(4):
            clock.shift(30)
            _stay_fresh()
            run_tasks()
            job.refresh_from_db()
            seen.append((job.wave, job.radius_km, _asked(job)))
    assert seen == [(2, 20.0, [*close[10:], farther]), (3, 40.0, []), (4, 50.0, [farthest]), (5, 50.0, [])]
    assert not Offer.objects.filter(assistant_id=too_far).exists()


def _stay_fresh() -> None:
    AssistantProfile.objects.update(seen_at=timezone.now())


def test_a_wave_that_runs_twice_asks_once(client_user: Any, make_assistant: Any, ask: Any) -> None:
    for number in range(12):
        make_assistant(number)
    job = ask(client_user)
    for _ in range(3):
        services.send_next_wave(actor=None, assistance_id=job.pk, wave=2)
    assert Offer.objects.filter(assistance=job).count() == 12
    job.refresh_from_db()
    assert job.wave == 2


def test_nobody_is_asked_after_the_end(client_user: Any, make_assistant: Any, ask: Any) -> None:
    job = ask(client_user)
    services.update_status(actor=client_user, assistance_id=job.pk, status="canceled")
    make_assistant(1)
    services.send_next_wave(actor=None, assistance_id=job.pk, wave=2)
    services.send_next_wave(actor=None, assistance_id=10**9, wave=2)
    assert not Offer.objects.exists()


def test_unanswered_requests_end_and_everybody_is_notified(
    client_user: Any, assistant_user: Any, duty: Any, ask: Any, run_tasks: Any, frames: Any
) -> None:
    duty(assistant_user)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        job = ask(client_user)
        clock.shift(899)
        services.expire(actor=None, assistance_id=job.pk)
        job.refresh_from_db()
        assert job.status == "requested"
        clock.shift(2)
        with frames() as heard:
            run_tasks()
            services.expire(actor=None, assistance_id=job.pk)
    job.refresh_from_db()
    assert (job.status, job.reason, job.version) == ("canceled", "unanswered", 2)
    assert [(group, frame["type"], frame["reason"]) for group, frame in heard] == [
        (f"assistant.{assistant_user.pk}", "request_closed", "unanswered"),
        (f"assistance.{job.pk}", "status", "unanswered"),
    ]
    assert Offer.objects.get().reason == "unanswered"


def test_an_accepted_request_does_not_expire(
    client_user: Any, assistant_user: Any, job_in: Any, run_tasks: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user)
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        run_tasks()
    job.refresh_from_db()
    assert job.status == "accepted"


def test_a_released_request_waits_its_full_time_again(
    client_user: Any, assistant_user: Any, job_in: Any, run_tasks: Any
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        job = job_in("accepted", client_user, assistant_user)
        clock.shift(600)
        services.release(actor=assistant_user, assistance_id=job.pk)
        clock.shift(601)
        run_tasks()
        job.refresh_from_db()
        assert job.status == "requested"
        clock.shift(300)
        run_tasks()
        job.refresh_from_db()
    assert (job.status, job.reason) == ("canceled", "unanswered")


def test_who_becomes_active_nearby_is_offered_what_waits(
    client_user: Any, assistant_user: Any, ask: Any, frames: Any, api: Any
) -> None:
    job = ask(client_user)
    with frames() as heard:
        answer = api(assistant_user).post("/api/profile/assistant-status/", {"is_active": True})
    assert answer.status_code == 200
    assert [(group, frame["type"], frame["assistance_id"]) for group, frame in heard] == [
        (f"assistant.{assistant_user.pk}", "new_assistance_request", job.pk)
    ]
    assert Offer.objects.get().source == "nearby"
    with frames() as heard:
        api(assistant_user).post("/api/profile/assistant-status/", {"is_active": True})
    assert heard == []


def test_who_drives_into_the_circle_is_offered_what_waits(
    client_user: Any, assistant_user: Any, ask: Any, duty: Any, frames: Any
) -> None:
    duty(assistant_user, lat=_north(30), lng=PICKUP[1])
    job = ask(client_user)
    for km, offered in ((12, 0), (9.9, 1), (8, 0)):
        with frames() as heard:
            services.report_location(actor=assistant_user, lat=_north(km), lng=PICKUP[1])
        assert [frame["assistance_id"] for _, frame in heard] == [job.pk] * offered


@pytest.mark.parametrize("waiting", [1, 3, 50])
def test_a_first_place_near_many_that_wait_costs_the_same(
    waiting: int, assistant_user: Any, frames: Any, api: Any, django_assert_num_queries: Any
) -> None:
    clients = [User.objects.create_user(f"+21366{n:07}", user_type="client", name=f"Client {n}") for n in range(waiting)]
    for client in clients:
        services.request_assistance(actor=client, pickup=PICKUP)
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(lat=10.0, lng=10.0, cell_y=1000, cell_x=1000)
    services.set_duty(actor=assistant_user, is_active=True)
    report = partial(api(assistant_user).put, "/api/profile/update-location/", {"lat": PICKUP[0], "lng": PICKUP[1]})
    with frames() as heard:
        # who signs in; transaction; the profile and the room; the place; what waits nearby, locked; offers, where none was made; what the phone shows; end
        with django_assert_num_queries(8):
            assert report().status_code == 200
    assert sorted(frame["assistance_id"] for _, frame in heard) == sorted(Assistance.objects.values_list("pk", flat=True))
    assert Offer.objects.filter(assistant=assistant_user, source="nearby").count() == waiting
    with frames() as heard:
        report()
    assert heard == []


def test_who_comes_back_on_the_socket_is_offered_what_waits(
    client_user: Any, assistant_user: Any, ask: Any, duty: Any, frames: Any
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        duty(assistant_user)
        clock.shift(301)
        job = ask(client_user)
        assert not Offer.objects.exists()
        with frames() as heard:
            services.keep_fresh(actor=None, user_id=assistant_user.pk)
            services.keep_fresh(actor=None, user_id=assistant_user.pk)
            services.keep_fresh(actor=None, user_id=client_user.pk)
    assert [frame["assistance_id"] for _, frame in heard] == [job.pk]


def test_who_is_busy_is_offered_nothing(
    client_user: Any, other_client: Any, assistant_user: Any, job_in: Any, ask: Any, frames: Any
) -> None:
    job_in("accepted", client_user, assistant_user)
    other = ask(other_client)
    services.set_duty(actor=assistant_user, is_active=False)
    with frames() as heard:
        services.set_duty(actor=assistant_user, is_active=True)
        services.send_next_wave(actor=None, assistance_id=other.pk, wave=2)
    assert heard == []


def test_going_off_duty_ends_the_offers(
    client_user: Any, assistant_user: Any, duty: Any, ask: Any, frames: Any, api: Any
) -> None:
    duty(assistant_user)
    job = ask(client_user)
    with frames() as heard:
        api(assistant_user).put("/api/profile/update-status/", {"is_active": False})
    assert [(frame["type"], frame["reason"]) for _, frame in heard] == [("request_closed", "inactive")]
    assert api(assistant_user).get(f"/api/assistance/view/{job.pk}/").status_code == 404
    services.set_duty(actor=assistant_user, is_active=True)
    assert list(Offer.objects.order_by("id").values_list("source", "reason")) == [("wave", "inactive"), ("nearby", "")]


def test_declining_is_for_good(
    client_user: Any,
    other_client: Any,
    assistant_user: Any,
    other_assistant: Any,
    duty: Any,
    ask: Any,
    frames: Any,
    api: Any,
) -> None:
    duty(assistant_user)
    job = ask(client_user)
    url = f"/api/assistance/decline/{job.pk}/"
    assert api(client_user).post(url).status_code == 403
    assert api(other_assistant).post(url).status_code == 404
    assert api(assistant_user).post("/api/assistance/decline/987654/").status_code == 404
    with frames() as heard:
        assert api(assistant_user).post(url).status_code == 200
        assert api(assistant_user).post(url).status_code == 200
    assert [(frame["type"], frame["reason"]) for _, frame in heard] == [("request_closed", "declined")]
    offer = Offer.objects.get()
    assert (offer.answer, offer.reason) == ("declined", "declined")
    assert offer.answered_at is not None
    services.send_next_wave(actor=None, assistance_id=job.pk, wave=2)
    services.set_duty(actor=assistant_user, is_active=True)
    assert Offer.objects.count() == 1
    assert api(assistant_user).get("/api/assistance/view/").json()["results"] == []


def test_an_offer_that_is_over_cannot_be_declined(
    client_user: Any, assistant_user: Any, duty: Any, ask: Any, api: Any
) -> None:
    duty(assistant_user)
    job = ask(client_user)
    services.update_status(actor=client_user, assistance_id=job.pk, status="canceled")
    answer = api(assistant_user).post(f"/api/assistance/decline/{job.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "offer_closed")


def test_open_offers_are_the_frames_that_were_missed(
    client_user: Any, assistant_user: Any, duty: Any, ask: Any, frames: Any
) -> None:
    from assistance import selectors

    duty(assistant_user)
    with frames() as heard:
        ask(client_user, description="Panne sèche", assistance_type="towing", dropoff=(36.7, 3.1))
    [missed] = selectors.open_offers_for(assistant_user)
    sent = heard[0][1]
    assert {**missed, "seq": 0} == {**sent, "seq": 0}
    assert missed["seq"] > sent["seq"]


def test_when_everybody_has_declined_the_next_wave_goes_out_at_once(
    client_user: Any, make_assistant: Any, ask: Any, api: Any, run_tasks: Any
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        near = [make_assistant(1), make_assistant(2)]
        farther = make_assistant(3, lat=_north(15))
        job = ask(client_user)
        api(near[0]).post(f"/api/assistance/decline/{job.pk}/")
        assert not Offer.objects.filter(assistant=farther).exists()
        api(near[1]).post(f"/api/assistance/decline/{job.pk}/")
        assert Offer.objects.get(assistant=farther).wave == 2
        clock.shift(29)
        run_tasks()
        job.refresh_from_db()
        assert job.wave == 2
        clock.shift(2)
        run_tasks()
        job.refresh_from_db()
    assert job.wave == 3
