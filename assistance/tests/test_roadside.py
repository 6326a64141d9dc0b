"""The group Roadside: dispatchers who see and work the roadside side, until they leave it, and no more companies."""

from typing import Any

import pytest
import requests
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from accounts.services import set_roadside
from accounts.tokens import issue_pair
from depannini_dashmap.lib.errors import Conflict, Forbidden
from depannini_dashmap.models import AuditEvent
from testing.servers import Server

pytestmark = pytest.mark.django_db


def _signed_in(user: Any) -> Client:
    browser = Client()
    browser.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    return browser


def test_the_group_is_there_from_the_start() -> None:
    assert Group.objects.filter(name="Roadside").count() == 1


def test_roadside_sees_every_request_and_phone(
    api: Any, job_in: Any, client_user: Any, assistant_user: Any, roadside_dispatcher: Any, dispatcher: Any
) -> None:
    job = job_in("requested", client_user, assistant_user)
    samira, nadia = api(roadside_dispatcher), api(dispatcher)
    shown = samira.get(f"/api/assistance/view/{job.pk}/").json()
    assert shown["client"]["phone_number"] == client_user.phone_number
    assert [one["id"] for one in samira.get("/api/assistance/view/").json()["results"]] == [job.pk]
    assert samira.get(f"/api/assistance/{job.pk}/messages/").status_code == 200
    assert nadia.get(f"/api/assistance/view/{job.pk}/").status_code == 404
    assert nadia.get("/api/assistance/view/").json()["results"] == []


def test_roadside_sees_no_more_companies(
    api: Any, company_a: Any, company_b: Any, dispatcher_b: Any, roadside_dispatcher: Any
) -> None:
    listed = api(roadside_dispatcher).get("/api/companies/").json()["results"]
    assert [company["id"] for company in listed] == [company_a.pk]
    assert api(roadside_dispatcher).get(f"/api/companies/{company_b.pk}/").status_code == 404
    assert _signed_in(roadside_dispatcher).get("/admin/accounts/user/").status_code == 403


@pytest.mark.parametrize("who", ["client_user", "assistant_user"])
def test_the_group_gives_nothing_to_who_is_no_dispatcher(
    who: str, request: Any, api: Any, ask: Any, other_client: Any, staff_user: Any
) -> None:
    person = request.getfixturevalue(who)
    job = ask(other_client, pickup=(10.0, 10.0))
    person.groups.add(Group.objects.get(name="Roadside"))
    assert api(person).get(f"/api/assistance/view/{job.pk}/").status_code == 404
    assert not User.objects.get(pk=person.pk).is_roadside
    with pytest.raises(Conflict):
        set_roadside(actor=staff_user, user=person, is_member=True)


def test_leaving_the_group_ends_it_with_the_next_request(
    api: Any, ask: Any, client_user: Any, roadside_dispatcher: Any, staff_user: Any
) -> None:
    job = ask(client_user)
    samira, browser = api(roadside_dispatcher), _signed_in(roadside_dispatcher)
    assert samira.get(f"/api/assistance/view/{job.pk}/").status_code == 200
    assert browser.get(f"/admin/dispatch/requests/{job.pk}/").status_code == 200
    set_roadside(actor=staff_user, user=roadside_dispatcher, is_member=False)
    assert samira.get(f"/api/assistance/view/{job.pk}/").status_code == 404
    assert browser.get(f"/admin/dispatch/requests/{job.pk}/").status_code == 403
    assert browser.get("/admin/assistance/assistance/").status_code == 403
    assert browser.get("/admin/orders/order/").status_code == 200
    assert AuditEvent.objects.filter(event="roadside_ended", actor_id=staff_user.pk).exists()


