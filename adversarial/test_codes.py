"""A. What codes may be used for and how long, how many are sent, who is told, and whose quota it counts for."""

import json
import random
import re
from collections import Counter

import httpx
import pytest

from adversarial.actors import PASSWORD, Actor, fresh_phone
from adversarial.stage import wait_until

RESEND = "/api/auth/resend-verification/"
NEW = {"new_password": "another-horse-9", "new_password_confirm": "another-horse-9"}


@pytest.fixture(scope="module")
def proxied(stage):
    """A server with limits behind one trusted proxy: each test is an address of its own to it, today and tomorrow."""
    return stage.start(THROTTLING="on", NUM_PROXIES="1", TASK_WORKER="off")


def some_address():
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"


def texts(stage, phone):
    """Return what was said to a phone, without its codes."""
    return [text for text in stage.messages(stage.sms, phone) if not re.search(r"(?<!\d)\d{6}(?!\d)", text.split("\n\n", 1)[-1])]


def verify(anyone, phone, code):
    return anyone.post("/api/auth/verify-phone/", {"phone_number": phone, "code": code}).status_code


def test_a11_three_codes_are_good_beside_each_other(stage, cast, anyone):
    """One more ends the oldest of whoever asked for the most; the first of them that is entered ends the others."""
    phone = cast.client().known["phone"]
    codes = [stage.code_for(phone)]
    for number in (1, 2, 3):
        assert anyone.post(RESEND, {"phone_number": phone}).status_code == 200
        codes.append(stage.code_for(phone, after=number))
    first, *good = codes
    if first not in good:
        assert verify(anyone, phone, first) == 400
    assert [verify(anyone, phone, code) for code in good] == [200, 400, 400]


def test_a11_an_email_code_resets_no_password(stage, cast, anyone):
    email = f"a11.{random.randrange(10**9)}@example.com"
    phone = cast.client(email=email).known["phone"]
    code = stage.code_for(email)
    for who in ({"email": email}, {"phone_number": phone}):
        assert anyone.post("/api/auth/password-reset/confirm/", {**who, "code": code, **NEW}).status_code == 400
    assert anyone.post("/api/auth/login/phone/", {"phone_number": phone, "password": PASSWORD}).status_code == 200
    # It was a code: it proves the address that it went to.
    assert anyone.post("/api/auth/verify-email/", {"email": email, "code": code}).status_code == 200


def _grow_older(stage, client, seconds):
    moved = stage.rows(
        "UPDATE accounts_verificationcode SET expires_at = expires_at - %s * interval '1 second'"
        " WHERE user_id = %s AND ended_at IS NULL RETURNING extract(epoch FROM expires_at - now())::float8",
        [seconds, client.id],
    )
    assert len(moved) == 1
    return moved[0][0] + seconds  # what was left before


@pytest.mark.parametrize(("age", "status"), [(9 * 60 + 30, 200), (10 * 60 + 1, 400)])
def test_a12_codes_count_for_ten_minutes(stage, cast, anyone, age, status):
    client = cast.client()
    code = stage.code_for(client.known["phone"])
    # What has passed on the way here counts, too: half a minute is left for that.
    assert 570 < _grow_older(stage, client, age) <= 600
    assert verify(anyone, client.known["phone"], code) == status


MANY_CODES = """
import json, random
from django.db import transaction
from accounts import services, tasks
from accounts.models import User, VerificationCode
from accounts.services.codes import request_code
from accounts import messages
heard = []
messages.send_code = lambda channel, address, purpose, code, minutes: heard.append(code)
user = User.objects.get(pk={user})
with transaction.atomic():
    for number in range(120):
        if number % 60 == 0:
            random.seed(1)
        request_code(user=user, channel="phone", purpose="verify", address=user.phone_number)
        tasks.deliver_code.func(VerificationCode.objects.open().filter(user=user, purpose="verify").latest("pk").pk)
    transaction.set_rollback(True)
print(json.dumps(heard))
"""


