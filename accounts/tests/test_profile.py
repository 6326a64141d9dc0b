"""The console's profile and company pages, and the rules of changed addresses (A24, D06, E14)."""

import pytest

from accounts.models import Company, Membership, User
from accounts.services import change_profile, verify_address
from depannini_dashmap.lib.errors import InvalidData

pytestmark = pytest.mark.django_db
URL, COMPANY = "/api/auth/profile/", "/api/auth/company/"


def test_the_documented_profile(api, dispatcher, company_a):
    assert api(dispatcher).get(URL).json() == {
        "id": dispatcher.pk,
        "username": "nadia",
        "email": "nadia@example.com",
        "first_name": "Nadia",
        "last_name": "Dispatcher",
        "company_id": company_a.pk,
        "company_name": company_a.name,
    }


def test_the_documented_update(api, dispatcher, company_a):
    body = {
        "username": "new_username",
        "email": "New_Email@example.com",
        "first_name": "NewFirst",
        "last_name": "NewLast",
    }
    answer = api(dispatcher).put(URL, body)
    assert answer.status_code == 200
    expected = {**body, "email": "new_email@example.com", "id": dispatcher.pk}
    assert answer.json() == {**expected, "company_id": company_a.pk, "company_name": company_a.name}


@pytest.mark.parametrize("method", ["put", "patch"])
def test_partial_bodies(api, dispatcher, method):
    assert getattr(api(dispatcher), method)(URL, {"first_name": "Only"}).json()["last_name"] == "Dispatcher"


def test_sending_the_whole_profile_back_changes_nothing(api, dispatcher, client_user, messages):
    for user in (dispatcher, client_user):
        client = api(user)
        before = client.get(URL).json()
        assert client.put(URL, before).json() == before
        assert messages(user.email) == []


def test_what_is_not_ones_own_to_change(api, dispatcher, company_b, password):
    body = {"is_staff": True, "is_superuser": True, "id": 1, "password": "x", "user_type": "staff", "company_name": "X"}
    before = User.objects.filter(pk=dispatcher.pk).values().get()
    assert api(dispatcher).put(URL, body).status_code == 200
    foreign = api(dispatcher).put(URL, {"company_id": company_b.pk, "first_name": "Eve"})
    unknown = api(dispatcher).put(URL, {"company_id": 999999, "first_name": "Eve"})
    assert foreign.status_code == unknown.status_code == 400
    assert foreign.json()["fields"] == unknown.json()["fields"] == {"company_id": ["Unknown id."]}
    assert User.objects.filter(pk=dispatcher.pk).values().get() == before


@pytest.mark.parametrize("value", [True, "abc", 2**63, -1, [1], {"id": 1}, 1.5])
def test_what_is_no_company_id(api, dispatcher, value):
    assert api(dispatcher).put(URL, {"company_id": value}).status_code == 400


def test_switching_among_ones_own_companies(api, dispatcher, company_a, company_b):
    Membership.objects.create(user=dispatcher, company=company_b)
    assert api(dispatcher).put(URL, {"company_id": company_b.pk}).json()["company_name"] == company_b.name
    assert api(dispatcher).put(URL, {"company_id": None}).json()["company_id"] == company_b.pk


@pytest.mark.parametrize("name", ["a@b", "+213", "", "nadia\x00"])
def test_usernames_that_nobody_may_choose(api, dispatcher, name):
    assert list(api(dispatcher).put(URL, {"username": name}).json()["fields"]) == ["username"]


def test_a_taken_username(api, dispatcher, dispatcher_b):
    assert list(api(dispatcher).put(URL, {"username": "omar"}).json()["fields"]) == ["username"]


def test_a_clients_username_follows_the_phone(api, client_user):
    assert api(client_user).put(URL, {"username": "chosen"}).json()["username"] == client_user.phone_number
    account = change_profile(actor=client_user, user=client_user, phone_number="+213555777777")
    assert account.username == "+213555777777"


# --- Changed addresses -------------------------------------------------------------------------------------------------------
def test_a_new_email_counts_at_once_unproven(api, client_user, codes, messages):
    User.objects.filter(pk=client_user.pk).update(email_verified=True)
    assert api(client_user).put(URL, {"email": "fresh@example.com"}).json()["email"] == "fresh@example.com"
    client_user.refresh_from_db()
    assert (client_user.email, client_user.email_verified) == ("fresh@example.com", False)
    assert "e-mail address of your account was changed" in messages("amina@example.com")[-1]
    (code,) = codes("fresh@example.com")
    assert api().post("/api/auth/verify-email/", {"email": "fresh@example.com", "code": code}).status_code == 200


def test_a_new_phone_counts_at_once_unproven(client_user, codes, messages):
    change_profile(actor=client_user, user=client_user, phone_number="+213555777777")
    client_user.refresh_from_db()
    assert (client_user.phone_number, client_user.username) == ("+213555777777", "+213555777777")
    assert "phone number of your account was changed" in messages("+213555000001")[-1]
    (code,) = codes("+213555777777")
    assert verify_address(actor=None, channel="phone", address="+213555777777", code=code).phone_verified


