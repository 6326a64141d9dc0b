"""Who takes jobs: approved assistants with a licence that is good today, where staff are asked; nobody else is offered any."""

import datetime as dt
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from assistance import approval, dispatch_candidates, services
from assistance.models import AssistantProfile, Offer
from depannini_dashmap.lib.errors import Conflict, Forbidden, NotFound
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked_for(settings: Any) -> None:
    """Switch the setting on."""
    settings.ASSISTANT_APPROVAL = True


def _expire(user: Any) -> None:
    AssistantProfile.objects.filter(pk=user.pk).update(driving_license_expiry=approval.today())


def _refusal(api: Any, user: Any, job: Any) -> tuple[int, str]:
    answer = api(user).patch(f"/api/assistance/accept/{job.pk}/")
    return answer.status_code, answer.json().get("code", "")


def test_off_by_default_nobody_is_locked_out(job_in: Any, client_user: Any, assistant_user: Any, api: Any) -> None:
    assert not django_settings.ASSISTANT_APPROVAL
    assert job_in("accepted", client_user, assistant_user).assistant_id == assistant_user.pk
    assert api(assistant_user).get("/api/profile/assistant/").json()["approval"] == "approved"


def test_unapproved_assistants_get_no_offers_and_accept_nothing(
    asked_for: None, api: Any, ask: Any, duty: Any, client_user: Any, assistant_user: Any, run_tasks: Any
) -> None:
    duty(assistant_user)
    asked = api(client_user).post("/api/assistance/request/", {"pickup": {"lat": 36.7525, "lng": 3.042}}, format="json").json()
    assert asked["nearby_assistants"] == []
    duty(assistant_user, 36.70, 3.00)
    duty(assistant_user)
    run_tasks()
    assert not Offer.objects.exists()
    job = Offer._meta.get_field("assistance").related_model.objects.get()
    assert _refusal(api, assistant_user, job) == (403, "not_approved")
    assert api(client_user).get("/api/assistants/").json()["results"] == []
    assert api(client_user).get("/api/assistants/?lat=36.75&lng=3.05").json()["results"] == []
    shown = api(assistant_user).get("/api/profile/assistant/").json()
    assert (shown["approval"], shown["assistant"]["approval"]) == ("waiting", "waiting")
    assert api(client_user).get("/api/profile/user/").json()["approval"] is None


def test_who_is_approved_is_offered_what_waits(
    asked_for: None, ask: Any, duty: Any, api: Any, client_user: Any, assistant_user: Any, roadside_dispatcher: Any
) -> None:
    duty(assistant_user)
    job = ask(client_user)
    services.approve_assistant(actor=roadside_dispatcher, assistant_id=assistant_user.pk)
    assert Offer.objects.open().filter(assistant=assistant_user, assistance=job).exists()
    assert _refusal(api, assistant_user, job)[0] == 200
    assert AuditEvent.objects.get(event="assistant_approved").actor_id == roadside_dispatcher.pk


@pytest.mark.parametrize("needs_approval", [True, False])
def test_an_expired_licence_ends_it_always(
    needs_approval: bool, settings: Any, ask: Any, duty: Any, api: Any, client_user: Any, assistant_user: Any, staff_user: Any
) -> None:
    settings.ASSISTANT_APPROVAL = needs_approval
    services.approve_assistant(actor=staff_user, assistant_id=assistant_user.pk)
    _expire(assistant_user)
    duty(assistant_user)
    job = ask(client_user)
    assert not Offer.objects.exists()
    assert _refusal(api, assistant_user, job) == (403, "not_approved")
    assert api(assistant_user).get("/api/profile/assistant/").json()["approval"] == "licence_expired"
    with pytest.raises(Conflict) as refused:
        services.approve_assistant(actor=staff_user, assistant_id=assistant_user.pk)
    assert refused.value.code == "licence_expired"


def test_a_running_job_goes_on(
    asked_for: None, job_in: Any, api: Any, client_user: Any, assistant_user: Any, staff_user: Any
) -> None:
    services.approve_assistant(actor=staff_user, assistant_id=assistant_user.pk)
    job = job_in("accepted", client_user, assistant_user)
    services.withdraw_approval(actor=staff_user, assistant_id=assistant_user.pk)
    _expire(assistant_user)
    assert _refusal(api, assistant_user, job)[0] == 200  # the winner's repetition
    assert services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed").status == "completed"


