"""What messages may cost: who gets how many, for whom it counts, and who learns of it."""

import threading
from collections import Counter

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from accounts.google import GoogleIdentity
from accounts.limits import message_budget
from accounts.models import User
from accounts.services import set_password, set_password_by_operator, sign_in_with_google
from depannini_dashmap.lib.errors import TooManyRequests
from depannini_dashmap.lib.ops import request_context
from depannini_dashmap.lib.outbound.sms_destinations import barred_because
from depannini_dashmap.models import AuditEvent, BudgetedMessage

pytestmark = pytest.mark.django_db
REGISTER, RESET = "/api/auth/register/", "/api/auth/password-reset/"
RESEND, PROFILE = "/api/auth/resend-verification/", "/api/profile/user/"
STRANGER = "+213555987654"


@pytest.fixture(autouse=True)
def throttled(settings, time_machine):
    settings.THROTTLING_ENABLED = True
    time_machine.move_to(timezone.now(), tick=False)
    return settings


@pytest.fixture
def ask(api, run_tasks):
    """Ask so many times from one of many networks, each code being sent at once, and return the statuses."""

    def ask_from(phone, number=1, *, host=0):
        place, statuses = network(host), []
        for _ in range(number):
            statuses.append(api().post(RESET, {"phone_number": phone}, REMOTE_ADDR=place).status_code)
            run_tasks()
        return statuses

    return ask_from


@pytest.fixture
def change(api, run_tasks):
    """Change one's own profile, what it causes being sent at once, and return the status."""

    def change_profile(user, **changes):
        status = api(user).put(PROFILE, changes).status_code
        run_tasks()
        return status

    return change_profile


def network(host):
    return f"198.51.{host // 250}.{host % 250 + 1}"


def register(api, phone, **more):
    fields = {"phone_number": phone, "name": "Somebody New", "password": "a-good-horse-77"}
    host = more.pop("host", "203.0.113.9")
    return api().post(REGISTER, {**fields, **more}, REMOTE_ADDR=host)


def prove(user, channel="phone"):
    User.objects.filter(pk=user.pk).update(**{f"{channel}_verified": True})


def sign_in(api, user, password, host):
    place = network(host)
    body = {"phone_number": user.phone_number, "password": password}
    assert api().post("/api/auth/login/phone/", body, REMOTE_ADDR=place).status_code == 200


# --- By address and caller ---------------------------------------------------------------------------------------------------
def test_three_codes_an_hour_for_one_caller_and_one_address(ask, client_user, messages, time_machine):
    assert ask(client_user.phone_number, 6) == [200] * 6
    assert len(messages(client_user.phone_number)) == 3
    ask(client_user.phone_number, host=1)
    assert len(messages(client_user.phone_number)) == 4, "another caller is another caller"
    time_machine.shift(3601)
    ask(client_user.phone_number, 4)
    assert len(messages(client_user.phone_number)) == 7


def test_ten_an_hour_and_twenty_a_day_for_one_address(ask, client_user, messages, time_machine):
    sent = []
    for hour in range(4):
        for host in range(12):
            ask(client_user.phone_number, host=100 * hour + host)
        sent.append(len(messages(client_user.phone_number)))
        time_machine.shift(3601)
    assert sent == [10, 20, 20, 20]
    time_machine.shift(86400)
    ask(client_user.phone_number)
    assert len(messages(client_user.phone_number)) == 21


def test_windows_slide(ask, client_user, messages, time_machine):
    """Neither the full hour nor midnight resets a budget used a minute ago."""
    time_machine.move_to(timezone.now().replace(hour=23, minute=59, second=50), tick=False)
    ask(client_user.phone_number, 3)
    time_machine.shift(20)
    ask(client_user.phone_number, 3)
    assert len(messages(client_user.phone_number)) == 3


def test_four_strangers_do_not_shut_an_owner_out_for_long(ask, client_user, messages, time_machine):
    """Nobody can know the owner, who sits at a new address; the strangers go on all day."""
    for _ in range(8):
        for host in range(4):
            ask(client_user.phone_number, 3, host=host)
        time_machine.shift(3601)
    before = len(messages(client_user.phone_number))
    assert before <= 16
    ask(client_user.phone_number, 3, host=50)
    assert len(messages(client_user.phone_number)) == before + 3


