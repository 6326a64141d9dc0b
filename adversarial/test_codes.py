"""A. What codes may be used for and how long, how many are sent, who is notified, and whose quota is used."""

import json
import random
import re
from collections import Counter

import httpx
import pytest

from testing.users import PASSWORD, Caller, fresh_phone
from testing.waiting import wait_until

RESEND = "/api/auth/resend-verification/"
NEW = {"new_password": "another-horse-9", "new_password_confirm": "another-horse-9"}


@pytest.fixture(scope="module")
def proxied(environment):
    """A server with limits behind one trusted proxy: each test is an address of its own to it, today and tomorrow."""
    return environment.start_server(THROTTLING="on", NUM_PROXIES="1", TASK_WORKER="off")


def some_address():
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"


def texts(environment, phone):
    """Return what was said to a phone, without its codes."""
    return [text for text in environment.messages(environment.sms, phone) if not re.search(r"(?<!\d)\d{6}(?!\d)", text.split("\n\n", 1)[-1])]


def verify(anyone, phone, code):
    return anyone.post("/api/auth/verify-phone/", {"phone_number": phone, "code": code}).status_code


def test_a11_three_codes_of_one_address_are_valid_at_once(environment, users, anyone):
    """One more ends the oldest of the caller with the most; the first correct entry ends the others."""
    phone = users.client().known["phone"]
    codes = [environment.code_for(phone)]
    for number in (1, 2, 3):
        assert anyone.post(RESEND, {"phone_number": phone}).status_code == 200
        codes.append(environment.code_for(phone, after=number))
    first, *good = codes
    if first not in good:
        assert verify(anyone, phone, first) == 400
    assert [verify(anyone, phone, code) for code in good] == [200, 400, 400]


def test_a11_a_code_to_verify_an_email_resets_no_password(environment, users, anyone):
    email = f"a11.{random.randrange(10**9)}@example.com"
    phone = users.client(email=email).known["phone"]
    code = environment.code_for(email)
    for who in ({"email": email}, {"phone_number": phone}):
        assert anyone.post("/api/auth/password-reset/confirm/", {**who, "code": code, **NEW}).status_code == 400
    assert anyone.post("/api/auth/login/phone/", {"phone_number": phone, "password": PASSWORD}).status_code == 200
    # It was a code: it proves the address that it went to.
    assert anyone.post("/api/auth/verify-email/", {"email": email, "code": code}).status_code == 200


def _grow_older(environment, client, seconds):
    moved = environment.rows(
        "UPDATE accounts_verificationcode SET expires_at = expires_at - %s * interval '1 second'"
        " WHERE user_id = %s AND ended_at IS NULL RETURNING extract(epoch FROM expires_at - now())::float8",
        [seconds, client.id],
    )
    assert len(moved) == 1
    return moved[0][0] + seconds  # the remaining time before


@pytest.mark.parametrize(("age", "status"), [(9 * 60 + 30, 200), (10 * 60 + 1, 400)])
def test_a12_a_code_is_valid_for_ten_minutes(environment, users, anyone, age, status):
    client = users.client()
    code = environment.code_for(client.known["phone"])
    # Time spent so far counts, too: half a minute is left for that.
    assert 570 < _grow_older(environment, client, age) <= 600
    assert verify(anyone, client.known["phone"], code) == status


MANY_CODES = """
import json, random
from django.db import transaction
from accounts import services, tasks
from accounts.models import User, VerificationCode
from accounts.services.codes import request_code
from accounts import messages
delivered = []
messages.send_code = lambda channel, address, purpose, code, minutes: delivered.append(code)
user = User.objects.get(pk={user})
with transaction.atomic():
    for number in range(120):
        if number % 60 == 0:
            random.seed(1)
        request_code(actor=None, user=user, channel="phone", purpose="verify", address=user.phone_number)
        tasks.deliver_code.func(VerificationCode.objects.open().filter(user=user, purpose="verify").latest("pk").pk)
    transaction.set_rollback(True)
print(json.dumps(delivered))
"""


def test_a12_codes_cannot_be_predicted(environment, users):
    client = users.client()
    environment.code_for(client.known["phone"])
    codes = json.loads(environment.python(MANY_CODES.format(user=client.id)).splitlines()[-1])
    assert len(codes) == 120 and all(re.fullmatch(r"\d{6}", code) for code in codes)
    assert sum(one == other for one, other in zip(codes[:60], codes[60:], strict=True)) <= 1
    assert any(code.startswith("0") for code in codes)


def _guess(url, phone, headers_of):
    with httpx.Client() as caller:
        return [
            caller.post(f"{url}/api/auth/login/phone/", json={"phone_number": phone, "password": "wrong-password"}, headers=headers_of(number)).status_code
            for number in range(200)
        ]


def test_a18_two_hundred_forged_addresses_count_as_one_caller(environment, users):
    phone = users.client().known["phone"]

    def forged(number):
        place = f"9.9.{number}.9"
        return {"X-Forwarded-For": f"{place}, 8.8.8.{number}", "X-Real-IP": place, "Forwarded": f"for={place}"}

    assert Counter(_guess(environment.throttled_url, phone, forged)) == {401: 5, 429: 195}


