"""What staff do by hand, and what is left of who closes an account."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from assistance import dispatch_candidates, services
from assistance.models import Assistance, AssistantProfile, ChatMessage, Offer
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound

pytestmark = pytest.mark.django_db
NORTH = 1 / 111.195


def test_candidates_are_ranked_and_say_what_speaks_against_them(
    client_user: Any, other_client: Any, assistant_user: Any, make_assistant: Any, ask: Any, job_in: Any
) -> None:
    job_in("accepted", other_client, assistant_user)
    lat, lng = 36.7525, 3.0420
    near, far = make_assistant(1, lat + 2 * NORTH, lng), make_assistant(2, lat + 30 * NORTH, lng)
    stale = make_assistant(3, lat + 1 * NORTH, lng, seen_at=timezone.now() - timedelta(hours=1))
    repairer = make_assistant(4, lat + 3 * NORTH, lng, service_type="repair", is_active=False)
    make_assistant(5, 20.0, lng)
    too_far = make_assistant(6, lat + 49 * NORTH, lng + 0.5)
    job = ask(client_user, assistance_type="towing")
    services.decline(actor=near, assistance_id=job.pk)
    ranked = dispatch_candidates.ranked_candidates(job)
    assert [(one.user_id, one.reasons) for one in ranked if one.user_id != too_far.pk] == [
        (far.pk, ()),
        (stale.pk, ("stale location",)),
        (assistant_user.pk, ("busy",)),
        (near.pk, ("declined",)),
        (repairer.pk, ("wrong service", "off duty")),
    ]
    assert [one.is_assignable for one in ranked] == [True, True, False, True, False, *[True] * (len(ranked) - 5)]
    assert ranked[0].distance_km == pytest.approx(30, abs=0.01)
    assert all("too far" in one.reasons for one in ranked if one.user_id == too_far.pk)


def test_assigning_by_hand(
    client_user: Any, assistant_user: Any, other_assistant: Any, staff_user: Any, dispatcher: Any, duty: Any, ask: Any,
    frames: Any,
) -> None:  # fmt: skip
    duty(other_assistant)
    job = ask(client_user)
    with pytest.raises(Forbidden):
        services.assign_by_hand(actor=dispatcher, assistance_id=job.pk, assistant_id=assistant_user.pk)
    with pytest.raises(InvalidData):
        services.assign_by_hand(actor=staff_user, assistance_id=job.pk, assistant_id=client_user.pk)
    with pytest.raises(NotFound):
        services.assign_by_hand(actor=staff_user, assistance_id=10**6, assistant_id=assistant_user.pk)
    with frames() as heard:
        services.assign_by_hand(actor=staff_user, assistance_id=job.pk, assistant_id=assistant_user.pk)
    assert [(group, frame["type"]) for group, frame in heard] == [
        (f"assistant.{other_assistant.pk}", "request_closed"),
        (f"assistance.{job.pk}", "status"),
        (f"assistant.{assistant_user.pk}", "assistance_assigned"),
    ]
    job.refresh_from_db()
    assert (job.status, job.assistant_id) == ("accepted", assistant_user.pk)
    offer = Offer.objects.get(assistant=assistant_user)
    assert (offer.source, offer.offered_by, offer.reason) == ("hand", staff_user, "accepted")
    with pytest.raises(Conflict):
        services.assign_by_hand(actor=staff_user, assistance_id=job.pk, assistant_id=other_assistant.pk)


def test_the_busy_and_the_wrong_cannot_be_assigned(
    client_user: Any,
    other_client: Any,
    assistant_user: Any,
    staff_user: Any,
    make_assistant: Any,
    job_in: Any,
    ask: Any,
) -> None:
    job_in("accepted", other_client, assistant_user)
    job = ask(client_user, assistance_type="towing")
    for assistant, code in (
        (assistant_user, "assistant_busy"),
        (make_assistant(1, service_type="repair"), "wrong_service"),
    ):
        with pytest.raises(Conflict) as refused:
            services.assign_by_hand(actor=staff_user, assistance_id=job.pk, assistant_id=assistant.pk)
        assert refused.value.code == code
    job.refresh_from_db()
    assert job.status == "requested"


def test_staff_cancel_with_a_reason(
    client_user: Any, assistant_user: Any, staff_user: Any, dispatcher: Any, job_in: Any
) -> None:
    job = job_in("ongoing", client_user, assistant_user)
    with pytest.raises(Forbidden):
        services.cancel_by_staff(actor=dispatcher, assistance_id=job.pk, note="no")
    services.cancel_by_staff(actor=staff_user, assistance_id=job.pk, note="Client called")
    job.refresh_from_db()
    assert (job.status, job.reason, job.reason_note) == ("canceled", "staff_canceled", "Client called")


def test_an_unanswered_request_is_asked_again(
    client_user: Any, assistant_user: Any, staff_user: Any, dispatcher: Any, duty: Any, ask: Any
) -> None:
    old = ask(client_user, dropoff=(36.70, 3.10), assistance_type="towing", vehicle_type="heavy", description="Blue van")
    with pytest.raises(Conflict) as refused:
        services.ask_again(actor=staff_user, assistance_id=old.pk)
    assert refused.value.code == "not_unanswered"
    Assistance.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    services.expire(actor=None, assistance_id=old.pk)
    duty(assistant_user)
    with pytest.raises(Forbidden):
        services.ask_again(actor=dispatcher, assistance_id=old.pk)
    asked = services.ask_again(actor=staff_user, assistance_id=old.pk)
    assert [one.user_id for one in asked.nearby] == [assistant_user.pk]
    new = Assistance.objects.get(pk=asked.job.pk)
    for name in (
        "client_id", "pickup_lat", "pickup_lng", "dropoff_lat", "dropoff_lng", "assistance_type", "vehicle_type",
        "description", "distance_km", "total_price",
    ):  # fmt: skip
        assert getattr(new, name) == getattr(old, name), name
    old.refresh_from_db()
    assert (old.status, old.reason, new.status) == ("canceled", "unanswered", "requested")
    with pytest.raises(Conflict) as refused:
        services.ask_again(actor=staff_user, assistance_id=old.pk)
    assert refused.value.code == "request_already_open"
    assert refused.value.extra["assistance_id"] == new.pk
    services.assign_by_hand(actor=staff_user, assistance_id=new.pk, assistant_id=assistant_user.pk)


def test_nobody_asks_again_for_who_is_gone(client_user: Any, staff_user: Any, ask: Any) -> None:
    old = ask(client_user)
    Assistance.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    services.expire(actor=None, assistance_id=old.pk)
    client_user.is_active = False
    client_user.save(update_fields=["is_active"])
    for assistance_id in (old.pk, 10**6):
        with pytest.raises(NotFound):
            services.ask_again(actor=staff_user, assistance_id=assistance_id)


@pytest.mark.parametrize("state", ["requested", "accepted", "ongoing"])
def test_a_closing_client_cancels_and_leaves_no_trace(
    state: str, api: Any, client_user: Any, assistant_user: Any, job_in: Any, frames: Any
) -> None:
    job = job_in(state, client_user, assistant_user, description="Chez moi", dropoff=(36.123456, 3.654321))
    services.post_chat(actor=client_user, assistance_id=job.pk, message="Mon numéro est le 0555")
    with frames() as heard:
        assert api(client_user).delete("/api/profile/user/").status_code == 204
    told = [frame for group, frame in heard if group == f"assistance.{job.pk}"]
    assert [(frame["status"], frame["reason"]) for frame in told] == [("canceled", "account_closed")]
    job.refresh_from_db()
    assert (job.status, job.description, job.pickup_lat, job.dropoff_lat) == ("canceled", "", 36.75, 36.12)
    assert not ChatMessage.objects.exists()
    if state != "requested":
        kept = api(assistant_user).get(f"/api/assistance/view/{job.pk}/").json()
        assert kept["client"] == {"id": client_user.pk, "name": "", "phone_number": None}


def test_a_closing_assistant_cancels_and_leaves_no_trace(
    api: Any, client_user: Any, other_client: Any, assistant_user: Any, job_in: Any, ask: Any
) -> None:
    job = job_in("ongoing", client_user, assistant_user)
    assert api(assistant_user).delete("/api/profile/user/").status_code == 204
    job.refresh_from_db()
    assert (job.status, job.reason) == ("canceled", "account_closed")
    profile = AssistantProfile.objects.get(pk=assistant_user.pk)
    assert (profile.is_active, profile.lat, profile.driving_license_num, profile.vehicle_registration_num) == (
        False, None, "", None,
    )  # fmt: skip
    assert not Offer.objects.open().exists()
    ask(other_client)
    assert not Offer.objects.open().exists()
    assert Assistance.objects.open().count() == 1


def test_a_switched_off_account_is_offered_nothing(
    client_user: Any, assistant_user: Any, staff_user: Any, duty: Any, ask: Any
) -> None:
    from accounts.services import set_active

    duty(assistant_user)
    set_active(actor=staff_user, user=assistant_user, is_active=False)
    ask(client_user)
    assert not Offer.objects.exists()
