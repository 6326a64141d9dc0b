"""Logins of both families, logout, lockouts, and how much an answer reveals."""

import pytest
from axes.utils import reset as axes_reset
from django.utils import timezone
from knox.models import AuthToken

from accounts.models import User
from accounts.services import set_active

pytestmark = pytest.mark.django_db


@pytest.fixture
def throttled(settings):
    settings.THROTTLING_ENABLED = True
    settings.AXES_ENABLED = True
    axes_reset()
    return settings


def test_login_by_email_ignores_case(api, client_user, password):
    answer = api().post("/api/auth/login/email/", {"email": " AMINA@Example.com ", "password": password})
    assert answer.status_code == 200
    body = answer.json()
    assert body["user"]["id"] == client_user.pk
    assert body["tokens"] == {"access": body["access"], "refresh": body["refresh"]}


@pytest.mark.parametrize("phone", ["+213555000001", "0555 00 00 01", "00213555000001"])
def test_login_by_phone_reads_every_spelling(api, client_user, password, phone):
    answer = api().post("/api/auth/login/phone/", {"phone_number": phone, "password": password})
    assert answer.status_code == 200
    token = answer.json()["access"]
    assert api().get("/api/auth/profile/", HTTP_AUTHORIZATION=f"Bearer {token}").json()["id"] == client_user.pk


def test_fleet_login_has_the_documented_body(api, dispatcher, company_a, password):
    answer = api().post("/api/auth/login/", {"username": "nadia", "password": password})
    body = answer.json()
    token = body.pop("token")
    assert body == {
        "user_id": dispatcher.pk,
        "username": "nadia",
        "email": "nadia@example.com",
        "first_name": "Nadia",
        "last_name": "Dispatcher",
        "company_id": company_a.pk,
        "company_name": company_a.name,
    }
    assert api().get("/api/auth/profile/", HTTP_AUTHORIZATION=f"Token {token}").status_code == 200
    assert token not in str(list(AuthToken.objects.values()))


def test_a_client_may_use_the_fleet_login_and_has_no_company(api, client_user, password):
    body = api().post("/api/auth/login/", {"username": client_user.username, "password": password}).json()
    assert (body["company_id"], body["company_name"]) == (None, None)


LOGINS = [
    ("/api/auth/login/", {"username": "nadia"}, {"username": "nobody"}),
    ("/api/auth/login/email/", {"email": "nadia@example.com"}, {"email": "nobody@example.com"}),
    ("/api/auth/login/phone/", {"phone_number": "+213555777777"}, {"phone_number": "+213555888888"}),
]


@pytest.mark.parametrize(("path", "known", "unknown"), LOGINS)
def test_known_and_unknown_accounts_answer_alike(api, dispatcher, path, known, unknown):
    User.objects.filter(pk=dispatcher.pk).update(phone_number="+213555777777")
    bodies = []
    for who in (known, unknown):
        answer = api().post(path, {**who, "password": "wrong-password-1"})
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"]
        bodies.append({name: value for name, value in answer.json().items() if name != "request_id"})
    assert bodies[0] == bodies[1] == {"error": "Invalid credentials", "code": "invalid_credentials"}


@pytest.mark.parametrize(("path", "known", "unknown"), LOGINS)
def test_missing_fields_are_named(api, path, known, unknown):
    assert set(api().post(path, {}).json()["fields"]) == {*known, "password"}
    assert api().post(path, known).status_code == 400
    assert api().post(path, {**known, "password": ["x"]}).status_code == 400


def test_a_switched_off_account_cannot_sign_in(api, dispatcher, password):
    set_active(actor=None, user=dispatcher, is_active=False)
    answer = api().post("/api/auth/login/", {"username": "nadia", "password": password})
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid credentials")


