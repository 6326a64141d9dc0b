"""One canonical form for each identity, typed on any keyboard; passwords in NFC."""

import unicodedata
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password

from accounts.models import User, VerificationCode

pytestmark = pytest.mark.django_db
COMPOSED = unicodedata.normalize("NFC", "été-à-Béjaïa-42")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
REGISTER, LOGIN = "/api/auth/register/", "/api/auth/login/phone/"


def person(**fields):
    return {"phone_number": "0555000077", "name": "Amina", "password": "tow-me-home-42", **fields}


@pytest.mark.parametrize(("chosen", "typed"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_password_is_the_same_on_every_keyboard(api, chosen, typed):
    assert api().post(REGISTER, person(password=chosen, password_confirm=typed)).status_code == 201
    for password in (chosen, typed):
        assert api().post(LOGIN, {"phone_number": "0555000077", "password": password}).status_code == 200
    assert api().post(LOGIN, {"phone_number": "0555000077", "password": "ete-a-Bejaia-42"}).status_code == 401


def test_an_old_hash_is_compared_as_typed_and_then_made_anew(api, client_user):
    User.objects.filter(pk=client_user.pk).update(password=make_password(DECOMPOSED))
    login = {"phone_number": client_user.phone_number}
    assert api().post(LOGIN, {**login, "password": COMPOSED}).status_code == 401, "it was never typed so"
    assert api().post(LOGIN, {**login, "password": DECOMPOSED}).status_code == 200
    assert api().post(LOGIN, {**login, "password": COMPOSED}).status_code == 200


def test_a_password_that_was_not_composed_costs_the_same_without_an_account(client_user, django_assert_num_queries):
    from django.contrib.auth import hashers

    from accounts import keyed_hashes

    spent = []
    real = hashers.get_hasher("default").__class__.encode

    def encode(self, password, salt):
        spent.append(password)
        return real(self, password, salt)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashers.get_hasher("default").__class__, "encode", encode)
        User().set_password(DECOMPOSED)
    assert len(spent) == len(keyed_hashes.spellings(DECOMPOSED)) == 2


@pytest.mark.parametrize("phone", [555058407.0, 5.5e8, "555058407.0", "0555058407.00", True, ["0555058407"], {"a": 1}, "٠٥٥٥\x00٠٥٨٤٠٧"])
def test_what_is_no_phone_number(api, phone):
    answer = api().post(REGISTER, person(phone_number=phone))
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["phone_number"])
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "phone",
    [555058407, "٠٥٥٥٠٥٨٤٠٧", "０５５５-05-84-07", "\u202a+213 555 05 84 07\u202c", "05.55.05.84.07", "00213555058407", "+213\u2011555\u2011058407"],
)  # fmt: skip
def test_one_phone_has_one_spelling(api, phone):
    answer = api().post(REGISTER, person(phone_number=phone))
    assert answer.json()["user"]["phone_number"] == "+213555058407"
    assert api().post(REGISTER, person(phone_number="0555058407")).status_code == 400


@pytest.mark.parametrize(("first", "second"), [("x@bücher.example", "X@xn--bcher-kva.example"), ("x@xn--bcher-kva.example", "x@BÜCHER.example")])
def test_one_mailbox_is_one_account(api, first, second):
    assert api().post(REGISTER, person(email=first)).status_code == 201
    again = api().post(REGISTER, person(phone_number="0555000078", email=second))
    assert (again.status_code, list(again.json()["fields"])) == (400, ["email"])
    for typed in (first, second):
        assert api().post("/api/auth/login/email/", {"email": typed, "password": "tow-me-home-42"}).status_code == 200


@pytest.mark.parametrize("name", ["\u3164", "\u200b\u200e", "\u2800 \u2800", "\u0301", "\u115f\u1160", "\U000e0041"])
def test_a_name_needs_something_to_see(api, name):
    assert list(api().post(REGISTER, person(name=name)).json()["fields"]) == ["name"]
    console = {"username": name, "password": "tow-me-home-42", "email": "n@example.com", "company_name": name}
    assert set(api().post(REGISTER, console).json()["fields"]) == {"username", "company_name"}


