"""Whose an address is: who proves it. Accounts that a stranger prepared, claims, and codes that work for one alone."""

import pytest
from django.utils import timezone

from accounts import tokens
from accounts.google import GoogleIdentity
from accounts.models import CodeGuess, Membership, Notice, User, VerificationCode
from accounts.services import change_profile, request_reset, request_verification, sign_in_with_google
from depannini_dashmap.lib.errors import Conflict
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db
NEW = "tow-me-home-42"
REGISTER, RESET, CONFIRM = "/api/auth/register/", "/api/auth/password-reset/", "/api/auth/password-reset/confirm/"
RESEND, PROFILE = "/api/auth/resend-verification/", "/api/profile/user/"
VERIFY = {"email": "/api/auth/verify-email/", "phone_number": "/api/auth/verify-phone/"}
LOGIN = {"email": "/api/auth/login/email/", "phone_number": "/api/auth/login/phone/"}
VICTIM = {"email": "victim@example.com", "phone_number": "+213555111111"}
ATTACKER = {"email": "attacker@example.com", "phone_number": "+213555666666"}
OTHER = {"email": "phone_number", "phone_number": "email"}
PROVEN = {"email": "email_verified", "phone_number": "phone_verified"}
each_field = pytest.mark.parametrize("field", ["email", "phone_number"])


def prepare(field):
    """Register the victim's address next to the attacker's own, as the attacker does."""
    other = OTHER[field]
    return {field: VICTIM[field], other: ATTACKER[other], "name": "Somebody", "password": "attackers-horse-9"}


def set_anew(api, codes, field, address, password=NEW, seen=None):
    """Reset by the newest code that the address got, if it got one since `seen`."""
    before = len(codes(address)) if seen is None else seen
    assert api().post(RESET, {field: address}).status_code == 200
    got = codes(address)
    code = got[-1] if len(got) > before else "000000"
    body = {field: address, "code": code, "new_password": password, "new_password_confirm": password}
    return api().post(CONFIRM, body)


@pytest.fixture
def hijacked(api, codes, client_user):
    """Return an account that an attacker prepared: the victim's address, theirs proven, and their Google link."""

    def made(field):
        other = OTHER[field]
        answer = api().post(REGISTER, prepare(field)).json()
        user = User.objects.get(pk=answer["user"]["id"])
        code = codes(ATTACKER[other])[-1]
        assert api().post(VERIFY[other], {other: ATTACKER[other], "code": code}).status_code == 200
        User.objects.filter(pk=user.pk).update(google_sub="attacker")
        codes(VICTIM[field])
        return user, answer

    return made


@each_field
def test_a_reset_by_an_address_unproven_until_then_shuts_out_who_prepared_the_account(api, hijacked, codes, messages, field):
    user, session = hijacked(field)
    other = OTHER[field]
    sent_before = len(messages(ATTACKER[other]))
    fleet = tokens.issue_fleet_token(user)
    assert set_anew(api, codes, field, VICTIM[field]).status_code == 200
    user.refresh_from_db()
    assert (getattr(user, PROVEN[field]), getattr(user, PROVEN[other]), user.google_sub) == (True, False, None)
    for header in (f"Bearer {session['access']}", f"Token {fleet}"):
        assert api().get(PROFILE, HTTP_AUTHORIZATION=header).status_code == 401
    assert api().post("/api/auth/token/refresh/", {"refresh": session["refresh"]}).status_code == 401
    # By Google: neither as the link that was, nor by the e-mail.
    if other == "email":
        with pytest.raises(Conflict):
            sign_in_with_google(actor=None, identity=GoogleIdentity("attacker", ATTACKER["email"], "A"))
    else:
        assert sign_in_with_google(actor=None, identity=GoogleIdentity("attacker", "new@example.com", "A")).pk != user.pk
    # By their own address: no code, no proof, no notice.
    assert set_anew(api, codes, other, ATTACKER[other]).status_code == 400
    assert api().post(RESEND, {other: ATTACKER[other]}).status_code == 200
    assert len(messages(ATTACKER[other])) == sent_before
    # It still names the account at sign-in, with the password that is known to the victim alone.
    assert api().post(LOGIN[other], {other: ATTACKER[other], "password": "attackers-horse-9"}).status_code == 401
    for name, address in ((field, VICTIM[field]), (other, ATTACKER[other])):
        assert api().post(LOGIN[name], {name: address, "password": NEW}).status_code == 200
    assert Notice.objects.count() == 0