def test_an_approval_taken_back_ends_open_offers(
    asked_for: None, ask: Any, duty: Any, client_user: Any, assistant_user: Any, staff_user: Any, frames: Any
) -> None:
    services.approve_assistant(actor=staff_user, assistant_id=assistant_user.pk)
    duty(assistant_user)
    ask(client_user)
    assert Offer.objects.open().filter(assistant=assistant_user).exists()
    with frames() as heard:
        services.withdraw_approval(actor=staff_user, assistant_id=assistant_user.pk)
    assert [frame["type"] for group, frame in heard if group == f"assistant.{assistant_user.pk}"] == ["request_closed"]
    assert not Offer.objects.open().exists()


@pytest.mark.parametrize(
    "changes",
    [{"driving_license_num": "99/1"}, {"driving_license_cat": "b"}, {"driving_license_expiry": "31:12:39"},
     {"vehicle_registration_num": 999999999999}, {"service_type": "repair"}],
)  # fmt: skip
def test_changed_papers_are_looked_at_again(
    changes: dict, asked_for: None, api: Any, assistant_user: Any, staff_user: Any
) -> None:
    services.approve_assistant(actor=staff_user, assistant_id=assistant_user.pk)
    door = api(assistant_user)
    same = door.get("/api/profile/assistant/").json()["assistant"]
    kept = {name: same[name] for name in ("driving_license_num", "driving_license_expiry", "service_type")}
    assert door.put("/api/profile/assistant/", {**kept, "vehicle_type": "van"}, format="json").json()["approval"] == "approved"
    assert door.put("/api/profile/assistant/", changes, format="json").json()["approval"] == "waiting"


def test_who_may_approve(assistant_user: Any, dispatcher: Any, client_user: Any, staff_user: Any) -> None:
    for actor in (dispatcher, assistant_user, client_user):
        with pytest.raises(Forbidden):
            services.approve_assistant(actor=actor, assistant_id=assistant_user.pk)
        with pytest.raises(Forbidden):
            services.withdraw_approval(actor=actor, assistant_id=assistant_user.pk)
    with pytest.raises(NotFound):
        services.approve_assistant(actor=staff_user, assistant_id=client_user.pk)


def test_nobody_assigns_who_is_not_approved(
    asked_for: None, ask: Any, duty: Any, client_user: Any, assistant_user: Any, staff_user: Any
) -> None:
    job = ask(client_user)
    duty(assistant_user)
    [candidate] = dispatch_candidates.ranked_candidates(job)
    assert candidate.reasons == ("not approved",) and not candidate.is_assignable
    with pytest.raises(Conflict) as refused:
        services.assign_by_hand(actor=staff_user, assistance_id=job.pk, assistant_id=assistant_user.pk)
    assert refused.value.code == "not_approved"
    _expire(assistant_user)
    [candidate] = dispatch_candidates.ranked_candidates(job)
    assert candidate.reasons == ("licence expired",)


def test_the_console_shows_papers_and_approves(
    asked_for: None, assistant_user: Any, other_assistant: Any, dispatcher: Any, roadside_dispatcher: Any
) -> None:
    _expire(other_assistant)
    browser = Client()
    browser.force_login(roadside_dispatcher, backend=django_settings.AUTHENTICATION_BACKENDS[-1])
    waiting = browser.get("/admin/assistance/assistantprofile/?standing=waiting").content.decode()
    assert "16/445566" in waiting and "Karim" in waiting and "Lila" not in waiting
    ids = f"{assistant_user.pk},{other_assistant.pk}"
    asked = browser.get(f"/admin/dispatch/assistants/approve/?ids={ids}").content.decode()
    assert "16/445566" in asked and "123456789012" in asked
    told = browser.post("/admin/dispatch/assistants/approve/", {"ids": ids}).content.decode()
    assert "approved" in told and "The driving licence has expired" in told
    assert AssistantProfile.objects.get(pk=assistant_user.pk).approved_by_id == roadside_dispatcher.pk
    assert browser.post("/admin/dispatch/assistants/withdraw/", {"ids": str(assistant_user.pk)}).status_code == 302
    assert AssistantProfile.objects.get(pk=assistant_user.pk).approved_at is None
    browser.force_login(dispatcher, backend=django_settings.AUTHENTICATION_BACKENDS[-1])
    assert browser.post("/admin/dispatch/assistants/approve/", {"ids": ids}).status_code == 403


def test_a_licence_is_good_until_the_day_it_names() -> None:
    late = dt.datetime(2026, 6, 1, 23, 30, tzinfo=dt.UTC)  # the second of June in Algiers
    assert approval.standing_of(dt.date(2026, 6, 2), None, late) == "licence_expired"
    assert approval.standing_of(dt.date(2026, 6, 3), None, late) == "approved"
    assert approval.standing_of(None, timezone.now(), late) == "approved"