@pytest.mark.parametrize("exists", [True, False])
def test_every_failure_hashes_exactly_one_password(api, client_user, monkeypatch, exists):
    """What takes time is the hash: known, unknown, switched off and passwordless accounts cost one each."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    calls = []
    original = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *args: calls.append(1) or original(*args))
    email = client_user.email if exists else "nobody@example.com"
    for _ in range(2):
        api().post("/api/auth/login/email/", {"email": email, "password": "wrong"})
        client_user.set_unusable_password()
        client_user.save()
    assert len(calls) == 2


def test_the_sixth_failure_locks_account_and_address(api, throttled, client_user, password):
    def login(word, **extra):
        body = {"phone_number": client_user.phone_number, "password": word}
        return api().post("/api/auth/login/phone/", body, **extra)

    assert [login("wrong").status_code for _ in range(5)] == [401] * 5
    locked = login(password)
    assert locked.status_code == 429
    assert 0 < int(locked["Retry-After"]) <= 901
    assert locked.json()["code"] == "too_many_requests"
    # The same account by its e-mail is locked too; from another address it is not.
    by_email = {"email": client_user.email, "password": password}
    assert api().post("/api/auth/login/email/", by_email).status_code == 429
    assert login(password, REMOTE_ADDR="10.9.9.9").status_code == 200


def test_the_lock_opens_after_a_quarter_of_an_hour(api, throttled, client_user, password, time_machine):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    body = {"phone_number": client_user.phone_number, "password": "wrong"}
    for _ in range(6):
        api().post("/api/auth/login/phone/", body)
    time_machine.shift(14 * 60)
    assert api().post("/api/auth/login/phone/", {**body, "password": password}).status_code == 429
    time_machine.shift(2 * 60)
    assert api().post("/api/auth/login/phone/", {**body, "password": password}).status_code == 200


def test_unknown_accounts_lock_too(api, throttled):
    codes = [api().post("/api/auth/login/", {"username": "nobody", "password": "x"}).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]


def test_forwarded_addresses_do_not_help(api, throttled, client_user):
    codes = set()
    for number in range(8):
        fake = f"10.0.0.{number}"
        answer = api().post(
            "/api/auth/login/",
            {"username": client_user.username, "password": "x"},
            HTTP_X_FORWARDED_FOR=fake,
            HTTP_X_REAL_IP=fake,
            HTTP_FORWARDED=f"for={fake}",
        )
        codes.add(answer.status_code)
    assert codes == {401, 429}


def test_behind_one_proxy_the_last_hop_counts(api, throttled, client_user):
    throttled.NUM_PROXIES = 1
    body = {"username": client_user.username, "password": "x"}
    codes = [
        api().post("/api/auth/login/", body, HTTP_X_FORWARDED_FOR=f"10.0.0.{n}, 203.0.113.7").status_code
        for n in range(6)
    ]
    assert codes == [401] * 5 + [429]
    assert api().post("/api/auth/login/", body, HTTP_X_FORWARDED_FOR="203.0.113.7, 203.0.113.8").status_code == 401


@pytest.mark.parametrize(
    "caller", ["198.51.100.{}:40001", "[2001:db8:0:{}::1]:40001", "2001:db8:0:{}::1", "::ffff:198.51.100.{}"]
)
def test_callers_behind_a_proxy_are_distinguished_in_any_notation(api, throttled, client_user, caller):
    throttled.NUM_PROXIES = 1
    body = {"username": client_user.username, "password": "x"}

    def attempt(number):
        return api().post("/api/auth/login/", body, HTTP_X_FORWARDED_FOR=caller.format(number)).status_code

    assert [attempt(7) for _ in range(6)] == [401] * 5 + [429]
    assert attempt(8) == 401


def test_one_customer_of_ipv6_is_one_caller(api, throttled, client_user):
    body = {"username": client_user.username, "password": "x"}
    codes = [api().post("/api/auth/login/", body, REMOTE_ADDR=f"2001:db8::{n}").status_code for n in range(1, 7)]
    assert codes == [401] * 5 + [429]
    assert api().post("/api/auth/login/", body, REMOTE_ADDR="2001:db8:0:1::1").status_code == 401


def test_callers_whom_no_proxy_names_count_as_that_proxy(api, throttled, client_user):
    throttled.NUM_PROXIES = 1
    body = {"username": client_user.username, "password": "x"}

    def attempt(proxy, entry):
        return api().post("/api/auth/login/", body, REMOTE_ADDR=proxy, HTTP_X_FORWARDED_FOR=entry).status_code

    assert [attempt("10.0.0.2", entry) for entry in ("unknown", "_hidden", "6.6.6.6,", "-", "unix:", "x")] == [401] * 5 + [429]
    assert attempt("10.0.0.3", "unknown") == 401
    assert attempt("10.0.0.2", "203.0.113.7") == 401


def test_throttling_off_never_locks(api, client_user):
    body = {"username": client_user.username, "password": "x"}
    assert {api().post("/api/auth/login/", body).status_code for _ in range(8)} == {401}


def test_logout_ends_that_token_alone(api, dispatcher, password):
    first, second = (
        api().post("/api/auth/login/", {"username": "nadia", "password": password}).json()["token"] for _ in range(2)
    )
    answer = api().post("/api/auth/logout/", HTTP_AUTHORIZATION=f"Token {first}")
    assert answer.json() == {"message": "Successfully logged out"}
    ended = api().get("/api/auth/profile/", HTTP_AUTHORIZATION=f"Token {first}")
    assert (ended.status_code, ended.json()["error"]) == (401, "Invalid token")
    assert api().get("/api/auth/profile/", HTTP_AUTHORIZATION=f"Token {second}").status_code == 200


def test_logout_with_bearer_ends_it_and_the_refresh_sent(api, client_user, password):
    body = {"email": client_user.email, "password": password}
    first, second = (api().post("/api/auth/login/email/", body).json() for _ in range(2))
    header = {"HTTP_AUTHORIZATION": f"Bearer {first['access']}"}
    assert api().post("/api/auth/logout/", {"refresh": first["refresh"]}, **header).status_code == 200
    assert api().get("/api/auth/profile/", **header).status_code == 401
    assert api().post("/api/auth/token/refresh/", {"refresh": first["refresh"]}).status_code == 401
    assert api().post("/api/auth/token/refresh/", {"refresh": second["refresh"]}).status_code == 200


def test_logout_cannot_end_somebody_elses_refresh(api, client_user, other_client, password):
    theirs = api().post("/api/auth/login/email/", {"email": other_client.email, "password": password}).json()
    assert api(client_user).post("/api/auth/logout/", {"refresh": theirs["refresh"]}).status_code == 200
    assert api().post("/api/auth/token/refresh/", {"refresh": theirs["refresh"]}).status_code == 200


def test_stale_credentials_do_not_stand_in_the_way_of_a_login(api, client_user, password):
    body = {"email": client_user.email, "password": password}
    answer = api().post("/api/auth/login/email/", body, HTTP_AUTHORIZATION="Bearer stale")
    assert answer.status_code == 200
