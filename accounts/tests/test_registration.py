"""Registration of the three kinds (contract section 3)."""

from datetime import date, timedelta

import pytest

from accounts.models import Company, User, VerificationCode

pytestmark = pytest.mark.django_db
URL = "/api/auth/register/"
CLIENT = {"phone_number": "+213555123456", "name": "Amina", "password": "tow-me-home-42", "email": "Amina@Example.com"}
ASSISTANT = {
    "phone_number": "0661 23 45 67",
    "email": "karim@example.com",
    "name": "Karim",
    "password": "tow-me-home-42",
    "password_confirm": "tow-me-home-42",
    "user_type": "assistant",
    "service_type": "towing",
    "vehicle_type": "truck",
    "driving_license_cat": "c",
    "driving_license_num": "16/889900",
    "driving_license_expiry": (date.today() + timedelta(days=400)).strftime("%d:%m:%y"),
    "vehicle_registration_num": 123456789012,
    "current_lat": 36.75,
    "current_lng": "3.05",
    "address": "Alger",
}
CONSOLE = {
    "username": "nadia.m",
    "password": "tow-me-home-42",
    "email": "nadia@acme.dz",
    "first_name": "Nadia",
    "last_name": "M",
    "company_name": "ACME Logistics",
    "company_address": "1 Rue X",
}


def test_a_client_gets_the_documented_body_and_defaults(api):
    answer = api().post(URL, CLIENT)
    assert answer.status_code == 201
    body = answer.json()
    user = User.objects.get()
    assert body["user"] == {
        "id": user.pk,
        "email": "amina@example.com",
        "name": "Amina",
        "phone_number": "+213555123456",
        "user_type": "client",
        "email_verified": False,
        "phone_verified": False,
    }
    assert body["tokens"] == {"access": body["access"], "refresh": body["refresh"]}
    assert user.username == "+213555123456"
    assert user.check_password("tow-me-home-42")


def test_extra_rights_in_the_body_are_ignored(api):
    extra = {
        "is_staff": True,
        "is_superuser": True,
        "id": 4711,
        "email_verified": True,
        "rating": 5,
        "is_active": False,
    }
    body = api().post(URL, {**CLIENT, **extra}).json()
    user = User.objects.get()
    assert user.pk != 4711
    assert (user.is_staff, user.is_superuser, user.email_verified, user.is_active) == (False, False, False, True)
    assert "password" not in str(body)


def test_an_assistant_has_a_profile_and_is_off_duty(api):
    answer = api().post(URL, ASSISTANT)
    assert answer.status_code == 201, answer.json()
    user = User.objects.select_related("assistant_profile").get()
    assert user.phone_number == "+213661234567"
    profile = user.assistant_profile
    assert (profile.is_active, profile.vehicle_registration_num, profile.lat) == (False, 123456789012, 36.75)


@pytest.mark.parametrize(
    "missing",
    [
        "service_type",
        "vehicle_type",
        "current_lat",
        "current_lng",
        "driving_license_cat",
        "driving_license_num",
        "driving_license_expiry",
        "vehicle_registration_num",
        "phone_number",
        "name",
        "password",
    ],
)
def test_what_an_assistant_must_send(api, missing):
    answer = api().post(URL, {name: value for name, value in ASSISTANT.items() if name != missing})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [missing]
    assert User.objects.count() == 0


@pytest.mark.parametrize("days", [0, -1])
def test_a_licence_that_ends_today_has_expired(api, days, time_machine):
    time_machine.move_to("2026-11-20T23:30:00Z", tick=False)  # 00:30 of the 21st in Algiers
    expiry = date(2026, 11, 21) + timedelta(days=days)
    for text in (expiry.strftime("%d:%m:%y"), expiry.isoformat()):
        answer = api().post(URL, {**ASSISTANT, "driving_license_expiry": text})
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == ["driving_license_expiry"]
    for number, fine in enumerate(["22:11:26", "22:11:2026", "2026-11-22"]):
        person = {"phone_number": f"055500000{number}", "email": None, "driving_license_expiry": fine}
        assert api().post(URL, {**ASSISTANT, **person}).status_code == 201


@pytest.mark.parametrize("value", ["31:02:30", "99:99:99", "soon", "", None, 5, True, "2030-13-01", "٣١:٠١:٣٠"])
def test_what_is_no_date(api, value):
    assert api().post(URL, {**ASSISTANT, "driving_license_expiry": value}).status_code == 400