def test_a12_codes_cannot_be_foretold(stage, cast):
    client = cast.client()
    stage.code_for(client.known["phone"])
    codes = json.loads(stage.python(MANY_CODES.format(user=client.id)).splitlines()[-1])
    assert len(codes) == 120 and all(re.fullmatch(r"\d{6}", code) for code in codes)
    assert sum(one == other for one, other in zip(codes[:60], codes[60:], strict=True)) <= 1
    assert any(code.startswith("0") for code in codes)


def _guess(url, phone, headers_of):
    with httpx.Client() as caller:
        return [
            caller.post(f"{url}/api/auth/login/phone/", json={"phone_number": phone, "password": "wrong-password"}, headers=headers_of(number)).status_code
            for number in range(200)
        ]


def test_a18_two_hundred_forged_addresses_are_one(stage, cast):
    phone = cast.client().known["phone"]

    def forged(number):
        place = f"9.9.{number}.9"
        return {"X-Forwarded-For": f"{place}, 8.8.8.{number}", "X-Real-IP": place, "Forwarded": f"for={place}"}

    assert Counter(_guess(stage.throttled_url, phone, forged)) == {401: 5, 429: 195}


def test_a18_behind_a_proxy_its_own_hop_counts(cast, proxied):
    phone, here, there = cast.client().known["phone"], some_address(), some_address()

    def forged(number):
        return {"X-Forwarded-For": f"9.9.{number}.9, {here}", "X-Real-IP": f"9.9.{number}.9"}

    assert Counter(_guess(proxied, phone, forged)) == {401: 5, 429: 195}
    other = {"X-Forwarded-For": f"{here}, {there}"}
    right = {"phone_number": phone, "password": PASSWORD}
    assert httpx.post(f"{proxied}/api/auth/login/phone/", json=right, headers=other).status_code == 200
    assert httpx.post(f"{proxied}/api/auth/login/phone/", json=right, headers=forged(1)).status_code == 429


def test_a19_a_reset_is_told_and_ends_fleet_tokens(stage, cast, anyone):
    client, dispatcher = cast.client(), cast.dispatcher()
    phone, email = client.known["phone"], dispatcher.known["email"]
    for who, address, count in (({"phone_number": phone}, phone, 1), ({"email": email}, email, 1)):
        first = stage.code_for(address)
        if "email" in who:  # what belongs to a company is opened by a proven address alone
            assert anyone.post("/api/auth/verify-email/", {**who, "code": first}).status_code == 200
        anyone.post("/api/auth/password-reset/", who)
        code = stage.code_for(address, after=count)
        assert anyone.post("/api/auth/password-reset/confirm/", {**who, "code": code, **NEW}).status_code == 200
    wait_until(lambda: any("password of your account was changed" in text for text in texts(stage, phone)), 15)
    wait_until(lambda: any("Your password was changed" in text for text in stage.messages(stage.mail, email)), 15)
    assert dispatcher.get("/api/companies/").status_code == 401
    login = {"username": dispatcher.known["username"], "password": PASSWORD}
    assert anyone.post("/api/auth/login/", login).status_code == 401


def test_a24_the_old_phone_is_told(stage, cast, anyone):
    client = cast.client()
    old, new = client.known["phone"], fresh_phone()
    code = stage.code_for(old)
    assert client.put("/api/profile/user/", {"phone_number": new}).status_code == 200
    wait_until(lambda: any("phone number of your account was changed" in text for text in texts(stage, old)), 15)
    assert not texts(stage, new)
    assert [verify(anyone, phone, code) for phone in (old, new)] == [400, 400]


def test_a24_the_old_email_is_told(stage, cast, anyone):
    old, new = (f"a24.{random.randrange(10**9)}@example.com" for _ in range(2))
    client = cast.client(email=old)
    code = stage.code_for(old)
    assert anyone.post("/api/auth/verify-email/", {"email": old, "code": code}).status_code == 200
    assert client.put("/api/profile/user/", {"email": new}).status_code == 200
    assert client.get("/api/profile/user/").json()["email_verified"] is False
    wait_until(lambda: any("e-mail address of your account was changed" in " ".join(text.split()) for text in stage.messages(stage.mail, old)), 15)
    assert anyone.post("/api/auth/verify-email/", {"email": new, "code": code}).status_code == 400
    assert anyone.post("/api/auth/verify-email/", {"email": new, "code": stage.code_for(new)}).status_code == 200
    assert Actor(stage, header=client.header).get("/api/profile/user/").json()["email_verified"] is True