def test_an_operator_frees_a_number_whose_day_is_used_up_and_nobody_elses(ask, client_user, assistant_user, messages, time_machine, capsys):
    """The networks that asked do not get anew what they have used up of their own."""
    for hour in range(2):
        for host in range(10):
            ask(client_user.phone_number, host=100 * hour + host)
        time_machine.shift(3601)
    for host in range(20):
        ask(assistant_user.phone_number, host=300 + host)
    ask(client_user.phone_number, host=500)
    assert (len(messages(client_user.phone_number)), len(messages(assistant_user.phone_number))) == (20, 10)
    before = BudgetedMessage.objects.exclude(network_key="").count()
    call_command("free_address", "0" + client_user.phone_number.removeprefix("+213"))
    assert capsys.readouterr().out == f"{client_user.phone_number} had 20 messages in the last 24 hours; its hour and day begin anew.\n"
    assert BudgetedMessage.objects.exclude(network_key="").count() == before
    ask(client_user.phone_number, host=500)
    ask(assistant_user.phone_number, host=500)
    assert (len(messages(client_user.phone_number)), len(messages(assistant_user.phone_number))) == (21, 10)
    event = AuditEvent.objects.get(event="address_freed")
    assert (event.target_id, event.detail) == (str(client_user.pk), {"channel": "phone", "messages": 20})


@pytest.mark.parametrize("typed", ["", "@", "12", "nobody"])
def test_only_an_address_is_freed(typed):
    with pytest.raises(CommandError):
        call_command("free_address", typed)


def test_an_owner_at_home_is_counted_by_their_own_wishes(ask, api, client_user, messages, password):
    prove(client_user)
    sign_in(api, client_user, password, 77)
    for host in range(12):
        ask(client_user.phone_number, host=host)
    assert len(messages(client_user.phone_number)) == 10
    ask(client_user.phone_number, 4, host=77)
    assert len(messages(client_user.phone_number)) == 13


def test_an_owner_is_at_home_where_they_signed_in_to_the_console(ask, client, dispatcher, messages, password):
    dispatcher.phone_number = STRANGER
    dispatcher.save()
    prove(dispatcher)
    form = {"username": dispatcher.username, "password": password}
    assert client.post("/admin/login/", form, REMOTE_ADDR=network(77)).status_code == 302
    for host in range(12):
        ask(STRANGER, host=host)
    ask(STRANGER, 3, host=77)
    assert len(messages(STRANGER)) == 13


def test_an_owner_is_at_home_where_they_signed_in_with_google(ask, client_user, messages):
    prove(client_user)
    User.objects.filter(pk=client_user.pk).update(google_sub="amina")
    before = request_context.current()
    request_context.enter(request_context.RequestContext("r1", network(77)))
    sign_in_with_google(actor=None, identity=GoogleIdentity("amina", "amina@example.com", "Amina"))
    request_context.enter(before)
    for host in range(12):
        ask(client_user.phone_number, host=host)
    ask(client_user.phone_number, 3, host=77)
    assert len(messages(client_user.phone_number)) == 13


@pytest.mark.parametrize("by_operator", [False, True])
def test_a_new_password_makes_strangers_of_those_who_signed_in_with_the_old_one(
    ask, api, client_user, messages, password, staff_user, by_operator
):
    prove(client_user)
    sign_in(api, client_user, password, 77)
    if by_operator:
        set_password_by_operator(actor=staff_user, user=client_user, password="tow-me-home-42")
    else:
        set_password(actor=client_user, user=client_user, password="tow-me-home-42")
    for host in range(12):
        ask(client_user.phone_number, host=host)
    ask(client_user.phone_number, 3, host=77)
    assert len(messages(client_user.phone_number)) == 10  # the notice of the change is one


def test_an_unproven_address_has_no_owner_to_recognise(ask, api, client_user, messages, password):
    """Who wrote a stranger's number down and signs in with it gains nothing."""
    sign_in(api, client_user, password, 77)
    for host in range(12):
        ask(client_user.phone_number, host=host)
    ask(client_user.phone_number, 3, host=77)
    assert len(messages(client_user.phone_number)) == 10


def test_a_claim_of_an_address_does_not_make_its_owner(ask, change, client_user, other_client, messages):
    """The claimer has proven another address, which proves nothing about the claimed one."""
    prove(other_client)
    for host in range(10):
        ask(client_user.phone_number, host=host)
    assert len(messages(client_user.phone_number)) == 10
    assert change(other_client, phone_number=client_user.phone_number) == 200
    assert len(messages(client_user.phone_number)) == 10


def test_known_and_unknown_addresses_count_alike(ask, client_user):
    for phone in (client_user.phone_number, STRANGER):
        ask(phone, 5)
    counted = apps.get_model("depannini_dashmap", "BudgetedMessage").objects.values_list("address_key")
    assert sorted(Counter(counted).values()) == [3, 3]


# --- By network ---------------------------------------------------------------------------------------------------------------
def test_sixty_codes_an_hour_from_one_network(ask, api, messages, throttled):
    answers = [ask(f"+2135559{number:05d}")[0] for number in range(62)]
    assert answers == [200] * 60 + [429] * 2
    refused = api().post(RESET, {"phone_number": STRANGER}, REMOTE_ADDR="198.51.0.1")
    assert 0 < int(refused["Retry-After"]) <= 3600
    assert ask(STRANGER, host=1) == [200]


