"""A13 and beyond: nobody can flood strangers or shut out an owner through requests that send mails and SMS; without Redis too."""

import random
import re
from collections import Counter

import httpx
import pytest

from testing.concurrency import at_once
from testing.ports import free_port
from testing.samples import fleet_of, new_trip
from testing.users import PASSWORD, Caller, fresh_phone
from testing.waiting import wait_until

RESEND, RESET, REGISTER = "/api/auth/resend-verification/", "/api/auth/password-reset/", "/api/auth/register/"
TASKS = "django_tasks_database_dbtaskresult"
PREMIUM = ("+33899123456", "+338991234567", "+870773111632", "+881612345678", "+8821234567890", "+88312345678", "+979123456789", "+33810123456")


@pytest.fixture(scope="module")
def limited(environment):
    """A server with limits whose Redis is away, behind one trusted proxy, which says where each caller of a test sits."""
    return environment.start_server(THROTTLING="on", NUM_PROXIES="1", TASK_WORKER="off", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")


def some_address():
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"


def post(url, path, body, address, header=""):
    headers = {"X-Forwarded-For": address, **({"Authorization": header} if header else {})}
    return httpx.post(url + path, json=body, headers=headers, timeout=30)


def budgeted(environment, since):
    """Return how many messages of each kind the budget has let through since a row."""
    rows = environment.rows("SELECT kind, count(*) FROM depannini_dashmap_budgetedmessage WHERE id > %s GROUP BY kind", [since])
    return dict(rows)


def newest(environment):
    return environment.rows("SELECT coalesce(max(id), 0) FROM depannini_dashmap_budgetedmessage")[0][0]


def drained(environment):
    """Wait until the worker has sent all that is due."""
    # Tasks without a run_after have the greatest date.
    due = "status = 'READY' AND (run_after <= now() OR run_after > now() + interval '1 year')"
    waiting = f"SELECT count(*) FROM {TASKS} WHERE status = 'RUNNING' OR ({due})"
    wait_until(lambda: environment.rows(waiting) == [(0,)], seconds=60)


def texts_to(environment, phone):
    drained(environment)
    return environment.messages(environment.sms, f"To: {phone}\n")


def registration(phone, **fields):
    return {"phone_number": phone, "name": "Somebody", "password": PASSWORD, **fields}


def test_a_flood_of_registrations_from_one_network_is_limited(environment, limited):
    """175 in three minutes once sent 225 SMS."""
    here, since = some_address(), newest(environment)
    phones = [fresh_phone() for _ in range(59)]
    answers = [post(limited, REGISTER, registration(phone, email=f"flood.{phone[1:]}@example.com"), here) for phone in phones]
    assert Counter(answer.status_code for answer in answers) == {201: 59}
    assert len({tuple(sorted(answer.json())) for answer in answers}) == 1, "the answer does not reveal that no code was sent"
    assert budgeted(environment, since) == {"code": 60}
    assert post(limited, RESEND, {"phone_number": phones[-1]}, here).status_code == 429
    elsewhere = post(limited, RESEND, {"phone_number": phones[-1]}, some_address())
    assert elsewhere.status_code == 200
    assert len(texts_to(environment, phones[-1])) == 1


def test_one_customers_ipv6_addresses_are_one_network(environment, limited):
    since, prefix = newest(environment), f"2001:db8:{random.randrange(65536):x}:{random.randrange(65536):x}"
    statuses = [post(limited, RESET, {"phone_number": fresh_phone()}, f"[{prefix}:{number:x}::1]:4000").status_code for number in range(70)]
    assert Counter(statuses) == {200: 60, 429: 10}
    assert budgeted(environment, since) == {"code": 60}


def test_profile_changes_flood_no_stranger(environment, users, limited):
    """120 in six seconds once sent 125 SMS to two strangers."""
    client, here, strangers = users.client(), some_address(), [fresh_phone(), fresh_phone()]
    drained(environment)
    for number in range(60):
        answer = httpx.put(
            f"{limited}/api/profile/user/",
            json={"phone_number": strangers[number % 2]},
            headers={"Authorization": client.header, "X-Forwarded-For": here if number % 3 else some_address()},
            timeout=30,
        )
        assert answer.status_code == 200
    assert all(1 <= len(texts_to(environment, phone)) <= 3 for phone in strangers)


def test_codes_to_one_address_are_limited_for_all_callers_together(environment, users, limited):
    """Sixteen callers at the same instant, and then the rest: ten an hour in all, three for each."""
    phone, since = users.client().known["phone"], newest(environment)
    callers = [some_address() for _ in range(16)]
    jobs = [lambda address=address: post(limited, RESET, {"phone_number": phone}, address) for address in callers]
    answers = at_once(jobs) + [job() for job in jobs]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert budgeted(environment, since) == {"code": 10}
    assert len(texts_to(environment, phone)) <= 11  # with the one of the registration


def test_a_stranger_leaves_the_owner_their_codes(environment, users, limited):
    """After four resets asked for by a stranger the owner's own once sent nothing."""
    phone, stranger, owner = users.client().known["phone"], some_address(), some_address()
    for _ in range(12):
        assert post(limited, RESET, {"phone_number": phone}, stranger).status_code == 200
        drained(environment)
    before = len(texts_to(environment, phone))
    assert before <= 4
    post(limited, RESET, {"phone_number": phone}, owner)
    wait_until(lambda: len(texts_to(environment, phone)) == before + 1, seconds=15)


def test_an_owner_at_home_signs_in_while_a_hundred_others_guess(environment, users, anyone, limited):
    client, home = users.client(), some_address()
    phone = client.known["phone"]
    assert anyone.post("/api/auth/verify-phone/", {"phone_number": phone, "code": environment.code_for(phone)}).status_code == 200
    assert post(limited, "/api/auth/login/phone/", {"phone_number": phone, "password": PASSWORD}, home).status_code == 200
    for _ in range(30):
        post(limited, RESET, {"phone_number": phone}, some_address())
    before = len(texts_to(environment, phone))
    post(limited, RESET, {"phone_number": phone}, home)
    wait_until(lambda: len(texts_to(environment, phone)) == before + 1, seconds=15)


def test_a_thief_cannot_prevent_the_notice_to_the_owner(environment, users, anyone, limited):
    """Every limit is used up first, then the number is changed."""
    client, here = users.client(), some_address()
    phone = client.known["phone"]
    assert anyone.post("/api/auth/verify-phone/", {"phone_number": phone, "code": environment.code_for(phone)}).status_code == 200

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
    assert any("phone number of your account was changed" in text for text in texts_to(environment, phone))


def test_premium_numbers_get_no_message(environment, limited):
    for phone in PREMIUM:
        here, tail = some_address(), f"{random.randrange(100):02d}"
        number = phone[:-2] + tail
        answer = post(limited, REGISTER, registration(number), here)
        assert answer.status_code in (201, 400), answer.text  # a number of an earlier run is taken
        assert post(limited, RESET, {"phone_number": number}, here).status_code == 200
        assert texts_to(environment, number) == []


def test_mails_of_a_company_to_one_address_are_limited(environment, users, limited):
    """Forty of forty mails, with text and links of the sender's choosing."""
    dispatcher, here = users.dispatcher(), some_address()
    vehicle, since = fleet_of(dispatcher)["vehicle"], newest(environment)
    lure = "Pay at https://evil.example/pay or call +33 899 12 34 56"
    trips = [new_trip(dispatcher, vehicle, name=f"{number} {lure}", notes=f"{lure}\n{lure}") for number in range(66)]
    answers = [post(limited, f"/api/trips/{trip}/notify-driver/", {}, here, dispatcher.header) for trip in trips]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429] * 6
    assert all(0 < int(answer.headers["Retry-After"]) <= 3600 for answer in answers[60:])
    assert budgeted(environment, since) == {"driver": 60}
    mails = environment.messages(environment.mail, f"<trip-{trips[0]}-")
    assert len(mails) == 1
    assert not re.search(r"evil\.example|https://evil|99 12 34 56", mails[0])


