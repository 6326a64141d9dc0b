"""Who may sign in to the console, and what each role sees and changes."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tokens import SocketToken
from depannini_dashmap.tests.console_rows import make_order, make_request, make_trip, make_vehicle, signed_in

pytestmark = pytest.mark.django_db


def test_a_dispatcher_signs_in_by_the_form(dispatcher: Any, password: str) -> None:
    browser = Client()
    answer = browser.post("/admin/login/?next=/admin/", {"username": "nadia", "password": password, "next": "/admin/"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200


def test_the_console_is_found_without_its_slash(client: Client) -> None:
    assert client.get("/admin")["Location"] == "/admin/"


@pytest.mark.parametrize("who", ["client_user", "assistant_user"])
def test_motorists_and_assistants_stay_outside(who: str, request: Any, password: str) -> None:
    user = request.getfixturevalue(who)
    browser = Client()
    answer = browser.post("/admin/login/", {"username": user.username, "password": password})
    assert answer.status_code == 200
    assert "belongs to no company" in answer.content.decode()
    assert signed_in(user).get("/admin/map/state/").status_code == 302


def test_the_sixth_wrong_password_is_locked_out(dispatcher: Any, password: str, settings: Any) -> None:
    settings.AXES_ENABLED = settings.THROTTLING_ENABLED = True
    browser = Client()
    for _ in range(5):
        browser.post("/admin/login/", {"username": "nadia", "password": "wrong"})
    answer = browser.post("/admin/login/", {"username": "nadia", "password": password})
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "locked for 15 minutes" in answer.content.decode()


def test_a_changed_password_ends_tokens_and_keeps_this_session(dispatcher: Any, nadia: Client, password: str) -> None:
    version = dispatcher.token_version
    new = "another-horse-battery-9"
    form = {"old_password": password, "new_password1": new, "new_password2": new}
    assert nadia.post("/admin/password_change/", form).status_code == 302
    dispatcher.refresh_from_db()
    assert dispatcher.check_password(new)
    assert dispatcher.token_version > version
    assert nadia.get("/admin/").status_code == 200


def test_another_company_sees_nothing(dispatcher: Any, dispatcher_b: Any, company_a: Any) -> None:
    order = make_order(dispatcher, company_a, "Secret customer")
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), "Secret tour")
    omar = signed_in(dispatcher_b)
    assert "Secret" not in omar.get("/admin/").content.decode()
    assert "Secret" not in omar.get("/admin/map/").content.decode()
    assert omar.get(f"/admin/map/state/?trip={trip.pk}").json()["trip"] is None
    for path in (
        f"/admin/dispatch/trips/{trip.pk}/",
        f"/admin/dispatch/trips/step/start/?ids={trip.pk}",
        f"/admin/dispatch/orders/into-trip/?ids={order.pk}",
    ):
        assert omar.get(path).status_code == 404, path
    assert omar.post(f"/admin/dispatch/trips/step/cancel/?ids={trip.pk}", {"ids": trip.pk}).status_code == 404
    assert omar.post(f"/admin/dispatch/trips/{trip.pk}/reorder/", {"stop": []}).status_code == 404


def test_a_refusal_is_a_page_with_a_way_back(viewer: Any) -> None:
    rym = signed_in(viewer)
    for path, status, words in (("/admin/orders/order/add/", 403, "Not yours to do"), ("/admin/nowhere/", 404, "Not found")):
        answer = rym.get(path)
        assert (answer.status_code, words in answer.content.decode()) == (status, True)
        assert "Back to the board" in answer.content.decode()


def test_a_viewer_looks_and_changes_nothing(dispatcher: Any, viewer: Any, company_a: Any) -> None:
    order = make_order(dispatcher, company_a)
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a))
    rym = signed_in(viewer)
    page = rym.get(f"/admin/dispatch/trips/{trip.pk}/")
    assert page.status_code == 200
    assert "/step/" not in page.content.decode()
    assert rym.get("/admin/map/").status_code == 200
    assert rym.get(f"/admin/dispatch/orders/into-trip/?ids={order.pk}").status_code == 403
    assert rym.post("/admin/dispatch/trips/step/cancel/", {"ids": trip.pk}).status_code == 403
    assert rym.post(f"/admin/dispatch/trips/{trip.pk}/reorder/", {"stop": []}).status_code == 403
    trip.refresh_from_db()
    assert trip.status == "draft"


def test_dispatchers_do_not_see_the_roadside(client_user: Any, nadia: Client) -> None:
    job = make_request(client_user)
    assert nadia.get("/admin/map/state/").json()["requests"] == []
    for path in (
        f"/admin/dispatch/requests/{job.pk}/",
        f"/admin/dispatch/requests/{job.pk}/cancel/",
        f"/admin/dispatch/requests/{job.pk}/price/",
        "/admin/dispatch/people/resend/?ids=1",
        "/admin/dispatch/tariffs/example/",
    ):
        assert nadia.get(path).status_code == 403, path


def test_sockets_get_a_short_lived_token(nadia: Client, dispatcher: Any, client: Client) -> None:
    assert nadia.get("/admin/socket-token/").status_code == 405
    token = SocketToken(nadia.post("/admin/socket-token/").json()["token"])
    assert token["user_id"] == str(dispatcher.pk)
    assert token["exp"] - timezone.now().timestamp() <= 600
    assert client.post("/admin/socket-token/").status_code == 302