def test_operators_put_dispatchers_in_and_out(dispatcher: Any, client_user: Any, staff_user: Any) -> None:
    browser = _signed_in(staff_user)
    ids = f"{dispatcher.pk},{client_user.pk}"
    assert browser.get(f"/admin/dispatch/people/roadside/?ids={ids}").status_code == 200
    page = browser.post("/admin/dispatch/people/roadside/", {"ids": ids}).content.decode()
    assert "works the roadside side now" in page and "Only dispatchers work the roadside side" in page
    assert User.objects.get(pk=dispatcher.pk).is_roadside and not User.objects.get(pk=dispatcher.pk).is_operator
    browser.post("/admin/dispatch/people/end-roadside/", {"ids": str(dispatcher.pk)})
    assert not User.objects.get(pk=dispatcher.pk).is_roadside


def test_nobody_puts_themselves_in(dispatcher: Any, roadside_dispatcher: Any) -> None:
    for actor in (dispatcher, roadside_dispatcher):
        with pytest.raises(Forbidden):
            set_roadside(actor=actor, user=dispatcher, is_member=True)
        page = _signed_in(actor).post("/admin/dispatch/people/roadside/", {"ids": str(dispatcher.pk)})
        assert page.status_code == 403


def test_the_console_shows_both_halves_of_the_work(
    ask: Any, client_user: Any, assistant_user: Any, roadside_dispatcher: Any
) -> None:
    job = ask(client_user)
    browser = _signed_in(roadside_dispatcher)
    assert f"#{job.pk}" in browser.get("/admin/").content.decode()
    assert [one["id"] for one in browser.get("/admin/map/state/").json()["requests"]] == [job.pk]
    for page in ("assistance", "offer", "assistantprofile", "tariff", "chatmessage"):
        assert browser.get(f"/admin/assistance/{page}/").status_code == 200, page
    assert browser.get("/admin/assistance/tariff/add/").status_code == 200
    assert browser.post(f"/admin/dispatch/requests/{job.pk}/cancel/", {"note": "flood"}).status_code == 302
    job.refresh_from_db()
    assert (job.status, job.reason) == ("canceled", "staff_canceled")


def test_a_member_without_a_company_works_the_roadside_alone(db: Any) -> None:
    lone = User.objects.create_user("lone", None, None, user_type="dispatcher")
    lone.groups.add(Group.objects.get(name="Roadside"))
    browser = _signed_in(lone)
    assert browser.get("/admin/").status_code == 200
    assert browser.get("/admin/assistance/assistance/").status_code == 200
    assert browser.get("/admin/orders/order/").status_code == 403


def _take_out(server: Server, operator: Any, person: Any) -> None:
    """End somebody's roadside work as an operator's browser does."""
    secret = "a" * 32
    session = _signed_in(operator).cookies[settings.SESSION_COOKIE_NAME].value
    answer = requests.post(
        f"{server.url}/admin/dispatch/people/end-roadside/",
        data={"ids": str(person.pk), "csrfmiddlewaretoken": secret},
        cookies={settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: secret},
        allow_redirects=False,
        timeout=10,
    )
    assert answer.status_code == 302, answer.text


def test_sockets_end_with_the_group(
    server: Server, client_user: Any, roadside_dispatcher: Any, staff_user: Any, ask: Any
) -> None:
    job = ask(client_user)
    token = issue_pair(roadside_dispatcher)["access"]
    with (
        server.socket(f"/ws/assistance/{job.pk}/", token) as room,
        server.socket("/ws/fleet/", token) as board,
    ):
        assert room.receive("connection_established")["assistance"]["client"]["phone_number"] == client_user.phone_number
        board.receive("connection_established")
        server.call("PATCH", f"/api/assistance/update/{job.pk}/", issue_pair(client_user)["access"], status="canceled")
        assert board.receive("assistance")["assistance_id"] == job.pk
        _take_out(server, staff_user, roadside_dispatcher)
        assert room.receive_close() == 4403
        assert board.receive_close() == 1012  # comes again, with its company alone
    with server.socket("/ws/fleet/", token) as board:
        board.receive("connection_established")
    with server.socket(f"/ws/assistance/{job.pk}/", token) as room:
        assert room.receive_close() == 4403