def test_registrations_count_and_are_answered_201_without_a_code(api, messages, throttled, time_machine):
    throttled.CODES_PER_NETWORK = 10
    phones = [f"+2135558{number:05d}" for number in range(12)]
    assert {register(api, phone, email=f"r{phone[1:]}@example.com").status_code for phone in phones} == {201}
    assert sum(len(messages(phone)) + len(messages(f"r{phone[1:]}@example.com")) for phone in phones) == 10
    late = {"phone_number": phones[-1]}
    assert api().post(RESEND, late, REMOTE_ADDR="203.0.113.9").status_code == 429
    assert api().post(RESEND, late, REMOTE_ADDR="203.0.113.10").status_code == 200
    assert len(messages(phones[-1])) == 1


def test_an_ipv6_customer_is_one_network(api, throttled):
    throttled.CODES_PER_NETWORK = 10

    def from_v6(address, number):
        return api().post(RESET, {"phone_number": f"+2135557{number:05d}"}, REMOTE_ADDR=address).status_code

    assert [from_v6(f"2001:db8:1:2::{number:x}", number) for number in range(12)] == [200] * 10 + [429] * 2
    assert from_v6("2001:db8:1:3::1", 50) == 200
    assert from_v6("::ffff:198.51.100.1", 51) == 200


# --- By account ---------------------------------------------------------------------------------------------------------------
def test_changing_a_profile_again_and_again_sends_no_flood(change, client_user, messages):
    """Two strangers' numbers in turn: once 125 SMS in six seconds."""
    strangers = ("+213555870001", "+213555870002")
    old = client_user.phone_number
    statuses = {change(client_user, phone_number=strangers[number % 2]) for number in range(120)}
    assert statuses == {200}
    assert [len(messages(phone)) for phone in strangers] == [3, 3]
    assert len(messages(old)) == 1


def test_twenty_a_day_for_the_account_that_asks(change, client_user, messages):
    phones = [f"+2135556{number:05d}" for number in range(40)]
    for phone in phones:
        assert change(client_user, phone_number=phone) == 200
    assert sum(len(messages(phone)) for phone in phones) + len(messages("+213555000001")) == 20


@pytest.mark.parametrize("was_flooded_by", ["strangers", "the thief"])
def test_nobody_can_keep_an_owner_from_being_notified(ask, change, client_user, messages, was_flooded_by):
    """A thief with a stolen session uses every limit up first, and then takes the address away."""
    prove(client_user)
    old = client_user.phone_number
    if was_flooded_by == "strangers":
        for host in range(12):
            ask(old, host=host)
    else:
        for number in range(30):
            change(client_user, email=f"thief{number}@example.com")
        ask(old, 4)
    assert change(client_user, phone_number=STRANGER) == 200
    assert any("was changed" in text for text in messages(old))


# --- Which numbers ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+870773111632", "satellite"),
        ("+881612345678", "satellite"),
        ("+8821234567890", "satellite"),
        ("+88312345678", "satellite"),
        ("+33899123456", "premium"),
        ("+338991234567", "premium"),  # one digit more dials the same
        ("+19005551234", "premium"),
        ("+979123456789", "premium"),
        ("+33810123456", "shared_cost"),
        ("+80812345678", "shared_cost"),
        ("+213555123456", ""),
        ("+213900123456", ""),  # libphonenumber does not know it: normalises, does not refuse
        ("+33612345678", ""),
        ("+18005551234", ""),
        ("+999123456789", ""),
    ],
)
def test_numbers_that_cost_the_sender_get_nothing(number, reason):
    assert barred_because(number) == reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+213555123456", ""),
        ("+213900123456", ""),
        ("+33612345678", "country"),
        ("+18765551234", "country"),  # Jamaica shares +1
        ("+14165551234", ""),
        ("+999123456789", "country"),
    ],
)
def test_sms_stay_in_the_countries_that_are_set(settings, number, reason):
    settings.SMS_COUNTRIES = frozenset({"DZ", "CA"})
    assert barred_because(number) == reason


@pytest.mark.parametrize("limited", [True, False])
def test_a_premium_number_registers_and_gets_nothing(ask, api, messages, throttled, limited):
    throttled.THROTTLING_ENABLED = limited
    assert register(api, "+33899123456").status_code == 201
    assert ask("+33899123456") == [200]
    assert messages("+33899123456") == []
    assert apps.get_model("accounts", "VerificationCode").objects.count() == 0


# --- Companies ----------------------------------------------------------------------------------------------------------------
def spend(dispatcher, company, **more):
    return message_budget.spend(message_budget.DRIVER, "email", "driver@example.com", asker=dispatcher, company_id=company.pk, **more)


