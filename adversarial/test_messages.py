"""A13 and beyond: nobody has strangers flooded, or has an owner shut out, by whatever asks for mails and SMS; without Redis too."""

import random
import re
from collections import Counter

import httpx
import pytest

from adversarial.actors import PASSWORD, Actor, at_once, fleet_of, fresh_phone, new_trip
from adversarial.stage import free_port, wait_until

RESEND, RESET, REGISTER = "/api/auth/resend-verification/", "/api/auth/password-reset/", "/api/auth/register/"
TASKS = "django_tasks_database_dbtaskresult"
PREMIUM = ("+33899123456", "+338991234567", "+870773111632", "+881612345678", "+8821234567890", "+88312345678", "+979123456789", "+33810123456")


@pytest.fixture(scope="module")
def limited(stage):
    """A server with limits whose Redis is away, behind one trusted proxy, which says where each caller of a test sits."""
    return stage.start(THROTTLING="on", NUM_PROXIES="1", TASK_WORKER="off", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")


def some_address():
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"


def post(url, path, body, address, header=""):
    headers = {"X-Forwarded-For": address, **({"Authorization": header} if header else {})}
    return httpx.post(url + path, json=body, headers=headers, timeout=30)


def budgeted(stage, since):
    """Return how many messages of each kind the budget has let through since a row."""
    rows = stage.rows("SELECT kind, count(*) FROM depannini_dashmap_budgetedmessage WHERE id > %s GROUP BY kind", [since])
    return dict(rows)


def newest(stage):
    return stage.rows("SELECT coalesce(max(id), 0) FROM depannini_dashmap_budgetedmessage")[0][0]


def drained(stage):
    """Wait until the worker has sent all that is due."""
    # What is due at once has a date that never comes.
    due = "status = 'READY' AND (run_after <= now() OR run_after > now() + interval '1 year')"
    waiting = f"SELECT count(*) FROM {TASKS} WHERE status = 'RUNNING' OR ({due})"
    wait_until(lambda: stage.rows(waiting) == [(0,)], 60)


def texts_to(stage, phone):
    drained(stage)
    return stage.messages(stage.sms, f"To: {phone}\n")


def registration(phone, **fields):
    return {"phone_number": phone, "name": "Somebody", "password": PASSWORD, **fields}


def test_a_flood_of_registrations_from_one_network(stage, limited):
    """175 in three minutes once sent 225 SMS."""
    here, since = some_address(), newest(stage)
    phones = [fresh_phone() for _ in range(59)]
    answers = [post(limited, REGISTER, registration(phone, email=f"flood.{phone[1:]}@example.com"), here) for phone in phones]
    assert Counter(answer.status_code for answer in answers) == {201: 59}
    assert len({tuple(sorted(answer.json())) for answer in answers}) == 1, "nobody is told that no code was sent"
    assert budgeted(stage, since) == {"code": 60}
    assert post(limited, RESEND, {"phone_number": phones[-1]}, here).status_code == 429
    elsewhere = post(limited, RESEND, {"phone_number": phones[-1]}, some_address())
    assert elsewhere.status_code == 200
    assert len(texts_to(stage, phones[-1])) == 1


def test_one_customers_ipv6_addresses_are_one_network(stage, limited):
    since, prefix = newest(stage), f"2001:db8:{random.randrange(65536):x}:{random.randrange(65536):x}"
    statuses = [post(limited, RESET, {"phone_number": fresh_phone()}, f"[{prefix}:{number:x}::1]:4000").status_code for number in range(70)]
    assert Counter(statuses) == {200: 60, 429: 10}
    assert budgeted(stage, since) == {"code": 60}


def test_profile_changes_flood_no_stranger(stage, cast, limited):
    """120 in six seconds once sent 125 SMS to two strangers."""
    client, here, strangers = cast.client(), some_address(), [fresh_phone(), fresh_phone()]
    drained(stage)
    for number in range(60):
        answer = httpx.put(
            f"{limited}/api/profile/user/",
            json={"phone_number": strangers[number % 2]},
            headers={"Authorization": client.header, "X-Forwarded-For": here if number % 3 else some_address()},
            timeout=30,
        )
        assert answer.status_code == 200
    assert all(1 <= len(texts_to(stage, phone)) <= 3 for phone in strangers)


def test_one_address_asked_for_from_everywhere(stage, cast, limited):
    """Sixteen callers at the same instant, and then the rest: ten an hour in all, three for each."""
    phone, since = cast.client().known["phone"], newest(stage)
    callers = [some_address() for _ in range(16)]
    jobs = [lambda address=address: post(limited, RESET, {"phone_number": phone}, address) for address in callers]
    answers = at_once(jobs) + [job() for job in jobs]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert budgeted(stage, since) == {"code": 10}
    assert len(texts_to(stage, phone)) <= 11  # with the one of the registration


def test_a_stranger_leaves_the_owner_their_codes(stage, cast, limited):
    """After four resets asked for by a stranger the owner's own once sent nothing."""
    phone, stranger, owner = cast.client().known["phone"], some_address(), some_address()
    for _ in range(12):
        assert post(limited, RESET, {"phone_number": phone}, stranger).status_code == 200
        drained(stage)
    before = len(texts_to(stage, phone))
    assert before <= 4
    post(limited, RESET, {"phone_number": phone}, owner)
    wait_until(lambda: len(texts_to(stage, phone)) == before + 1, 15)


def test_an_owner_at_home_is_not_shut_out_by_a_hundred(stage, cast, anyone, limited):
    client, home = cast.client(), some_address()
    phone = client.known["phone"]
    assert anyone.post("/api/auth/verify-phone/", {"phone_number": phone, "code": stage.code_for(phone)}).status_code == 200
    assert post(limited, "/api/auth/login/phone/", {"phone_number": phone, "password": PASSWORD}, home).status_code == 200
    for _ in range(30):
        post(limited, RESET, {"phone_number": phone}, some_address())
    before = len(texts_to(stage, phone))
    post(limited, RESET, {"phone_number": phone}, home)
    wait_until(lambda: len(texts_to(stage, phone)) == before + 1, 15)


def test_a_thief_cannot_keep_the_owner_from_being_told(stage, cast, anyone, limited):
    """Every limit is used up first, then the number is changed."""
    client, here = cast.client(), some_address()
    phone = client.known["phone"]
    assert anyone.post("/api/auth/verify-phone/", {"phone_number": phone, "code": stage.code_for(phone)}).status_code == 200

    def change(**fields):
        headers = {"Authorization": client.header, "X-Forwarded-For": here}
        return httpx.put(f"{limited}/api/profile/user/", json=fields, headers=headers, timeout=30).status_code

    for number in range(25):
        assert change(email=f"thief.{random.randrange(10**9)}.{number}@example.com") == 200
    for _ in range(65):
        post(limited, RESET, {"phone_number": fresh_phone()}, here)
    for _ in range(12):
        post(limited, RESET, {"phone_number": phone}, some_address())
    assert change(phone_number=fresh_phone()) == 200
    assert any("phone number of your account was changed" in text for text in texts_to(stage, phone))


def test_numbers_that_cost_get_nothing(stage, limited):
    for phone in PREMIUM:
        here, tail = some_address(), f"{random.randrange(100):02d}"
        number = phone[:-2] + tail
        answer = post(limited, REGISTER, registration(number), here)
        assert answer.status_code in (201, 400), answer.text  # a number of an earlier run is taken
        assert post(limited, RESET, {"phone_number": number}, here).status_code == 200
        assert texts_to(stage, number) == []


def test_a_company_mails_nobody_to_death(stage, cast, limited):
    """Forty of forty mails, with text and links of the sender's choosing."""
    dispatcher, here = cast.dispatcher(), some_address()
    vehicle, since = fleet_of(dispatcher)["vehicle"], newest(stage)
    lure = "Pay at https://evil.example/pay or call +33 899 12 34 56"
    trips = [new_trip(dispatcher, vehicle, name=f"{number} {lure}", notes=f"{lure}\n{lure}") for number in range(66)]
    answers = [post(limited, f"/api/trips/{trip}/notify-driver/", {}, here, dispatcher.header) for trip in trips]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429] * 6
    assert all(0 < int(answer.headers["Retry-After"]) <= 3600 for answer in answers[60:])
    assert budgeted(stage, since) == {"driver": 60}
    mails = stage.messages(stage.mail, f"<trip-{trips[0]}-")
    assert len(mails) == 1
    assert not re.search(r"evil\.example|https://evil|99 12 34 56", mails[0])