def test_a_company_mails_sixty_drivers_an_hour_also_at_once(environment, users, limited):
    dispatcher, since = users.dispatcher(), newest(environment)
    vehicle = fleet_of(dispatcher)["vehicle"]
    environment.rows(
        "INSERT INTO depannini_dashmap_budgetedmessage (kind, address_key, network_key, company_id, at)"
        " SELECT 'driver', '', '', %s, now() FROM generate_series(1, 56)",
        [dispatcher.known["company"]],
    )
    trips = [new_trip(dispatcher, vehicle, name=f"Trip {number}") for number in range(12)]
    jobs = [lambda trip=trip: post(limited, f"/api/trips/{trip}/notify-driver/", {}, some_address(), dispatcher.header) for trip in trips]
    assert Counter(answer.status_code for answer in at_once(jobs)) == {200: 4, 429: 8}
    assert budgeted(environment, since) == {"driver": 60}


def test_invitations_count_against_the_same_limits(environment, users, limited):
    dispatchers, victim = [users.dispatcher() for _ in range(5)], f"victim.{random.randrange(10**9)}@example.com"
    for dispatcher in dispatchers:
        path = f"/api/companies/{dispatcher.known['company']}/"
        for _ in range(4):
            answer = post(limited, f"{path}members/", {"email": victim}, some_address(), dispatcher.header)
            assert answer.status_code == 202, answer.text
            taken = answer.json()["invitation"]["id"]
            assert httpx.delete(f"{limited}{path}invitations/{taken}/", headers={"Authorization": dispatcher.header}).status_code == 204
    drained(environment)
    assert len(environment.messages(environment.mail, victim)) <= 10


def test_failures_are_counted_without_redis_too(environment, users, limited):
    """A hundred wrong tries of one network in a quarter of an hour, of any kind."""
    here, client = some_address(), users.client()
    for number in range(100):
        body = {"phone_number": f"+2137700{number:05d}", "password": "wrong-password"}
        assert post(limited, "/api/auth/login/phone/", body, here).status_code == 401
    right = {"phone_number": client.known["phone"], "password": PASSWORD}
    assert post(limited, "/api/auth/login/phone/", right, here).status_code == 429
    assert post(limited, "/api/auth/login/phone/", right, some_address()).status_code == 200


def test_guesses_from_everywhere_are_reported_to_the_owner_once(environment, users, limited):
    phone = users.client().known["phone"]
    for _ in range(25):
        post(limited, "/api/auth/login/phone/", {"phone_number": phone, "password": "wrong-password"}, some_address())
    assert sum("wrong passwords" in text for text in texts_to(environment, phone)) == 1


def test_metrics_count_refused_messages(environment, users):
    url = environment.start_server(THROTTLING="on", TASK_WORKER="off", METRICS_TOKEN="a-token-of-thirty-two-characters-1")
    phone = users.client().known["phone"]
    for _ in range(6):
        httpx.post(url + RESET, json={"phone_number": phone})
    httpx.post(url + RESET, json={"phone_number": "+33899123456"})
    text = httpx.get(f"{url}/metrics", headers={"Authorization": "Bearer a-token-of-thirty-two-characters-1"}).text
    assert 'dashmap_messages_refused_total{kind="code",reason="caller"} 3.0' in text
    assert 'dashmap_messages_refused_total{kind="code",reason="premium"} 1.0' in text
    assert phone not in text
    assert Caller(environment).get("/healthz", server=0).status_code == 200
