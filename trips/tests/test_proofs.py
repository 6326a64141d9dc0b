"""Proofs of delivery: given on the driver's page, seen by those who may see the trip, and by the customer once it is done."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from PIL import Image

from depannini_dashmap.models import AuditEvent
from trips.models import DriverTap, StopProof, TripStop
from trips.services import driver
from trips.steps.stop_outcomes import A_MOMENT
from trips.tests.test_customer_link import link_of as customer_link_of
from trips.tests.test_driver_link import link_of, press, started
from trips.tests.world import stops_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


@pytest.fixture
def phone():
    return Client(enforce_csrf_checks=True)


def picture(kind="JPEG", size=(60, 40)):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def photo(content=None, name="../../x.svg"):
    return SimpleUploadedFile(name, picture() if content is None else content, "text/html")


SIGNATURE = "data:image/png;base64," + base64.b64encode(picture("PNG")).decode()


def files():
    return set(default_storage.listdir("proofs")[1]) if default_storage.exists("proofs") else set()


def delivered(client, phone, **fields):
    trip, order = started(client)
    path = link_of(client, trip)
    pickup, delivery = (stop["id"] for stop in stops_of(client, trip))
    press(phone, path, "done", pickup)
    answer = press(phone, path, "done", delivery, **fields)
    assert answer.status_code == 303, answer.content
    return trip, order, path, delivery


def test_a_proof_comes_with_done_and_dispatchers_see_it(api, client, phone, dispatcher_b, viewer, client_user):
    before = files()
    trip, _, path, stop = delivered(client, phone, photo=photo(), signature=SIGNATURE, receiver=" Amina B. ", note="At the gate <b>")
    row = next(row for row in stops_of(client, trip) if row["id"] == stop)
    proof = row["proof"]
    assert (proof["receiver"], proof["note"]) == ("Amina B.", "At the gate <b>")
    assert proof["at"] == row["actual_departure_datetime"]
    assert client.get(f"/api/trip-stops/{stop}/").json()["proof"] == proof
    assert stops_of(client, trip)[0]["proof"] is None
    for kind, media, size in (("photo", "image/jpeg", (60, 40)), ("signature", "image/png", (60, 40))):
        answer = client.get(proof[kind])
        assert (answer.status_code, answer["Content-Type"]) == (200, media)
        assert "no-store" in answer["Cache-Control"]
        assert Image.open(io.BytesIO(answer.content)).size == size
        for user, expected in ((viewer, 200), (dispatcher_b, 404), (client_user, 403), (None, 401)):
            assert api(user).get(proof[kind]).status_code == expected
    page = phone.get(path).content.decode()
    assert "Amina B." in page and "At the gate &lt;b&gt;" in page
    assert len(files() - before) == 2
    for name in files() - before:
        assert name not in str(row) and name not in page
        for address in (f"/media/proofs/{name}", f"/media/photos/../proofs/{name}", f"/media//proofs/{name}", f"/media/./proofs/{name}"):
            assert phone.get(address).status_code == 404


def test_the_trips_page_shows_it_to_its_own_company(client, phone, dispatcher, dispatcher_b):
    trip, _, _, stop = delivered(client, phone, photo=photo(), receiver="Amina")
    office = Client()
    office.force_login(dispatcher)
    url = f"/admin/dispatch/trips/{trip}/stops/{stop}/photo/"
    page = office.get(f"/admin/dispatch/trips/{trip}/").content.decode()
    assert "Amina" in page and url in page and "/signature/" not in page
    assert office.get(url)["Content-Type"] == "image/jpeg"
    assert office.get(url.replace("photo", "signature")).status_code == office.get(url.replace("photo", "note")).status_code == 404
    other = Client()
    other.force_login(dispatcher_b)
    assert other.get(url).status_code == 404
    assert Client().get(url).status_code == 302


def test_the_customer_sees_it_once_it_is_done(client, phone):
    trip, order = started(client)
    path, page = link_of(client, trip), customer_link_of(client, order)
    pickup, delivery = (stop["id"] for stop in stops_of(client, trip))
    press(phone, path, "done", pickup, receiver="Depot", photo=photo())
    assert phone.get(f"{page}proof/photo/").status_code == 404, "the pickup is nobody's but the company's"
    press(phone, path, "done", delivery, receiver="Amina", photo=photo(), note="the dog bites")
    text = phone.get(page).content.decode()
    assert "Amina" in text and f"{page}proof/photo/" in text and "dog" not in text and "Depot" not in text
    answer = phone.get(f"{page}proof/photo/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert phone.get(f"{page}proof/signature/").status_code == 404
    client.delete(f"/api/orders/{order['id']}/link/")
    assert phone.get(f"{page}proof/photo/").status_code == 404


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"<svg onload=alert(1)>", "JPEG, PNG or WebP"),
        (b"GIF89a", "JPEG, PNG or WebP"),
        (b"\xff" * (5 * 1024 * 1024 + 1), "at most 5 MB"),
    ],
)
def test_what_is_no_photo_is_refused_in_words_and_nothing_is_done(client, phone, content, words):
    trip, _ = started(client)
    path = link_of(client, trip)
    stop = stops_of(client, trip)[0]["id"]
    before = files()
    answer = press(phone, path, "done", stop, photo=photo(content), signature=SIGNATURE)
    assert answer.status_code == 400 and words in answer.content.decode()
    assert not TripStop.objects.get(pk=stop).is_completed and not StopProof.objects.exists() and files() == before


@pytest.mark.parametrize("fields", [{"signature": "data:image/svg+xml;base64,AAAA"}, {"signature": "data:image/png;base64,!!"}, {"receiver": "x" * 101}, {"note": "x" * 501}])
def test_other_nonsense_is_refused(client, phone, fields):
    trip, _ = started(client)
    path = link_of(client, trip)
    before = files()
    assert press(phone, path, "done", stops_of(client, trip)[0]["id"], photo=photo(), **fields).status_code == 400
    assert not StopProof.objects.exists() and files() == before


def test_a_proof_is_added_and_changed_later_but_not_to_an_open_stop(client, phone, django_capture_on_commit_callbacks):
    before = files()
    trip, _, path, stop = delivered(client, phone, photo=photo())
    assert press(phone, path, "proof", stop, receiver="Amina").status_code == 303
    with django_capture_on_commit_callbacks(execute=True):
        assert press(phone, path, "proof", stop, photo=photo(picture("PNG"))).status_code == 303
    assert len(files() - before) == 1, "what was replaced goes once it is committed"
    proof = StopProof.objects.get()
    assert proof.receiver == "Amina" and proof.photo.endswith(".png")
    assert press(phone, path, "proof", stop).status_code == 400
    client.put(f"/api/trip-stops/{stop}/", {"is_completed": False})
    assert press(phone, path, "proof", stop, receiver="x").status_code == 409
    client.put(f"/api/trips/{trip}/", {"status": "completed"})
    assert press(phone, path, "proof", stop, receiver="x").status_code == 409


def test_undo_takes_the_proof_along_and_so_does_the_trip(client, phone, django_capture_on_commit_callbacks):
    before = files()
    trip, _, path, _ = delivered(client, phone, photo=photo(), signature=SIGNATURE)
    with django_capture_on_commit_callbacks(execute=True):
        assert press(phone, path, "undo").status_code == 303
    assert not StopProof.objects.exists() and files() == before
    stop = stops_of(client, trip)[1]["id"]
    press(phone, path, "done", stop, photo=photo())
    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"/api/trips/{trip}/").status_code == 204
    assert files() == before


def test_a_proof_goes_with_the_outcome_that_it_was_given_for(client, phone, django_capture_on_commit_callbacks):
    before = files()
    trip, _ = started(client)
    path = link_of(client, trip)
    pickup, delivery = (stop["id"] for stop in stops_of(client, trip))
    press(phone, path, "done", pickup, receiver="Porter")
    press(phone, path, "failed", delivery, reason="Nobody there", photo=photo())
    assert len(files() - before) == 1 and StopProof.objects.count() == 2
    client.put(f"/api/trip-stops/{delivery}/", {"failure_reason": "Nobody was there"})
    assert StopProof.objects.count() == 2, "the same outcome in other words"
    with django_capture_on_commit_callbacks(execute=True):
        client.put(f"/api/trip-stops/{delivery}/", {"is_completed": True})
    assert files() == before and list(StopProof.objects.values_list("receiver", flat=True)) == ["Porter"]
    press(phone, path, "proof", delivery, receiver="Amina")
    client.put(f"/api/trip-stops/{delivery}/", {"failed": True})
    assert StopProof.objects.count() == 1
    press(phone, path, "proof", delivery, note="They refused it")
    client.put(f"/api/trip-stops/{delivery}/", {"failed": False})
    press(phone, path, "done", delivery, receiver="Amina")
    proof = StopProof.objects.get(trip_stop=delivery)
    assert (proof.receiver, proof.note) == ("Amina", "")


def test_a_form_that_comes_twice_acts_once(client, phone):
    trip, _ = started(client)
    path = link_of(client, trip)
    stop = stops_of(client, trip)[0]["id"]
    for _ in range(2):
        assert press(phone, path, "done", stop, key="k1", photo=photo()).status_code == 303
    assert AuditEvent.objects.filter(event="driver_done").count() == 1 and StopProof.objects.count() == 1
    assert press(phone, path, "undo", stop, undoes="done", key="k2").status_code == 303
    assert press(phone, path, "done", stop, key="k1").status_code == 303
    assert not TripStop.objects.get(pk=stop).is_completed, "a form of before, sent again by the browser"
    assert press(phone, path, "undo", stop, undoes="done", key="k2").status_code == 303
    assert DriverTap.objects.count() == 2


def test_the_time_of_a_tap_counts_within_a_day(client, phone, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    trip, _ = started(client)
    token = link_of(client, trip).split("/")[2]
    pickup, delivery = (stop["id"] for stop in stops_of(client, trip))
    now = timezone.now()
    driver.act(actor=None, token=token, trip_stop_id=pickup, action="arrived", tap=driver.Tap(at=now - timedelta(hours=3)))
    driver.act(actor=None, token=token, trip_stop_id=pickup, action="done", tap=driver.Tap(at=now - timedelta(hours=2)))
    row = TripStop.objects.get(pk=pickup)
    assert (now - row.actual_arrival_datetime, now - row.actual_departure_datetime) == (timedelta(hours=3), timedelta(hours=2))
    for late in (now - timedelta(hours=25), now + timedelta(minutes=1)):
        driver.act(actor=None, token=token, trip_stop_id=delivery, action="arrived", tap=driver.Tap(at=late))
        assert TripStop.objects.get(pk=delivery).actual_arrival_datetime == now
        driver.undo(actor=None, token=token, trip_stop_id=delivery, undoes="arrived")
    driver.act(actor=None, token=token, trip_stop_id=delivery, action="arrived")
    driver.act(actor=None, token=token, trip_stop_id=delivery, action="done", tap=driver.Tap(at=now - timedelta(hours=1)))
    left = TripStop.objects.get(pk=delivery).actual_departure_datetime
    assert left == now + A_MOMENT, "nobody leaves before they came"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_phones_with_one_link_prove_one_stop(client):
    trip, _ = started(client)
    path = link_of(client, trip)
    stop = stops_of(client, trip)[0]["id"]
    before = files()

    def tap(number):
        try:
            return press(Client(), path, "done", stop, key=f"k{number % 2}", photo=photo(), receiver=f"R{number % 2}").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(tap, range(6))) == {303}
    assert AuditEvent.objects.filter(event="driver_done").count() == 1
    assert StopProof.objects.count() == 1 and DriverTap.objects.count() == 2
    assert {f"proofs/{name}" for name in files() - before} == {StopProof.objects.get().photo}
