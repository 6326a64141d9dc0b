"""Credentials: what counts, what does not, refreshing, rotation and ends (groups B and G17)."""

import base64
import json
import time
from datetime import timedelta

import jwt
import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from knox.models import AuthToken

from accounts import tokens
from accounts.models import EndedToken, User
from accounts.services import close_account, end_sessions, set_active, set_password
from depannini_dashmap.lib.errors import Unauthenticated
from depannini_dashmap.lib.realtime import layer

pytestmark = pytest.mark.django_db
PROFILE = "/api/auth/profile/"


def get(api, header):
    return api().get(PROFILE, HTTP_AUTHORIZATION=header)


def claims_of(user, **changes):
    now = int(time.time())
    claims = {
        "token_type": "access",
        "exp": now + 600,
        "iat": now,
        "jti": "0" * 32,
        "sid": "1" * 32,
        "user_id": str(user.pk),
        "ver": 0,
    }
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not ...}


def signed(user, key=None, algorithm="HS256", **changes):
    return jwt.encode(claims_of(user, **changes), django_settings.SECRET_KEY if key is None else key, algorithm)


def unsigned(user, algorithm="none"):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims_of(user))}."


def test_the_forger_of_these_tests_can_make_a_good_one(api, client_user):
    assert get(api, f"Bearer {signed(client_user)}").status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"token_type": "refresh"},
        {"token_type": ...},
        {"user_id": "999999"},
        {"user_id": "1 OR 1=1"},
        {"user_id": "9" * 40},
        {"user_id": None},
        {"user_id": ...},
        {"ver": 1},
        {"ver": "0"},
        {"ver": False},
        {"ver": ...},
        {"ver": 2**70},
        {"jti": ...},
        {"jti": 5},
        {"sid": ...},
        {"exp": ...},
        {"exp": 0},
        {"exp": "soon"},
        {"iat": 4_000_000_000},
        {"iat": int(time.time()) + 3600},
        {"exp": int(time.time()) - 11},
    ],
)
def test_forged_claims(api, client_user, changes):
    answer = get(api, f"Bearer {signed(client_user, **changes)}")
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid token")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_forged_signatures(api, client_user):
    good = signed(client_user)
    head, body, signature = good.split(".")
    forgeries = [
        unsigned(client_user),
        unsigned(client_user, "None"),
        unsigned(client_user, "HS256"),
        signed(client_user, key="another-key-that-is-long-enough-for-hs256"),
        signed(client_user, algorithm="HS512"),
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        "..",
        "a.b.c",
    ]
    for forged in forgeries:
        assert get(api, f"Bearer {forged}").status_code == 401, forged
        with pytest.raises(Unauthenticated):
            tokens.authenticate_raw("bearer", forged)


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Bearer",
        "bearer",
        "Token ",
        "Token a b",
        "Token\tabc",
        "Bearer  x",
        "Token \xff\xfe",
        "Token " + "a" * 8192,
        "Bearer " + "a" * 8192,
        "Token abc,Token def",
        "Bearer,",
        "Token \x00",
    ],
)
def test_malformed_headers(api, header):
    answer = get(api, header)
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid token")
    assert answer["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Digest x"])
def test_no_credentials_of_ours(api, header):
    answer = get(api, header)
    assert (answer.status_code, answer.json()["error"]) == (401, "Authentication required")
    assert answer["WWW-Authenticate"]


def test_schemes_ignore_case_and_do_not_mix(api, client_user):
    access, fleet = tokens.issue_pair(client_user)["access"], tokens.issue_fleet_token(client_user)
    assert get(api, f"bearer {access}").status_code == 200
    assert get(api, f"TOKEN {fleet}").status_code == 200
    assert get(api, f"Token {access}").status_code == 401
    assert get(api, f"Bearer {fleet}").status_code == 401


def test_session_cookies_and_query_strings_give_nothing(api, staff_user, client):
    client.force_login(staff_user)
    assert client.get(PROFILE).status_code == 401
    assert client.post("/api/companies/", {"name": "X"}, content_type="application/json").status_code == 401
    access = tokens.issue_pair(staff_user)["access"]
    for name in ("token", "access_token"):
        assert api().get(f"{PROFILE}?{name}={access}").status_code == 401


