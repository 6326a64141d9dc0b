"""Joining by the link of an invitation: only the mailed one proves the mailbox, and it makes one account, once."""

import logging
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.invitation_page import half_hidden
from accounts.limits import rates
from accounts.models import Company, Invitation, InvitationLink, Membership, User
from accounts.services import close_account, hand_on_link, invite, join_by_link
from accounts.tests.test_races import at_once
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.ops.logs import redact

pytestmark = pytest.mark.django_db
SAMIA, PASSWORD = "samia.benali@example.com", "correct-horse-battery"
JOIN = {"step": "join", "name": "Samia Benali", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def invitation(dispatcher, company_a):
    return invite(actor=dispatcher, company=company_a, person={"email": SAMIA}, role="viewer")


@pytest.fixture
def mailed(invitation, messages):
    """The path of the link in the mail."""
    return path_in(messages(SAMIA)[-1])


@pytest.fixture
def handed(invitation, dispatcher, company_a):
    """The path of the link that the inviter hands on."""
    return path_in(hand_on_link(actor=dispatcher, company=company_a, invitation_id=invitation.pk))


def path_in(text):
    return re.search(r"/i/[\w-]{32}/", text)[0]


def page(path, browser=None, **query):
    return (browser or Client()).get(path, query).content.decode()


def signed_in(user):
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def account(name="samia", is_proven=True, **fields):
    return User.objects.create_user(name, SAMIA, "x", **{"user_type": "dispatcher", "email_verified": is_proven, **fields})


# --- Joining -------------------------------------------------------------------------------------------------------------------
def test_who_has_no_account_joins_by_the_mailed_link(mailed, invitation, company_a):
    shown = page(mailed)
    assert "Atlas Transport" in shown and "Viewer" in shown and SAMIA in shown and not User.objects.filter(email=SAMIA).exists()
    browser = Client()
    answer = browser.post(mailed, JOIN)
    assert (answer.status_code, answer["Location"]) == (303, f"{mailed}?language=en")
    samia = User.objects.get(email=SAMIA)
    assert (samia.username, samia.name, samia.user_type, samia.email_verified, samia.current_company) == (SAMIA, "Samia Benali", "dispatcher", True, company_a)
    assert Membership.objects.get(user=samia).role == "viewer"
    invitation.refresh_from_db()
    assert (invitation.outcome, invitation.user) == ("accepted", samia)
    assert "is accepted" in browser.get(answer["Location"]).content.decode()
    assert browser.login(username="Samia.Benali@Example.com", password=PASSWORD) or browser.login(username=SAMIA, password=PASSWORD)
    assert browser.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"name": "\u200b "}, "required"), ({"password2": "other"}, "didn’t match"), ({"password1": "12345678", "password2": "12345678"}, "too common"),
     ({"password1": "benali-samia", "password2": "benali-samia"}, "too similar"), ({"name": "x" * 151}, "at most 150"), ({"name": "a\x00"}, "Bad request"),
     ({"password1": "x" * 257, "password2": "x" * 257}, "at most 256")],
)  # fmt: skip
def test_what_is_wrong_is_said_and_changes_nothing(mailed, invitation, wrong, words):
    answer = Client().post(mailed, {**JOIN, **wrong})
    assert answer.status_code == 400 and words in answer.content.decode()
    assert not User.objects.filter(email=SAMIA).exists() and Invitation.objects.get().is_open


def test_a_get_a_preview_and_a_post_without_a_step_do_nothing(mailed, handed):
    browser = Client()
    for path in (mailed, handed):
        for answer in (browser.get(path, JOIN), browser.head(path), browser.post(path), browser.post(path, {"step": "accept"}), browser.post(path, {"step": "x"})):
            assert answer.status_code in (200, 303)
    assert Invitation.objects.get().is_open and not User.objects.filter(email=SAMIA).exists()


