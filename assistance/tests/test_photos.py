"""Photos of a request: added on the motorist's and the assistant's page, seen by them and the office, and by nobody else."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from PIL import Image

from accounts.services.account_closure import close_account
from assistance import services
from assistance.models import Assistance, RequestLink, RequestPhoto
from assistance.tests.test_duty_page import press as press_duty
from assistance.tests.test_duty_page import tap
from assistance.tests.test_help_page import ask, form, sent_codes, sms_outbox  # noqa: F401
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound
from depannini_dashmap.models import AuditEvent
from depannini_dashmap.operations import personal_data_export, retention

pytestmark = pytest.mark.django_db
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def visitor():
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def phone(assistant_user, password):
    """The browser of the assistant, signed in on the duty page."""
    browser = Client(enforce_csrf_checks=True)
    assert press_duty(browser, None, path="/duty/sign-in/", phone=assistant_user.phone_number, password=password).status_code == 303
    return browser


@pytest.fixture
def office():
    def enter(user):
        browser = Client()
        browser.force_login(user)
        return browser

    return enter


def picture(size=(60, 40), **options):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, "JPEG", **options)
    return out.getvalue()


def photo(content=None, name="../../x.svg"):
    return SimpleUploadedFile(name, picture() if content is None else content, "text/html")


def files():
    return set(default_storage.listdir("requests")[1]) if default_storage.exists("requests") else set()


def add(visitor, path, *given, **fields):
    return visitor.post(path, {"action": "photo", "photos": list(given), **fields})


def accepted(visitor, duty, assistant, **fields):
    """Return the path and the request of a motorist whom the assistant is on the way to."""
    duty(assistant)
    path = ask(visitor, **fields)
    job = Assistance.objects.latest("pk")
    services.accept(actor=assistant, assistance_id=job.pk)
    return path, job


# --- Adding them --------------------------------------------------------------------------------------------------------------
def test_they_come_with_the_ask_and_later_and_everybody_in_the_job_sees_them(visitor, duty, assistant_user, phone, office, roadside_dispatcher, api):
    path, job = accepted(visitor, duty, assistant_user, photos=[photo(), photo()])
    assert add(visitor, path, photo()).status_code == 303
    told = tap(phone, "photo", "k1", job=job.pk, photos=photo())
    assert told["outcome"] == "done" and told["text"]
    rows = RequestPhoto.objects.order_by("pk")
    assert [(row.role, row.number) for row in rows] == [("client", 1), ("client", 2), ("client", 3), ("assistant", 1)]
    assert {row.photo for row in rows} == {f"requests/{name}" for name in files()} and len(files()) == 4
    desk = office(roadside_dispatcher)
    pages = [(visitor, path, f"{path}photos/"), (phone, "/duty/", "/duty/photos/"), (desk, f"/admin/dispatch/requests/{job.pk}/", f"/admin/dispatch/requests/{job.pk}/photos/")]
    for browser, page, base in pages:
        shown = browser.get(page).content.decode()
        for row in rows:
            assert f'src="{base}{row.pk}/"' in shown
            answer = browser.get(f"{base}{row.pk}/")
            assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg") and "no-store" in answer["Cache-Control"]
            assert Image.open(io.BytesIO(answer.content)).size == (60, 40)
        assert not any(name in shown for name in files())
    assert AuditEvent.objects.filter(event="photos_added").count() == 2
    for name in files():
        for address in (f"/media/requests/{name}", f"/media/photos/../requests/{name}", f"/media//requests/{name}"):
            assert visitor.get(address).status_code == 404


def test_the_api_lists_them_for_those_in_the_job(visitor, duty, assistant_user, roadside_dispatcher, api):
    _, job = accepted(visitor, duty, assistant_user, photos=[photo()])
    row = RequestPhoto.objects.get()
    for user in (assistant_user, roadside_dispatcher, job.client):
        listed = api(user).get(f"/api/assistance/{job.pk}/photos/").json()["results"]
        assert [(one["id"], one["role"]) for one in listed] == [(row.pk, "client")]
        answer = api(user).get(listed[0]["path"])
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg") and "no-store" in answer["Cache-Control"]


def test_only_pixels_remain_and_not_too_many(visitor, duty, assistant_user):
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    path, _ = accepted(visitor, duty, assistant_user, photos=[photo(picture((3000, 1500), exif=exif))])
    body = visitor.get(f"{path}photos/{RequestPhoto.objects.get().pk}/").content
    found = Image.open(io.BytesIO(body))
    assert b"secret place" not in body and not found.getexif() and max(found.size) == 2048


@pytest.mark.parametrize(
    ("content", "words"),
    [(HEIC, "HEIC"), (b"<svg onload=alert(1)>", "JPEG, PNG or WebP"), (b"\xff" * (5 * 1024 * 1024 + 1), "at most 5 MB"), (b"", "JPEG, PNG or WebP")],
)
def test_what_is_no_photo_is_refused_in_words_and_the_form_is_kept(visitor, duty, assistant_user, phone, content, words):
    answer = visitor.post("/help/", form(note="Flat tyre", photos=[photo(), photo(content)]))
    page = answer.content.decode()
    assert words in page and "Flat tyre" in page and "0661 23 45 67" in page and 'name="photos"' in page
    assert not Assistance.objects.exists() and not files()
    path, job = accepted(visitor, duty, assistant_user)
    answer = add(visitor, path, photo(content))
    assert answer.status_code == 400 and words in answer.content.decode()
    assert words in tap(phone, "photo", "k1", job=job.pk, photos=photo(content))["text"]
    assert not files() and not RequestPhoto.objects.exists()


def test_three_of_each_and_no_more(visitor, duty, assistant_user, phone):
    assert "At most 3" in visitor.post("/help/", form(photos=[photo() for _ in range(4)])).content.decode()
    assert not files()
    path, job = accepted(visitor, duty, assistant_user, photos=[photo(), photo()])
    answer = add(visitor, path, photo(), photo())
    assert answer.status_code == 400 and "At most 3" in answer.content.decode()
    assert add(visitor, path, photo()).status_code == 303
    assert 'id="add-photos" hidden' in visitor.get(path).content.decode()
    for key in "abc":
        assert tap(phone, "photo", key, job=job.pk, photos=photo())["outcome"] == "done"
    assert "At most 3" in tap(phone, "photo", "d", job=job.pk, photos=photo())["text"]
    assert 'name="photos"' not in phone.get("/duty/").content.decode()
    assert RequestPhoto.objects.count() == len(files()) == 6
    with pytest.raises(IntegrityError), transaction.atomic():
        RequestPhoto.objects.create(assistance=job, sender=assistant_user, role="assistant", number=4, photo="x.jpg", at=timezone.now())


def test_the_same_form_again_adds_none(visitor, duty, assistant_user, phone):
    twice = form(photos=[photo()])
    for _ in range(2):
        twice["photos"][0].seek(0)
        assert visitor.post("/help/", twice).status_code == 303
    path = f"/h/{services.public_requests.request_links.token_for(twice['key'])}/"
    for _ in range(2):
        assert add(visitor, path, photo(), key="one").status_code == 303
    assert RequestPhoto.objects.count() == len(files()) == 2


def test_without_javascript_forms_work_as_they_are(visitor, duty, assistant_user, phone):
    price = visitor.post("/help/", form(step="price")).content.decode()
    assert 'enctype="multipart/form-data"' in price and 'name="photos"' in price
    _, job = accepted(visitor, duty, assistant_user)
    assert press_duty(phone, "photo", job=job.pk, photos=photo()).status_code == 303
    assert press_duty(phone, "photo", job=job.pk).status_code == 400
    assert RequestPhoto.objects.get().role == "assistant"


def test_photos_sent_with_the_code_go_with_the_request(visitor, settings, sms_outbox, run_tasks):  # noqa: F811
    settings.HELP_PROOF = "always"
    asked = form(photos=[photo()])
    page = visitor.post("/help/", asked).content.decode()
    assert 'name="code"' in page and "chosen again" in page and not files()
    run_tasks()
    (code,) = sent_codes(sms_outbox)
    refused = visitor.post("/help/", {**asked, "code": code, "photos": [photo(HEIC)]}).content.decode()
    assert "HEIC" in refused and 'name="code"' in refused
    assert visitor.post("/help/", {**asked, "code": code, "photos": [photo()]}).status_code == 303
    assert RequestPhoto.objects.get().assistance == Assistance.objects.get()


def test_photos_of_who_is_led_to_an_open_request_go_with_that_as_many_as_fit(visitor, settings, sms_outbox, run_tasks):  # noqa: F811
    settings.HELP_PROOF = "always"
    for number in (2, 3):
        asked = form()
        visitor.post("/help/", asked)
        run_tasks()
        answer = visitor.post("/help/", {**asked, "code": sent_codes(sms_outbox)[-1], "photos": [photo() for _ in range(number)]})
        assert answer.status_code == 303, answer.content.decode()
    assert RequestPhoto.objects.filter(assistance=Assistance.objects.get()).count() == len(files()) == 3


def test_a_request_that_has_ended_takes_none(visitor, duty, assistant_user, phone):
    path, job = accepted(visitor, duty, assistant_user)
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    assert add(visitor, path, photo()).status_code == 409
    assert "Already completed" in tap(phone, "photo", "k", job=job.pk, photos=photo())["text"]
    with pytest.raises(Conflict):
        services.add_photos(actor=assistant_user, assistance_id=job.pk, given=[photo()])
    assert not files()


# --- Strangers ----------------------------------------------------------------------------------------------------------------
def test_nobody_else_sees_any(visitor, duty, assistant_user, make_assistant, phone, office, dispatcher, client_user, viewer, api, settings):
    settings.HELP_PROOF = "never"
    path, job = accepted(visitor, duty, assistant_user, photos=[photo()])
    row = RequestPhoto.objects.get()
    other = ask(visitor, phone="+213661234568")
    assert visitor.get(f"{other}photos/{row.pk}/").status_code == 404
    assert f"photos/{row.pk}" not in visitor.get(other).content.decode()
    assert visitor.get(f"{path}photos/{row.pk + 1}/").status_code == visitor.get(f"{path}photos/{10**17}/").status_code == 404
    asked = Assistance.objects.latest("pk")
    for user in (make_assistant(7), client_user, dispatcher, viewer):
        for address in (f"/api/assistance/{job.pk}/photos/", f"/api/assistance/{job.pk}/photos/{row.pk}/"):
            assert api(user).get(address).status_code == 404
    for address in (f"/api/assistance/{job.pk}/photos/", f"/api/assistance/{job.pk}/photos/{row.pk}/"):
        assert api(None).get(address).status_code == 401
    assert api(assistant_user).get(f"/api/assistance/{asked.pk}/photos/{row.pk}/").status_code == 404, "of another job"
    page = f"/admin/dispatch/requests/{job.pk}/photos/{row.pk}/"
    assert office(dispatcher).get(page).status_code in (403, 404)
    assert Client().get(page).status_code == 302
    assert Client().get(f"/duty/photos/{row.pk}/").status_code == 401
    assert phone.get(f"/duty/photos/{row.pk + 1}/").status_code == 404
    RequestLink.objects.revoke()
    assert visitor.get(f"{path}photos/{row.pk}/").status_code == 404
    assert add(visitor, path, photo()).status_code == 404


def test_an_offer_shows_none(visitor, duty, assistant_user, phone, api):
    duty(assistant_user)
    ask(visitor, photos=[photo()])
    row = RequestPhoto.objects.get()
    shown = phone.get("/duty/").content.decode()
    assert "New request" in shown and "<img" not in shown
    assert phone.get(f"/duty/photos/{row.pk}/").status_code == 404
    assert api(assistant_user).get(f"/api/assistance/{row.assistance_id}/photos/").status_code == 404


def test_an_assistant_sees_those_of_a_job_for_a_day_after_it_and_none_after_giving_it_back(visitor, duty, assistant_user, make_assistant, phone):
    _, job = accepted(visitor, duty, assistant_user, photos=[photo()])
    address = f"/duty/photos/{RequestPhoto.objects.get().pk}/"
    services.release(actor=assistant_user, assistance_id=job.pk)
    assert phone.get(address).status_code == 404
    other = make_assistant(8)
    services.accept(actor=other, assistance_id=job.pk)
    assert phone.get(address).status_code == 404
    Assistance.objects.filter(pk=job.pk).update(assistant=assistant_user)
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    assert phone.get(address).status_code == 200
    Assistance.objects.filter(pk=job.pk).update(ended_at=timezone.now() - timedelta(hours=25))
    assert phone.get(address).status_code == 404


def test_only_the_two_add_any(visitor, duty, assistant_user, make_assistant, staff_user, client_user):
    _, job = accepted(visitor, duty, assistant_user)
    for user, refusal in ((make_assistant(9), NotFound), (client_user, NotFound), (staff_user, Forbidden)):
        with pytest.raises(refusal):
            services.add_photos(actor=user, assistance_id=job.pk, given=[photo()])
    with pytest.raises(InvalidData):
        services.add_photos(actor=assistant_user, assistance_id=job.pk, given=[])
    assert not files()


# --- Going ---------------------------------------------------------------------------------------------------------------------
def test_they_go_with_the_person(visitor, duty, assistant_user, phone, django_capture_on_commit_callbacks):
    _, job = accepted(visitor, duty, assistant_user, photos=[photo()])
    tap(phone, "photo", "k", job=job.pk, photos=photo())
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    with django_capture_on_commit_callbacks(execute=True):
        close_account(actor=None, user=job.client)
    assert not RequestPhoto.objects.exists() and not files(), "the assistant's show the client's vehicle"


def test_an_assistants_go_with_the_assistant_and_the_clients_stay(visitor, duty, assistant_user, phone, django_capture_on_commit_callbacks):
    _, job = accepted(visitor, duty, assistant_user, photos=[photo()])
    tap(phone, "photo", "k", job=job.pk, photos=photo())
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    with django_capture_on_commit_callbacks(execute=True):
        close_account(actor=None, user=assistant_user)
    assert RequestPhoto.objects.get().role == "client" and len(files()) == 1


def test_they_leave_by_age_with_their_files(visitor, duty, assistant_user, settings):
    accepted(visitor, duty, assistant_user, photos=[photo(), photo()])
    old = RequestPhoto.objects.earliest("pk")
    RequestPhoto.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=settings.RETENTION_DAYS["proofs"] + 1))
    assert dict(retention.prune())["photos of requests"] == 1
    assert len(files()) == 1 and not default_storage.exists(old.photo) and not RequestPhoto.objects.filter(pk=old.pk).exists()


def test_an_export_holds_ones_own(visitor, duty, assistant_user, phone, tmp_path):
    import zipfile

    _, job = accepted(visitor, duty, assistant_user, photos=[photo()])
    tap(phone, "photo", "k", job=job.pk, photos=photo())
    for user in (job.client, assistant_user):
        assert len(personal_data_export.gather(user)["assistance.RequestPhoto"]) == 1
        with zipfile.ZipFile(personal_data_export.export(user, tmp_path / f"{user.pk}.zip")) as archive:
            assert len([name for name in archive.namelist() if name.startswith("requests/")]) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_taps_at_the_same_moment_keep_three(client_user, job_in, assistant_user):
    job = job_in("accepted", client_user, assistant_user)

    def send(_):
        try:
            services.add_photos(actor=assistant_user, assistance_id=job.pk, given=[photo()])
            return "added"
        except InvalidData:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(send, range(5))) == ["added"] * 3 + ["refused"] * 2
    assert sorted(RequestPhoto.objects.values_list("number", flat=True)) == [1, 2, 3] and len(files()) == 3