def test_a_request_costs_one_lookup(client_user, django_assert_num_queries):
    pair, fleet = tokens.issue_pair(client_user), tokens.issue_fleet_token(client_user)
    with django_assert_num_queries(1):  # user, version, ended ids and group at once
        found = tokens.authenticate_raw("Bearer", pair["access"])
        assert (found.user, found.user.is_operator, found.user.user_type) == (client_user, False, "client")
    with django_assert_num_queries(1):
        assert tokens.authenticate_raw(None, fleet).user == client_user


def test_who_is_an_operator(client_user, staff_user, django_user_model):
    root = django_user_model.objects.create_superuser("root", None, "x")
    django_user_model.objects.filter(pk=client_user.pk).update(is_staff=True)
    found = [
        tokens.authenticate_raw(None, tokens.issue_pair(user)["access"]).user
        for user in (root, staff_user, client_user)
    ]
    assert [user.is_operator for user in found] == [True, True, False]


# --- Expiry ----------------------------------------------------------------------------------------------------------------
def test_access_lives_a_week_and_refresh_a_month(api, client_user, settings, time_machine):
    time_machine.move_to(timezone.now().replace(microsecond=0), tick=False)
    pair = tokens.issue_pair(client_user)
    time_machine.shift(timedelta(days=7, seconds=-1))
    assert get(api, f"Bearer {pair['access']}").status_code == 200
    time_machine.shift(settings.CLOCK_LEEWAY + timedelta(seconds=1))
    assert get(api, f"Bearer {pair['access']}").status_code == 401
    assert api().post("/api/auth/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200
    time_machine.shift(timedelta(days=23))
    assert api().post("/api/auth/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401


def test_a_fleet_token_lives_thirty_days_from_its_last_use(api, dispatcher, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    header = f"Token {tokens.issue_fleet_token(dispatcher)}"
    for _ in range(3):
        time_machine.shift(timedelta(days=29))
        assert get(api, header).status_code == 200
    time_machine.shift(timedelta(days=30, seconds=11))
    assert get(api, header).status_code == 401


def test_using_a_fleet_token_seldom_writes(api, dispatcher, django_assert_num_queries):
    token = tokens.issue_fleet_token(dispatcher)
    tokens.authenticate_raw("token", token)
    with django_assert_num_queries(1):
        tokens.authenticate_raw("token", token)


def test_no_credential_can_be_read_in_the_database(client_user):
    pair, fleet = tokens.issue_pair(client_user), tokens.issue_fleet_token(client_user)
    tokens.end_token(tokens.authenticate_raw("bearer", pair["access"]))
    rows = str([*AuthToken.objects.values(), *EndedToken.objects.values(), *User.objects.values()])
    assert fleet not in rows
    assert not any(part in rows for token in pair.values() for part in token.split(".")[1:])


# --- Refresh ---------------------------------------------------------------------------------------------------------------
def refresh(api, raw, name="refresh"):
    return api().post("/api/auth/token/refresh/", {name: raw})


@pytest.mark.parametrize("name", ["refresh", "token"])
def test_refresh_leaves_the_refresh_token_valid(api, client_user, name):
    raw = tokens.issue_pair(client_user)["refresh"]
    for _ in range(3):
        answer = refresh(api, raw, name)
        assert answer.status_code == 200
        assert set(answer.json()) == {"access", "access_token"}
        assert answer.json()["access"] == answer.json()["access_token"]
        assert get(api, f"Bearer {answer.json()['access']}").status_code == 200


def test_refresh_refuses_other_tokens(api, client_user):
    pair = tokens.issue_pair(client_user)
    assert refresh(api, pair["access"]).status_code == 401
    assert get(api, f"Bearer {pair['refresh']}").status_code == 401
    assert refresh(api, "nonsense").status_code == 401
    assert api().post("/api/auth/token/refresh/", {}).status_code == 400
    assert refresh(api, 5).status_code == 401


@pytest.mark.parametrize(
    "end",
    [
        lambda user: user.delete(),
        lambda user: set_active(actor=None, user=user, is_active=False),
        lambda user: set_password(actor=user, user=user, password="another-good-one-42"),
        lambda user: close_account(actor=None, user=user),
        lambda user: end_sessions(actor=None, user_id=user.pk, reason="test"),
    ],
    ids=["deleted", "deactivated", "password", "closed", "ended"],
)
def test_everything_dies_with_the_session(api, client_user, end):
    pair, fleet = tokens.issue_pair(client_user), tokens.issue_fleet_token(client_user)
    end(client_user)
    assert refresh(api, pair["refresh"]).status_code == 401
    assert get(api, f"Bearer {pair['access']}").status_code == 401
    assert get(api, f"Token {fleet}").status_code == 401


def test_switching_an_account_off_and_on_does_not_revive_its_tokens(api, client_user):
    pair = tokens.issue_pair(client_user)
    set_active(actor=None, user=client_user, is_active=False)
    set_active(actor=None, user=client_user, is_active=True)
    assert get(api, f"Bearer {pair['access']}").status_code == 401


def test_revoke_ends_a_refresh_token(api, client_user):
    pair = tokens.issue_pair(client_user)
    assert api().post("/api/auth/token/revoke/", {"refresh": pair["refresh"]}).status_code == 200
    assert refresh(api, pair["refresh"]).status_code == 401
    assert api().post("/api/auth/token/revoke/", {"refresh": pair["refresh"]}).status_code == 401
    assert get(api, f"Bearer {pair['access']}").status_code == 200


def test_with_rotation_a_late_second_use_ends_the_family(api, client_user, settings, time_machine):
    settings.JWT_ROTATE_REFRESH = True
    time_machine.move_to(timezone.now(), tick=False)
    first = tokens.issue_pair(client_user)
    answer = refresh(api, first["refresh"]).json()
    again = refresh(api, first["refresh"])
    assert again.status_code == 200, "a repeat within the grace is a lost answer, not a thief"
    successor = jwt.decode(answer["refresh"], options={"verify_signature": False})
    repeated = jwt.decode(again.json()["refresh"], options={"verify_signature": False})
    assert successor["jti"] == repeated["jti"], "no fork"
    time_machine.shift(11)
    assert refresh(api, first["refresh"]).status_code == 401
    assert refresh(api, answer["refresh"]).status_code == 401
    assert get(api, f"Bearer {answer['access']}").status_code == 401
    assert get(api, f"Bearer {tokens.issue_pair(client_user)['access']}").status_code == 200


def test_rotation_goes_on_for_who_uses_the_newest(api, client_user, settings, time_machine):
    settings.JWT_ROTATE_REFRESH = True
    time_machine.move_to(timezone.now(), tick=False)
    raw = tokens.issue_pair(client_user)["refresh"]
    for _ in range(4):
        answer = refresh(api, raw)
        assert answer.status_code == 200
        raw = answer.json()["refresh"]
        time_machine.shift(60)


# --- What sockets receive-----------------------------------------------------------------------------------------------------
def test_sockets_receive_the_end_of_one_token_and_of_all(client_user, django_capture_on_commit_callbacks):
    token = tokens.authenticate_raw(None, tokens.issue_pair(client_user)["access"])
    with layer.captured() as published, django_capture_on_commit_callbacks(execute=True):
        tokens.end_token(token)
        end_sessions(actor=None, user_id=client_user.pk, reason="test")
    mine = [event for group, event in published if group == f"user.{client_user.pk}" and event["type"] == "session.ended"]
    assert mine == [
        {"type": "session.ended", "token_id": token.token_id},
        {"type": "session.ended", "token_id": None},
    ]


def test_a_password_changed_at_the_terminal_ends_sessions(api, client_user, monkeypatch):
    from django.core.management import call_command

    pair = tokens.issue_pair(client_user)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another-good-one-42")
    call_command("changepassword", client_user.username)
    client_user.refresh_from_db()
    assert client_user.check_password("another-good-one-42")
    assert get(api, f"Bearer {pair['access']}").status_code == 401


def test_a_token_that_was_read_before_still_expires(api, client_user, time_machine, settings):
    time_machine.move_to(timezone.now(), tick=False)
    header = f"Bearer {signed(client_user)}"
    assert [get(api, header).status_code for _ in range(2)] == [200, 200]
    time_machine.shift(600 + settings.CLOCK_LEEWAY.total_seconds() - 1)
    assert get(api, header).status_code == 200
    time_machine.shift(1)
    assert [get(api, header).status_code for _ in range(2)] == [401, 401]


def test_what_was_read_of_a_token_cannot_be_changed(client_user):
    claims = tokens.read(tokens.AccessToken, signed(client_user))
    with pytest.raises(TypeError):
        claims["user_id"] = "1"
    with pytest.raises(Unauthenticated):
        tokens.read(tokens.RefreshToken, signed(client_user))