def test_a_signed_in_account_of_the_address_accepts_with_one_button(mailed, company_a):
    samia = account()
    browser = signed_in(samia)
    assert 'value="accept"' in page(mailed, browser) and 'name="password1"' not in page(mailed, browser)
    assert 'value="accept"' not in page(mailed) and "/admin/login/?next=/admin/invitations/" in page(mailed)
    assert browser.post(mailed, {"step": "accept"}).status_code == 303
    assert Membership.objects.get(user=samia).company == company_a


def test_accepting_proves_the_address_of_who_is_signed_in(mailed):
    samia = account(is_proven=False, email_suspended=True)
    browser = signed_in(samia)
    assert "also confirms" in page(mailed, browser)
    assert browser.post(mailed, {"step": "accept"}).status_code == 303
    samia.refresh_from_db()
    assert samia.email_verified and not samia.email_suspended and Membership.objects.filter(user=samia).exists()


# --- Thieves -------------------------------------------------------------------------------------------------------------------
def test_who_wrote_the_address_down_unproven_loses_it_and_keeps_the_rest(mailed, company_a, company_b):
    squatter = account(name=SAMIA, is_proven=False, phone_number="+213555000099")
    Membership.objects.create(user=squatter, company=company_b)
    assert "loses the address" in page(mailed)
    assert Client().post(mailed, JOIN).status_code == 303
    squatter.refresh_from_db()
    assert (squatter.email, squatter.username, squatter.check_password("x")) == (None, f"@{squatter.pk}", True)
    samia = User.objects.get(email=SAMIA)
    assert samia.pk != squatter.pk and set(samia.memberships.values_list("company_id", flat=True)) == {company_a.pk}
    assert set(squatter.memberships.values_list("company_id", flat=True)) == {company_b.pk}


@pytest.mark.parametrize("fields", [{}, {"user_type": "client"}, {"user_type": "assistant"}, {"is_active": False}])
def test_an_account_that_has_proven_the_address_is_not_taken_over(mailed, fields):
    owner = account(**fields)
    assert 'name="password1"' not in page(mailed)
    answer = Client().post(mailed, JOIN)
    assert answer.status_code == 409
    owner.refresh_from_db()
    assert owner.email == SAMIA and owner.check_password("x") and not owner.memberships.exists()
    assert User.objects.filter(email=SAMIA).count() == 1 and Invitation.objects.get().is_open


def test_the_link_that_is_handed_on_joins_nobody(mailed, handed, dispatcher, colleague):
    shown = page(handed, signed_in(dispatcher))
    assert "Atlas Transport" in shown and half_hidden(SAMIA) in shown and SAMIA not in shown and "password" not in shown
    samia = account(is_proven=False)
    for browser in (Client(), signed_in(dispatcher), signed_in(samia)):
        assert browser.post(handed, JOIN).status_code == 303
        assert browser.post(handed, {"step": "accept"}).status_code in (303, 404)
    samia.refresh_from_db()
    assert not samia.email_verified and Invitation.objects.get().is_open and not Membership.objects.filter(user=samia).exists()


def test_another_account_does_not_accept_with_somebody_elses_mail(mailed, dispatcher_b, client_user):
    for user in (dispatcher_b, account("samia2", user_type="client")):
        browser = signed_in(user)
        assert 'value="accept"' not in page(mailed, browser)
        assert browser.post(mailed, {"step": "accept"}).status_code == 404
    assert Invitation.objects.get().is_open


def test_the_link_that_is_handed_on_has_the_real_one_mailed_so_many_times(handed, invitation, messages, settings):
    settings.THROTTLING_ENABLED = True
    before = len(messages(SAMIA))
    for _ in range(rates.CALLER_HOUR + 3):
        answer = Client().post(f"{handed}?language=fr", {"step": "send"})
        assert (answer.status_code, answer["Location"]) == (303, f"{handed}?language=fr&sent=1"), "the same whether one leaves or not"
    texts = messages(SAMIA)[before:]
    assert len(texts) == rates.CALLER_HOUR
    assert Client().post(path_in(texts[0]), JOIN).status_code == 303, "a later mail ends no earlier one"
    assert "on its way" in page(handed, sent="1") or "is accepted" in page(handed, sent="1")


