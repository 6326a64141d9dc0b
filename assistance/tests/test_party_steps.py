"""What dispatchers see of jobs that are stuck, and do for a party on the request's page."""

import datetime as dt
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from assistance import services
from assistance.models import Assistance, AssistantProfile
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def samira(roadside_dispatcher: Any) -> Client:
    """The browser of a dispatcher who works the roadside side."""
    browser = Client()
    browser.force_login(roadside_dispatcher, backend=django_settings.AUTHENTICATION_BACKENDS[-1])
    return browser


def test_the_board_alarms_stalled_and_endless_jobs(
    samira: Client, job_in: Any, client_user: Any, assistant_user: Any, settings: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user)
    board = samira.get("/admin/").content.decode()
    assert "stalled: no sign of the assistant" not in board and "assistants to approve" not in board
    Assistance.objects.filter(pk=job.pk).update(stalled_since=timezone.now() - dt.timedelta(minutes=3))
    settings.ASSISTANT_APPROVAL = True
    board = samira.get("/admin/").content.decode()
    assert "stalled: no sign of the assistant" in board and "assistants to approve" in board
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="ongoing")
    board = samira.get("/admin/").content.decode()
    assert "stalled" not in board and "under way for too long" not in board
    Assistance.objects.filter(pk=job.pk).update(started_at=timezone.now() - dt.timedelta(hours=25))
    assert "under way for too long" in samira.get("/admin/").content.decode()


def test_steps_are_shown_where_they_can_be_taken(samira: Client, job_in: Any, client_user: Any, assistant_user: Any) -> None:
    job = job_in("requested", client_user, assistant_user)
    page = f"/admin/dispatch/requests/{job.pk}/"

    def steps() -> list[str]:
        shown = samira.get(page).content.decode()
        return [name for name in ("take-back", "start", "complete") if f"{page}step/{name}/" in shown]

    assert steps() == []
    services.accept(actor=assistant_user, assistance_id=job.pk)
    assert steps() == ["take-back", "start", "complete"]
    assert samira.get(f"{page}step/start/").status_code == 200
    assert samira.post(f"{page}step/start/").status_code == 302
    assert steps() == ["take-back", "complete"]
    assert samira.post(f"{page}step/take-back/").status_code == 302
    job.refresh_from_db()
    assert (job.status, steps()) == ("requested", [])
    assert samira.get(f"{page}step/fly/").status_code == 404


def test_a_repair_is_completed_with_its_price(
    samira: Client, ask: Any, make_assistant: Any, client_user: Any, roadside_dispatcher: Any
) -> None:
    repairer = make_assistant(1, service_type="repair")
    job = ask(client_user, assistance_type="repair")
    services.accept(actor=repairer, assistance_id=job.pk)
    path = f"/admin/dispatch/requests/{job.pk}/step/complete/"
    assert 'name="price"' in samira.get(path).content.decode()
    for wrong in ("", "much", "-5"):
        page = samira.post(path, {"price": wrong})
        assert page.status_code == 200 and 'name="price"' in page.content.decode(), wrong
    assert samira.post(path, {"price": "٤٥٠٠,50"}).status_code == 302
    job.refresh_from_db()
    assert (job.status, str(job.total_price)) == ("completed", "4500.50")
    assert AuditEvent.objects.get(event="assistance_completed").actor_id == roadside_dispatcher.pk
    again = samira.post(path, {"price": "1"}, follow=True).content.decode()
    assert "already" in again


def test_scheduled_requests_are_listed(samira: Client, roadside_dispatcher: Any, dispatcher: Any) -> None:
    services.schedule_for_caller(
        actor=roadside_dispatcher,
        caller=services.Caller("+213661234567", "Nabil", "Garage Sahel"),
        scheduled_for=timezone.now() + dt.timedelta(hours=2),
        pickup=(36.75, 3.05),
    )
    assert "Garage Sahel" in samira.get("/admin/assistance/scheduledrequest/").content.decode()
    browser = Client()
    browser.force_login(dispatcher, backend=django_settings.AUTHENTICATION_BACKENDS[-1])
    assert browser.get("/admin/assistance/scheduledrequest/").status_code == 403


def test_the_page_names_the_places_and_how_old_the_assistants_place_is(
    samira: Client, job_in: Any, client_user: Any, assistant_user: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user, dropoff=(36.70, 3.10), assistance_type="towing")
    page = samira.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    for point in ("36.752500,3.042000", "36.700000,3.100000"):
        assert f"https://www.google.com/maps/dir/?api=1&amp;destination={point}" in page
    assert "Place last heard" in page and "s ago" in page
    assert f"{job.distance_km} <bdi>km</bdi> × " in page and f"/admin/map/?request={job.pk}" in page
    assert str(client_user.phone_number) in page and str(assistant_user.phone_number) in page


def test_every_assistants_phone_stands_there_when_nobody_is_near(
    samira: Client, ask: Any, client_user: Any, assistant_user: Any, other_assistant: Any, duty: Any
) -> None:
    AssistantProfile.objects.update(lat=None, lng=None, cell_y=None, cell_x=None)
    page = f"/admin/dispatch/requests/{ask(client_user).pk}/"
    shown = samira.get(page).content.decode()
    assert str(assistant_user.phone_number) in shown and str(other_assistant.phone_number) in shown
    duty(assistant_user)
    shown = samira.get(page).content.decode()
    assert str(assistant_user.phone_number) in shown and str(other_assistant.phone_number) not in shown


def test_what_staff_canceled_is_asked_again(samira: Client, ask: Any, client_user: Any, roadside_dispatcher: Any) -> None:
    old = ask(client_user, description="Blue van")
    services.cancel_by_staff(actor=roadside_dispatcher, assistance_id=old.pk, note="Wrong place")
    page = f"/admin/dispatch/requests/{old.pk}/"
    assert f"{page}again/" in samira.get(page).content.decode()
    assert samira.post(f"{page}again/").status_code == 302
    assert Assistance.objects.get(status="requested").description == "Blue van"


def test_what_the_client_canceled_is_not_asked_again(samira: Client, job_in: Any, client_user: Any, assistant_user: Any) -> None:
    old = job_in("canceled", client_user, assistant_user)
    page = f"/admin/dispatch/requests/{old.pk}/"
    assert f"{page}again/" not in samira.get(page).content.decode()
    answer = samira.post(f"{page}again/", follow=True).content.decode()
    assert "is asked again" in answer and not Assistance.objects.filter(status="requested").exists()