def test_sixty_drivers_an_hour_or_four_a_vehicle(dispatcher, company_a, company_b, time_machine):
    for _ in range(60):
        spend(dispatcher, company_a, vehicles=15)
    with pytest.raises(TooManyRequests) as refused:
        spend(dispatcher, company_a, vehicles=15)
    assert 0 < refused.value.retry_after <= 3600
    spend(dispatcher, company_a, vehicles=16)
    spend(dispatcher, company_b)
    time_machine.shift(3601)
    spend(dispatcher, company_a, vehicles=15)


def test_a_companys_day(dispatcher, company_a, throttled, time_machine):
    throttled.MESSAGES_PER_COMPANY = 3
    given = [spend(dispatcher, company_a) for _ in range(3)]
    with pytest.raises(TooManyRequests):
        spend(dispatcher, company_a)
    message_budget.give_back(given[0])
    message_budget.spend(message_budget.JOB, "phone", "+213555123456", asker=dispatcher, company_id=company_a.pk)
    time_machine.shift(3601)
    with pytest.raises(TooManyRequests) as refused:
        spend(dispatcher, company_a)
    assert refused.value.retry_after > 3600
    throttled.MESSAGES_PER_COMPANY = 0
    with pytest.raises(TooManyRequests):
        spend(dispatcher, company_a)


def alarm(user, company, number="+213555123456"):
    return message_budget.spend(message_budget.ALARM, "phone", number, asker=user, company_id=company and company.pk)


def test_alarms_get_a_quarter_of_a_companys_day(dispatcher, company_a, throttled, time_machine):
    throttled.MESSAGES_PER_COMPANY = 9
    spent = [alarm(dispatcher, company_a) for _ in range(2)]
    with pytest.raises(TooManyRequests) as refused:
        alarm(dispatcher, company_a)
    assert 0 < refused.value.retry_after <= 24 * 3600
    for _ in range(7):
        spend(dispatcher, company_a)
    message_budget.give_back(spent[0])
    alarm(dispatcher, company_a)
    with pytest.raises(TooManyRequests):
        spend(dispatcher, company_a)


def test_the_roadsides_alarms_use_up_nobody_elses_budget(dispatcher, throttled, time_machine):
    throttled.MESSAGES_PER_COMPANY = 1
    for _ in range(3):
        alarm(dispatcher, None)
    message_budget.spend(message_budget.JOB, "phone", "+213555123456", asker=dispatcher, company_id=None)
    alarm(dispatcher, None)
    with pytest.raises(TooManyRequests):
        message_budget.spend(message_budget.JOB, "phone", "+213555123456", asker=dispatcher, company_id=None)


def test_work_and_codes_do_not_use_each_other_up(ask, dispatcher, company_a, client_user, messages):
    for _ in range(30):
        message_budget.spend(message_budget.JOB, "phone", client_user.phone_number, asker=dispatcher, company_id=company_a.pk)
    ask(client_user.phone_number)
    assert len(messages(client_user.phone_number)) == 1


# --- Guessed at -----------------------------------------------------------------------------------------------------------------
def guess(api, email, hosts):
    return [
        api().post("/api/auth/login/email/", {"email": email, "password": "wrong"}, REMOTE_ADDR=f"203.0.113.{host}").status_code
        for host in hosts
    ]


def test_an_owner_is_notified_of_guesses_from_twenty_networks_once_an_hour(api, client_user, messages, throttled, time_machine):
    throttled.AXES_ENABLED = True
    prove(client_user)
    guess(api, client_user.email, range(1, 20))
    guess(api, client_user.email, [1, 2, 3])
    assert messages(client_user.phone_number) == []
    assert guess(api, client_user.email, range(20, 30)) == [401] * 10
    assert ["wrong passwords" in text for text in messages(client_user.phone_number)] == [True]
    assert messages(client_user.email) == [], "an address that nobody has proven may be a stranger's"
    time_machine.shift(3601)
    guess(api, client_user.email, range(30, 51))
    assert len(messages(client_user.phone_number)) == 2


def test_nothing_is_sent_without_an_account(api, messages, throttled):
    throttled.AXES_ENABLED = True
    assert set(guess(api, "nobody@example.com", range(1, 30))) == {401}
    assert messages("nobody@example.com") == []


# --- At the same instant ------------------------------------------------------------------------------------------------------
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["address", "company"])
def test_sixteen_at_once_do_not_exceed_a_limit(client_user, dispatcher, company_a, throttled, kind):
    throttled.MESSAGES_PER_COMPANY = 10
    let_through, barrier = [], threading.Barrier(16)

    def one():
        barrier.wait()
        try:
            if kind == "address":
                done = message_budget.try_spend(message_budget.CODE, "phone", client_user.phone_number)
            else:
                done = bool(spend(dispatcher, company_a))
        except TooManyRequests:
            done = False
        let_through.append(done)
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(let_through) == {True: 10, False: 6}