def test_sixty_drivers_an_hour_also_at_once(stage, cast, limited):
    dispatcher, since = cast.dispatcher(), newest(stage)
    vehicle = fleet_of(dispatcher)["vehicle"]
    stage.rows(
        "INSERT INTO depannini_dashmap_budgetedmessage (kind, address_key, network_key, company_id, at)"
        " SELECT 'driver', '', '', %s, now() FROM generate_series(1, 56)",
        [dispatcher.known["company"]],
    )
    trips = [new_trip(dispatcher, vehicle, name=f"Trip {number}") for number in range(12)]
    jobs = [lambda trip=trip: post(limited, f"/api/trips/{trip}/notify-driver/", {}, some_address(), dispatcher.header) for trip in trips]
    assert Counter(answer.status_code for answer in at_once(jobs)) == {200: 4, 429: 8}
    assert budgeted(stage, since) == {"driver": 60}


def test_invitations_are_no_way_around(stage, cast, limited):
    dispatchers, victim = [cast.dispatcher() for _ in range(5)], f"victim.{random.randrange(10**9)}@example.com"
    for dispatcher in dispatchers:
        path = f"/api/companies/{dispatcher.known['company']}/"
        for _ in range(4):
            answer = post(limited, f"{path}members/", {"email": victim}, some_address(), dispatcher.header)
            assert answer.status_code == 202, answer.text
            taken = answer.json()["invitation"]["id"]
            assert httpx.delete(f"{limited}{path}invitations/{taken}/", headers={"Authorization": dispatcher.header}).status_code == 204
    drained(stage)
    assert len(stage.messages(stage.mail, victim)) <= 10


