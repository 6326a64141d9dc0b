"""The driver's mail: once, whole, safe, and honest about failure."""

import re
import socket
import threading
import time
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from django.utils import timezone

from trips.models import Trip
from trips.services.driver_notification import CLAIM_TTL
from trips.tests.world import RUNGIS, add_place, loaded_trip, make_trip, make_vehicle, stops_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


def notify(client, trip):
    return client.post(f"/api/trips/{trip}/notify-driver/")


class RefusingBackend(BaseEmailBackend):
    """A mail server that is down."""

    def open(self):
        raise ConnectionRefusedError

    def send_messages(self, messages):
        raise ConnectionRefusedError


def test_the_mail_has_all_that_a_driver_needs(client):
    trip, [order] = loaded_trip(client, notes="Take the toll card")
    add_place(client, trip, "Garage <b>", notes="Key under mat", planned_arrival_time="17:45")
    client.put(
        f"/api/orders/{order['id']}/",
        {"pickup_stop": {"contact_name": "Sara", "contact_phone": "555-0001", "notes": "Dock B"}},
    )
    assert notify(client, trip).json() == {"message": "Driver notified successfully"}
    assert client.get(f"/api/trips/{trip}/").json()["driver_notified"] is True
    [message] = mail.outbox
    assert (message.to, message.cc, message.bcc) == (["driver@example.com"], [], [])
    assert message.subject == "Morning Route – 2024-01-20"
    html = message.alternatives[0][0]
    for text in (message.body, html):
        places = [text.index(name) for name in ("Rungis", "Vincennes", "Garage")]
        assert places == sorted(places)
        for word in (
            "08:00",
            "17:45",
            "Sara",
            "555-0001",
            "Dock B",
            "Key under mat",
            order["order_number"],
            "toll card",
        ):
            assert word in text
    assert "https://www.google.com/maps/search/?api=1&query=48.759000%2C2.352000" in message.body
    assert 'href="tel:5550001"' in html
    assert "Garage <b>" in message.body
    assert "Garage &lt;b&gt;" in html


def test_a_second_time_is_refused_until_a_stop_changes(client):
    trip, [order] = loaded_trip(client)
    assert notify(client, trip).status_code == 200
    again = notify(client, trip)
    assert (again.status_code, again.json()["error"]) == (400, "Driver already notified")
    assert len(mail.outbox) == 1
    first = stops_of(client, trip)[0]
    changes = [
        lambda: add_place(client, trip),
        lambda: client.put(f"/api/trip-stops/{first['id']}/", {"planned_arrival_time": "06:00"}),
        lambda: client.put(f"/api/orders/{order['id']}/", {"pickup_stop": {**RUNGIS, "address": "elsewhere"}}),
        lambda: client.delete(f"/api/trip-stops/{stops_of(client, trip)[-1]['id']}/"),
    ]
    for sent, change in enumerate(changes, start=2):
        change()
        assert client.get(f"/api/trips/{trip}/").json()["driver_notified"] is False
        assert notify(client, trip).status_code == 200
        assert notify(client, trip).status_code == 400
        assert len(mail.outbox) == sent
    assert len({message.extra_headers["Message-ID"] for message in mail.outbox}) == len(mail.outbox)
    whole = client.get(f"/api/orders/{order['id']}/").json()
    client.put(f"/api/orders/{order['id']}/", whole)
    client.put(f"/api/trip-stops/{first['id']}/", {"is_completed": True})
    client.put(f"/api/trips/{trip}/", {"status": "planned"})
    assert notify(client, trip).status_code == 400


def test_another_vehicles_driver_is_somebody_else(client):
    trip, _ = loaded_trip(client)
    notify(client, trip)
    client.put(f"/api/trips/{trip}/", {"vehicle": make_vehicle(client, driver_email="second@example.com")})
    assert notify(client, trip).status_code == 200
    assert [message.to[0] for message in mail.outbox] == ["driver@example.com", "second@example.com"]


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_closed_trips_and_drivers_without_address(client, status):
    trip = make_trip(client)
    client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    client.put(f"/api/trips/{trip}/", {"status": status})
    assert notify(client, trip).status_code == 400
    nobody = make_trip(client, make_vehicle(client, driver_email=""))
    assert notify(client, nobody).status_code == 400
    assert mail.outbox == []


