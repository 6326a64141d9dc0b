"""One notion of being signed in: what ends it ends the app's tokens, the console's session and its pages' sockets."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from accounts.services import close_account, end_sessions, set_active, set_password, sign_out_everywhere
from depannini_dashmap.lib.errors import Unauthenticated
from depannini_dashmap.lib.realtime import layer

BOARD = "/admin/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(dispatcher: Any, password: str) -> Client:
    """The console, entered by its form."""
    return entered(dispatcher, password)


def entered(user: Any, password: str) -> Client:
    """Return a browser in which somebody has signed in."""
    browser = Client()
    assert browser.post("/admin/login/", {"username": user.username, "password": password}).status_code == 302
    assert browser.get(BOARD).status_code == 200
    return browser


def page_token(browser: Client) -> str:
    """Return what a page opens its sockets with."""
    return browser.post("/admin/socket-token/").json()["token"]


def opens_sockets(raw: str) -> bool:
    """Return whether a socket would be accepted with it."""
    try:
        tokens.authenticate_socket("bearer", raw)
    except Unauthenticated:
        return False
    return True


def api_status(api: Any, header: str) -> int:
    """Return what REST answers to a credential."""
    return api().get("/api/companies/", HTTP_AUTHORIZATION=header).status_code


ENDS: dict[str, Callable[[Any, Any], Any]] = {
    "by an operator": lambda user, staff: sign_out_everywhere(actor=staff, user=user),
    "by the service": lambda user, staff: end_sessions(actor=None, user_id=user.pk, reason="test"),
    "new password": lambda user, staff: set_password(actor=user, user=user, password="another-good-one-42"),
    "deactivated": lambda user, staff: set_active(actor=staff, user=user, is_active=False),
    "off and on": lambda user, staff: [set_active(actor=staff, user=user, is_active=on) for on in (False, True)],
    "closed": lambda user, staff: close_account(actor=staff, user=user),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_everything_ends_together(
    api: Any, browser: Client, dispatcher: Any, staff_user: Any, end: Callable[[Any, Any], Any], password: str
) -> None:
    other = entered(dispatcher, password)
    pair, fleet, of_page = tokens.issue_pair(dispatcher), tokens.issue_fleet_token(dispatcher), page_token(browser)
    assert opens_sockets(of_page) and opens_sockets(pair["access"])
    end(dispatcher, staff_user)
    for one in (browser, other):
        assert one.get(BOARD).status_code == 302
        assert one.post("/admin/socket-token/").status_code == 302
    assert api_status(api, f"Bearer {pair['access']}") == api_status(api, f"Token {fleet}") == 401
    assert not opens_sockets(of_page) and not opens_sockets(pair["access"])


def test_a_token_of_a_page_opens_nothing_but_sockets(api: Any, browser: Client) -> None:
    raw = page_token(browser)
    assert opens_sockets(raw)
    for header in (f"Bearer {raw}", f"Token {raw}"):
        assert api_status(api, header) == 401
    for path in ("/api/auth/token/refresh/", "/api/auth/token/revoke/"):
        assert api().post(path, {"refresh": raw}).status_code == 401
    assert api().post("/api/auth/logout/", HTTP_AUTHORIZATION=f"Bearer {raw}").status_code == 401


def test_a_refresh_token_opens_no_socket(dispatcher: Any) -> None:
    assert not opens_sockets(tokens.issue_pair(dispatcher)["refresh"])


def test_signing_out_of_the_console_ends_its_pages_alone(
    api: Any, browser: Client, dispatcher: Any, password: str, django_capture_on_commit_callbacks: Any
) -> None:
    other = entered(dispatcher, password)
    mine, others, access = page_token(browser), page_token(other), tokens.issue_pair(dispatcher)["access"]
    with layer.captured() as published, django_capture_on_commit_callbacks(execute=True):
        browser.post("/admin/logout/")
    assert (f"user.{dispatcher.pk}", "session.ended") in [(group, event["type"]) for group, event in published]
    assert not opens_sockets(mine)
    assert opens_sockets(others) and opens_sockets(access)
    assert api_status(api, f"Bearer {access}") == 200


def test_who_signs_in_over_somebody_ends_their_pages(
    browser: Client, staff_user: Any, password: str, django_capture_on_commit_callbacks: Any
) -> None:
    raw = page_token(browser)
    with layer.captured() as published, django_capture_on_commit_callbacks(execute=True):
        browser.post("/admin/login/", {"username": staff_user.username, "password": password})
    assert not opens_sockets(raw)
    assert [event["type"] for _, event in published].count("session.ended") == 1
    assert opens_sockets(page_token(browser))


def test_a_session_that_no_longer_fits_is_gone_from_the_database(browser: Client, dispatcher: Any) -> None:
    end_sessions(actor=None, user_id=dispatcher.pk, reason="test")
    browser.get(BOARD)
    assert not Session.objects.exists()


def test_the_token_of_a_page_does_not_give_away_its_session(browser: Client) -> None:
    claims = jwt.decode(page_token(browser), options={"verify_signature": False})
    assert browser.session.session_key not in str(claims)


def test_a_token_of_a_page_does_not_outlive_its_session(browser: Client) -> None:
    session = browser.session
    session.set_expiry(60)
    session.save()
    found = tokens.authenticate_socket("bearer", page_token(browser))
    assert (found.expires_at - session.get_expiry_date()).total_seconds() < 2


def test_a_session_of_somebody_who_is_gone_can_be_left(browser: Client, dispatcher: Any) -> None:
    User.objects.filter(pk=dispatcher.pk).delete()
    browser.session.flush()
    assert browser.get(BOARD).status_code == 302


@pytest.mark.parametrize(("seconds", "counts"), [(-9, True), (9, True), (11, False)])
def test_clocks_may_differ_by_ten_seconds(
    api: Any, dispatcher: Any, time_machine: Any, seconds: int, counts: bool
) -> None:
    """A token of a server whose clock is ahead, or that has just expired on ours, is still valid."""
    now = timezone.now().replace(microsecond=0)
    time_machine.move_to(now + timedelta(seconds=seconds), tick=False)
    access, fleet = tokens.issue_pair(dispatcher)["access"], tokens.issue_fleet_token(dispatcher)
    time_machine.move_to(now, tick=False)
    assert api_status(api, f"Bearer {access}") == (200 if counts else 401)
    assert api_status(api, f"Token {fleet}") == 200


@pytest.mark.parametrize(("seconds", "counts"), [(9, True), (11, False)])
def test_the_end_of_a_token_has_the_same_leeway(
    api: Any, dispatcher: Any, settings: Any, time_machine: Any, seconds: int, counts: bool
) -> None:
    now = timezone.now().replace(microsecond=0)
    time_machine.move_to(now, tick=False)
    access, fleet = tokens.issue_pair(dispatcher)["access"], tokens.issue_fleet_token(dispatcher)
    for header, lifetime in ((f"Bearer {access}", settings.ACCESS_TOKEN_TTL), (f"Token {fleet}", settings.TOKEN_TTL)):
        time_machine.move_to(now + lifetime + timedelta(seconds=seconds), tick=False)
        assert api_status(api, header) == (200 if counts else 401)
        time_machine.move_to(now, tick=False)
