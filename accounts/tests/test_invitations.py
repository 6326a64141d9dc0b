"""Nobody works for a company without agreeing, and no invitation reveals who exists."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.limits import rates
from accounts.models import Company, Invitation, Membership, User
from accounts.services import close_account, invite, set_active
from depannini_dashmap.lib.errors import Conflict
from depannini_dashmap.lib.realtime.layer import captured

pytestmark = pytest.mark.django_db
OWN = "/api/invitations/"


def members(company):
    return f"/api/companies/{company.pk}/members/"


def sent(company):
    return f"/api/companies/{company.pk}/invitations/"


def prove(user):
    User.objects.filter(pk=user.pk).update(email_verified=True)


def invited(api, actor, company, **body):
    answer = api(actor).post(members(company), body)
    assert answer.status_code == 202, answer.content
    return answer.json()["invitation"]


@pytest.fixture
def newcomer(db):
    """A dispatcher of no company."""
    return User.objects.create_user("yacine", "yacine@example.com", "x", user_type="dispatcher", name="Yacine N")


# --- Asking ------------------------------------------------------------------------------------------------------------------
def test_who_is_asked_agrees_first(api, dispatcher, dispatcher_b, company_a, company_b):
    answer = api(dispatcher).post(members(company_a), {"username": "omar", "role": "viewer"})
    assert answer.status_code == 202
    invitation = answer.json()["invitation"]
    assert set(answer.json()) == {"invitation"} and set(invitation) == {"id", "company", "role", "expires_at"}
    assert (invitation["company"], invitation["role"]) == (company_a.pk, "viewer")
    assert invitation["expires_at"].endswith("Z")
    them = api(dispatcher_b)
    assert them.get(f"/api/companies/{company_a.pk}/").status_code == 404
    assert them.get("/api/auth/profile/").json()["company_id"] == company_b.pk
    [row] = them.get(OWN).json()["results"]
    assert (row["id"], row["company"], row["company_name"], row["role"], row["invited_by"]) == (
        invitation["id"], company_a.pk, "Atlas Transport", "viewer", "Nadia",
    )  # fmt: skip
    accepted = them.post(f"{OWN}{row['id']}/accept/")
    assert accepted.status_code == 200
    assert (accepted.json()["company_id"], accepted.json()["company_name"], accepted.json()["role"]) == (
        company_a.pk, "Atlas Transport", "viewer",
    )  # fmt: skip
    assert them.get("/api/auth/profile/").json()["company_id"] == company_a.pk
    assert them.get(f"/api/companies/{company_a.pk}/").status_code == 200
    assert them.get(OWN).json() == {"results": [], "next": None, "previous": None}
    assert api(dispatcher).get(sent(company_a)).json()["results"] == []


def test_the_role_is_member_unless_said(api, dispatcher, dispatcher_b, company_a):
    assert invited(api, dispatcher, company_a, username="omar")["role"] == "member"


@pytest.mark.parametrize(
    "body",
    [
        {}, {"username": ""}, {"email": "x"}, {"username": "omar", "role": "owner"}, {"username": "omar", "role": "king"},
        {"username": ["omar"]}, {"username": {"a": 1}}, {"username": True}, {"username": "x" * 255}, {"email": "a\x00@b.dz"},
        {"username": "a\x00b"},
    ],
)  # fmt: skip
def test_an_invitation_that_names_nobody_is_refused(api, dispatcher, dispatcher_b, company_a, body):
    assert api(dispatcher).post(members(company_a), body).status_code == 400
    assert not Invitation.objects.exists()


NAMES = [
    {"username": "omar"}, {"username": "nobody"}, {"username": "salim"}, {"username": "+213555000001"}, {"username": "rym"},
    {"username": "nadia"}, {"username": "off"}, {"email": "omar@example.com"}, {"email": "amina@example.com"},
    {"email": "nobody@example.com"}, {"username": "RYM@example.com"}, {"username": "@1"},
]  # fmt: skip


def test_an_invitation_does_not_reveal_who_exists(api, dispatcher, dispatcher_b, viewer, client_user, staff_user, company_a):
    """The same status, body and number of queries, asked once or twice, for people of all kinds and for nobody."""
    User.objects.create_user("off", None, "x", user_type="dispatcher", is_active=False)
    prove(dispatcher_b)
    client, seen = api(dispatcher), {"username": set(), "email": set()}
    for name in NAMES:
        answers = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                answer = client.post(members(company_a), name)
            body = answer.json()["invitation"]
            answers.append((answer.status_code, tuple(body), body["role"], len(queries)))
        [(kind, typed)] = name.items()
        kind = "email" if "@" in typed else kind
        seen[kind].add(tuple(answers))
        rows = {row["id"]: row for row in client.get(sent(company_a)).json()["results"]}
        assert rows[body["id"]][kind] == (typed.lower() if kind == "email" else typed)
        assert len(client.get(members(company_a)).json()["results"]) == 2
    assert [len(answers) for answers in seen.values()] == [1, 1], seen


def test_the_same_pair_again_is_the_open_one_with_the_role_now_asked_for(api, dispatcher, dispatcher_b, company_a, messages):
    first = invited(api, dispatcher, company_a, username="omar")
    again = invited(api, dispatcher, company_a, username="omar", role="viewer")
    assert again == {**first, "role": "viewer"}
    assert invited(api, dispatcher, company_a, username="nobody")["id"] != first["id"]
    assert len(messages(dispatcher_b.email)) == 1, "asked twice, mailed once"
    assert api(dispatcher_b).post(f"{OWN}{first['id']}/accept/").json()["role"] == "viewer"


@pytest.mark.parametrize("actor", ["dispatcher", "colleague", "staff_user"])
def test_owners_members_and_operators_ask(api, request, actor, company_a, dispatcher, dispatcher_b):
    invitation = invited(api, request.getfixturevalue(actor), company_a, username="omar")
    client = api(request.getfixturevalue(actor))
    assert [row["id"] for row in client.get(sent(company_a)).json()["results"]] == [invitation["id"]]
    assert client.delete(f"{sent(company_a)}{invitation['id']}/").status_code == 204
    assert client.delete(f"{sent(company_a)}{invitation['id']}/").status_code == 404


@pytest.mark.parametrize(("actor", "status"), [("viewer", 403), ("client_user", 403), ("assistant_user", 403), ("dispatcher_b", 404)])
def test_nobody_else_asks_or_sees_who_was_asked(api, request, actor, status, dispatcher, newcomer, company_a):
    number = invited(api, dispatcher, company_a, username="yacine")["id"]
    client = api(request.getfixturevalue(actor))
    for answer in (
        client.post(members(company_a), {"username": "yacine"}),
        client.post(members(company_a), {}),
        client.get(sent(company_a)),
        client.delete(f"{sent(company_a)}{number}/"),
    ):
        assert answer.status_code == status
    for act in ("accept", "decline"):
        answer = client.post(f"{OWN}{number}/{act}/")
        assert answer.status_code == (403 if actor in ("client_user", "assistant_user") else 404)
    assert Invitation.objects.get().is_open


def test_a_company_has_so_many_open_invitations(api, dispatcher, company_a, monkeypatch):
    monkeypatch.setattr("accounts.services.invitations.MOST_OPEN", 2)
    for name in ("a", "b"):
        invited(api, dispatcher, company_a, username=name)
    invited(api, dispatcher, company_a, username="a")
    answer = api(dispatcher).post(members(company_a), {"username": "c"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_invitations")


# --- Whose it is ---------------------------------------------------------------------------------------------------------------
def test_by_email_it_is_for_who_has_proven_the_address(api, dispatcher, company_a):
    number = invited(api, dispatcher, company_a, email="Samia@Example.com")["id"]
    squatter = User.objects.create_user("squatter", "samia@example.com", "x", user_type="dispatcher")
    client = api(squatter)
    assert client.get(OWN).json()["results"] == []
    for act in ("accept", "decline"):
        answer = client.post(f"{OWN}{number}/{act}/")
        assert (answer.status_code, answer.json()["error"]) == (404, "Invitation not found")
    User.objects.filter(pk=squatter.pk).update(email=None)
    owner = User.objects.create_user("samia", "samia@example.com", "x", user_type="dispatcher", email_verified=True)
    assert [row["id"] for row in api(owner).get(OWN).json()["results"]] == [number]
    assert api(owner).post(f"{OWN}{number}/accept/").status_code == 200
    assert client.post(f"{OWN}{number}/accept/").status_code == 404


def test_a_username_with_an_at_is_an_address_to_be_proven(api, dispatcher, company_a):
    number = invited(api, dispatcher, company_a, username="samia@example.com")["id"]
    named = User.objects.create_user("samia@example.com", "samia@example.com", "x", user_type="dispatcher")
    assert api(named).post(f"{OWN}{number}/accept/").status_code == 404
    prove(named)
    assert api(named).post(f"{OWN}{number}/accept/").status_code == 200


def test_by_username_it_is_for_who_had_the_name(api, dispatcher, newcomer, company_a):
    number = invited(api, dispatcher, company_a, username="yacine")["id"]
    nobodys = invited(api, dispatcher, company_a, username="later")["id"]
    api(newcomer).put("/api/auth/profile/", {"username": "renamed"})
    taker = User.objects.create_user("yacine", None, "x", user_type="dispatcher")
    later = User.objects.create_user("later", None, "x", user_type="dispatcher")
    assert api(taker).post(f"{OWN}{number}/accept/").status_code == 404
    assert api(later).post(f"{OWN}{nobodys}/accept/").status_code == 404
    assert api(newcomer).post(f"{OWN}{number}/accept/").status_code == 200


def test_asked_again_the_name_means_who_has_it_now(api, dispatcher, newcomer, company_a):
    number = invited(api, dispatcher, company_a, username="later")["id"]
    later = User.objects.create_user("later", None, "x", user_type="dispatcher")
    assert invited(api, dispatcher, company_a, username="later")["id"] == number
    assert api(later).post(f"{OWN}{number}/accept/").status_code == 200


@pytest.mark.parametrize("path", ["0", "-1", "abc", "9" * 30, "%00", "١"])
def test_numbers_that_are_none(api, dispatcher, company_a, path):
    for act in ("accept", "decline"):
        assert api(dispatcher).post(f"{OWN}{path}/{act}/").status_code == 404
    assert api(dispatcher).delete(f"{sent(company_a)}{path}/").status_code == 404


def test_another_companys_invitation_is_not_to_be_revoked_from_ones_own(api, dispatcher, dispatcher_b, newcomer, company_a, company_b):
    number = invited(api, dispatcher, company_a, username="yacine")["id"]
    assert api(dispatcher_b).delete(f"{sent(company_b)}{number}/").status_code == 404
    assert Invitation.objects.get().is_open


# --- Ends ----------------------------------------------------------------------------------------------------------------------
def test_declined_it_changes_nothing(api, dispatcher, dispatcher_b, company_a, company_b):
    number = invited(api, dispatcher, company_a, username="omar")["id"]
    client = api(dispatcher_b)
    assert client.post(f"{OWN}{number}/decline/").status_code == 200
    assert client.post(f"{OWN}{number}/decline/").status_code == 200
    late = client.post(f"{OWN}{number}/accept/")
    assert (late.status_code, late.json()["code"]) == (409, "invitation_ended")
    assert Membership.objects.of(dispatcher_b).get().company == company_b


def test_accepting_again_is_harmless_and_brings_nobody_back(api, dispatcher, dispatcher_b, company_a, company_b):
    number = invited(api, dispatcher, company_a, username="omar")["id"]
    client = api(dispatcher_b)
    assert client.post(f"{OWN}{number}/accept/").status_code == 200
    client.put("/api/auth/profile/", {"company_id": company_b.pk})
    assert client.post(f"{OWN}{number}/accept/").status_code == 200
    assert client.get("/api/auth/profile/").json()["company_id"] == company_b.pk, "only the first time"
    assert client.post(f"{OWN}{number}/decline/").status_code == 409
    api(dispatcher).delete(f"{members(company_a)}{dispatcher_b.pk}/")
    assert client.post(f"{OWN}{number}/accept/").status_code == 409
    assert client.get(f"/api/companies/{company_a.pk}/").status_code == 404


def test_after_fourteen_days_it_has_ended(api, dispatcher, dispatcher_b, company_a):
    number = invited(api, dispatcher, company_a, username="omar")["id"]
    left = Invitation.objects.get().expires_at - timezone.now()
    assert timedelta(days=13, hours=23) < left <= timedelta(days=14)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    client = api(dispatcher_b)
    assert client.get(OWN).json()["results"] == api(dispatcher).get(sent(company_a)).json()["results"] == []
    for act in ("accept", "decline"):
        assert client.post(f"{OWN}{number}/{act}/").status_code == 409
    assert api(dispatcher).delete(f"{sent(company_a)}{number}/").status_code == 404
    renewed = invited(api, dispatcher, company_a, username="omar")
    assert renewed["id"] != number
    assert client.post(f"{OWN}{renewed['id']}/accept/").status_code == 200


def test_who_is_a_member_gains_nothing_by_an_invitation(api, dispatcher, colleague, viewer, company_a):
    """A member asks a viewer, or an owner, for another role."""
    for person, role in ((viewer, "member"), (dispatcher, "viewer")):
        before = Membership.objects.of(person).get().full_role
        number = invited(api, colleague, company_a, username=person.username, role=role)["id"]
        assert api(person).get(OWN).json()["results"] == []
        assert api(person).post(f"{OWN}{number}/accept/").status_code == 200
        assert Membership.objects.of(person).get().full_role == before


@pytest.mark.parametrize("how", ["removed", "viewer", "left", "closed"])
def test_who_may_no_longer_invite_leaves_no_invitations_behind(api, dispatcher, colleague, newcomer, company_a, how):
    number = invited(api, colleague, company_a, username="yacine")["id"]
    theirs = f"{members(company_a)}{colleague.pk}/"
    if how == "removed":
        api(dispatcher).delete(theirs)
    elif how == "viewer":
        api(dispatcher).patch(theirs, {"role": "viewer"})
    elif how == "left":
        api(colleague).delete(theirs)
    else:
        close_account(actor=None, user=colleague)
    assert api(newcomer).post(f"{OWN}{number}/accept/").status_code == 409


def test_who_only_views_elsewhere_may_accept_and_decline(api, dispatcher_b, viewer, company_b):
    first = invited(api, dispatcher_b, company_b, username="rym")["id"]
    assert api(viewer).post(f"{OWN}{first}/decline/").status_code == 200
    second = invited(api, dispatcher_b, company_b, username="rym")["id"]
    assert api(viewer).post(f"{OWN}{second}/accept/").status_code == 200


def test_a_company_that_goes_takes_its_invitations_along(api, dispatcher, dispatcher_b, company_a):
    number = invited(api, dispatcher, company_a, username="omar")["id"]
    assert api(dispatcher).delete(f"{members(company_a)}{dispatcher.pk}/").status_code == 204
    assert not Company.objects.filter(pk=company_a.pk).exists()
    assert api(dispatcher_b).post(f"{OWN}{number}/accept/").status_code == 404


def test_who_closes_an_account_with_anothers_unproven_email_ends_no_invitation_to_it(api, dispatcher, company_a):
    invitation = invited(api, dispatcher, company_a, email="boss@example.com")
    stranger = User.objects.create_user("+213555000077", "boss@example.com", "x", phone_number="+213555000077")
    assert api(stranger).delete("/api/profile/user/").status_code == 204
    boss = User.objects.create_user("boss", "boss@example.com", "x", user_type="dispatcher")
    prove(boss)
    assert api(boss).post(f"{OWN}{invitation['id']}/accept/").status_code == 200


def test_who_closes_an_account_with_anothers_former_username_ends_no_invitation_of_theirs(
    api, dispatcher, dispatcher_b, company_a
):
    invitation = invited(api, dispatcher, company_a, username="omar")
    assert api(dispatcher_b).put("/api/auth/profile/", {"username": "omar2"}).status_code == 200
    stranger = User.objects.create_user("omar", "stranger@example.com", "x", user_type="dispatcher")
    assert api(stranger).delete("/api/profile/user/").status_code == 204
    assert [row["id"] for row in api(dispatcher_b).get(OWN).json()["results"]] == [invitation["id"]]


def test_closing_an_account_leaves_no_invitation_with_its_name(api, dispatcher, newcomer, company_a):
    prove(newcomer)
    for body in ({"username": "yacine"}, {"email": "yacine@example.com"}):
        invited(api, dispatcher, company_a, **body)
    newcomer.refresh_from_db()
    close_account(actor=None, user=newcomer)
    assert not Invitation.objects.exists()


def test_an_account_taken_over_by_an_unproven_address_is_not_invited_any_more(
    api, dispatcher, newcomer, company_a, codes
):
    """The username was meant for somebody who does not have the account any more."""
    invitation = invited(api, dispatcher, company_a, username="yacine")
    assert api().post("/api/auth/password-reset/", {"email": newcomer.email}).status_code == 200
    body = {"email": newcomer.email, "code": codes(newcomer.email)[-1], "new_password": "tow-me-home-42"}
    confirmed = api().post("/api/auth/password-reset/confirm/", {**body, "new_password_confirm": "tow-me-home-42"})
    assert confirmed.status_code == 200
    newcomer.refresh_from_db()
    assert api(newcomer).get(OWN).json()["results"] == []
    assert api(newcomer).post(f"{OWN}{invitation['id']}/accept/").status_code == 409
    assert not Membership.objects.filter(user=newcomer).exists()
    invited(api, dispatcher, company_a, username="yacine")
    assert len(api(newcomer).get(OWN).json()["results"]) == 1


def test_who_is_switched_off_has_invited_nobody(api, dispatcher, dispatcher_b, company_a, staff_user):
    invitation = invited(api, dispatcher, company_a, username="omar")
    set_active(actor=staff_user, user=dispatcher, is_active=False)
    assert api(dispatcher_b).get(OWN).json()["results"] == []
    assert api(dispatcher_b).post(f"{OWN}{invitation['id']}/accept/").status_code == 409


# --- Notices----------------------------------------------------------------------------------------------------------------------
def test_an_invitation_is_mailed(api, dispatcher, newcomer, company_a, messages):
    Company.objects.filter(pk=company_a.pk).update(name="<b>Win</b> https://evil.example/x\r\nBcc: a@b.dz")
    invited(api, dispatcher, company_a, username="yacine")
    invited(api, dispatcher, company_a, email="later@example.com")
    [text], [by_email] = messages("yacine@example.com"), messages("later@example.com")
    assert "as member" in text and "Invitations" in text and "Nadia has asked for you" in text
    assert re.search(r"http://\S+/i/[\w-]{32}/\n", by_email) and "/i/" not in text, "only an address that was named is proven by a link"
    assert "https://evil.example" not in text and "evil.example" not in text and "a@b.dz" not in text


def test_the_html_of_the_mail_shows_a_name_as_text(api, dispatcher, newcomer, company_a, run_tasks, mailoutbox):
    Company.objects.filter(pk=company_a.pk).update(name="<img src=x onerror=alert(1)> www.evil.example")
    invited(api, dispatcher, company_a, username="yacine")
    run_tasks()
    [mail] = mailoutbox
    html = mail.alternatives[0][0]
    assert "<img" not in html and "&lt;img" in html and "evil.example" not in html and "evil" not in mail.subject


def test_no_mail_is_sent_to_an_unknown_username(api, dispatcher, client_user, staff_user, company_a, run_tasks, mailoutbox):
    for name in ("nobody", client_user.username, staff_user.username):
        invited(api, dispatcher, company_a, username=name)
    run_tasks()
    assert mailoutbox == []


def test_an_invitation_over_the_budget_is_not_mailed_and_answers_alike(
    api, dispatcher, newcomer, company_a, run_tasks, mailoutbox, settings
):
    settings.THROTTLING_ENABLED = True
    shapes = set()
    for name in ("yacine", "nobody"):
        for _ in range(rates.CALLER_HOUR + 3):
            answer = api(dispatcher).post(members(company_a), {"username": name})
            shapes.add((answer.status_code, tuple(answer.json()["invitation"])))
            api(dispatcher).delete(f"{sent(company_a)}{answer.json()['invitation']['id']}/")
            invited(api, dispatcher, company_a, username=name)
            run_tasks()
            Invitation.objects.all().delete()
    assert len(shapes) == 1
    assert {mail.to[0] for mail in mailoutbox} == {"yacine@example.com"} and len(mailoutbox) <= rates.CALLER_HOUR


def test_nothing_is_sent_to_an_unproven_address(
    api, dispatcher, newcomer, company_a, run_tasks, mailoutbox
):
    User.objects.filter(pk=newcomer.pk).update(email_suspended=True)
    number = invited(api, dispatcher, company_a, username="yacine")["id"]
    run_tasks()
    assert mailoutbox == []
    assert api(newcomer).post(f"{OWN}{number}/accept/").status_code == 200


def test_an_invitation_that_has_ended_is_not_mailed(api, dispatcher, newcomer, company_a, run_tasks, mailoutbox):
    number = invited(api, dispatcher, company_a, username="yacine")["id"]
    api(dispatcher).delete(f"{sent(company_a)}{number}/")
    run_tasks()
    assert mailoutbox == []


@pytest.mark.django_db(transaction=True)
def test_the_sockets_of_who_joins_or_goes_ask_again(api, dispatcher, newcomer, company_a):
    number = invited(api, dispatcher, company_a, username="yacine")["id"]
    theirs = f"{members(company_a)}{newcomer.pk}/"
    for act in (
        lambda: api(newcomer).post(f"{OWN}{number}/accept/"),
        lambda: api(dispatcher).patch(theirs, {"role": "viewer"}),
        lambda: api(dispatcher).delete(theirs),
    ):
        with captured() as published:
            assert act().status_code in (200, 204)
        assert [event["type"] for group, event in published if group == f"user.{newcomer.pk}"] == ["rights.changed"]


def test_lists_cost_the_same_for_many(api, dispatcher, newcomer, company_a, company_b, django_assert_num_queries):
    for company in (company_a, company_b):
        invite(actor=User.objects.create_superuser(f"s{company.pk}"), company=company, person={"username": "yacine"})
        with django_assert_num_queries(2):  # who asks, the invitations
            api(newcomer).get(OWN)
    for name in ("a", "b"):
        invited(api, dispatcher, company_a, username=name)
        with django_assert_num_queries(4):  # who asks, the company, the membership, the invitations
            api(dispatcher).get(sent(company_a))


def test_an_account_that_joins_meanwhile_is_not_closed_half(dispatcher, newcomer, company_a, monkeypatch):
    invitation = invite(actor=dispatcher, company=company_a, person={"username": "yacine"})
    from accounts.services import accept_invitation, account_closure

    leave = account_closure.leave_all
    monkeypatch.setattr(account_closure, "leave_all", lambda *, actor, user: (leave(actor=actor, user=user), accept_invitation(actor=newcomer, invitation_id=invitation.pk)))
    with pytest.raises(Conflict):
        close_account(actor=None, user=newcomer)
