"""What a job costs once it was asked for: fixed prices, limits, adjustments by staff, and what the client says."""

from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps

from assistance import services
from assistance.models import Assistance, Tariff
from depannini_dashmap.lib.errors import Conflict

pytestmark = pytest.mark.django_db
PICKUP = {"lat": 36.7525, "lng": 3.0420}
REQUEST = "/api/assistance/request/"


@pytest.fixture
def repair(make_assistant: Any, ask: Any, client_user: Any) -> tuple[Assistance, Any]:
    """Give an accepted repair and its repairer."""
    repairer = make_assistant(1, service_type="repair")
    job = ask(client_user, assistance_type="repair")
    services.accept(actor=repairer, assistance_id=job.pk)
    return job, repairer


def _price(job: Any) -> str:
    return f"/api/assistance/update/price/{job.pk}/"


def _consent(job: Any) -> str:
    return f"/api/assistance/price/{job.pk}/"


# --- What a tariff has priced ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["towing", ""])
def test_a_tariffs_price_is_fixed_for_its_assistant(
    kind: str, api: Any, job_in: Any, frames: Any, client_user: Any, assistant_user: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user, assistance_type=kind)
    assistant = api(assistant_user)
    with frames() as heard:
        other = assistant.patch(_price(job), {"price": 9})
        same = assistant.patch(_price(job), {"price": "1500.00"})
    assert (other.status_code, other.json()["code"]) == (409, "price_fixed")
    assert (same.status_code, same.json()["total_price"], same.json()["price_consent"]) == (200, 1500.0, None)
    assert heard == [] and same.json()["seq"] == job.version


@pytest.mark.parametrize("named", [9, 0, -5, 10**7, 10**30, "1e400", "NaN", "", "much", None, True, [], {}])
@pytest.mark.parametrize("path", ["update/end/{}", "update/{}", "update/status/{}"])
def test_a_tow_completes_at_its_price_whatever_is_named(
    named: Any, path: str, api: Any, job_in: Any, client_user: Any, assistant_user: Any
) -> None:
    job = job_in("ongoing", client_user, assistant_user)
    sent = {"total_price": named} if "end" in path else {"status": "completed", "total_price": named}
    answer = api(assistant_user).patch(f"/api/assistance/{path.format(job.pk)}/", sent)
    body = answer.json()
    assert (answer.status_code, body["status"], body["total_price"]) == (200, "completed", 1500.0), body
    assert (body["price_is_final"], body["price_consent"], body["currency"]) == (True, None, "DZD")


@pytest.mark.parametrize("named", [-5, 1_000_001, 10**30, "1e400", "much", True, [], {}])
def test_a_repair_needs_a_price_that_is_one(named: Any, api: Any, repair: Any) -> None:
    job, repairer = repair
    for path, sent in ((f"update/end/{job.pk}", {}), (f"update/{job.pk}", {"status": "completed"})):
        answer = api(repairer).patch(f"/api/assistance/{path}/", {**sent, "total_price": named})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["total_price"])
    for name in ("price", "total_price"):
        answer = api(repairer).patch(_price(job), {name: named})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [name])
    job.refresh_from_db()
    assert (job.status, job.total_price, job.price_is_final) == ("accepted", 0, False)


def test_the_most_that_may_be_asked_is_a_setting(api: Any, repair: Any, settings: Any) -> None:
    job, repairer = repair
    assert api(repairer).patch(_price(job), {"price": "1000000.004"}).json()["total_price"] == 1_000_000.0
    settings.ASSISTANCE_MAX_PRICE = 700
    assert api(repairer).patch(_price(job), {"price": "700.01"}).status_code == 400
    assert api(repairer).patch(_price(job), {"price": 700}).json()["total_price"] == 700.0


def test_a_price_beside_any_step_of_a_repair_counts(api: Any, repair: Any, frames: Any) -> None:
    job, repairer = repair
    with frames() as heard:
        body = (
            api(repairer).patch(f"/api/assistance/update/{job.pk}/", {"status": "ongoing", "total_price": 800}).json()
        )
    assert (body["status"], body["total_price"], body["price_consent"]) == ("ongoing", 800.0, "pending")
    assert [(frame["type"], frame["total_price"]) for _, frame in heard] == [("price", 800.0), ("status", 800.0)]
    assert heard[0][1]["seq"] < heard[1][1]["seq"] and heard[0][1]["event_id"] != heard[1][1]["event_id"]


