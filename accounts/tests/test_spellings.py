"""One canonical form for each identity, whatever keyboard it was typed on; passwords in NFC."""

import unicodedata

import pytest
from django.contrib.auth.hashers import make_password

from accounts.models import User

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

    from accounts import hashing

    spent = []
    real = hashers.get_hasher("default").__class__.encode

    def encode(self, password, salt):
        spent.append(password)
        return real(self, password, salt)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashers.get_hasher("default").__class__, "encode", encode)
        User().set_password(DECOMPOSED)
    assert len(spent) == len(hashing.spellings(DECOMPOSED)) == 2


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