def test_the_mailed_link_has_nothing_sent_and_leads_nowhere_else(mailed, messages):
    before = len(messages(SAMIA))
    assert Client().post(mailed, {"step": "send", "next": "https://evil.example"}).status_code == 404
    answer = Client().post(f"{mailed}?next=https://evil.example&language=//evil.example", JOIN)
    assert answer["Location"] == f"{mailed}?language=en" and len(messages(SAMIA)) == before


def test_an_address_is_half_hidden():
    cases = {SAMIA: "sa•••@ex•••.com", "a@b.dz": "•••@•••.dz", "ab@c": "a•••@•••c", "abc@mail.example.co.uk": "ab•••@ma•••.uk"}
    assert {address: half_hidden(address) for address in cases} == cases


# --- Declining ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("holder", [None, {}, {"is_proven": False}, {"user_type": "client"}], ids=["nobody", "dispatcher", "unproven", "client"])
def test_the_mailed_link_declines_whoever_has_the_mailbox(mailed, handed, invitation, dispatcher, company_a, holder):
    samia = None if holder is None else account(**holder)
    assert 'value="decline"' in page(mailed) and SAMIA in page(f"/admin/company/{company_a.pk}/", signed_in(dispatcher))
    for _ in range(2):
        answer = Client().post(f"{mailed}?language=fr", {"step": "decline"})
        assert (answer.status_code, answer["Location"]) == (303, f"{mailed}?language=fr"), "a second tap is harmless"
    invitation.refresh_from_db()
    assert (invitation.outcome, invitation.ended_at is not None) == ("declined", True)
    assert "was declined" in page(mailed) and "was declined" in page(handed) and 'value="decline"' not in page(mailed)
    for browser in [Client(), *([signed_in(samia)] if samia else [])]:
        for step in (JOIN, {"step": "accept"}):
            browser.post(mailed, step)
    assert not Membership.objects.filter(company=company_a, user__email=SAMIA).exists()
    assert Client().post(mailed, JOIN).status_code == 409 and Client().post(handed, {"step": "send"}).status_code == 409
    people = page(f"/admin/company/{company_a.pk}/", signed_in(dispatcher))
    assert SAMIA not in people and "no longer listed" in people


def test_only_the_mailed_link_of_an_open_invitation_declines(mailed, handed, dispatcher, company_a):
    assert 'value="decline"' not in page(handed)
    Client().post(handed, {"step": "decline"})
    assert Invitation.objects.get().is_open
    assert Client().post(mailed, JOIN).status_code == 303
    answer = Client().post(mailed, {"step": "decline"})
    assert answer.status_code == 409 and "is accepted" in answer.content.decode()
    assert Membership.objects.filter(company=company_a, user__email=SAMIA).exists()


def test_who_declined_can_be_invited_again(mailed, dispatcher, company_a, messages):
    Client().post(mailed, {"step": "decline"})
    invite(actor=dispatcher, company=company_a, person={"email": SAMIA})
    later = path_in(messages(SAMIA)[-1])
    assert later != mailed and Client().post(mailed, JOIN).status_code == 409
    assert Client().post(later, JOIN).status_code == 303


# --- Ends, and what is private ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("how", "words"),
    [("revoked", "taken back"), ("declined", "was declined"), ("expired", "has expired"), ("accepted", "is accepted"), ("closed", "company has closed")],
)
def test_how_it_ended_is_said_in_words(mailed, handed, company_a, how, words):
    if how == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif how == "closed":
        Company.objects.filter(pk=company_a.pk).delete()
    else:
        Invitation.objects.update(outcome=how, ended_at=timezone.now())
    for path in (mailed, handed):
        assert words in page(path) and 'name="password1"' not in page(path) and 'value="send"' not in page(path)
    for path, form in ((mailed, JOIN), (handed, {"step": "send"})):
        answer = Client().post(path, form)
        assert answer.status_code == 409 and words in answer.content.decode()
    assert not User.objects.filter(email=SAMIA).exists()