def test_rows_of_the_release_before_are_fixed_as_they_were(job_in: Any, client_user: Any, assistant_user: Any) -> None:
    job = job_in("accepted", client_user, assistant_user)
    Assistance.objects.filter(pk=job.pk).update(price_source="")
    with pytest.raises(Conflict):
        services.set_price(actor=assistant_user, assistance_id=job.pk, amount=Decimal(9))
    job.price_source, job.assistance_type = "", "repair"
    assert not job.is_price_fixed


# --- Whether it is a tow or a repair --------------------------------------------------------------------------------------


def test_what_a_repairer_takes_is_a_repair_from_then_on(
    api: Any, make_assistant: Any, ask: Any, frames: Any, client_user: Any, assistant_user: Any, duty: Any
) -> None:
    repairer = make_assistant(1, service_type="repair")
    job = ask(client_user)
    assert (job.assistance_type, job.total_price, job.price_source) == ("", 1500, "tariff")
    with frames() as heard:
        taken = services.accept(actor=repairer, assistance_id=job.pk)
    assert (taken.assistance_type, taken.total_price, taken.price_is_final) == ("repair", 0, False)
    [status] = [frame for _, frame in heard if frame["type"] == "status"]
    assert (status["assistance_type"], status["total_price"], status["price_is_final"]) == ("repair", 0.0, False)
    assert api(repairer).patch(_price(job), {"price": 900}).json()["price_consent"] == "pending"
    api(client_user).post(_consent(job), {"accept": True})
    released = services.release(actor=repairer, assistance_id=job.pk)
    # the next repairer names a price of their own, and nobody has said anything to it
    assert (released.assistance_type, released.total_price, released.price_consent) == ("repair", 0, "")
    duty(assistant_user)
    assert api(assistant_user).patch(f"/api/assistance/accept/{job.pk}/").json()["code"] == "wrong_service"


def test_what_a_tow_truck_takes_keeps_its_price(ask: Any, duty: Any, client_user: Any, assistant_user: Any) -> None:
    duty(assistant_user)
    job = ask(client_user)
    taken = services.accept(actor=assistant_user, assistance_id=job.pk)
    assert (taken.assistance_type, taken.total_price, taken.price_is_final) == ("", 1500, True)
    assert services.release(actor=assistant_user, assistance_id=job.pk).total_price == 1500


def test_a_repairer_assigned_by_hand_makes_it_a_repair(
    make_assistant: Any, ask: Any, client_user: Any, staff_user: Any
) -> None:
    repairer, job = make_assistant(1, service_type="repair"), ask(client_user)
    assigned = services.assign_by_hand(actor=staff_user, assistance_id=job.pk, assistant_id=repairer.pk)
    assert (assigned.assistance_type, assigned.total_price, assigned.price_is_final) == ("repair", 0, False)


# --- What the client says -------------------------------------------------------------------------------------------------


def test_a_repairs_price_waits_for_the_client_and_holds_nothing_up(
    api: Any, repair: Any, frames: Any, client_user: Any
) -> None:
    job, repairer = repair
    client = api(client_user)
    assert client.post(_consent(job), {"accept": True}).json()["code"] == "no_price_asked"
    with frames() as heard:
        api(repairer).patch(_price(job), {"price": 900})
        refused = client.post(_consent(job), {"accept": False}).json()
        cheaper = api(repairer).patch(_price(job), {"price": 700}).json()
        accepted = client.post(_consent(job), {"accept": True, "total_price": "700"}).json()
    assert (refused["price_consent"], cheaper["price_consent"], accepted["price_consent"]) == (
        "refused",
        "pending",
        "accepted",
    )
    assert [(group, frame["type"], frame["total_price"], frame["price_consent"]) for group, frame in heard] == [
        (f"assistance.{job.pk}", "price", 900.0, "pending"),
        (f"assistance.{job.pk}", "price", 900.0, "refused"),
        (f"assistance.{job.pk}", "price", 700.0, "pending"),
        (f"assistance.{job.pk}", "price", 700.0, "accepted"),
    ]
    assert [frame["seq"] for _, frame in heard] == [3, 4, 5, 6]
    assert client.get(f"/api/assistance/view/{job.pk}/").json()["price_consent"] == "accepted"


@pytest.mark.parametrize("said", [None, False, True])
def test_no_answer_holds_up_the_completion(said: Any, api: Any, repair: Any, client_user: Any) -> None:
    job, repairer = repair
    api(repairer).patch(_price(job), {"price": 900})
    if said is not None:
        api(client_user).post(_consent(job), {"accept": said})
    body = api(repairer).patch(f"/api/assistance/update/end/{job.pk}/", {}).json()
    assert (body["status"], body["total_price"]) == ("completed", 900.0)


