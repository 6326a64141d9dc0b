"""The console's page of a company's people, and the invitations to oneself."""

import pytest
from django.test import Client

from accounts.models import Company, Invitation, Membership, User

pytestmark = pytest.mark.django_db
OWN = "/admin/invitations/"


def browser(user):
    page = Client()
    page.force_login(user)
    return page


def people(company, rest=""):
    return f"/admin/company/{company.pk}/{rest}"


def text(answer):
    return answer.content.decode()


def roles(company):
    return {row.user.username: str(row.full_role) for row in company.memberships.select_related("user")}


@pytest.fixture
def newcomer(db):
    return User.objects.create_user("yacine", "yacine@example.com", "correct-horse-battery", user_type="dispatcher")


def test_an_owner_invites_gives_roles_and_removes(dispatcher, colleague, viewer, company_a):
    page = browser(dispatcher)
    assert page.get("/admin/company/")["Location"] == people(company_a)
    shown = text(page.get(people(company_a)))
    assert "samir" in shown and "rym@example.com" in shown and "Nobody waits for an answer." in shown
    for person, name in (("omar@example.com", "omar@example.com"), (" nobody ", "nobody"), ("nobody", "nobody")):
        told = text(page.post(people(company_a, "invite/"), {"person": person, "role": "viewer"}, follow=True))
        assert f"Invited, if there is such a person: {name}" in told
    assert sorted(Invitation.objects.values_list("username", "email", "role")) == [
        ("", "omar@example.com", "viewer"), ("nobody", "", "viewer"),
    ]  # fmt: skip
    number = Invitation.objects.get(username="nobody").pk
    assert "is taken back" in text(page.post(people(company_a, f"invitations/{number}/"), follow=True))
    given = text(page.post(people(company_a, f"people/{colleague.pk}/role/"), {"role": "owner"}, follow=True))
    assert "New role of Samir: Owner" in given
    asked = people(company_a, f"people/{viewer.pk}/remove/")
    assert "from now on" in text(page.get(asked)) and roles(company_a)["rym"] == "viewer"
    assert "Rym: has left Atlas Transport" in text(page.post(asked, {"ids": viewer.pk}, follow=True))
    assert roles(company_a) == {"nadia": "owner", "samir": "owner"}


@pytest.mark.parametrize("person", ["", "a@b@c", "x" * 255, "two words@x"])
def test_an_invitation_that_names_nobody_is_refused_on_the_page(dispatcher, company_a, person):
    told = text(browser(dispatcher).post(people(company_a, "invite/"), {"person": person, "role": "member"}, follow=True))
    assert "Give a username or an e-mail address" in told and not Invitation.objects.exists()


def test_nobody_invites_an_owner(dispatcher, company_a):
    browser(dispatcher).post(people(company_a, "invite/"), {"person": "omar", "role": "owner"})
    assert not Invitation.objects.exists()


def test_the_last_owner_stays_and_is_shown_why(dispatcher, viewer, company_a):
    page = browser(dispatcher)
    left = page.post(people(company_a, f"people/{dispatcher.pk}/remove/"), follow=True)
    down = page.post(people(company_a, f"people/{dispatcher.pk}/role/"), {"role": "viewer"}, follow=True)
    for told in (left, down):
        assert "name another owner first" in text(told)
    assert roles(company_a) == {"nadia": "owner", "rym": "viewer"}


@pytest.mark.parametrize("who", ["colleague", "viewer"])
def test_others_look_and_leave(request, who, dispatcher, company_a, company_b):
    user = request.getfixturevalue(who)
    Membership.objects.create(user=user, company=company_b)
    number = Invitation.objects.count()
    page = browser(user)
    shown = text(page.get(people(company_a)))
    assert "/role/" not in shown and f"people/{dispatcher.pk}/remove/" not in shown
    assert ("/invite/" in shown) is (who == "colleague")
    assert company_b.name in shown
    page.post(people(company_a, f"people/{dispatcher.pk}/role/"), {"role": "viewer"})
    page.post(people(company_a, f"people/{user.pk}/role/"), {"role": "owner"})
    page.post(people(company_a, f"people/{dispatcher.pk}/remove/"))
    if who == "viewer":
        page.post(people(company_a, "invite/"), {"person": "friend", "role": "member"})
        assert Invitation.objects.count() == number
    assert roles(company_a)["nadia"] == "owner" and roles(company_a)[user.username] != "owner"
    assert page.post(people(company_a, f"people/{user.pk}/remove/"))["Location"] == "/admin/"
    assert user.username not in roles(company_a)
    assert page.get(people(company_a)).status_code == 404
    assert page.get("/admin/").status_code == 200, "they work for another company"