def test_a18_behind_a_proxy_the_address_that_it_added_counts(users, proxied):
    phone, here, there = users.client().known["phone"], some_address(), some_address()

    def forged(number):
        return {"X-Forwarded-For": f"9.9.{number}.9, {here}", "X-Real-IP": f"9.9.{number}.9"}

    assert Counter(_guess(proxied, phone, forged)) == {401: 5, 429: 195}
    other = {"X-Forwarded-For": f"{here}, {there}"}
    right = {"phone_number": phone, "password": PASSWORD}
    assert httpx.post(f"{proxied}/api/auth/login/phone/", json=right, headers=other).status_code == 200
    assert httpx.post(f"{proxied}/api/auth/login/phone/", json=right, headers=forged(1)).status_code == 429


def test_a19_a_reset_is_notified_and_ends_fleet_tokens(environment, users, anyone):
    client, dispatcher = users.client(), users.dispatcher()
    phone, email = client.known["phone"], dispatcher.known["email"]
    for who, address, count in (({"phone_number": phone}, phone, 1), ({"email": email}, email, 1)):
        first = environment.code_for(address)
        if "email" in who:  # what belongs to a company is opened by a proven address alone
            assert anyone.post("/api/auth/verify-email/", {**who, "code": first}).status_code == 200
        anyone.post("/api/auth/password-reset/", who)
        code = environment.code_for(address, after=count)
        assert anyone.post("/api/auth/password-reset/confirm/", {**who, "code": code, **NEW}).status_code == 200
    wait_until(lambda: any("password of your account was changed" in text for text in texts(environment, phone)), seconds=15)
    wait_until(lambda: any("Your password was changed" in text for text in environment.messages(environment.mail, email)), seconds=15)
    assert dispatcher.get("/api/companies/").status_code == 401
    login = {"username": dispatcher.known["username"], "password": PASSWORD}
    assert anyone.post("/api/auth/login/", login).status_code == 401


def test_a24_the_old_phone_is_notified_of_a_change(environment, users, anyone):
    client = users.client()
    old, new = client.known["phone"], fresh_phone()
    code = environment.code_for(old)
    assert client.put("/api/profile/user/", {"phone_number": new}).status_code == 200
    wait_until(lambda: any("phone number of your account was changed" in text for text in texts(environment, old)), seconds=15)
    assert not texts(environment, new)
    assert [verify(anyone, phone, code) for phone in (old, new)] == [400, 400]


def test_a24_the_old_email_is_notified_of_a_change(environment, users, anyone):
    old, new = (f"a24.{random.randrange(10**9)}@example.com" for _ in range(2))
    client = users.client(email=old)
    code = environment.code_for(old)
    assert anyone.post("/api/auth/verify-email/", {"email": old, "code": code}).status_code == 200
    assert client.put("/api/profile/user/", {"email": new}).status_code == 200
    assert client.get("/api/profile/user/").json()["email_verified"] is False
    wait_until(lambda: any("e-mail address of your account was changed" in " ".join(text.split()) for text in environment.messages(environment.mail, old)), seconds=15)
    assert anyone.post("/api/auth/verify-email/", {"email": new, "code": code}).status_code == 400
    assert anyone.post("/api/auth/verify-email/", {"email": new, "code": environment.code_for(new)}).status_code == 200
    assert Caller(environment, header=client.header).get("/api/profile/user/").json()["email_verified"] is True


# --- Whose address it is -------------------------------------------------------------------------------------------------------
def _somebody(field):
    return fresh_phone() if field == "phone_number" else f"s{random.randrange(10**12)}@example.com"


FIELDS = {"phone_number": "email", "email": "phone_number"}
VERIFY = {"email": "/api/auth/verify-email/", "phone_number": "/api/auth/verify-phone/"}
LOGIN = {"email": "/api/auth/login/email/", "phone_number": "/api/auth/login/phone/"}


def _sent(environment, address):
    return len(environment.messages(environment.sms if address.startswith("+") else environment.mail, address))


@pytest.mark.parametrize("field", FIELDS)
def test_a19_an_attacker_who_prepared_an_account_loses_it_by_its_owners_reset(environment, users, anyone, field):
    """An attacker registers the victim's address with their own, proves that one and stays signed in."""
    other, victims, own = FIELDS[field], _somebody(field), _somebody(FIELDS[field])
    prepared = {field: victims, other: own, "name": "Somebody", "password": PASSWORD}
    attacker = Caller(environment, header=f"Bearer {anyone.post('/api/auth/register/', prepared).json()['access']}")
    assert anyone.post(VERIFY[other], {other: own, "code": environment.code_for(own)}).status_code == 200
    anyone.post("/api/auth/password-reset/", {other: own})
    kept = environment.code_for(own, after=1)
    sent_before = _sent(environment, own)
    environment.code_for(victims)
    with attacker.socket(f"/ws/assistance/{attacker.post('/api/assistance/request/', {'pickup': {'lat': 12, 'lng': 12}}).json()['assistance']['id']}/") as frames:
        frames.receive()
        anyone.post("/api/auth/password-reset/", {field: victims})
        reset = {field: victims, "code": environment.code_for(victims, after=1), **NEW}
        assert anyone.post("/api/auth/password-reset/confirm/", reset).status_code == 200
        assert frames.receive_close(4) == 4401
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
    signed_in = Caller(environment, header=f"Bearer {owner.json()['access']}")
    assert [row["status"] for row in signed_in.get("/api/assistance/view/").json()["results"]] == ["requested"]
    later_code = users.client().known["phone"]
    environment.code_for(later_code)
    assert _sent(environment, own) == sent_before


