"""The accounts admin: who enters, what shows, who may grant what (J04)."""

from datetime import date, timedelta

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts import tokens
from accounts.models import Company, Membership, User
from accounts.services import close_account, request_verification
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db
PASSWORD_HASH = "md5$"


def page(client, name, /, *arguments):
    return client.get(reverse(f"admin:accounts_{name}", args=arguments))


def post(client, name, /, *arguments, **data):
    return client.post(reverse(f"admin:accounts_{name}", args=arguments), data)


@pytest.fixture
def enter(client):
    """Enter the admin as somebody."""

    def enter_as(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter_as


@pytest.fixture
def root(django_user_model):
    return django_user_model.objects.create_superuser("root", "root@example.com", "correct-horse-battery")


PERSON = {"name": "N", "first_name": "", "last_name": "", "address": "", "email": "n@example.com", "phone_number": ""}


def test_who_enters(enter, staff_user, root, dispatcher, viewer, client_user, assistant_user):
    for user in (staff_user, root, dispatcher, viewer):
        assert enter(user).get("/admin/").status_code == 200, user
    User.objects.filter(pk=client_user.pk).update(is_staff=True)
    for user in (client_user, assistant_user):
        assert enter(user).get("/admin/").status_code == 302, user


def test_api_tokens_do_not_open_it(client, root):
    for header in (f"Bearer {tokens.issue_pair(root)['access']}", f"Token {tokens.issue_fleet_token(root)}"):
        assert client.get("/admin/", HTTP_AUTHORIZATION=header).status_code == 302


def test_accounts_are_for_operators(enter, staff_user, dispatcher, client_user):
    assert page(enter(staff_user), "user_changelist").status_code == 200
    assert page(enter(dispatcher), "user_changelist").status_code == 403
    assert page(enter(dispatcher), "user_change", dispatcher.pk).status_code == 403


def test_no_hash_no_code_no_token_is_shown(enter, root, client_user):
    request_verification(actor=None, channel="email", address=client_user.email)
    client = enter(root)
    for answer in (page(client, "user_changelist"), page(client, "user_change", client_user.pk)):
        assert answer.status_code == 200
        assert PASSWORD_HASH not in answer.content.decode()
        assert client_user.password not in answer.content.decode()
    registered = {model._meta.label for model in admin.site._registry}
    assert not registered & {"accounts.VerificationCode", "accounts.EndedToken", "knox.AuthToken", "accounts.Notice"}


def test_operators_cannot_raise_rights(enter, staff_user, root, client_user):
    client = enter(staff_user)
    for target in (staff_user, client_user):
        post(client, "user_change", target.pk, **PERSON | {"email": target.email}, is_superuser="on", is_staff="on")
        target.refresh_from_db()
        assert not target.is_superuser
    assert post(client, "user_change", root.pk, **PERSON).status_code == 403
    assert post(client, "user_add", username="x", user_type="staff", is_superuser="on").status_code == 200
    url = reverse("admin:auth_user_password_change", args=[root.pk])
    assert client.post(url, {"password1": "tow-me-home-42", "password2": "tow-me-home-42"}).status_code == 403
    root.refresh_from_db()
    assert root.check_password("correct-horse-battery")


def test_a_superuser_grants_rights(enter, root, client_user):
    answer = post(enter(root), "user_change", client_user.pk, **PERSON | {"phone_number": "0555000001"}, is_staff="on")
    assert answer.status_code == 302
    client_user.refresh_from_db()
    assert (client_user.is_staff, client_user.name, client_user.email) == (True, "N", "n@example.com")
    assert not client_user.email_verified


def test_a_closed_account_is_only_looked_at(enter, root, client_user):
    close_account(actor=None, user=client_user)
    client = enter(root)
    answer = page(client, "user_change", client_user.pk)
    assert answer.status_code == 200
    assert 'name="_save"' not in answer.content.decode()
    assert post(client, "user_change", client_user.pk, **PERSON, is_staff="on", is_active="on").status_code == 403
    url = reverse("admin:auth_user_password_change", args=[client_user.pk])
    assert client.post(url, {"password1": "tow-me-home-42", "password2": "tow-me-home-42"}).status_code == 403
    client_user.refresh_from_db()
    assert (client_user.name, client_user.is_active, client_user.has_usable_password()) == ("", False, False)


def test_a_new_password_ends_sessions(enter, root, client_user, api):
    theirs = api(client_user)
    url = reverse("admin:auth_user_password_change", args=[client_user.pk])
    assert enter(root).get(url).status_code == 200
    answer = enter(root).post(url, {"password1": "tow-me-home-42", "password2": "tow-me-home-42"})
    assert answer.status_code == 302
    assert theirs.get("/api/auth/profile/").status_code == 401
    client_user.refresh_from_db()
    assert client_user.check_password("tow-me-home-42")


@pytest.mark.parametrize(
    ("action", "active", "event"),
    [
        ("deactivate", False, "account_deactivated"),
        ("end-sessions", True, "sessions_ended"),
        ("close", False, "account_closed"),
    ],
)
def test_actions_end_sessions(enter, staff_user, client_user, api, action, active, event):
    theirs = api(client_user)
    page = enter(staff_user)
    chosen = {"action": action.replace("-", "_"), "_selected_action": [client_user.pk]}
    asked = post(page, "user_changelist", **chosen)
    assert asked["Location"] == f"/admin/dispatch/people/{action}/?ids={client_user.pk}"
    assert page.get(asked["Location"]).status_code == 200
    assert theirs.get("/api/auth/profile/").status_code == 200
    assert page.post(asked["Location"], {"ids": client_user.pk}).status_code == 302
    assert theirs.get("/api/auth/profile/").status_code == 401
    client_user.refresh_from_db()
    assert client_user.is_active is active
    audited = AuditEvent.objects.filter(event=event).values_list("actor_id", "target_id")
    assert list(audited) == [(staff_user.pk, str(client_user.pk))]


def test_actions_spare_oneself_and_superusers(enter, staff_user, root):
    page = enter(staff_user).post("/admin/dispatch/people/deactivate/", {"ids": f"{root.pk},{staff_user.pk}"})
    assert page.content.decode().count("not yours to change") == 2
    assert User.objects.filter(is_active=True).count() == 2


def test_a_new_account(enter, root):
    body = {
        "username": "new.one",
        "user_type": "dispatcher",
        "email": "New@Example.com",
        "phone_number": "0555 99 88 77",
    }
    answer = post(enter(root), "user_add", **body, password1="tow-me-home-42", password2="tow-me-home-42")
    assert answer.status_code == 302, answer.context["errors"]
    made = User.objects.get(username="new.one")
    assert (made.email, made.phone_number, made.is_staff) == ("new@example.com", "+213555998877", False)
    assert made.check_password("tow-me-home-42")


PAPERS = {
    "service_type": "towing", "vehicle_type": "truck", "driving_license_cat": "c", "driving_license_num": "16/1",
    "driving_license_expiry": (date.today() + timedelta(days=400)).isoformat(), "vehicle_registration_num": "123456789012",
}  # fmt: skip
ASSISTANT = {
    "username": "karim", "user_type": "assistant", "email": "", "phone_number": "0555 99 88 78",
    "password1": "tow-me-home-42", "password2": "tow-me-home-42",
}  # fmt: skip


def test_a_new_assistant_can_go_on_duty(enter, root, api):
    answer = post(enter(root), "user_add", **ASSISTANT, **PAPERS)
    assert answer.status_code == 302, answer.context["errors"]
    karim = api(User.objects.get(username="karim"))
    profile = karim.get("/api/profile/assistant/").json()
    assert (profile["service_type"], profile["is_active_assistant"], profile["current_lat"]) == ("towing", False, None)
    assert karim.post("/api/profile/assistant-status/", {"is_active": True}).status_code == 200
    assert karim.post("/api/profile/update-location/", {"latitude": 36.75, "longitude": 3.05}).status_code == 200
    assert [one["name"] for one in karim.get("/api/assistants/").json()["results"]] == [""]


@pytest.mark.parametrize("wrong", [{name: ""} for name in PAPERS] + [{"driving_license_expiry": date.today().isoformat()}])
def test_a_new_assistant_needs_papers(enter, root, wrong):
    answer = post(enter(root), "user_add", **ASSISTANT, **(PAPERS | wrong))
    assert list(answer.context["adminform"].form.errors) == list(wrong)
    assert not User.objects.filter(username="karim").exists()


def test_a_dispatcher_sees_their_companies_alone(enter, dispatcher, company_a, company_b):
    client = enter(dispatcher)
    listed = page(client, "company_changelist").content.decode()
    assert company_a.name in listed and company_b.name not in listed
    assert page(client, "company_change", company_a.pk).status_code == 200
    assert page(client, "company_change", company_b.pk).status_code == 302
    post(client, "company_change", company_a.pk, name="Renamed", address="", phone="", email="")
    assert Company.objects.get(pk=company_a.pk).name == "Renamed"


def test_a_viewer_only_looks(enter, viewer, company_a):
    client = enter(viewer)
    assert page(client, "company_change", company_a.pk).status_code == 200
    assert post(client, "company_change", company_a.pk, name="X").status_code == 403
    mine = Membership.objects.get(user=viewer)
    assert post(client, "membership_change", mine.pk, given_role="member").status_code == 403


def test_a_viewer_here_who_is_a_member_there_cannot_promote_themselves(enter, viewer, company_a, company_b):
    Membership.objects.create(user=viewer, company=company_b)
    mine = Membership.objects.get(user=viewer, company=company_a)
    client = enter(viewer)
    assert post(client, "membership_change", mine.pk, given_role="member").status_code == 403
    assert post(client, "company_change", company_a.pk, name="X").status_code == 403
    assert post(client, "membership_add", user=viewer.pk, company=company_a.pk, given_role="member").status_code == 403
    mine.refresh_from_db()
    assert mine.role == "viewer"


def test_members_are_changed_by_the_services(enter, dispatcher, viewer, company_a):
    client = enter(dispatcher)
    theirs = Membership.objects.get(user=viewer)
    assert post(client, "membership_change", theirs.pk, given_role="owner").status_code == 302
    theirs.refresh_from_db()
    assert theirs.full_role == "owner"
    assert post(client, "membership_delete", theirs.pk, post="yes").status_code == 302
    assert not Membership.objects.filter(user=viewer).exists()


def test_members_add_nobody_and_do_not_remove_the_owner(enter, colleague, dispatcher, dispatcher_b, company_a):
    client = enter(colleague)
    owners = Membership.objects.get(user=dispatcher)
    assert post(client, "membership_add", user=colleague.pk, company=company_a.pk, given_role="owner").status_code == 403
    assert page(client, "membership_change", owners.pk).status_code == 200
    assert post(client, "membership_change", owners.pk, given_role="viewer").status_code == 403
    assert post(client, "membership_delete", owners.pk, post="yes").status_code == 403
    assert post(client, "company_delete", company_a.pk, post="yes").status_code == 403
    own = enter(dispatcher)
    assert post(own, "membership_add", user=dispatcher_b.pk, company=company_a.pk, given_role="member").status_code == 403
    assert post(own, "membership_change", owners.pk, given_role="member").status_code == 302, "refused with a message"
    assert post(own, "membership_delete", owners.pk, post="yes").status_code == 302
    owners.refresh_from_db()
    assert owners.full_role == "owner"


def test_an_operator_adds_without_asking_and_nothing_else_of_theirs_changes(enter, staff_user, dispatcher_b, company_a):
    client = enter(staff_user)
    answer = post(client, "membership_add", user=dispatcher_b.pk, company=company_a.pk, given_role="viewer")
    assert answer.status_code == 302
    assert Membership.objects.get(user=dispatcher_b, company=company_a).full_role == "viewer"
    before = dispatcher_b.current_company_id
    post(client, "user_change", dispatcher_b.pk, username="omar", current_company=company_a.pk, name="Omar", email=dispatcher_b.email)
    dispatcher_b.refresh_from_db()
    assert (dispatcher_b.name, dispatcher_b.current_company_id) == ("Omar", before)


def test_a_company_that_is_used_stays(enter, dispatcher, company_a, vehicle):
    post(enter(dispatcher), "company_delete", company_a.pk, post="yes")
    assert Company.objects.filter(pk=company_a.pk).exists()


def test_opening_a_company_makes_a_member(enter, dispatcher):
    post(enter(dispatcher), "company_add", name="Second", address="", phone="", email="")
    assert Membership.objects.get(company__name="Second").user == dispatcher


def test_the_login_page_locks(client, staff_user, settings):
    settings.THROTTLING_ENABLED = settings.AXES_ENABLED = True
    body = {"username": staff_user.username, "password": "wrong"}
    codes = [client.post("/admin/login/", body).status_code for _ in range(6)]
    assert codes[0] == 200 and codes[-1] == 429


def test_stored_markup_is_inert(enter, root, dispatcher, company_a):
    evil = "<img src=x onerror=alert(1)></script>"
    Company.objects.filter(pk=company_a.pk).update(name=evil)
    User.objects.filter(pk=dispatcher.pk).update(name=evil)
    client = enter(root)
    for name in ("company_changelist", "user_changelist", "membership_changelist"):
        assert "<img src=x" not in page(client, name).content.decode()