def test_a_price_named_with_the_completion_is_answered_after_it(api: Any, repair: Any, client_user: Any) -> None:
    job, repairer = repair
    done = api(repairer).patch(f"/api/assistance/update/end/{job.pk}/", {"total_price": 2500}).json()
    assert (done["status"], done["price_consent"]) == ("completed", "pending")
    body = api(client_user).post(_consent(job), {"accept": False}).json()
    assert (body["status"], body["price_consent"], body["total_price"]) == ("completed", "refused", 2500.0)


def test_an_accepted_price_stays_accepted_and_repeats_publish_nothing(
    api: Any, repair: Any, frames: Any, client_user: Any
) -> None:
    job, repairer = repair
    api(repairer).patch(_price(job), {"price": 900})
    client = api(client_user)
    assert client.post(_consent(job), {"accept": False}).status_code == 200
    assert client.post(_consent(job), {"accept": True}).json()["price_consent"] == "accepted"
    with frames() as heard:
        again = client.post(_consent(job), {"accept": True})
        back = client.post(_consent(job), {"accept": False})
        api(repairer).patch(_price(job), {"price": 900})
    assert (again.status_code, back.status_code, back.json()["code"], heard) == (200, 409, "price_accepted", [])
    assert client.get(f"/api/assistance/view/{job.pk}/").json()["price_consent"] == "accepted"
    events = apps.get_model("depannini_dashmap", "AuditEvent").objects.filter(target_id=str(job.pk))
    said = [(event.event, event.actor_id, event.detail) for event in events.order_by("pk") if "price" in event.event]
    assert said == [
        ("price_refused", client_user.pk, {"price": "900.00", "currency": "DZD"}),
        ("price_accepted", client_user.pk, {"price": "900.00", "currency": "DZD"}),
    ]


def test_nobody_accepts_a_price_that_they_were_not_looking_at(api: Any, repair: Any, client_user: Any) -> None:
    job, repairer = repair
    api(repairer).patch(_price(job), {"price": 900})
    api(repairer).patch(_price(job), {"price": 9000})
    answer = api(client_user).post(_consent(job), {"accept": True, "total_price": 900})
    assert (answer.status_code, answer.json()["code"], answer.json()["total_price"]) == (409, "price_changed", 9000.0)


def test_who_answers_and_what_is_no_answer(
    api: Any, repair: Any, client_user: Any, other_client: Any, other_assistant: Any, staff_user: Any, dispatcher: Any
) -> None:
    job, repairer = repair
    api(repairer).patch(_price(job), {"price": 900})
    for who, status in (
        (repairer, 403),
        (staff_user, 403),
        (other_client, 404),
        (other_assistant, 404),
        (dispatcher, 404),
    ):
        assert api(who).post(_consent(job), {"accept": True}).status_code == status
    for sent in (
        {},
        {"accept": None},
        {"accept": "maybe"},
        {"accept": []},
        {"accept": 2},
        {"price_consent": "accepted"},
    ):
        answer = api(client_user).post(_consent(job), sent)
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["accept"])
    services.update_status(actor=client_user, assistance_id=job.pk, status="canceled")
    assert api(client_user).post(_consent(job), {"accept": True}).json()["code"] == "already_final"


# --- What staff do --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["requested", "accepted", "ongoing", "completed"])
def test_staff_adjust_any_price_with_a_reason(
    state: str, api: Any, job_in: Any, frames: Any, client_user: Any, assistant_user: Any, staff_user: Any
) -> None:
    job = job_in(state, client_user, assistant_user)
    staff = api(staff_user)
    for nothing in ({}, {"reason": " "}, {"reason": None}):
        answer = staff.patch(_price(job), {"price": 1200, **nothing})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["reason"])
    with frames() as heard:
        body = staff.patch(_price(job), {"price": 1200, "reason": "Péage non compris"}).json()
        again = staff.patch(_price(job), {"price": 1200, "reason": "once more"}).json()
    assert body == again
    assert (body["total_price"], body["price_consent"], body["price_note"]) == (1200.0, "pending", "Péage non compris")
    assert [(frame["type"], frame["price_consent"], frame["price_note"]) for _, frame in heard] == [
        ("price", "pending", "Péage non compris")
    ]
    [event] = apps.get_model("depannini_dashmap", "AuditEvent").objects.filter(event="price_adjusted")
    assert (event.actor_id, event.target_id) == (staff_user.pk, str(job.pk))
    assert event.detail == {"before": "1500.00", "after": "1200.00", "currency": "DZD", "reason": "Péage non compris"}
    assert api(client_user).post(_consent(job), {"accept": True}).json()["price_consent"] == "accepted"