@each_field
def test_codes_from_before_the_reset_prove_nothing(api, hijacked, codes, field):
    other = OTHER[field]
    answer = api().post(REGISTER, prepare(field)).json()
    kept = codes(ATTACKER[other])[-1]
    api().post(RESET, {other: ATTACKER[other]})
    reset = codes(ATTACKER[other])[-1]
    assert set_anew(api, codes, field, VICTIM[field]).status_code == 200
    assert api().post(VERIFY[other], {other: ATTACKER[other], "code": kept}).status_code == 400
    body = {other: ATTACKER[other], "code": reset, "new_password": "x-attacker-horse", "new_password_confirm": "x-attacker-horse"}
    assert api().post(CONFIRM, body).status_code == 400
    user = User.objects.get(pk=answer["user"]["id"])
    assert user.check_password(NEW) and not getattr(user, PROVEN[other])


@each_field
def test_the_signed_in_user_proves_the_other_address_anew(api, hijacked, codes, field):
    user, _ = hijacked(field)
    other = OTHER[field]
    assert set_anew(api, codes, field, VICTIM[field]).status_code == 200
    owner = api(User.objects.get(pk=user.pk))
    got = len(codes(ATTACKER[other]))
    assert owner.post(RESEND).status_code == 200
    code = codes(ATTACKER[other])[got]
    assert api().post(VERIFY[other], {other: ATTACKER[other], "code": code}).status_code == 400, "not without a sign-in"
    assert owner.post(VERIFY[other], {other: ATTACKER[other], "code": code}).status_code == 200
    user.refresh_from_db()
    assert (getattr(user, PROVEN[other]), user.email_suspended, user.phone_suspended) == (True, False, False)
    assert set_anew(api, codes, other, ATTACKER[other], "tow-me-home-43").status_code == 200


@each_field
def test_the_owner_of_a_suspended_address_may_claim_it_for_an_account_of_their_own(api, hijacked, codes, client_user, field):
    user, _ = hijacked(field)
    other = OTHER[field]
    assert set_anew(api, codes, field, VICTIM[field]).status_code == 200
    assert api(client_user).put(PROFILE, {other: ATTACKER[other]}).json()[f"pending_{other}"] == ATTACKER[other]
    body = {"code": codes(ATTACKER[other])[-1]}
    assert api(client_user).post(f"{VERIFY[other]}confirm/", body).status_code == 200
    user.refresh_from_db()
    assert getattr(user, other) is None and not (user.email_suspended or user.phone_suspended)


def test_a_proven_address_resets_and_leaves_the_rest_alone(api, client_user, codes):
    User.objects.filter(pk=client_user.pk).update(email_verified=True, phone_verified=True, google_sub="mine")
    assert set_anew(api, codes, "email", client_user.email).status_code == 200
    client_user.refresh_from_db()
    assert (client_user.phone_verified, client_user.phone_suspended, client_user.google_sub) == (True, False, "mine")


def test_the_job_and_the_profile_stay(api, assistant_user, codes):
    assistant = {"service_type": "repair", "vehicle_type": "van"}
    assert api(assistant_user).put("/api/profile/assistant/", assistant).status_code == 200
    before = api(assistant_user).get("/api/profile/assistant/").json()["assistant"]
    assert set_anew(api, codes, "phone_number", assistant_user.phone_number).status_code == 200
    login = api().post(LOGIN["phone_number"], {"phone_number": assistant_user.phone_number, "password": NEW}).json()
    header = f"Bearer {login['access']}"
    after = api().get("/api/profile/assistant/", HTTP_AUTHORIZATION=header).json()["assistant"]
    assert {**after, "phone_verified": before["phone_verified"]} == before and before["service_type"] == "repair"


