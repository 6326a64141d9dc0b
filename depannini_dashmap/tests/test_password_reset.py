"""The console's page for a forgotten password: a code by mail, the same page whether or not there is an account."""

import re

import pytest
from django.test import Client

from accounts import tokens
from accounts.models import User

pytestmark = pytest.mark.django_db
URL = "/admin/password_reset/"
NEW = "tow-me-home-42"


def prove(user):
    User.objects.filter(pk=user.pk).update(email_verified=True)
    return user


def code_of(mailbox):
    return re.search(r"code is (\d{6})", mailbox[-1].body)[1]


def entered(email, code, first=NEW, second=NEW):
    return {"email": email, "code": code, "new_password1": first, "new_password2": second}


def test_a_forgotten_password(dispatcher, mailoutbox, run_tasks):
    prove(dispatcher)
    browser, elsewhere = Client(), Client()
    elsewhere.force_login(dispatcher)
    pair = tokens.issue_pair(dispatcher)
    assert URL in browser.get("/admin/login/").content.decode()
    assert browser.get(URL).status_code == 200
    asked = browser.post(URL, {"email": dispatcher.email.upper()})
    assert asked.status_code == 200 and "a code is on its way" in asked.content.decode()
    run_tasks()
    changed = browser.post(URL, entered(dispatcher.email, code_of(mailoutbox)), follow=True)
    assert changed.redirect_chain == [("/admin/login/", 302)] and "Log in with the new one" in changed.content.decode()
    dispatcher.refresh_from_db()
    assert dispatcher.check_password(NEW)
    assert elsewhere.get("/admin/").status_code == 302
    assert browser.get("/api/auth/profile/", HTTP_AUTHORIZATION=f"Bearer {pair['access']}").status_code == 401
    assert browser.post("/admin/login/", {"username": dispatcher.username, "password": NEW}).status_code == 302
    run_tasks()
    assert "password" in mailoutbox[-1].body.lower() and len(mailoutbox) == 2


def test_nobody_sees_who_has_an_account(dispatcher, viewer, mailoutbox, run_tasks):
    """An address that its account has not proven resets nothing where there is a membership."""
    prove(viewer)
    pages = [re.sub(r'value="[^"]*"', "", Client().post(URL, {"email": email}).content.decode().replace(email, ""))
             for email in (dispatcher.email, viewer.email, "nobody@example.com")]  # fmt: skip
    assert pages[0] == pages[1] == pages[2]
    run_tasks()
    assert [mail.to for mail in mailoutbox] == [[viewer.email]]


def test_a_wrong_code_and_a_bad_password(dispatcher, mailoutbox, run_tasks):
    prove(dispatcher)
    browser = Client()
    browser.post(URL, {"email": dispatcher.email})
    run_tasks()
    code = code_of(mailoutbox)
    wrong = browser.post(URL, entered(dispatcher.email, "000000" if code != "000000" else "111111"))
    assert wrong.status_code == 400 and "errornote" in wrong.content.decode()
    assert "match" in browser.post(URL, entered(dispatcher.email, code, second="other")).content.decode()
    weak = browser.post(URL, entered(dispatcher.email, code, "12345678", "12345678"))
    assert weak.status_code == 400 and "errornote" in weak.content.decode()
    assert browser.post(URL, {"email": "no address"}).status_code == 200
    assert browser.post(URL, entered(dispatcher.email, code)).status_code == 302


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_in_every_language(language):
    page = Client().get(URL, HTTP_ACCEPT_LANGUAGE=language).content.decode()
    for english in ("Password reset", "Send the code", "A code is sent", "Email address"):
        assert english not in page