# --- Whose address it is -------------------------------------------------------------------------------------------------------
def _somebody(field):
    return fresh_phone() if field == "phone_number" else f"s{random.randrange(10**12)}@example.com"


FIELDS = {"phone_number": "email", "email": "phone_number"}
VERIFY = {"email": "/api/auth/verify-email/", "phone_number": "/api/auth/verify-phone/"}
LOGIN = {"email": "/api/auth/login/email/", "phone_number": "/api/auth/login/phone/"}


def _sent(stage, address):
    return len(stage.messages(stage.sms if address.startswith("+") else stage.mail, address))


@pytest.mark.parametrize("field", FIELDS)
def test_a19_who_prepared_an_account_is_shut_out_by_its_owners_reset(stage, cast, anyone, field):
    """An attacker registers the victim's address with their own, proves that one and stays signed in."""
    other, victims, own = FIELDS[field], _somebody(field), _somebody(FIELDS[field])
    prepared = {field: victims, other: own, "name": "Somebody", "password": PASSWORD}
    attacker = Actor(stage, header=f"Bearer {anyone.post('/api/auth/register/', prepared).json()['access']}")
    assert anyone.post(VERIFY[other], {other: own, "code": stage.code_for(own)}).status_code == 200
    anyone.post("/api/auth/password-reset/", {other: own})
    kept = stage.code_for(own, after=1)
    told = _sent(stage, own)
    stage.code_for(victims)
    with attacker.socket(f"/ws/assistance/{attacker.post('/api/assistance/request/', {'pickup': {'lat': 12, 'lng': 12}}).json()['assistance']['id']}/") as frames:
        frames.next()
        anyone.post("/api/auth/password-reset/", {field: victims})
        reset = {field: victims, "code": stage.code_for(victims, after=1), **NEW}
        assert anyone.post("/api/auth/password-reset/confirm/", reset).status_code == 200
        assert frames.closed(4) == 4401
    assert attacker.get("/api/profile/user/").status_code == 401
    assert attacker.put("/api/profile/user/", {field: _somebody(field)}).status_code == 401
    later = {"new_password": "third-horse-99", "new_password_confirm": "third-horse-99"}
    assert anyone.post("/api/auth/password-reset/confirm/", {other: own, "code": kept, **later}).status_code == 400
    for path in ("/api/auth/password-reset/", RESEND):
        assert anyone.post(path, {other: own}).status_code == 200
    assert anyone.post(LOGIN[other], {other: own, "password": PASSWORD}).status_code == 401
    owner = anyone.post(LOGIN[other], {other: own, "password": NEW["new_password"]})
    assert owner.status_code == 200 and owner.json()["user"][f"{'email' if other == 'email' else 'phone'}_verified"] is False
    # The job that was open is still there, and the victim's own code comes while nothing came to the attacker.
    signed_in = Actor(stage, header=f"Bearer {owner.json()['access']}")
    assert [row["status"] for row in signed_in.get("/api/assistance/view/").json()["results"]] == ["requested"]
    later_code = cast.client().known["phone"]
    stage.code_for(later_code)
    assert _sent(stage, own) == told


@pytest.mark.parametrize("field", FIELDS)
def test_a24_a_claim_is_handed_over_by_nobody(stage, cast, anyone, field):
    """What the holder receives and enters proves nothing for who claims; the holder's own code stays good."""
    address = _somebody(field)
    holder = cast.client(**({"email": address} if field == "email" else {"phone_number": address}))
    holders = stage.code_for(address)
    claimer = cast.client()
    for _ in range(2):
        assert claimer.put("/api/profile/user/", {field: address}).json()[f"pending_{field}"] == address
    claim = stage.code_for(address, after=1)
    said = stage.messages(stage.sms if field == "phone_number" else stage.mail, address)
    assert any("Somebody asks to use this" in " ".join(text.split()) for text in said)
    for who in (anyone, holder):
        assert who.post(VERIFY[field], {field: address, "code": claim}).status_code == 400
    assert claimer.post(VERIFY[field], {field: address, "code": holders}).status_code == 400
    assert claimer.post(f"{VERIFY[field]}confirm/", {"code": holders}).status_code == 400
    assert anyone.post(VERIFY[field], {field: address, "code": holders}).status_code == 200
    late = claimer.post(f"{VERIFY[field]}confirm/", {"code": claim})
    assert (late.status_code, late.json()["code"]) == (409, "address_taken")
    assert holder.get("/api/profile/user/").json()[field] == address