# --- Rights ------------------------------------------------------------------------------------------------------------------
def test_an_account_with_memberships_is_reset_by_a_proven_address_alone(api, dispatcher, codes, messages):
    unknown = api().post(RESET, {"email": "nobody@example.com"})
    assert api().post(RESET, {"email": dispatcher.email}).content.split(b'"request_id"')[0] == unknown.content
    assert messages(dispatcher.email) == []
    assert set_anew(api, codes, "email", dispatcher.email).status_code == 400
    User.objects.filter(pk=dispatcher.pk).update(email_verified=True)
    assert set_anew(api, codes, "email", dispatcher.email).status_code == 200
    assert Membership.objects.filter(user=dispatcher).exists()


def test_operators_and_superusers_have_rights_to_lose_too(api, staff_user, codes, messages):
    User.objects.filter(pk=staff_user.pk).update(email="op@example.com", email_verified=False)
    assert set_anew(api, codes, "email", "op@example.com").status_code == 400
    assert messages("op@example.com") == []


def test_a_membership_won_between_code_and_password_counts(api, client_user, company_a, codes):
    request_reset(actor=None, channel="email", address=client_user.email)
    (code,) = codes(client_user.email)
    Membership.objects.create(user=client_user, company=company_a)
    body = {"email": client_user.email, "code": code, "new_password": NEW, "new_password_confirm": NEW}
    assert api().post(CONFIRM, body).status_code == 400


def test_an_operator_sets_the_password_of_who_has_none_proven(client, staff_user, dispatcher, password):
    User.objects.filter(pk=dispatcher.pk).update(google_sub="somebody")
    staff_user.is_superuser = staff_user.is_staff = True
    staff_user.save(update_fields=["is_superuser", "is_staff"])
    client.force_login(staff_user)
    page = f"/admin/accounts/user/{dispatcher.pk}/password/"
    assert client.post(page, {"password1": NEW, "password2": NEW}).status_code == 302
    dispatcher.refresh_from_db()
    assert dispatcher.check_password(NEW) and dispatcher.google_sub is None
    (event,) = AuditEvent.objects.filter(event="password_set_by_operator")
    assert (event.actor_id, event.target_id) == (staff_user.pk, str(dispatcher.pk))


def test_a_session_that_ended_writes_no_address(client_user):
    stale = User.objects.get(pk=client_user.pk)
    User.objects.filter(pk=client_user.pk).update(token_version=9)
    from depannini_dashmap.lib.errors import Unauthenticated

    with pytest.raises(Unauthenticated):
        change_profile(actor=stale, user=stale, email="attacker@example.com")


# --- Claims ------------------------------------------------------------------------------------------------------------------
@each_field
def test_a_claim_proves_for_who_claims_alone_and_leaves_the_holder_theirs(api, client_user, other_client, codes, messages, field):
    address = getattr(other_client, field)
    api().post(RESEND, {field: address})
    (holders,) = codes(address)
    answer = api(client_user).put(PROFILE, {field: address})
    assert answer.status_code == 200
    for shown in (answer.json(), api(client_user).get(PROFILE).json(), api(client_user).get(PROFILE).json()["user"]):
        assert shown[f"pending_{field}"] == address and shown[field] == getattr(client_user, field)
    assert api(client_user).get("/api/auth/profile/").json()[f"pending_{field}"] == address
    claim = codes(address)[-1]
    assert "Somebody asks to use this" in messages(address)[-1]
    # The claim's code proves nothing for the holder, nor for anybody without a sign-in, nor for a third party.
    for who in (None, other_client):
        assert api(who).post(VERIFY[field], {field: address, "code": claim}).status_code == 400
    # The holder's code is still good, for the holder: not for the one who claims.
    assert api(client_user).post(VERIFY[field], {field: address, "code": holders}).status_code == 400
    assert api(client_user).post(f"{VERIFY[field]}confirm/", {"code": holders}).status_code == 400
    assert api().post(VERIFY[field], {field: address, "code": holders}).status_code == 200
    other_client.refresh_from_db()
    assert getattr(other_client, PROVEN[field]) is True
    # Proven by its holder meanwhile, it is theirs.
    late = api(client_user).post(f"{VERIFY[field]}confirm/", {"code": claim})
    assert (late.status_code, late.json()["code"]) == (409, "address_taken")


