"""The assistants' page: signing in there and nowhere else, every step by its forms, each once, and refusals in words."""

import re
from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.utils import timezone

from accounts.models import PushDevice, User
from accounts.services import set_active, set_password
from accounts.tokens import authenticate_socket
from assistance import services
from assistance.models import Assistance, AssistantProfile, ChatMessage, Offer
from assistance.tests.conftest import PICKUP
from depannini_dashmap.lib.errors import Unauthenticated
from depannini_dashmap.lib.outbound import web_push
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db
JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def phone():
    """A browser that checks CSRF as a real one is checked."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def sign_in(phone, password):
    """Sign a user in on the page by its form."""

    def enter(user, typed_password=password, browser=None):
        return press(browser or phone, None, path="/duty/sign-in/", phone=user.phone_number, password=typed_password)

    return enter


@pytest.fixture
def signed_in(sign_in, assistant_user, phone):
    """The browser of an assistant who has signed in."""
    assert sign_in(assistant_user).status_code == 303
    return phone


def press(browser, action, path="/duty/", headers=None, **fields):
    """Send a form as the browser does; with `headers` as the outbox does."""
    if "csrftoken" not in browser.cookies:
        browser.get("/duty/")
    given = {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value, **fields}
    return browser.post(path, given | ({"action": action} if action else {}), **(headers or {}))


def tap(phone, action, key, **fields):
    """Send a form as the outbox does."""
    return press(phone, action, headers=JSON | {"HTTP_IDEMPOTENCY_KEY": key}, **fields).json()


def body(phone):
    return phone.get("/duty/").content.decode()


# --- Signing in -------------------------------------------------------------------------------------------------------------
def test_an_assistant_signs_in_here_and_nowhere_else(phone, sign_in, assistant_user):
    page = phone.get("/duty/")
    assert page.status_code == 200 and 'name="password"' in page.content.decode() and page["X-Offline"] == "forget"
    answer = sign_in(assistant_user)
    assert (answer.status_code, answer["Location"]) == (303, "/duty/")
    cookie = answer.cookies["duty_session"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/duty", True, "Lax")
    assert "sessionid" not in answer.cookies
    page = phone.get("/duty/")
    assert "Karim" in page.content.decode() and page["X-Offline"] == "keep" and page["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(event="signed_in", actor_id=assistant_user.pk, detail__by="duty page").count() == 1
    # Even where a browser sent the cookie there, it is none of the console's.
    phone.cookies["sessionid"] = cookie.value
    assert phone.get("/admin/").status_code == 302
    assert phone.get("/api/auth/profile/").status_code == 401


@pytest.mark.parametrize("typed", ["0555 00 00 11", "+213 555-00-00-11", "٠٥٥٥٠٠٠٠١١"])
def test_the_phone_is_read_as_people_type_it(phone, assistant_user, password, typed):
    assert press(phone, None, path="/duty/sign-in/", phone=typed, password=password).status_code == 303


def test_wrong_passwords_are_refused_alike_and_lock(phone, sign_in, assistant_user, settings):
    settings.AXES_ENABLED = settings.THROTTLING_ENABLED = True
    for _ in range(5):
        answer = sign_in(assistant_user, "wrong")
        assert answer.status_code == 401 and "is wrong" in answer.content.decode()
    answer = sign_in(assistant_user)
    assert answer.status_code == 429 and int(answer["Retry-After"]) > 0
    assert press(phone, None, path="/duty/sign-in/", phone="nobody", password="x").status_code == 401


def test_a_password_that_is_too_long_is_refused_before_it_is_hashed(phone, sign_in, assistant_user, monkeypatch):
    monkeypatch.setattr(User, "check_password", None)
    monkeypatch.setattr(User, "set_password", None)
    answers = [sign_in(assistant_user, "x" * 257), press(phone, None, path="/duty/sign-in/", phone="nobody", password="x" * 257)]
    answers.append(press(phone, None, path="/duty/code/", phone=assistant_user.phone_number, code="123456", password="x" * 257))
    for answer in answers:
        assert answer.status_code == 400 and "A password has at most 256 characters." in answer.content.decode()


def test_others_do_not_get_in(phone, sign_in, client_user, staff_user):
    answer = sign_in(client_user)
    assert answer.status_code == 403 and "for assistants" in answer.content.decode()
    assert "duty_session" not in answer.cookies
    assert press(phone, None, path="/duty/sign-in/", phone=staff_user.username, password="correct-horse-battery").status_code == 401


def test_forged_forms_are_refused(signed_in, assistant_user):
    assert signed_in.post("/duty/", {"action": "on"}).status_code == 403
    assert not AssistantProfile.objects.get(pk=assistant_user.pk).is_active


def test_signing_out_ends_the_session_and_its_socket_token(signed_in):
    token = press(signed_in, None, path="/duty/socket-token/").json()["token"]
    assert authenticate_socket(None, token).is_of_page
    stolen = signed_in.cookies["duty_session"].value
    assert press(signed_in, None, path="/duty/sign-out/").status_code == 303
    with pytest.raises(Unauthenticated):
        authenticate_socket(None, token)
    signed_in.cookies["duty_session"] = stolen
    assert "Karim" not in body(signed_in)


@pytest.mark.parametrize("end", [
    lambda user: set_password(actor=None, user=user, password="another-horse-battery"),
    lambda user: set_active(actor=None, user=user, is_active=False),
])  # fmt: skip
def test_a_new_password_or_a_switched_off_account_ends_it(signed_in, assistant_user, end):
    end(assistant_user)
    assert tap(signed_in, "on", "k1")["outcome"] == "signed_out"
    page = signed_in.get("/duty/")
    assert page["X-Offline"] == "forget" and "Karim" not in page.content.decode()


def test_nobody_acts_without_signing_in(phone):
    told = press(phone, "on", headers=JSON)
    assert (told.status_code, told.json()["outcome"]) == (401, "signed_out")
    assert press(phone, "on").status_code == 401
    assert press(phone, None, path="/duty/place/", lat="36.7", lng="3.0").status_code == 401
    assert press(phone, None, path="/duty/socket-token/").status_code == 401


def test_a_tap_of_another_assistant_changes_nothing(signed_in, assistant_user, other_assistant):
    def sent_by(user):
        headers = JSON | {"HTTP_IDEMPOTENCY_KEY": "k1", "HTTP_X_OUTBOX_OWNER": f"assistant {user.pk}"}
        return press(signed_in, "on", headers=headers)

    answer = sent_by(other_assistant)
    assert (answer.status_code, answer.json()["outcome"]) == (401, "signed_out")
    assert not AssistantProfile.objects.filter(is_active=True).exists()
    assert sent_by(assistant_user).json()["outcome"] == "done"
    assert AssistantProfile.objects.get(is_active=True).pk == assistant_user.pk


# --- Work -------------------------------------------------------------------------------------------------------------------
def test_a_day_by_forms_alone(signed_in, assistant_user, client_user, ask):
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(service_type="repair")
    assert press(signed_in, "on").status_code == 303
    assert press(signed_in, None, path="/duty/place/", lat="36.7538", lng="3.0588").json()["outcome"] == "done"
    job = ask(client_user, assistance_type="repair", description="Smoke <b>")
    page = body(signed_in)
    assert "New request" in page and "Smoke &lt;b&gt;" in page and "You name the price" in page and "data-until" in page
    assert client_user.phone_number not in page
    assert press(signed_in, "accept", job=job.pk).status_code == 303
    page = body(signed_in)
    assert f"tel:{client_user.phone_number}" in page and f"geo:{PICKUP[0]:.6f},{PICKUP[1]:.6f}" in page
    assert press(signed_in, "start", job=job.pk).status_code == 303
    assert press(signed_in, "say", job=job.pk, message="I am at the blue gate", key="first").status_code == 303
    assert "I am at the blue gate" in body(signed_in)
    answer = press(signed_in, "complete", job=job.pk)
    assert answer.status_code == 400 and "required" in answer.content.decode()
    answer = press(signed_in, "complete", job=job.pk, price="much")
    assert answer.status_code == 400 and "An amount from 0 to" in answer.content.decode()
    assert press(signed_in, "complete", job=job.pk, price="1 200,50").status_code == 303
    job.refresh_from_db()
    assert (job.status, str(job.total_price)) == ("completed", "1200.50")
    page = body(signed_in)
    assert "1,200.50 DZD" in page and "1 job" in page
    assert press(signed_in, "off").status_code == 303
    assert not AssistantProfile.objects.get(pk=assistant_user.pk).is_active


def test_decline_and_give_back(signed_in, assistant_user, client_user, other_client, ask, duty):
    duty(assistant_user)
    declined, taken = ask(client_user), ask(other_client)
    assert press(signed_in, "decline", job=declined.pk).status_code == 303
    assert Offer.objects.get(assistance=declined).answer == "declined"
    press(signed_in, "accept", job=taken.pk)
    assert press(signed_in, "release", job=taken.pk).status_code == 303
    taken.refresh_from_db()
    assert taken.status == "requested"


def test_unknown_actions_and_jobs_do_nothing(signed_in):
    for fields in ({"action": "delete"}, {"action": ""}, {"action": "accept", "job": "1 or 1"}, {"action": "start", "job": "9" * 30}):
        assert press(signed_in, fields.pop("action"), **fields).status_code == 404


def test_a_place_is_checked(signed_in):
    for lat, lng in (("", ""), ("91", "3"), ("NaN", "3"), ("x", "3")):
        assert press(signed_in, None, path="/duty/place/", lat=lat, lng=lng).status_code == 400


# --- Once, and in words -------------------------------------------------------------------------------------------------------
def test_the_same_key_acts_once_and_is_told_the_same(signed_in, assistant_user, client_user, ask, duty):
    duty(assistant_user)
    job = ask(client_user)
    first = tap(signed_in, "accept", "k1", job=job.pk)
    version = Assistance.objects.get(pk=job.pk).version
    assert first == {"outcome": "done", "text": "The job is yours."} == tap(signed_in, "accept", "k1", job=job.pk)
    assert Assistance.objects.get(pk=job.pk).version == version
    tap(signed_in, "complete", "k2", job=job.pk)
    assert tap(signed_in, "complete", "k2", job=job.pk)["outcome"] == "done", "the answer may have been lost"
    assert tap(signed_in, "complete", "k3", job=job.pk)["outcome"] == "refused"
    assert tap(signed_in, "off", "k1")["code"] == "idempotency_key_reused"
    for _ in range(2):
        tap(signed_in, "say", "k4", job=job.pk, message="Thank you")
    assert ChatMessage.objects.count() == 1


def test_a_mistake_may_be_mended_with_the_same_key(signed_in, assistant_user, client_user, ask, duty):
    duty(assistant_user)
    job = ask(client_user, assistance_type="towing")
    services.accept(actor=assistant_user, assistance_id=job.pk)
    assert tap(signed_in, "say", "k1", job=job.pk, message=" ")["outcome"] == "refused"
    assert tap(signed_in, "say", "k1", job=job.pk, message="Hello")["outcome"] == "done"


def test_a_tap_that_waited_is_audited_with_its_time(signed_in, assistant_user):
    press(signed_in, "on", headers=JSON | {"HTTP_IDEMPOTENCY_KEY": "k1", "HTTP_X_TAPPED_AGO": "3600"})
    [event] = AuditEvent.objects.filter(event="tapped_without_reception")
    assert event.actor_id == assistant_user.pk and event.detail["action"] == "on"
    assert abs(timezone.now() - timedelta(hours=1) - timezone.datetime.fromisoformat(event.detail["tapped_at"])) < timedelta(minutes=1)
    press(signed_in, "off", headers=JSON | {"HTTP_IDEMPOTENCY_KEY": "k2", "HTTP_X_TAPPED_AGO": "2"})
    assert AuditEvent.objects.filter(event="tapped_without_reception").count() == 1


def test_conflicts_are_told_in_words(signed_in, assistant_user, other_assistant, client_user, staff_user, ask, duty, time_machine):
    time_machine.move_to("2026-11-30T13:02:00Z", tick=False)  # 14:02 in Algiers

    def refused(action, job, key):
        told = tap(signed_in, action, key, job=job.pk)
        assert told["outcome"] == "refused"
        return told["text"]

    duty(assistant_user)
    job = ask(client_user)
    services.accept(actor=assistant_user, assistance_id=job.pk)
    services.cancel_by_staff(actor=staff_user, assistance_id=job.pk, note="no need")
    assert refused("complete", job, "k1") == "Already cancelled by the office at 14:02."
    job = ask(client_user)
    services.update_status(actor=client_user, assistance_id=job.pk, status="canceled")
    assert refused("accept", job, "k2") == "Already cancelled by the customer at 14:02."
    job = ask(client_user)
    duty(other_assistant)
    services.accept(actor=other_assistant, assistance_id=job.pk)
    assert refused("accept", job, "k3") == "Another assistant took it at 14:02."
    services.complete(actor=other_assistant, assistance_id=job.pk)
    job = ask(client_user)
    services.accept(actor=assistant_user, assistance_id=job.pk)
    services.release(actor=staff_user, assistance_id=job.pk)
    assert refused("start", job, "k4") == "The office took the job back at 14:02."
    time_machine.move_to("2026-12-01T13:02:00Z", tick=False)
    assert refused("start", job, "k5") == "The office took the job back at 2026-11-30 14:02."
    assert refused("start", Assistance(pk=999), "k6") == "Assistance not found"


def test_an_open_job_of_another_is_nobodys_business(signed_in, other_assistant, client_user, ask, duty):
    duty(other_assistant)
    job = ask(client_user)
    services.accept(actor=other_assistant, assistance_id=job.pk)
    for action in ("start", "complete", "release", "say", "price"):
        told = tap(signed_in, action, f"k-{action}", job=job.pk, message="Hello", price="5")
        assert (told["outcome"], told["text"]) == ("refused", "Assistance not found")
    assert "Amina" not in body(signed_in)


# --- The page -----------------------------------------------------------------------------------------------------------------
def test_the_page_costs_a_fixed_number_of_queries(signed_in, assistant_user, client_user, other_client, ask, duty, django_assert_num_queries):
    duty(assistant_user)
    for motorist in (client_user, other_client):
        ask(motorist)
        # Session, user, profile, job, offers, ended jobs, what they brought.
        with django_assert_num_queries(7):
            signed_in.get("/duty/")
    services.accept(actor=assistant_user, assistance_id=Assistance.objects.latest("pk").pk)
    for number in range(3):
        services.post_chat(actor=assistant_user, assistance_id=Assistance.objects.latest("pk").pk, message=f"{number}")
        # The same without offers, with what was written and the photos.
        with django_assert_num_queries(8):
            signed_in.get("/duty/")


def test_the_day_sums_what_was_completed(signed_in, assistant_user, client_user, ask, duty, time_machine):
    duty(assistant_user)
    for moment in ("2026-11-20T10:00:00Z", "2026-11-26T10:00:00Z", "2026-11-30T23:30:00Z", "2026-12-01T10:00:00Z"):
        time_machine.move_to(moment, tick=False)
        duty(assistant_user)
        job = ask(client_user, assistance_type="towing", vehicle_type="light")
        services.accept(actor=assistant_user, assistance_id=job.pk)
        services.complete(actor=assistant_user, assistance_id=job.pk)
    page = body(signed_in)
    # 23:30 in UTC is half past midnight in Algiers.
    assert "3,000.00 DZD" in page and "2 jobs" in page and "4,500.00 DZD" in page and "3 jobs" in page


def test_the_page_speaks_the_language_that_was_chosen(signed_in):
    press(signed_in, None, path="/duty/language/", language="ar", next="/duty/")
    assert 'dir="rtl"' in body(signed_in)
    assert signed_in.get("/duty/manifest.webmanifest").json()["dir"] == "rtl"


def test_the_worker_names_the_files_that_pages_need(phone):
    answer = phone.get("/duty/worker.js")
    assert answer["Content-Type"].startswith("text/javascript") and answer["Cache-Control"] == "no-cache"
    script = answer.content.decode()
    for file in ("/static/pages/outbox.js", "/static/pages/duty.js", "/static/pages/pages.css", "/static/vendor/idb/idb.js"):
        assert f'"{file}"' in script
    listed = script.partition("\n")[0]
    assert "/worker.js" not in listed and "customer.js" not in listed, "and no others"
    assert phone.get("/duty")["Location"] == "/duty/"


# --- A forgotten password -------------------------------------------------------------------------------------------------------
def test_a_code_to_the_phone_sets_a_new_password_and_signs_in(phone, assistant_user, client_user, run_tasks, tmp_path, settings):
    settings.SMS_URL = f"file://{tmp_path}"
    for number in (assistant_user.phone_number, "+213660000000"):
        answer = press(phone, None, path="/duty/code/", phone=number)
        assert answer.status_code == 200 and number in answer.content.decode()
    run_tasks()
    [sms] = tmp_path.iterdir()
    code = re.search(r"\b\d{6}\b", sms.read_text())[0]
    form = {"phone": assistant_user.phone_number, "password": "another-horse-battery"}
    answer = press(phone, None, path="/duty/code/", **form, code="000000" if code != "000000" else "000001")
    assert answer.status_code == 400 and "Invalid or expired code" in answer.content.decode()
    answer = press(phone, None, path="/duty/code/", **{**form, "password": "short"}, code=code)
    assert answer.status_code == 400 and "too short" in answer.content.decode()
    typed = f"\u200f{code[:3]} - {code[3:].translate(str.maketrans('0123456789', '٠١٢٣٤٥٦٧٨٩'))}\u200e"
    assert press(phone, None, path="/duty/code/", **form, code=typed).status_code == 303
    assert "Karim" in body(phone)
    assert press(phone, None, path="/duty/code/", **form, code=code).status_code == 400, "a code is good once"


# --- Without the password -------------------------------------------------------------------------------------------------------
CODE_PAGE = "/duty/sign-in/code/"


def form_key(answer):
    return re.search(r'name="key" value="([^"]+)"', answer.content.decode())[1]


def test_a_code_alone_signs_in(phone, assistant_user, run_tasks, tmp_path, settings):
    settings.SMS_URL = f"file://{tmp_path}"
    User.objects.filter(pk=assistant_user.pk).update(phone_verified=True)
    assert CODE_PAGE in body(phone)
    asked = {}
    for number in (assistant_user.phone_number, "+213660000000", "nobody"):
        answer = press(phone, None, path=CODE_PAGE, phone=number, key=form_key(phone.get(CODE_PAGE)))
        said = answer.content.decode()
        assert (answer.status_code, answer["X-Offline"]) == (200, "forget") and "on its way" in said and number in said
        asked[number] = {"phone": number, "key": form_key(answer)}
    run_tasks()
    [sms] = tmp_path.iterdir()
    code = re.search(r"\b\d{6}\b", sms.read_text())[0]
    mine, before = asked[assistant_user.phone_number], phone.cookies.get("duty_session")
    wrong = "000000" if code != "000000" else "000001"
    refused = [press(phone, None, path=CODE_PAGE, **form, code=wrong) for form in asked.values()]
    assert {answer.status_code for answer in refused} == {400} and all("Invalid or expired code" in answer.content.decode() for answer in refused)
    assert press(phone, None, path=CODE_PAGE, **mine | {"key": "stolen"}, code=code).status_code == 400
    answer = press(phone, None, path=CODE_PAGE, **mine, code=f"{code[:3]} {code[3:]}")
    assert (answer.status_code, answer["Location"]) == (303, "/duty/") and before is None
    assert "Karim" in body(phone)
    assert AuditEvent.objects.filter(event="signed_in", actor_id=assistant_user.pk, detail__by="duty page, by code alone").count() == 1
    assert press(Client(), None, path=CODE_PAGE, **mine, code=code).status_code == 400, "a code is good once"


def test_a_session_that_somebody_planted_is_not_the_one_that_a_code_opens(phone, sign_in, assistant_user, other_assistant, run_tasks, tmp_path, settings):
    settings.SMS_URL = f"file://{tmp_path}"
    User.objects.filter(pk=assistant_user.pk).update(phone_verified=True)
    sign_in(other_assistant)
    planted = phone.cookies["duty_session"].value
    mine = {"phone": assistant_user.phone_number, "key": "k"}
    press(phone, None, path=CODE_PAGE, **mine)
    run_tasks()
    code = re.search(r"\b\d{6}\b", next(tmp_path.iterdir()).read_text())[0]
    assert phone.post(CODE_PAGE, {**mine, "code": code}).status_code == 403, "no form of another site"
    assert press(phone, None, path=CODE_PAGE, **mine, code=code).status_code == 303
    assert phone.cookies["duty_session"].value != planted and "Karim" in body(phone)
    thief = Client()
    thief.cookies["duty_session"] = planted
    assert 'name="password"' in body(thief)


def test_codes_to_sign_in_keep_to_the_limits(phone, assistant_user, settings):
    User.objects.filter(pk=assistant_user.pk).update(phone_verified=True)
    settings.THROTTLING_ENABLED, settings.CODES_PER_NETWORK = True, 5
    asked = [assistant_user.phone_number] * 5 + ["+213660000001", "+213660000002", "+213660000003"]
    answers = [press(phone, None, path=CODE_PAGE, phone=number, key=f"form {place}") for place, number in enumerate(asked)]
    assert [answer.status_code for answer in answers] == [200] * 7 + [429] and int(answers[-1]["Retry-After"]) > 0
    assert assistant_user.codes.count() == 3, "nobody is flooded"


# --- Notifications ---------------------------------------------------------------------------------------------------------
def test_a_browser_is_notified_until_its_session_ends(signed_in, assistant_user, settings):
    settings.VAPID_PRIVATE_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"
    assert f'data-push-key="{web_push.public_key()}"' in body(signed_in)
    key = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    fields = {"endpoint": "https://fcm.googleapis.com/fcm/send/x?key=YQ==", "p256dh": urlsafe_b64encode(key).decode(), "auth": "tBHItJI5svbpez7KI4CCXg"}
    assert press(signed_in, None, "/duty/push/", JSON, **fields).status_code == 200
    device = PushDevice.objects.get()
    assert (device.user_id, device.kind, device.token) == (assistant_user.pk, "webpush", fields["endpoint"])
    assert press(signed_in, None, "/duty/push/", JSON, **fields | {"endpoint": "https://127.0.0.1/"}).status_code == 400
    assert press(signed_in, None, "/duty/sign-out/").status_code == 303
    assert not PushDevice.objects.exists()
    assert press(signed_in, None, "/duty/push/", JSON, **fields).status_code == 401