def test_an_invitation_whose_inviter_goes_has_ended(mailed, dispatcher, colleague):
    Membership.objects.filter(user=colleague).update(is_owner=True)
    close_account(actor=None, user=dispatcher)
    assert Client().post(mailed, JOIN).status_code == 409


def test_a_link_is_told_once_replaced_by_the_next_and_unknown_ones_are_counted(handed, mailed, dispatcher, viewer, company_a, settings, monkeypatch):
    invitation = Invitation.objects.get()
    assert all(token not in str(InvitationLink.objects.values()) for token in (handed[3:-1], mailed[3:-1]))
    hand_on_link(actor=dispatcher, company=company_a, invitation_id=invitation.pk)
    assert Client().get(handed).status_code == 404 and Client().get(mailed).status_code == 200
    with pytest.raises(DomainError):
        hand_on_link(actor=viewer, company=company_a, invitation_id=invitation.pk)
    settings.THROTTLING_ENABLED = True
    monkeypatch.setattr(rates, "NETWORK_FAILURES", 3)
    assert [Client().get(f"/i/{letter * 32}/").status_code for letter in "abcd"] == [404, 404, 404, 429]
    assert Client().get(mailed).status_code == 200


def test_the_page_is_private_and_its_token_in_no_log(mailed, caplog):
    with caplog.at_level(logging.DEBUG):
        answer = Client().get(mailed)
    assert (answer["Referrer-Policy"], answer["Cache-Control"], answer["X-Robots-Tag"]) == ("no-referrer", "no-store", "noindex, nofollow")
    token = mailed[3:-1]
    for line in (f"GET {mailed} 200", f"https://desk.example{mailed}?language=fr"):
        assert token not in redact(line)
    assert token not in redact(caplog.text)


@pytest.mark.parametrize(("language", "words"), [("fr", "vous invite"), ("ar", 'dir="rtl"')])
def test_page_and_mail_speak_the_readers_language(mailed, handed, messages, language, words):
    assert words in page(mailed, language=language)
    Client().post(f"{handed}?language={language}", {"step": "send"})
    last = messages(SAMIA)[-1]
    assert "invites you" not in last
    assert words in page(path_in(last)), "the mailed link opens in the language of its mail"


def test_the_console_hands_links_on_and_says_where_no_mail_leaves(dispatcher, viewer, dispatcher_b, invitation, company_a, settings):
    path = f"/admin/company/{company_a.pk}/invitations/{invitation.pk}/link/"
    assert [signed_in(user).get(path).status_code for user in (viewer, dispatcher_b)] == [404, 404]
    nadia = signed_in(dispatcher)
    assert path in page(f"/admin/company/{company_a.pk}/", nadia) and "/i/" not in page(path, nadia)
    made = path_in(nadia.post(path).content.decode())
    assert "/i/" not in page(path, nadia) and Client().get(made).status_code == 200
    assert "No mail leaves" not in page(path, nadia)
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    for one in (path, f"/admin/company/{company_a.pk}/"):
        assert "No mail leaves" in page(one, nadia)
    assert "No mail leaves" in page(made)


def test_by_username_there_is_no_link(dispatcher, dispatcher_b, company_a, messages):
    number = invite(actor=dispatcher, company=company_a, person={"username": "omar"}).pk
    assert "/i/" not in messages(dispatcher_b.email)[0] and not InvitationLink.objects.exists()
    assert signed_in(dispatcher).get(f"/admin/company/{company_a.pk}/invitations/{number}/link/").status_code == 404


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_join_at_once_make_one_account(mailed, invitation, company_a):
    token = mailed[3:-1]

    def join(number):
        try:
            return join_by_link(actor=None, token=token, name=f"Samia {number}", password=PASSWORD).pk
        except DomainError as error:
            return error.code

    results = at_once(join, 6)
    samia = User.objects.get(email=SAMIA)
    assert sorted(map(str, results)) == sorted([str(samia.pk), *["invitation_ended"] * 5])
    assert Membership.objects.filter(company=company_a, user=samia).count() == 1