@pytest.mark.parametrize("field", FIELDS)
def test_a24_a_claim_is_confirmed_by_its_claimer_alone(environment, users, anyone, field):
    """What the holder receives and enters proves nothing for who claims; the holder's own code stays good."""
    address = _somebody(field)
    holder = users.client(**({"email": address} if field == "email" else {"phone_number": address}))
    holders = environment.code_for(address)
    claimer = users.client()
    for _ in range(2):
        assert claimer.put("/api/profile/user/", {field: address}).json()[f"pending_{field}"] == address
    claim = environment.code_for(address, after=1)
    said = environment.messages(environment.sms if field == "phone_number" else environment.mail, address)
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
def test_a24_the_owner_of_an_address_gets_it_by_a_claim(environment, users, field):
    address = _somebody(field)
    squatter = users.client(**({"email": address} if field == "email" else {"phone_number": address}))
    environment.code_for(address)
    owner = users.client()
    owner.put("/api/profile/user/", {field: address})
    assert owner.post(f"{VERIFY[field]}confirm/", {"code": environment.code_for(address, after=1)}).status_code == 200
    assert owner.get("/api/profile/user/").json()[field] == address
    assert squatter.get("/api/profile/user/").json()[field] is None


def test_a19_a_dispatchers_unproven_address_resets_no_password(environment, users, anyone):
    dispatcher = users.dispatcher()
    who = {"email": dispatcher.known["email"]}
    environment.code_for(who["email"])
    unknown = anyone.post("/api/auth/password-reset/", {"email": _somebody("email")})
    assert anyone.post("/api/auth/password-reset/", who).content == unknown.content
    later = users.client().known["phone"]
    environment.code_for(later)  # the worker has come by what was asked before
    assert _sent(environment, who["email"]) == 1


# --- Tries -------------------------------------------------------------------------------------------------------------------
def _tries(url, phone, code, places):
    with httpx.Client() as caller:
        body = {"phone_number": phone, "code": code}
        return [caller.post(f"{url}/api/auth/verify-phone/", json=body, headers={"X-Forwarded-For": place}).status_code for place in places]


def test_a08_guesses_of_one_caller_leave_another_their_tries(environment, users):
    """Five wrong tries a caller, twenty in all; `THROTTLING=off` ends neither."""
    behind = environment.start_server(NUM_PROXIES="1", TASK_WORKER="off")
    phone = users.client().known["phone"]
    code = environment.code_for(phone)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    places = ["9.9.9.1"] * 8 + ["9.9.9.2"] * 5 + ["9.9.9.3"] * 5
    assert _tries(behind, phone, wrong, places) == [400] * 18
    assert environment.rows("SELECT tries FROM accounts_verificationcode v JOIN accounts_user u ON u.id = v.user_id WHERE u.phone_number = %s", [phone]) == [(15,)]
    assert _tries(behind, phone, code, ["9.9.9.1", "9.9.9.3", "9.9.9.4"]) == [400, 400, 200]


def test_a08_twenty_wrong_tries_from_anywhere_end_a_code(environment, users, anyone):
    behind = environment.start_server(NUM_PROXIES="1", TASK_WORKER="off")
    phone = users.client().known["phone"]
    code = environment.code_for(phone)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    with httpx.Client() as _:
        assert set(_tries(behind, phone, wrong, [f"9.9.8.{number // 4}" for number in range(30)])) == {400}
    assert environment.rows("SELECT tries FROM accounts_verificationcode v JOIN accounts_user u ON u.id = v.user_id WHERE u.phone_number = %s", [phone]) == [(20,)]
    assert _tries(behind, phone, code, ["9.9.7.1"]) == [400]
    anyone.post(RESEND, {"phone_number": phone})
    assert _tries(behind, phone, environment.code_for(phone, after=1), ["9.9.8.0"]) == [200]


@pytest.mark.parametrize("spelling", ["{a}-{b}", "{a} {b}", "\u200f{a}{b}\u200e", "arabic", "\u2066{a}\u2011{b}\u2069", "full"])
def test_a12_codes_are_read_as_people_type_them(environment, users, anyone, spelling):
    phone = users.client().known["phone"]
    code = environment.code_for(phone)
    base = {"arabic": 0x660, "full": 0xFF10}.get(spelling)
    typed = "".join(chr(base + int(digit)) for digit in code) if base else spelling.format(a=code[:3], b=code[3:])
    assert verify(anyone, phone, typed) == 200