@pytest.mark.parametrize("kind", ["admin", "staff", "Client ", None, ["client"], "", 1, True])
def test_other_user_types_are_refused(api, kind):
    answer = api().post(URL, {**CLIENT, "user_type": kind})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["user_type"]
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "same", ["00213555123456", "0555123456", "+213\u00a0555 12-34-56", "\u200b0555\u200d123456", "+2130555123456"]
)
def test_one_number_is_one_account(api, same):
    assert api().post(URL, CLIENT).status_code == 201
    answer = api().post(URL, {**CLIENT, "phone_number": same, "email": "other@example.com"})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["phone_number"]
    assert User.objects.get().phone_number == "+213555123456"


def test_one_email_is_one_account_in_any_case(api):
    api().post(URL, CLIENT)
    answer = api().post(URL, {**CLIENT, "phone_number": "0555999999", "email": "AMINA@example.COM"})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["email"]


@pytest.mark.parametrize("email", [None, "", "  "])
def test_an_email_is_optional(api, email):
    assert api().post(URL, {**CLIENT, "email": email}).status_code == 201
    assert User.objects.get().email is None


@pytest.mark.parametrize("password", ["12345678", "+213555123456", "0555123456", "seven77", "password1", "x" * 300, ""])
def test_weak_passwords_are_refused(api, password):
    answer = api().post(URL, {**CLIENT, "password": password})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["password"]
    assert User.objects.count() == 0


def test_a_long_password_is_kept_exactly(api):
    password = "  كلمة سر طويلة جدا with spaces and more words, 64 signs long   "
    api().post(URL, {**CLIENT, "password": password})
    user = User.objects.get()
    assert user.check_password(password)
    assert not user.check_password(password.strip())


def test_a_confirmation_must_match_when_sent(api):
    answer = api().post(URL, {**CLIENT, "password_confirm": "another-one-42"})
    assert list(answer.json()["fields"]) == ["password_confirm"]
    assert api().post(URL, {**CLIENT, "password_confirm": CLIENT["password"]}).status_code == 201


def test_codes_go_to_each_address(api, run_tasks, mailoutbox, settings, tmp_path):
    settings.SMS_URL = f"file://{tmp_path}"
    body = api().post(URL, CLIENT).json()
    assert VerificationCode.objects.count() == 2
    run_tasks()
    assert [mail.to for mail in mailoutbox] == [["amina@example.com"]]
    (message,) = tmp_path.glob("*.txt")
    assert message.read_text().startswith("To: +213555123456\n\n")
    code = mailoutbox[0].body.split("code is ")[1][:6]
    assert code not in str(body)


def test_the_console_registers_with_a_company(api):
    answer = api().post(URL, CONSOLE)
    assert answer.status_code == 201, answer.json()
    user, company = User.objects.get(), Company.objects.get()
    assert answer.json() == {
        "message": "User registered successfully",
        "user_id": user.pk,
        "username": "nadia.m",
        "email": "nadia@acme.dz",
        "company_id": company.pk,
        "company_name": "ACME Logistics",
    }
    assert user.user_type == "dispatcher"
    assert company.memberships.get().full_role == "owner"


def test_a_failed_registration_leaves_no_company(api):
    assert api().post(URL, CONSOLE).status_code == 201
    answer = api().post(URL, {**CONSOLE, "email": "else@acme.dz", "company_name": "Second"})
    assert list(answer.json()["fields"]) == ["username"]
    assert Company.objects.count() == 1


def test_a_dispatcher_may_come_without_a_company(api):
    answer = api().post(URL, {"user_type": "dispatcher", "username": "omar", "password": "tow-me-home-42"})
    assert answer.status_code == 201
    assert (answer.json()["company_id"], answer.json()["company_name"]) == (None, None)
    assert Company.objects.count() == 0


@pytest.mark.parametrize("name", ["a@b", "+213555", "", " ", "x\u200by", "n" * 151, None, True])
def test_usernames_that_nobody_may_choose(api, name):
    answer = api().post(URL, {**CONSOLE, "username": name})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["username"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "a\x00b"),
        ("current_lat", True),
        ("current_lat", "nan"),
        ("current_lat", 91),
        ("current_lng", -181),
        ("phone_number", "abc"),
        ("phone_number", 12),
        ("email", "not-an-email"),
        ("name", "x" * 151),
        ("vehicle_registration_num", "12x"),
        ("vehicle_registration_num", 2**63),
        ("vehicle_type", "x" * 101),
    ],
)
def test_bad_values_name_their_field(api, name, value):
    answer = api().post(URL, {**ASSISTANT, name: value})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [name]


def test_both_spellings_of_the_path(api):
    assert api().post(URL.rstrip("/"), CLIENT).status_code == 201
