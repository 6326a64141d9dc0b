"""Every state, target and actor against a written oracle; accept, release, price, rating; phones."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assistance.models import Assistance, Offer

pytestmark = pytest.mark.django_db
STATES = ["requested", "accepted", "ongoing", "completed", "canceled"]
TARGETS = ["accepted", "ongoing", "completed", "canceled"]

# state → target → status of the answer to (client, its assistant, other assistant, staff).
# Nobody is the assistant of a waiting request, so there both assistants are strangers.
ORACLE = {
    "requested": {
        "accepted": (403, 404, 404, 403),
        "ongoing": (403, 404, 404, 409),
        "completed": (403, 404, 404, 409),
        "canceled": (200, 404, 404, 200),
    },
    "accepted": {
        "accepted": (403, 200, 404, 403),
        "ongoing": (403, 200, 404, 200),
        "completed": (403, 200, 404, 200),
        "canceled": (200, 200, 404, 200),
    },
    "ongoing": {
        "accepted": (403, 409, 404, 403),
        "ongoing": (403, 200, 404, 200),
        "completed": (403, 200, 404, 200),
        "canceled": (200, 200, 404, 200),
    },
    "completed": dict.fromkeys(TARGETS, (409, 409, 404, 409)),
    # cancelled while it was waiting: it never had an assistant
    "canceled": dict.fromkeys(TARGETS, (409, 404, 404, 409)),
}
REPEATS = {("accepted", "accepted"), ("ongoing", "ongoing")}


@pytest.mark.parametrize("actor", range(4), ids=["client", "assistant", "other", "staff"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("state", STATES)
def test_update_keeps_to_the_oracle(
    state: str, target: str, actor: int, api: Any, job_in: Any, frames: Any,
    client_user: Any, assistant_user: Any, other_assistant: Any, staff_user: Any,
) -> None:  # fmt: skip
    job = job_in(state, client_user, assistant_user)
    who = (client_user, assistant_user, other_assistant, staff_user)[actor]
    with frames() as heard:
        answer = api(who).patch(f"/api/assistance/update/{job.pk}/", {"status": target})
    expected = ORACLE[state][target][actor]
    assert answer.status_code == expected, answer.json()
    before = job.version
    job.refresh_from_db()
    room = [frame for group, frame in heard if group == f"assistance.{job.pk}"]
    if expected != 200 or (state, target) in REPEATS:
        assert (job.status, job.version, room) == (state, before, [])
    else:
        assert (job.status, job.version) == (target, before + 1)
        assert [(frame["type"], frame["status"], frame["seq"]) for frame in room] == [("status", target, before + 1)]
        assert answer.json()["status"] == target
    if expected == 409:
        assert answer.json()["current_status"] == state


@pytest.mark.parametrize("state", STATES)
def test_accept_in_every_state(
    state: str, api: Any, job_in: Any, client_user: Any, assistant_user: Any, other_assistant: Any, duty: Any
) -> None:
    job = job_in(state, client_user, assistant_user)
    duty(other_assistant)
    by_other = api(other_assistant).patch(f"/api/assistance/accept/{job.pk}/")
    assert by_other.status_code == (200 if state == "requested" else 409)
    if state != "requested":
        assert by_other.json()["current_status"] == state
        again = api(assistant_user).patch(f"/api/assistance/accept/{job.pk}/")
        assert again.status_code == (200 if state in ("accepted", "ongoing") else 409)
        assert Assistance.objects.get(pk=job.pk).version == job.version


def test_accepting_answers_the_object_and_notifies_everybody(
    api: Any, ask: Any, duty: Any, frames: Any, client_user: Any, assistant_user: Any, other_assistant: Any
) -> None:
    duty(assistant_user)
    duty(other_assistant)
    job = ask(client_user)
    with frames() as heard:
        body = api(assistant_user).patch(f"/api/assistance/accept/{job.pk}/").json()
    assert (body["id"], body["status"], body["seq"]) == (job.pk, "accepted", 2)
    assert body["client"]["phone_number"] == "+213555000001"
    assert body["assistant"] == {
        "id": assistant_user.pk, "name": "Karim Assistant", "phone_number": "+213555000011",
    }  # fmt: skip
    room = dict(heard)[f"assistance.{job.pk}"]
    assert room["status"] == "accepted"
    assert room["assistant"] == {
        "id": assistant_user.pk, "name": "Karim Assistant", "phone_number": "+213555000011",
        "lat": 36.7538, "lng": 3.0588,
    }  # fmt: skip
    assert room["client"] == {"id": client_user.pk, "name": "Amina Client"}
    closed = [(group, frame["reason"]) for group, frame in heard if frame["type"] == "request_closed"]
    assert closed == [(f"assistant.{assistant_user.pk}", "accepted"), (f"assistant.{other_assistant.pk}", "taken")]
    ledger = dict(Offer.objects.values_list("assistant_id", "reason"))
    assert ledger == {assistant_user.pk: "accepted", other_assistant.pk: "taken"}


@pytest.mark.parametrize("others", [1, 9])
def test_accepting_takes_ten_queries(
    others: int, api: Any, ask: Any, client_user: Any, other_client: Any, make_assistant: Any
) -> None:
    winner = make_assistant(0)
    for number in range(1, others + 1):
        make_assistant(number)
    job = ask(client_user)
    ask(other_client)
    door = api(winner)
    with CaptureQueriesContext(connection) as queries:
        assert door.patch(f"/api/assistance/accept/{job.pk}/").status_code == 200
    asked = [query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    # who asks, the request, the assistant, the acceptance, the open offers of both, the one won, those lost,
    # the first look at whether the winner falls silent, and what the phones show of it and of what else the winner was offered
    assert len(asked) == 10


def test_no_event_after_acceptance_carries_a_phone_number(
    api: Any, job_in: Any, frames: Any, client_user: Any, assistant_user: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user)
    with frames() as heard:
        api(assistant_user).patch(f"/api/assistance/update/{job.pk}/", {"status": "ongoing"})
        api(assistant_user).patch(f"/api/assistance/update/{job.pk}/", {"status": "completed"})
    assert [frame["status"] for _, frame in heard if frame["type"] == "status"] == ["ongoing", "completed"]
    assert "+213" not in str(heard)


def test_who_may_accept(
    api: Any, ask: Any, duty: Any, make_assistant: Any, client_user: Any, other_client: Any, assistant_user: Any,
    dispatcher: Any, staff_user: Any,
) -> None:  # fmt: skip
    job = ask(client_user, assistance_type="towing")
    url = f"/api/assistance/accept/{job.pk}/"
    for stranger in (client_user, other_client, dispatcher, staff_user):
        assert api(stranger).patch(url).status_code == 403
    off_duty = api(assistant_user).patch(url)
    assert (off_duty.status_code, off_duty.json()["code"]) == (403, "assistant_inactive")
    repairer = make_assistant(1, service_type="repair")
    assert api(repairer).patch(url).json()["code"] == "wrong_service"
    far_and_unasked = make_assistant(2, lat=20.0)
    assert api(far_and_unasked).patch(url).status_code == 200
    offer = Offer.objects.get(assistant=far_and_unasked)
    assert (offer.source, offer.answer, offer.reason) == ("self", "accepted", "accepted")
    assert api(far_and_unasked).patch("/api/assistance/accept/999999/").json()["error"] == "Assistance not found"
    assert api(far_and_unasked).patch(f"/api/assistance/accept/{2**63}/").status_code == 404
    assert api(far_and_unasked).patch(f"/api/assistance/accept/{'9' * 120}/").status_code == 404


def test_a_second_job_is_refused_and_names_the_first(
    api: Any, job_in: Any, ask: Any, client_user: Any, other_client: Any, assistant_user: Any
) -> None:
    first = job_in("accepted", client_user, assistant_user)
    second = ask(other_client)
    answer = api(assistant_user).patch(f"/api/assistance/accept/{second.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "assistant_busy")
    assert answer.json()["assistance_id"] == first.pk
    second.refresh_from_db()
    assert second.status == "requested"


def test_the_winners_other_offers_end_as_busy(
    api: Any, ask: Any, duty: Any, frames: Any, client_user: Any, other_client: Any, assistant_user: Any
) -> None:
    duty(assistant_user)
    first, second = ask(client_user), ask(other_client)
    with frames() as heard:
        api(assistant_user).patch(f"/api/assistance/accept/{first.pk}/")
    closed = [frame for _, frame in heard if frame["type"] == "request_closed"]
    assert [(frame["assistance_id"], frame["reason"]) for frame in closed] == [(first.pk, "accepted"), (second.pk, "busy")]
    with frames() as heard:
        api(assistant_user).patch(f"/api/assistance/update/{first.pk}/", {"status": "completed"})
    offered = [frame["assistance_id"] for _, frame in heard if frame["type"] == "new_assistance_request"]
    assert offered == [second.pk]


@pytest.mark.parametrize("sent", [{}, {"status": None}, {"status": "done"}, {"status": ["canceled"]}, {"status": True}])
def test_malformed_status(api: Any, ask: Any, client_user: Any, sent: Any) -> None:
    job = ask(client_user)
    answer = api(client_user).patch(f"/api/assistance/update/{job.pk}/", sent)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["status"]


def test_canceling_keeps_the_reason(api: Any, job_in: Any, client_user: Any, assistant_user: Any) -> None:
    job = job_in("accepted", client_user, assistant_user)
    url = f"/api/assistance/update/{job.pk}/"
    body = api(assistant_user).patch(url, {"status": "canceled", "reason": "Flat tyre myself"}).json()
    assert (body["status"], body["reason"]) == ("canceled", "assistant_canceled")
    job.refresh_from_db()
    assert job.reason_note == "Flat tyre myself"
    assert job.assistant_id == assistant_user.pk


@pytest.mark.parametrize("reached", ["accepted", "ongoing"])
@pytest.mark.parametrize("ends", ["canceled", "completed"])
def test_every_device_of_an_assistant_receives_the_end_of_the_job(
    api: Any, job_in: Any, frames: Any, client_user: Any, assistant_user: Any, reached: str, ends: str
) -> None:
    job = job_in(reached, client_user, assistant_user)
    who = client_user if ends == "canceled" else assistant_user
    with frames() as heard:
        assert api(who).patch(f"/api/assistance/update/{job.pk}/", {"status": ends}).status_code == 200
    told = [(group, frame["assistance_id"], frame["reason"]) for group, frame in heard if frame["type"] == "request_closed"]
    assert told == [(f"assistant.{assistant_user.pk}", job.pk, ends)]


def test_releasing_offers_it_to_others(
    api: Any, ask: Any, duty: Any, frames: Any, client_user: Any, assistant_user: Any, other_assistant: Any
) -> None:
    duty(assistant_user)
    job = ask(client_user)
    api(assistant_user).patch(f"/api/assistance/accept/{job.pk}/")
    duty(other_assistant)
    url = f"/api/assistance/release/{job.pk}/"
    assert api(client_user).post(url).status_code == 409
    assert api(other_assistant).post(url).status_code == 404
    with frames() as heard:
        body = api(assistant_user).post(url).json()
    assert (body["status"], body["assistant"], body["seq"]) == ("requested", None, 3)
    assert body["client"]["phone_number"] is None
    told = [(group, frame["type"], frame.get("status")) for group, frame in heard]
    assert told == [
        (f"assistance.{job.pk}", "status", "requested"),
        (f"assistant.{assistant_user.pk}", "request_closed", None),
        (f"assistant.{other_assistant.pk}", "new_assistance_request", None),
    ]
    ledger = Offer.objects.get(assistant=assistant_user)
    assert (ledger.answer, ledger.reason) == ("accepted", "released")
    assert api(assistant_user).get(f"/api/assistance/view/{job.pk}/").status_code == 404
    assert api(assistant_user).post(url).status_code == 404
    assert api(other_assistant).patch(f"/api/assistance/accept/{job.pk}/").status_code == 200


@pytest.mark.parametrize(("state", "expected"), [("ongoing", 409), ("completed", 409), ("requested", 404)])
def test_releasing_needs_an_accepted_job(
    api: Any, job_in: Any, client_user: Any, assistant_user: Any, state: str, expected: int
) -> None:
    job = job_in(state, client_user, assistant_user)
    assert api(assistant_user).post(f"/api/assistance/release/{job.pk}/").status_code == expected


def test_going_off_duty_keeps_the_running_job(api: Any, job_in: Any, client_user: Any, assistant_user: Any) -> None:
    job = job_in("accepted", client_user, assistant_user)
    from assistance import services

    services.set_duty(actor=assistant_user, is_active=False)
    assert api(assistant_user).patch(f"/api/assistance/accept/{job.pk}/").status_code == 200
    assert api(assistant_user).patch(f"/api/assistance/update/{job.pk}/", {"status": "ongoing"}).status_code == 200


# --- Price ---------------------------------------------------------------------------------------------------------------
def test_a_repair_is_priced_by_its_assistant(
    api: Any, make_assistant: Any, ask: Any, frames: Any, client_user: Any
) -> None:
    repairer = make_assistant(1, service_type="repair")
    job = ask(client_user, assistance_type="repair")
    api(repairer).patch(f"/api/assistance/accept/{job.pk}/")
    end, price = f"/api/assistance/update/end/{job.pk}/", f"/api/assistance/update/price/{job.pk}/"
    missing = api(repairer).patch(end, {})
    assert (missing.status_code, list(missing.json()["fields"])) == (400, ["total_price"])
    assert api(client_user).patch(price, {"price": 1}).status_code == 403
    with frames() as heard:
        body = api(repairer).patch(price, {"price": "1500.005"}).json()
        api(repairer).patch(price, {"total_price": "1500.01"})
    assert (body["total_price"], body["price_is_final"]) == (1500.01, True)
    assert [(frame["type"], frame["total_price"], frame["seq"]) for _, frame in heard] == [("price", 1500.01, 3)]
    done = api(repairer).patch(end, {}).json()
    assert (done["status"], done["total_price"]) == ("completed", 1500.01)
    late = api(repairer).patch(price, {"price": 1})
    assert (late.status_code, late.json()["current_status"]) == (409, "completed")


def test_end_with_a_price_completes_a_repair(api: Any, make_assistant: Any, ask: Any, client_user: Any) -> None:
    repairer = make_assistant(1, service_type="repair")
    job = ask(client_user, assistance_type="repair")
    api(repairer).patch(f"/api/assistance/accept/{job.pk}/")
    assert api(client_user).patch(f"/api/assistance/update/end/{job.pk}/", {"total_price": 1}).status_code == 403
    body = api(repairer).patch(f"/api/assistance/update/end/{job.pk}/", {"total_price": 2500}).json()
    assert (body["status"], body["total_price"], body["price_is_final"]) == ("completed", 2500.0, True)


def test_the_documented_completion_of_a_repair_needs_no_price(
    api: Any, make_assistant: Any, ask: Any, client_user: Any
) -> None:
    repairer = make_assistant(1, service_type="repair")
    job = ask(client_user, assistance_type="repair")
    api(repairer).patch(f"/api/assistance/accept/{job.pk}/")
    body = api(repairer).patch(f"/api/assistance/update/{job.pk}/", {"status": "completed"}).json()
    assert (body["status"], body["total_price"], body["price_is_final"]) == ("completed", 0.0, False)


def test_a_tow_keeps_its_frozen_price(api: Any, job_in: Any, client_user: Any, assistant_user: Any) -> None:
    job = job_in("ongoing", client_user, assistant_user, assistance_type="towing")
    answer = api(assistant_user).patch(f"/api/assistance/update/price/{job.pk}/", {"price": 9})
    assert (answer.status_code, answer.json()["code"]) == (409, "price_fixed")
    body = api(assistant_user).patch(f"/api/assistance/update/end/{job.pk}/", {"total_price": 9}).json()
    assert (body["status"], body["total_price"]) == ("completed", 1500.0)


@pytest.mark.parametrize("price", [None, -1, "NaN", "inf", True, "1e20", "much", [], {}])
def test_prices_that_are_none(api: Any, job_in: Any, client_user: Any, assistant_user: Any, price: Any) -> None:
    job = job_in("accepted", client_user, assistant_user)
    assert api(assistant_user).patch(f"/api/assistance/update/price/{job.pk}/", {"price": price}).status_code == 400


# --- Rating --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["rate", "update/rating"])
def test_the_client_rates_once(
    path: str, api: Any, job_in: Any, frames: Any, client_user: Any, other_client: Any, assistant_user: Any
) -> None:
    job = job_in("completed", client_user, assistant_user)
    url = f"/api/assistance/{path}/{job.pk}/"
    for bad in (0, 6, 4.5, True, None, "five", -1):
        assert api(client_user).patch(url, {"rating": bad}).status_code == 400
    assert api(assistant_user).patch(url, {"rating": 5}).status_code == 403
    assert api(other_client).patch(url, {"rating": 5}).status_code == 404
    with frames() as heard:
        assert api(client_user).patch(url, {"rating": "4"}).json()["rating"] == 4
    assert [(frame["type"], frame["rating"]) for _, frame in heard] == [("rating", 4)]
    assert api(client_user).patch(url, {"rating": 5}).json()["code"] == "already_rated"


@pytest.mark.parametrize("state", ["requested", "accepted", "ongoing", "canceled"])
def test_only_a_completed_job_is_rated(
    api: Any, job_in: Any, client_user: Any, assistant_user: Any, state: str
) -> None:
    job = job_in(state, client_user, assistant_user)
    answer = api(client_user).patch(f"/api/assistance/rate/{job.pk}/", {"rating": 5})
    assert (answer.status_code, answer.json()["current_status"]) == (409, state)


# --- Who sees what ---------------------------------------------------------------------------------------------------------
def test_phones_are_seen_from_acceptance_to_a_day_after_the_end(
    api: Any, job_in: Any, client_user: Any, assistant_user: Any, staff_user: Any
) -> None:
    from assistance import services

    def phones(who: Any) -> tuple[Any, Any]:
        body = api(who).get(f"/api/assistance/view/{job.pk}/").json()
        return body["client"]["phone_number"], (body["assistant"] or {}).get("phone_number")

    job = job_in("requested", client_user, assistant_user)
    assert phones(assistant_user) == (None, None)
    assert phones(client_user) == ("+213555000001", None)
    services.accept(actor=assistant_user, assistance_id=job.pk)
    both = ("+213555000001", "+213555000011")
    assert phones(assistant_user) == phones(client_user) == both
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    ended = timezone.now()
    with time_machine.travel(ended + timedelta(hours=23, minutes=59), tick=False):
        assert phones(assistant_user) == phones(client_user) == both
    with time_machine.travel(ended + timedelta(hours=24, minutes=1), tick=False):
        assert phones(assistant_user) == (None, "+213555000011")
        assert phones(client_user) == ("+213555000001", None)
        assert phones(staff_user) == both


def test_lists_hold_ones_own_and_what_was_offered(
    api: Any, ask: Any, duty: Any, client_user: Any, other_client: Any, assistant_user: Any, other_assistant: Any,
    dispatcher: Any, staff_user: Any,
) -> None:  # fmt: skip
    duty(assistant_user)
    mine, theirs = ask(client_user), ask(other_client, pickup=(20.0, 3.0))

    def listed(who: Any) -> list[int]:
        answer = api(who).get("/api/assistance/view/")
        assert answer.status_code == 200
        assert set(answer.json()) == {"results", "next", "previous"}
        return [one["id"] for one in answer.json()["results"]]

    assert listed(client_user) == [mine.pk]
    assert listed(other_client) == [theirs.pk]
    assert listed(assistant_user) == [mine.pk]
    assert listed(other_assistant) == listed(dispatcher) == []
    assert listed(staff_user) == [theirs.pk, mine.pk]
    assert api(other_client).get(f"/api/assistance/view/{mine.pk}/").status_code == 404
    assert api(other_assistant).get(f"/api/assistance/view/{mine.pk}/").status_code == 404
    api(client_user).patch(f"/api/assistance/update/{mine.pk}/", {"status": "canceled"})
    assert listed(assistant_user) == []


def test_a_stranger_cannot_distinguish_an_existing_request_from_a_missing_one(
    api: Any, ask: Any, client_user: Any, other_client: Any
) -> None:
    job = ask(client_user)

    def seen(pk: int) -> tuple[int, str]:
        answer = api(other_client).get(f"/api/assistance/view/{pk}/")
        return answer.status_code, answer.json()["error"]

    assert seen(job.pk) == seen(job.pk + 1000) == (404, "Assistance not found")


@pytest.mark.parametrize("rows", [1, 3])
def test_lists_take_two_queries(
    rows: int, api: Any, make_assistant: Any, client_user: Any, django_assert_num_queries: Any
) -> None:
    from assistance import services

    for number in range(rows):
        helper = make_assistant(number)
        made = services.request_assistance(actor=client_user, pickup=(36.75, 3.04))
        services.accept(actor=helper, assistance_id=made.job.pk)
        services.update_status(actor=helper, assistance_id=made.job.pk, status="completed")
    client = api(client_user)
    with django_assert_num_queries(2):  # who asks, the page
        assert len(client.get("/api/assistance/view/").json()["results"]) == rows


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_spellings_and_the_verbs(api: Any, ask: Any, client_user: Any, slash: str) -> None:
    job = ask(client_user)
    client = api(client_user)
    assert client.get(f"/api/assistance/view/{job.pk}{slash}").status_code == 200
    assert client.post(f"/api/assistance/view/{job.pk}{slash}").status_code == 405
    assert client.get(f"/api/assistance/request{slash}").status_code == 405
    assert client.patch(f"/api/assistance/update/status/{job.pk}{slash}", {"status": "canceled"}).status_code == 200


def test_pages_go_forth_and_back(api: Any, make_assistant: Any, client_user: Any, staff_user: Any) -> None:
    from assistance import services

    ids = []
    for _ in range(5):
        made = services.request_assistance(actor=client_user, pickup=(36.75, 3.04)).job.pk
        services.update_status(actor=client_user, assistance_id=made, status="canceled")
        ids.insert(0, made)
    for who in (client_user, staff_user):
        door = api(who)
        first = door.get("/api/assistance/view/?page_size=2").json()
        second = door.get(first["next"]).json()
        third = door.get(second["next"]).json()
        pages = [[one["id"] for one in page["results"]] for page in (first, second, third)]
        assert pages == [ids[:2], ids[2:4], ids[4:]]
        assert (first["previous"], third["next"]) == (None, None)
        assert [one["id"] for one in door.get(third["previous"]).json()["results"]] == ids[2:4]
        oldest = door.get("/api/assistance/view/?ordering=created_at").json()["results"]
        assert [one["id"] for one in oldest] == ids[::-1]
    refused = api(client_user).get("/api/assistance/view/?ordering=client__password")
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["ordering"])
    assert api(client_user).get("/api/assistance/view/?cursor=zzz").status_code == 400