def test_strangers_find_no_page(dispatcher_b, dispatcher, company_a):
    page = browser(dispatcher_b)
    invitation = Invitation.objects.create(
        company=company_a, username="x", expires_at="2099-01-01T00:00Z", invited_by=dispatcher
    )
    for rest in ("", f"people/{dispatcher.pk}/remove/"):
        assert page.get(people(company_a, rest)).status_code == 404
    for rest in ("invite/", f"invitations/{invitation.pk}/", f"people/{dispatcher.pk}/role/", f"people/{dispatcher.pk}/remove/"):
        assert page.post(people(company_a, rest), {"person": "omar", "role": "viewer"}).status_code == 404
    assert page.get(f"/admin/company/{2**63}/").status_code == 404
    told = page.post(f"{OWN}{invitation.pk}/accept/", follow=True)
    assert "not found" in text(told) and "omar" not in roles(company_a)


def test_the_invited_answer_in_the_console(dispatcher, newcomer, company_a, company_b):
    """They have no company, and so nothing else to see here."""
    page = Client()
    form = {"username": "yacine", "password": "correct-horse-battery"}
    assert "ask one to invite you" in text(page.post("/admin/login/", form))
    browser(dispatcher).post(people(company_a, "invite/"), {"person": "yacine", "role": "viewer"})
    assert page.post("/admin/login/?next=/admin/", form).status_code == 302
    assert page.get("/admin/")["Location"] == OWN
    shown = text(page.get(OWN))
    assert "Atlas Transport" in shown and "Viewer" in shown and "yacine@example.com" in shown
    for path in ("/admin/fleet/vehicle/", "/admin/accounts/company/", people(company_a)):
        assert page.get(path).status_code in (403, 404)
    number = Invitation.objects.get().pk
    told = page.post(f"{OWN}{number}/accept/", follow=True)
    assert "You work for Atlas Transport now." in text(told)
    assert roles(company_a)["yacine"] == "viewer"
    assert page.get("/admin/").status_code == 200


def test_who_declines_is_out_again(dispatcher, newcomer, company_a):
    browser(dispatcher).post(people(company_a, "invite/"), {"person": "yacine", "role": "viewer"})
    page = browser(newcomer)
    page.post(f"{OWN}{Invitation.objects.get().pk}/decline/")
    assert "/admin/login/" in page.get("/admin/")["Location"] and "yacine" not in roles(company_a)


def test_the_board_shows_that_a_company_invites(dispatcher, dispatcher_b, company_a):
    assert "company invites you" not in text(browser(dispatcher_b).get("/admin/"))
    browser(dispatcher).post(people(company_a, "invite/"), {"person": "omar", "role": "member"})
    assert "1 company invites you" in text(browser(dispatcher_b).get("/admin/"))


def test_the_session_of_who_is_removed_opens_nothing_more(dispatcher, colleague, company_a):
    theirs = browser(colleague)
    assert theirs.get("/admin/").status_code == 200
    browser(dispatcher).post(people(company_a, f"people/{colleague.pk}/remove/"))
    for path in ("/admin/", "/admin/map/", "/admin/map/state/", "/admin/orders/order/", people(company_a), "/admin/socket-token/"):
        assert theirs.get(path).status_code == 302, path
    assert theirs.post("/admin/orders/order/export/", {"format": "0", "resource": ""}).status_code == 302


def test_names_are_shown_as_text(dispatcher, colleague, dispatcher_b, company_a):
    evil = "<img src=x onerror=alert(1)>"
    Company.objects.filter(pk=company_a.pk).update(name=evil)
    User.objects.filter(pk__in=[dispatcher.pk, colleague.pk]).update(name=evil)
    page = browser(dispatcher)
    page.post(people(company_a, "invite/"), {"person": evil, "role": "member"})
    page.post(people(company_a, "invite/"), {"person": "omar", "role": "member"})
    for shown in (page.get(people(company_a)), browser(dispatcher_b).get(OWN), page.get("/admin/accounts/company/")):
        assert "<img src=x" not in text(shown) and "&lt;img" in text(shown)


@pytest.mark.parametrize("size", [1, 3])
def test_the_page_costs_the_same_for_many(dispatcher, company_a, size, django_assert_num_queries):
    for number in range(size):
        user = User.objects.create_user(f"m{number}", None, None, user_type="dispatcher")
        Membership.objects.create(user=user, company=company_a)
        Invitation.objects.create(company=company_a, username=f"x{number}", expires_at="2099-01-01T00:00Z", invited_by=user)
    page = browser(dispatcher)
    page.get(people(company_a))
    with django_assert_num_queries(12):
        page.get(people(company_a))


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_pages_speak_the_language_of_the_reader(dispatcher, dispatcher_b, company_a, language):
    page = browser(dispatcher)
    page.post(people(company_a, "invite/"), {"person": "omar", "role": "member"})
    for shown in (
        page.get(people(company_a), headers={"accept-language": language}),
        browser(dispatcher_b).get(OWN, headers={"accept-language": language}),
        page.get(people(company_a, f"people/{dispatcher.pk}/remove/"), headers={"accept-language": language}),
    ):
        for english in ("Who works here", "Invite", "Owner<", "Member<", "Accept", "Leave"):
            assert english not in text(shown).replace("Invited", "").replace("Invitations", "") or language == "fr"
        assert f'lang="{language}"' in text(shown)