@each_field
@pytest.mark.parametrize("path", ["confirm", "documented"])
def test_who_claims_confirms_signed_in(api, client_user, other_client, codes, field, path):
    address, old = getattr(other_client, field), getattr(client_user, field)
    api(client_user).put(PROFILE, {field: address})
    code = codes(address)[-1]
    way, body = (f"{VERIFY[field]}confirm/", {"code": code}) if path == "confirm" else (VERIFY[field], {field: address, "code": code})
    assert api(client_user).post(way, body).status_code == 200
    client_user.refresh_from_db()
    other_client.refresh_from_db()
    assert (getattr(client_user, field), getattr(client_user, PROVEN[field])) == (address, True)
    assert (getattr(client_user, f"pending_{field}"), getattr(other_client, field)) == (None, None)
    assert old != address


def test_a_claim_has_its_code_sent_again(api, client_user, other_client, codes):
    api(client_user).put(PROFILE, {"email": other_client.email})
    VerificationCode.objects.update(ended_at=timezone.now())
    for body in ({}, {"email": other_client.email}):
        assert api(client_user).post(RESEND, body).status_code == 200
    assert api(client_user).post(VERIFY["email"]).status_code == 200
    code = codes(other_client.email)[-1]
    assert api(client_user).post(f"{VERIFY['email']}confirm/", {"code": code}).status_code == 200


def test_a_claim_that_was_changed_is_over(api, client_user, other_client, dispatcher, codes):
    api(client_user).put(PROFILE, {"email": other_client.email})
    code = codes(other_client.email)[-1]
    api(client_user).put(PROFILE, {"email": dispatcher.email})
    assert api(client_user).post(VERIFY["email"], {"email": other_client.email, "code": code}).status_code == 400


def test_a_stale_bearer_is_no_sign_in(api, client_user, codes):
    api().post(RESEND, {"email": client_user.email})
    body = {"email": client_user.email, "code": codes(client_user.email)[-1]}
    assert api().post(VERIFY["email"], body, HTTP_AUTHORIZATION="Bearer stale").status_code == 200


# --- Tries -------------------------------------------------------------------------------------------------------------------
def wrong(*right):
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in right)


def test_five_wrong_tries_of_one_caller_leave_others_theirs(api, client_user, codes):
    request_verification(actor=None, channel="email", address=client_user.email)
    (code,) = codes(client_user.email)
    right, bad = ({"email": client_user.email, "code": each} for each in (code, wrong(code)))
    for _ in range(5):
        assert api().post(VERIFY["email"], bad, REMOTE_ADDR="198.51.100.1").status_code == 400
    assert api().post(VERIFY["email"], right, REMOTE_ADDR="198.51.100.1").status_code == 400
    assert api().post(VERIFY["email"], right, REMOTE_ADDR="198.51.100.2").status_code == 200


def test_twenty_wrong_tries_in_all(api, client_user, codes):
    request_verification(actor=None, channel="email", address=client_user.email)
    (code,) = codes(client_user.email)
    for number in range(20):
        bad = {"email": client_user.email, "code": wrong(code)}
        assert api().post(VERIFY["email"], bad, REMOTE_ADDR=f"198.51.100.{number // 4}").status_code == 400
    assert VerificationCode.objects.get().tries == 20
    assert api().post(VERIFY["email"], {"email": client_user.email, "code": code}, REMOTE_ADDR="203.0.113.1").status_code == 400
    request_verification(actor=None, channel="email", address=client_user.email)
    again = {"email": client_user.email, "code": codes(client_user.email)[-1]}
    assert api().post(VERIFY["email"], again, REMOTE_ADDR="198.51.100.1").status_code == 200