def test_a_name_cannot_smuggle_headers(client):
    name = "x\r\nBcc: a@b.example\r\n\r\n<script>alert(1)</script>\u2028y"
    trip = make_trip(client, name=name)
    assert client.get(f"/api/trips/{trip}/").json()["name"] == name
    assert (
        client.post(
            f"/api/trips/{trip}/notify-driver/", HTTP_HOST="testserver", HTTP_X_FORWARDED_HOST="evil"
        ).status_code
        == 200
    )
    [message] = mail.outbox
    raw = message.message()
    assert message.recipients() == ["driver@example.com"]
    assert raw["Bcc"] is None
    assert len(raw.get_all("Subject")) == 1
    assert "<script>" not in message.alternatives[0][0]
    assert "evil" not in raw.as_string()


LURE = "Pay at https://evil.example/pay?x=1 or evil-bank.com, mail pay@evil.example, ring +33 8 99 12 34 56"


def test_links_in_texts_of_users_are_not_live(client, settings):
    """Mail programs link what looks like an address, a number or a domain, in the plain text and in HTML alike."""
    trip, [order] = loaded_trip(client, name=LURE[:90], notes=f"{LURE}\n2. PICKUP at 09:00: my own\u2028stop")
    add_place(client, trip, "evil.example", notes=LURE)
    place = {"address": "www.evil.example/map", "contact_phone": "evil.com", "notes": LURE}
    client.put(f"/api/orders/{order['id']}/", {"special_instructions": LURE, "pickup_stop": place})
    assert notify(client, trip).status_code == 200
    [message] = mail.outbox
    html = message.alternatives[0][0]
    for text in (message.subject, message.body, html):
        for lure in ("evil.example", "evil-bank.com", "pay@evil", "https://evil", "evil.com", "99 12 34 56", "www.evil"):
            assert lure not in text
        assert "evil.\u200bexample" in text, "people read what was written"
    assert "\n2. PICKUP at 09:00" not in message.body, "no line of a note passes for one of ours"
    links = {link.split("?")[0] for link in re.findall(r'href="([^"]*)', html)}
    assert {re.sub(r"/t/[\w-]{32}/$", "/t/", link) for link in links} == {"https://www.google.com/maps/search/", f"{settings.BASE_URL}/t/"}
    assert "Nadia, Atlas Transport wrote this trip" in message.body


@pytest.mark.parametrize(("phone", "link"), [("+213 555 12 34 56", "tel:+213555123456"), ("+33 899 12 34 56", None), ("evil.com", None)])
def test_a_contacts_number_can_be_tapped_unless_it_costs(client, phone, link):
    trip, [order] = loaded_trip(client)
    client.put(f"/api/orders/{order['id']}/", {"pickup_stop": {"contact_name": "Sara", "contact_phone": phone}})
    assert notify(client, trip).status_code == 200
    [message] = mail.outbox
    links = re.findall(r'href="(tel:[^"]*)"', message.alternatives[0][0])
    assert (link in links) if link else not any("899" in found or found == "tel:" for found in links)


def test_a_companys_hour_of_messages(client, settings, time_machine):
    """Sixty an hour, or four a vehicle: once forty of forty mails were sent."""
    settings.THROTTLING_ENABLED = True
    time_machine.move_to(timezone.now(), tick=False)
    vehicle = make_vehicle(client)
    for number in range(61):
        last = make_trip(client, vehicle, name=f"Trip {number}")
        answer = notify(client, last)
    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many_requests"
    assert 0 < int(answer["Retry-After"]) <= 3600
    assert len(mail.outbox) == 60
    assert client.get(f"/api/trips/{last}/").json()["driver_notified"] is False
    time_machine.shift(3601)
    assert notify(client, last).status_code == 200