@pytest.mark.parametrize("field", FIELDS)
def test_a24_who_claims_their_own_address_gets_it(stage, cast, field):
    address = _somebody(field)
    squatter = cast.client(**({"email": address} if field == "email" else {"phone_number": address}))
    stage.code_for(address)
    owner = cast.client()
    owner.put("/api/profile/user/", {field: address})
    assert owner.post(f"{VERIFY[field]}confirm/", {"code": stage.code_for(address, after=1)}).status_code == 200
    assert owner.get("/api/profile/user/").json()[field] == address
    assert squatter.get("/api/profile/user/").json()[field] is None


def test_a19_a_dispatchers_unproven_address_opens_no_company(stage, cast, anyone):
    dispatcher = cast.dispatcher()
    who = {"email": dispatcher.known["email"]}
    stage.code_for(who["email"])
    unknown = anyone.post("/api/auth/password-reset/", {"email": _somebody("email")})
    assert anyone.post("/api/auth/password-reset/", who).content == unknown.content
    later = cast.client().known["phone"]
    stage.code_for(later)  # the worker has come by what was asked before
    assert _sent(stage, who["email"]) == 1


# --- Tries -------------------------------------------------------------------------------------------------------------------
def _tries(url, phone, code, places):
    with httpx.Client() as caller:
        body = {"phone_number": phone, "code": code}
        return [caller.post(f"{url}/api/auth/verify-phone/", json=body, headers={"X-Forwarded-For": place}).status_code for place in places]


def test_a08_nobodys_guesses_use_up_anothers(stage, cast):
    """Five wrong tries a caller, twenty in all; `THROTTLING=off` ends neither."""
    behind = stage.start(NUM_PROXIES="1", TASK_WORKER="off")
    phone = cast.client().known["phone"]
    code = stage.code_for(phone)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    places = ["9.9.9.1"] * 8 + ["9.9.9.2"] * 5 + ["9.9.9.3"] * 5
    assert _tries(behind, phone, wrong, places) == [400] * 18
    assert stage.rows("SELECT tries FROM accounts_verificationcode v JOIN accounts_user u ON u.id = v.user_id WHERE u.phone_number = %s", [phone]) == [(15,)]
    assert _tries(behind, phone, code, ["9.9.9.1", "9.9.9.3", "9.9.9.4"]) == [400, 400, 200]


def test_a08_twenty_wrong_tries_in_all(stage, cast, anyone):
    behind = stage.start(NUM_PROXIES="1", TASK_WORKER="off")
    phone = cast.client().known["phone"]
    code = stage.code_for(phone)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    with httpx.Client() as _:
        assert set(_tries(behind, phone, wrong, [f"9.9.8.{number // 4}" for number in range(30)])) == {400}
    assert stage.rows("SELECT tries FROM accounts_verificationcode v JOIN accounts_user u ON u.id = v.user_id WHERE u.phone_number = %s", [phone]) == [(20,)]
    assert _tries(behind, phone, code, ["9.9.7.1"]) == [400]
    anyone.post(RESEND, {"phone_number": phone})
    assert _tries(behind, phone, stage.code_for(phone, after=1), ["9.9.8.0"]) == [200]


@pytest.mark.parametrize("spelling", ["{a}-{b}", "{a} {b}", "\u200f{a}{b}\u200e", "arabic", "\u2066{a}\u2011{b}\u2069", "full"])
def test_a12_codes_as_people_type_them(stage, cast, anyone, spelling):
    phone = cast.client().known["phone"]
    code = stage.code_for(phone)
    base = {"arabic": 0x660, "full": 0xFF10}.get(spelling)
    typed = "".join(chr(base + int(digit)) for digit in code) if base else spelling.format(a=code[:3], b=code[3:])
    assert verify(anyone, phone, typed) == 200