def test_after_four_wishes_of_a_stranger_the_owners_own_works(api, client_user, codes, settings):
    settings.THROTTLING_ENABLED = True
    owner, stranger = "198.51.100.1", "203.0.113.1"
    asked = {"email": client_user.email}
    api().post(RESET, asked, REMOTE_ADDR=owner)
    (first,) = codes(client_user.email)
    for _ in range(4):
        api().post(RESET, asked, REMOTE_ADDR=stranger)
        got = codes(client_user.email)
    for _ in range(6):
        body = {**asked, "code": wrong(*got), "new_password": NEW, "new_password_confirm": NEW}
        assert api().post(CONFIRM, body, REMOTE_ADDR=stranger).status_code == 400
    assert VerificationCode.objects.open().filter(purpose="reset").count() == 3
    body = {**asked, "code": first, "new_password": NEW, "new_password_confirm": NEW}
    assert api().post(CONFIRM, body, REMOTE_ADDR=owner).status_code == 200, "nobody's wish ends another's code"
    api().post(RESET, asked, REMOTE_ADDR=owner)
    assert len(codes(client_user.email)) > len(got)
    body = {**body, "code": codes(client_user.email)[-1], "new_password": "tow-me-home-43", "new_password_confirm": "tow-me-home-43"}
    assert api().post(CONFIRM, body, REMOTE_ADDR=owner).status_code == 200


def test_guesses_day_by_day_stay_within_twenty_comparisons(api, client_user, codes, settings):
    """G14: for any number of networks, codes and addresses of the account."""
    settings.THROTTLING_ENABLED = True
    for number in range(12):
        place = f"203.0.113.{number}"
        for field in ("email", "phone_number"):
            api().post(RESET, {field: getattr(client_user, field)}, REMOTE_ADDR=place)
            got = codes(getattr(client_user, field))
            for _ in range(5):
                body = {field: getattr(client_user, field), "code": wrong(*got), "new_password": NEW, "new_password_confirm": NEW}
                api().post(CONFIRM, body, REMOTE_ADDR=place)
    assert 15 <= sum(CodeGuess.objects.values_list("compared", flat=True)) <= 20


def test_an_owner_is_known_by_where_they_signed_in(api, client_user, codes, settings, password):
    settings.THROTTLING_ENABLED = True
    home = "198.51.100.1"
    login = {"email": client_user.email, "password": password}
    assert api().post(LOGIN["email"], login, REMOTE_ADDR=home).status_code == 200
    CodeGuess.objects.create(user=client_user, address_key="x", purpose="reset", caller="stranger", compared=20)
    api().post(RESET, {"email": client_user.email}, REMOTE_ADDR=home)
    body = {"email": client_user.email, "code": codes(client_user.email)[-1], "new_password": NEW, "new_password_confirm": NEW}
    assert api().post(CONFIRM, body, REMOTE_ADDR="203.0.113.1").status_code == 400
    assert api().post(CONFIRM, body, REMOTE_ADDR=home).status_code == 200


def test_who_was_shut_out_by_a_reset_is_a_stranger_again(api, client_user, codes, settings, password):
    settings.THROTTLING_ENABLED = True
    theirs = "203.0.113.1"
    login = {"email": client_user.email, "password": password}
    assert api().post(LOGIN["email"], login, REMOTE_ADDR=theirs).status_code == 200
    api().post(RESET, {"email": client_user.email}, REMOTE_ADDR="198.51.100.1")
    body = {"email": client_user.email, "code": codes(client_user.email)[-1], "new_password": NEW, "new_password_confirm": NEW}
    assert api().post(CONFIRM, body, REMOTE_ADDR="198.51.100.1").status_code == 200
    CodeGuess.objects.create(user=client_user, address_key="x", purpose="reset", caller="stranger", compared=20)
    api().post(RESET, {"email": client_user.email}, REMOTE_ADDR=theirs)
    late = {**body, "code": codes(client_user.email)[-1], "new_password": "third-horse-99", "new_password_confirm": "third-horse-99"}
    assert api().post(CONFIRM, late, REMOTE_ADDR=theirs).status_code == 400


@pytest.mark.parametrize("spelling", ["{0}-{1}", "\u200f{0} {1}\u200e", "{arabic}", "\u2066{full}\u2069", "{0}\u2011{1}"])
def test_codes_as_people_type_them(api, client_user, codes, spelling):
    request_verification(actor=None, channel="email", address=client_user.email)
    (code,) = codes(client_user.email)
    typed = spelling.format(
        code[:3], code[3:], arabic="".join(chr(0x660 + int(d)) for d in code), full="".join(chr(0xFF10 + int(d)) for d in code)
    )
    assert api().post(VERIFY["email"], {"email": client_user.email, "code": typed}).status_code == 200