def test_an_adjusted_price_is_fixed_too(api: Any, repair: Any, staff_user: Any) -> None:
    job, repairer = repair
    api(repairer).patch(_price(job), {"price": 900})
    api(staff_user).patch(_price(job), {"total_price": 600, "reason": "agreed by phone"})
    assert api(repairer).patch(_price(job), {"price": 900}).json()["code"] == "price_fixed"
    done = api(repairer).patch(f"/api/assistance/update/end/{job.pk}/", {"total_price": 900}).json()
    assert (done["status"], done["total_price"]) == ("completed", 600.0)


def test_staff_adjust_no_canceled_request_and_only_staff_adjust(
    api: Any, job_in: Any, ask: Any, client_user: Any, other_client: Any, assistant_user: Any, staff_user: Any,
    dispatcher: Any, other_assistant: Any,
) -> None:  # fmt: skip
    job = job_in("canceled", client_user, assistant_user)
    sent = {"price": 1, "reason": "x"}
    assert api(staff_user).patch(_price(job), sent).json()["code"] == "already_final"
    waiting = ask(client_user)
    for who, status in ((client_user, 403), (other_client, 404), (assistant_user, 404), (dispatcher, 404)):
        assert api(who).patch(_price(waiting), sent).status_code == status
    services.accept(actor=assistant_user, assistance_id=waiting.pk)
    assert api(assistant_user).patch(_price(waiting), sent).json()["code"] == "price_fixed"  # a reason gives no right


def test_a_repairer_keeps_what_staff_have_fixed_before(
    make_assistant: Any, ask: Any, client_user: Any, staff_user: Any
) -> None:
    repairer, job = make_assistant(1, service_type="repair"), ask(client_user)
    services.set_price(actor=staff_user, assistance_id=job.pk, amount=Decimal(400), reason="a flat battery")
    taken = services.accept(actor=repairer, assistance_id=job.pk)
    assert (taken.assistance_type, taken.total_price, taken.price_consent) == ("repair", 400, "pending")
    assert services.release(actor=repairer, assistance_id=job.pk).total_price == 400


# --- Dropoffs and tariffs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dropoff",
    [
        {},
        {"lat": None, "lng": None},
        {"lat": None},
        {"address": None},
        {"lat": None, "lng": None, "address": "x"},
        None,
    ],
)
def test_an_empty_dropoff_is_none(dropoff: Any, api: Any, client_user: Any) -> None:
    answer = api(client_user).post(REQUEST, {"pickup": PICKUP, "dropoff": dropoff})
    body = answer.json()["assistance"]
    assert (answer.status_code, body["dropoffLocation"], body["distance_km"]) == (201, None, 0.0)


@pytest.mark.parametrize(
    "dropoff",
    [
        {"lat": 36.7},
        {"lat": 36.7, "lng": None},
        {"lng": 3.0},
        {"lat": None, "lng": 3},
        {"address": "x"},
        [],
        "",
        0,
        {"lat": "", "lng": ""},
    ],
)
def test_half_a_dropoff_is_refused(dropoff: Any, api: Any, client_user: Any) -> None:
    answer = api(client_user).post(REQUEST, {"pickup": PICKUP, "dropoff": dropoff})
    assert answer.status_code == 400 and all(name.startswith("dropoff") for name in answer.json()["fields"])
    assert not Assistance.objects.exists()


def test_a_dropoff_too_far_away_is_refused(api: Any, client_user: Any, settings: Any) -> None:
    client = api(client_user)
    answer = client.post(REQUEST, {"pickup": PICKUP, "dropoff": {"lat": 59.0, "lng": 3.0}})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["dropoff"])
    assert "2000 km" in str(answer.json()["fields"]) and not Assistance.objects.exists()
    settings.ASSISTANCE_MAX_DISTANCE_KM = 5.0
    assert client.post(REQUEST, {"pickup": PICKUP, "dropoff": {"lat": 36.80, "lng": 3.042}}).status_code == 400
    assert client.post(REQUEST, {"pickup": PICKUP, "dropoff": {"lat": 36.79, "lng": 3.042}}).status_code == 201


def test_a_tariff_beyond_what_can_be_stored_refuses_nobody_help(api: Any, client_user: Any) -> None:
    Tariff.objects.update(base=Decimal("99999999.99"), per_km=Decimal("99999999.99"))
    body = api(client_user).post(REQUEST, {"pickup": PICKUP, "dropoff": {"lat": 40, "lng": 3}}).json()["assistance"]
    assert (body["total_price"], body["price_is_final"]) == (0.0, False)