def test_what_did_not_leave_costs_nothing(client, settings):
    settings.THROTTLING_ENABLED, settings.MESSAGES_PER_COMPANY = True, 1
    trip, _ = loaded_trip(client)
    good = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "trips.tests.test_notify.RefusingBackend"
    assert [notify(client, trip).status_code for _ in range(3)] == [502] * 3
    settings.EMAIL_BACKEND = good
    assert notify(client, trip).status_code == 200
    other, _ = loaded_trip(client, vehicle=make_vehicle(client))
    assert notify(client, other).status_code == 429


def test_a_mail_server_that_is_down(client, settings):
    trip, _ = loaded_trip(client)
    good = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "trips.tests.test_notify.RefusingBackend"
    answer = notify(client, trip)
    assert (answer.status_code, answer.json()["code"]) == (502, "mail_failed")
    assert client.get(f"/api/trips/{trip}/").json()["driver_notified"] is False
    settings.EMAIL_BACKEND = good
    assert notify(client, trip).status_code == 200
    assert len(mail.outbox) == 1


@pytest.mark.slow
def test_a_mail_server_that_never_finishes_speaking(client, settings):
    """It sends one byte of its greeting every half second: no single read is slow, only all of them."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip():
        line, _ = server.accept()
        with line:
            while not stop.wait(0.5):
                try:
                    line.sendall(b"2")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
    trip, _ = loaded_trip(client)
    begun = time.monotonic()
    try:
        assert notify(client, trip).status_code == 502
        assert time.monotonic() - begun < 6
    finally:
        stop.set()
        thread.join()
        server.close()
    assert client.get(f"/api/trips/{trip}/").json()["driver_notified"] is False


def test_a_claim_in_flight_refuses_and_one_left_behind_does_not(client):
    trip, _ = loaded_trip(client)
    Trip.objects.filter(pk=trip).update(notify_claimed_at=timezone.now())
    assert notify(client, trip).json()["error"] == "Driver already notified"
    Trip.objects.filter(pk=trip).update(notify_claimed_at=timezone.now() - CLAIM_TTL - timedelta(seconds=1))
    assert notify(client, trip).status_code == 200


def test_stops_that_change_while_the_mail_leaves_count_as_not_notified(client, monkeypatch):
    trip, _ = loaded_trip(client)
    monkeypatch.setattr("depannini_dashmap.lib.outbound.mail.deliver", lambda message: add_place(client, trip))
    assert notify(client, trip).status_code == 200
    shown = client.get(f"/api/trips/{trip}/").json()
    assert (shown["driver_notified"], len(shown["trip_stops"])) == (False, 3)


def test_a_vehicle_that_changes_while_the_mail_leaves_has_a_driver_to_notify(client, monkeypatch):
    trip, _ = loaded_trip(client)
    other = make_vehicle(client, driver_email="second@example.com")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("depannini_dashmap.lib.outbound.mail.deliver", lambda message: client.put(f"/api/trips/{trip}/", {"vehicle": other}))
        assert notify(client, trip).status_code == 200
    assert client.get(f"/api/trips/{trip}/").json()["driver_notified"] is False
    assert notify(client, trip).status_code == 200
    assert [message.to[0] for message in mail.outbox] == ["second@example.com"]


def test_a_trip_that_goes_while_the_mail_leaves(client, monkeypatch):
    trip, _ = loaded_trip(client)
    monkeypatch.setattr("depannini_dashmap.lib.outbound.mail.deliver", lambda message: client.delete(f"/api/trips/{trip}/"))
    assert notify(client, trip).status_code == 404


def test_a_repeated_attempt_carries_the_same_message_id(client):
    from trips import driver_mail

    trip, _ = loaded_trip(client)
    row = Trip.objects.select_related("vehicle", "dispatcher", "company").get(pk=trip)
    stops = list(row.trip_stops.select_related("stop", "order"))
    ids = [driver_mail.compose(row, stops, f"http://host/t/{link}/").extra_headers["Message-ID"] for link in "ab"]
    assert ids[0] == ids[1]
    assert ids[0].startswith(f"<trip-{trip}-")


@pytest.mark.parametrize(
    ("language", "words"),
    [("", "Vehicle:"), ("fr", "Véhicule\u00a0:"), ("ar", "المركبة:")],
)
def test_the_mail_speaks_the_drivers_language(client, mailoutbox, language, words):
    vehicle = make_vehicle(client, driver_language=language)
    trip, _ = loaded_trip(client, vehicle=vehicle, name="Trip of 20 Jan")
    assert client.post(f"/api/trips/{trip}/notify-driver/").status_code == 200
    [mail] = mailoutbox
    assert mail.subject == "Trip of 20 Jan – 2024-01-20"
    assert words in mail.body
    html = mail.alternatives[0].content
    assert f'<html lang="{language or "en"}" dir="{"rtl" if language == "ar" else "ltr"}">' in html
    assert client.put(f"/api/vehicles/{vehicle}/", {"driver_language": "xx"}).status_code == 400


@pytest.fixture
def sms(settings, tmp_path):
    """Return what was sent by SMS."""
    settings.SMS_URL = f"file://{tmp_path}/sms"
    return lambda: sorted(file.read_text() for file in (tmp_path / "sms").glob("*.txt"))


def test_a_driver_without_a_mail_address_gets_the_link_by_sms_in_their_language(client, sms):
    vehicle = make_vehicle(client, driver_email="", driver_phone="0661 23 45 67", driver_language="fr")
    trip = make_trip(client, vehicle)
    assert notify(client, trip).json() == {"message": "Driver notified successfully"}
    [text] = sms()
    assert text.startswith("To: +213661234567\n") and "Atlas Transport : votre tournée du 2024-01-20 à 08:00" in text
    path = re.search(r"/t/[\w-]+/", text)[0]
    assert Client().get(path).status_code == 200
    assert client.get(f"/api/trips/{trip}/").json()["driver_notified"] is True
    assert (notify(client, trip).status_code, len(sms()), mail.outbox) == (400, 1, [])
    assert client.put(f"/api/vehicles/{vehicle}/", {"driver_phone": "0661 99 99 99"}).status_code == 200
    assert Client().get(path).status_code == 404, "somebody else drives"


def test_a_mail_address_comes_before_a_phone(client, sms):
    assert notify(client, make_trip(client, make_vehicle(client, driver_phone="0661 23 45 67"))).status_code == 200
    assert (sms(), len(mail.outbox)) == ([], 1)


@pytest.mark.parametrize("phone", ["", "the office", "12"])
def test_a_driver_who_cannot_be_reached_is_named(client, sms, phone):
    answer = notify(client, make_trip(client, make_vehicle(client, driver_email="", driver_phone=phone)))
    assert (answer.status_code, answer.json()["code"], sms()) == (400, "no_driver_email", [])


def test_without_a_gateway_a_phone_is_no_way_to_a_driver(client, settings):
    settings.SMS_URL = "console:"
    answer = notify(client, make_trip(client, make_vehicle(client, driver_email="", driver_phone="0661 23 45 67")))
    assert (answer.status_code, answer.json()["error"]) == (400, "The vehicle's driver has no e-mail address")


def test_an_sms_that_did_not_leave_is_tried_again(client, settings, tmp_path):
    (tmp_path / "file").write_text("no directory")
    settings.SMS_URL = f"file://{tmp_path}/file"
    trip = make_trip(client, make_vehicle(client, driver_email="", driver_phone="0661 23 45 67"))
    answer = notify(client, trip)
    assert (answer.status_code, answer.json()["code"]) == (502, "sms_failed")
    assert client.get(f"/api/trips/{trip}/").json()["driver_notified"] is False
    settings.SMS_URL = f"file://{tmp_path}/sms"
    assert notify(client, trip).status_code == 200