def test_failures_are_counted_without_redis_too(stage, cast, limited):
    """A hundred wrong tries of one network in a quarter of an hour, whatever they are tries of."""
    here, client = some_address(), cast.client()
    for number in range(100):
        body = {"phone_number": f"+2137700{number:05d}", "password": "wrong-password"}
        assert post(limited, "/api/auth/login/phone/", body, here).status_code == 401
    right = {"phone_number": client.known["phone"], "password": PASSWORD}
    assert post(limited, "/api/auth/login/phone/", right, here).status_code == 429
    assert post(limited, "/api/auth/login/phone/", right, some_address()).status_code == 200


def test_guesses_from_everywhere_are_told_to_the_owner_once(stage, cast, limited):
    phone = cast.client().known["phone"]
    for _ in range(25):
        post(limited, "/api/auth/login/phone/", {"phone_number": phone, "password": "wrong-password"}, some_address())
    assert sum("wrong passwords" in text for text in texts_to(stage, phone)) == 1


def test_metrics_count_what_was_refused(stage, cast):
    url = stage.start(THROTTLING="on", TASK_WORKER="off", METRICS_TOKEN="a-token-of-thirty-two-characters-1")
    phone = cast.client().known["phone"]
    for _ in range(6):
        httpx.post(url + RESET, json={"phone_number": phone})
    httpx.post(url + RESET, json={"phone_number": "+33899123456"})
    text = httpx.get(f"{url}/metrics", headers={"Authorization": "Bearer a-token-of-thirty-two-characters-1"}).text
    assert 'dashmap_messages_refused_total{kind="code",reason="caller"} 3.0' in text
    assert 'dashmap_messages_refused_total{kind="code",reason="premium"} 1.0' in text
    assert phone not in text
    assert Actor(stage).get("/healthz", server=0).status_code == 200