@pytest.mark.parametrize("name", ["na\u3164dia", "na\u200bdia", "na\u034fdia", "na\ufe0fdia", "na\u00addia", "na\u2066dia", "na  dia", "+nadia", "na@dia"])
def test_usernames_have_nothing_that_nobody_sees(api, name):
    console = {"username": name, "password": "tow-me-home-42", "company_name": "Trans"}
    assert list(api().post(REGISTER, console).json()["fields"]) == ["username"]


def test_a_username_is_one_on_every_keyboard(api):
    console = {"username": "e\u0301milie\u200b", "password": "tow-me-home-42", "company_name": "\u200fTrans\u00a0"}
    made = api().post(REGISTER, console).json()
    assert (made["username"], made["company_name"]) == ("\u00e9milie", "Trans")
    assert list(api().post(REGISTER, {**console, "username": "\u00e9milie"}).json()["fields"]) == ["username"]
    for typed in ("\u00e9milie", "e\u0301milie ", "\u200ee\u0301milie"):
        assert api().post("/api/auth/login/", {"username": typed, "password": "tow-me-home-42"}).status_code == 200


# --- Existing rows--------------------------------------------------------------------------------------------------------
def test_rows_of_before_get_the_one_spelling_but_where_another_account_has_it(client_user, other_client, dispatcher, dispatcher_b, staff_user):
    migration = import_module("accounts.migrations.0012_one_spelling")
    stored = {
        client_user.pk: {"email": "x@b\u00fccher.example"},
        other_client.pk: {"email": "y@b\u00fccher.example", "username": "y@b\u00fccher.example"},
        dispatcher.pk: {"username": "e\u0301milie"},
        dispatcher_b.pk: {"email": "x@xn--bcher-kva.example"},
        staff_user.pk: {"username": "nadia ", "email": '"n"@example.com'},
    }
    for pk, fields in stored.items():
        User.objects.filter(pk=pk).update(**fields)
    for _ in range(2):  # safe to run again
        migration.spell(apps, None)
    kept = {pk: (email, username) for pk, email, username in User.objects.values_list("pk", "email", "username")}
    assert kept[client_user.pk][0] == "x@b\u00fccher.example", "somebody has the other spelling"
    assert kept[other_client.pk] == ("y@xn--bcher-kva.example",) * 2
    assert kept[dispatcher.pk][1] == "\u00e9milie"
    assert kept[staff_user.pk] == ("n@example.com", "nadia")
    assert User.objects.spelled_otherwise() == [client_user.pk]


def test_a_username_of_before_still_signs_in(api, dispatcher, password):
    User.objects.filter(pk=dispatcher.pk).update(username="e\u0301milie")
    assert api().post("/api/auth/login/", {"username": "e\u0301milie", "password": password}).status_code == 200


def test_back_to_the_release_before(client_user):
    migration = import_module("accounts.migrations.0012_one_spelling")
    for number, purpose in enumerate(["verify", "verify", "claim"]):
        VerificationCode.objects.create(user=client_user, channel="email", purpose=purpose, address_key="k", tries=5 + number)
    migration.back_to_one_code(apps, None)
    assert VerificationCode.objects.open().count() == 1
    assert set(VerificationCode.objects.values_list("purpose", "tries")) == {("verify", 5)}


# --- The console ---------------------------------------------------------------------------------------------------------------
def test_pages_keep_text_as_the_api_does(client, dispatcher, company_a):
    client.force_login(dispatcher)
    page = f"/admin/accounts/company/{company_a.pk}/change/"
    form = {"name": "\u200fTre\u0301s Trans\u3164", "address": "\u200b", "phone": "", "email": ""}
    assert client.post(page, form).status_code == 302
    company_a.refresh_from_db()
    assert (company_a.name, company_a.address) == ("Tr\u00e9s Trans", "")
    assert "error" in client.post(page, {**form, "name": "\u3164\u200b"}).content.decode()
    company_a.refresh_from_db()
    assert company_a.name == "Tr\u00e9s Trans"