def test_codes_sent_to_the_old_address_are_dead(api, client_user, codes):
    api().post("/api/auth/resend-verification/", {"email": client_user.email})
    api().post("/api/auth/password-reset/", {"email": client_user.email})
    verify, reset = codes(client_user.email)
    change_profile(actor=client_user, user=client_user, email="fresh@example.com")
    answer = api().post("/api/auth/verify-email/", {"email": "amina@example.com", "code": verify})
    assert answer.status_code == 400
    body = {"email": "amina@example.com", "code": reset, "new_password": "tow-me-home-42"}
    body["new_password_confirm"] = body["new_password"]
    assert api().post("/api/auth/password-reset/confirm/", body).status_code == 400


def test_a_proven_address_of_somebody_else_is_refused(api, client_user, other_client):
    User.objects.filter(pk=other_client.pk).update(email_verified=True)
    answer = api(client_user).put(URL, {"email": other_client.email})
    assert list(answer.json()["fields"]) == ["email"]


def test_proving_an_address_takes_it_from_who_holds_it_unproven(api, client_user, other_client, codes, messages):
    answer = api(client_user).put(URL, {"email": other_client.email})
    assert answer.status_code == 200
    assert answer.json()["email"] == "amina@example.com", "not before it is proven"
    assert answer.json()["pending_email"] == other_client.email
    (code,) = codes("brahim@example.com")
    body = {"email": "brahim@example.com", "code": code}
    assert api().post("/api/auth/verify-email/", body).status_code == 400, "who is not signed in claims nothing"
    assert api(client_user).post("/api/auth/verify-email/", body).status_code == 200
    client_user.refresh_from_db()
    other_client.refresh_from_db()
    assert (client_user.email, client_user.email_verified) == ("brahim@example.com", True)
    assert (other_client.email, other_client.email_verified) == (None, False)
    assert "your account has lost it" in messages(other_client.phone_number)[-1]
    assert "was changed" in messages("amina@example.com")[-1]


def test_a_number_that_was_taken_leaves_an_account_that_can_get_another(client_user, other_client, codes):
    change_profile(actor=client_user, user=client_user, phone_number=other_client.phone_number)
    (code,) = codes("+213555000002")
    verify_address(actor=client_user, channel="phone", address="+213555000002", code=code)
    other_client.refresh_from_db()
    assert (other_client.phone_number, other_client.username) == (None, f"@{other_client.pk}")
    assert change_profile(actor=other_client, user=other_client, phone_number="+213555000003").username == "+213555000003"


def test_a_claim_fails_when_the_holder_proves_first(api, client_user, other_client, codes):
    change_profile(actor=client_user, user=client_user, email=other_client.email)
    (claim,) = codes(other_client.email)
    api().post("/api/auth/resend-verification/", {"email": other_client.email})
    assert api().post("/api/auth/verify-email/", {"email": other_client.email, "code": claim}).status_code == 400
    body = {"email": other_client.email, "code": codes(other_client.email)[-1]}
    assert api().post("/api/auth/verify-email/", body).status_code == 200
    client_user.refresh_from_db()
    assert client_user.email == "amina@example.com"


def test_the_last_way_to_sign_in_cannot_be_removed(client_user, dispatcher):
    with pytest.raises(InvalidData):
        change_profile(actor=client_user, user=client_user, phone_number=None)
    assert change_profile(actor=client_user, user=client_user, email=None).email is None
    assert change_profile(actor=dispatcher, user=dispatcher, email=None).email is None


# --- Company ---------------------------------------------------------------------------------------------------------------
def test_the_documented_company_settings(api, dispatcher, company_a):
    body = {
        "company_name": "New Company Name",
        "company_email": "contact@newcompany.com",
        "company_phone": "555-9999",
        "company_address": "456 New Business Ave",
    }
    answer = api(dispatcher).put(COMPANY, body)
    assert answer.status_code == 200
    shown = answer.json()
    assert {name: shown[name] for name in ("id", "name", "email", "phone", "address")} == {
        "id": company_a.pk,
        "name": "New Company Name",
        "email": "contact@newcompany.com",
        "phone": "555-9999",
        "address": "456 New Business Ave",
    }
    assert shown["created_at"].endswith("Z") and shown["updated_at"] >= shown["created_at"]
    assert api(dispatcher).put(COMPANY, {"company_phone": "1"}).json()["name"] == "New Company Name"


def test_who_may_change_the_company(api, viewer, client_user, assistant_user, company_a):
    for user in (viewer, client_user, assistant_user):
        assert api(user).put(COMPANY, {"company_name": "X"}).status_code == 403
    assert api(viewer).get(COMPANY).status_code == 200
    assert api().put(COMPANY, {"company_name": "X"}).status_code == 401
    assert Company.objects.get(pk=company_a.pk).name == company_a.name


def test_without_a_company(api, dispatcher):
    Membership.objects.all().delete()
    answer = api(dispatcher).put(COMPANY, {"company_name": "X"})
    assert (answer.status_code, answer.json()["error"]) == (404, "Company not found")
