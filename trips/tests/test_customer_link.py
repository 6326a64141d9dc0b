"""The customer's link: what it shows when, that it shows nothing else, how it ends, and how it is made and sent."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.limits import rates
from depannini_dashmap.lib.ops.logs import redact
from depannini_dashmap.models import AuditEvent
from fleet.models import Vehicle
from orders.models import Order, OrderLink
from trips.models import Trip, TripStop
from trips.tests.world import add_place, loaded_trip, make_order, make_vehicle, stops_of

pytestmark = pytest.mark.django_db
LINK = re.compile(r"/o/[\w-]{32}/")
FAR = (48.800, 2.390)  # between Rungis and Vincennes, near no stop
RUNGIS, VINCENNES = (48.759, 2.352), (48.847, 2.428)


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


@pytest.fixture
def phone():
    return Client(enforce_csrf_checks=True)


def today():
    return timezone.now().date().isoformat()


def link_of(client, order, **body):
    answer = client.post(f"/api/orders/{order['id']}/link/", body)
    assert answer.status_code == 201, answer.content
    return LINK.search(answer.json()["url"])[0]


def started(client, orders=1):
    trip, taken = loaded_trip(client, orders, planned_start_date=today(), vehicle=make_vehicle(client, driver_name="Ali Ben Salah"))
    assert client.put(f"/api/trips/{trip}/", {"status": "in_progress"}).status_code == 200
    return trip, taken


def finish(client, stop, **fields):
    assert client.put(f"/api/trip-stops/{stop['id']}/", fields or {"is_completed": True}).status_code == 200


def report(client, trip, place, at=None):
    vehicle = Trip.objects.values_list("vehicle_id", flat=True).get(pk=trip)
    body = {"vehicle_id": vehicle, "latitude": place[0], "longitude": place[1], "timestamp": (at or timezone.now()).isoformat()}
    body |= {"speed": 30, "heading": 0}
    assert client.post("/api/positions/", body).status_code == 201


def state_of(phone, path):
    answer = phone.get(f"{path}state/")
    assert answer.status_code == 200
    shown = answer.json()
    return {**shown, "html": shown["html"]["state"] + shown["html"]["events"]}


def test_the_address_is_told_once_and_its_token_stored_nowhere(client, phone):
    order = make_order(client)
    path = link_of(client, order)
    token = path.split("/")[2]
    assert token not in str(list(OrderLink.objects.values()))
    assert all(token not in str(row) for row in AuditEvent.objects.values())
    told = client.get(f"/api/orders/{order['id']}/link/").json()
    assert (told["url"], told["channel"], told["sent_at"]) == (None, "", None)
    page = phone.get(path)
    assert page.status_code == 200 and not page.cookies
    assert (page["Referrer-Policy"], page["Cache-Control"]) == ("no-referrer", "no-store")
    assert "noindex" in page["X-Robots-Tag"]
    assert redact(f"GET {path}state/ 200") == "GET /o/[secret]/state/ 200"


def test_a_renewed_or_ended_link_is_gone(client, phone):
    order = make_order(client)
    first, second = link_of(client, order), link_of(client, order)
    assert (phone.get(first).status_code, phone.get(second).status_code) == (404, 200)
    assert client.delete(f"/api/orders/{order['id']}/link/").status_code == 204
    assert phone.get(second).status_code == phone.get(f"{second}state/").status_code == 404
    assert phone.get(second).content == phone.get(f"/o/{'x' * 32}/").content
    assert client.delete(f"/api/orders/{order['id']}/link/").status_code == 404
    assert client.get(f"/api/orders/{order['id']}/link/").status_code == 404


def test_who_may_make_one(api, client, dispatcher_b, viewer, client_user):
    order = make_order(client)
    url = f"/api/orders/{order['id']}/link/"
    link_of(client, order)
    for user, expected in ((dispatcher_b, (404, 404, 404)), (viewer, (200, 403, 403)), (client_user, (403, 403, 403)), (None, (401, 401, 401))):
        caller = api(user)
        assert (caller.get(url).status_code, caller.post(url).status_code, caller.delete(url).status_code) == expected
    assert OrderLink.objects.live().count() == 1
    assert client.post(url, {"language": "de"}).status_code == 400
    assert client.post(url, {"send": "pigeon"}).status_code == 400


def test_an_order_on_its_way_in_words_and_nothing_live_before_it_is_next(client, phone):
    trip, [first, second] = started(client, 2)
    path = link_of(client, second)
    report(client, trip, FAR)
    stops = stops_of(client, trip)
    mine = {stop["id"] for stop in stops if stop["linked_order"]["id"] == second["id"]}
    for stop in stops[:3]:
        shown = state_of(phone, path)
        assert (shown["state"], shown["position"], shown["place"]) == ("on_the_road", None, None)
        assert shown["eta"]["earliest"] < shown["eta"]["latest"]
        text = phone.get(path).content.decode().replace(path, "")
        for secret in (first["order_number"], "48.8", "2.39", "Ali", "Transit", "Rungis", "T-", "driver@example.com", "Fresh produce"):
            assert secret not in text, secret
        finish(client, stop)
    assert stops[3]["id"] in mine
    report(client, trip, FAR, timezone.now() + timedelta(seconds=1))
    shown = state_of(phone, path)
    assert (shown["state"], shown["position"]["lat"], shown["position"]["lng"]) == ("en_route", *FAR)
    text = phone.get(path).content.decode()
    assert "On the way to you" in text and "Ali" in text and "Ford Transit" in text
    for secret in ("Ben Salah", first["order_number"], "Rungis", "driver@example.com"):
        assert secret not in text


def test_the_vehicle_is_not_shown_at_the_places_of_others_nor_from_before(client, phone, time_machine):
    time_machine.move_to(timezone.now())
    trip, [order] = started(client)
    path = link_of(client, order)
    report(client, trip, FAR, timezone.now() - timedelta(minutes=1))
    finish(client, stops_of(client, trip)[0])
    assert state_of(phone, path)["position"] is None, "a fix from before the last stop was left"
    report(client, trip, RUNGIS, timezone.now() + timedelta(seconds=1))
    assert state_of(phone, path)["position"] is None, "still at the place of somebody else"
    report(client, trip, (48.770, 2.360), timezone.now() + timedelta(minutes=2))
    assert state_of(phone, path)["position"]["lat"] == 48.77
    time_machine.shift(timedelta(minutes=10))
    assert state_of(phone, path)["position"] is None, "the last fix is old"
    vehicle = Trip.objects.get(pk=trip).vehicle
    report(client, trip, FAR)
    assert state_of(phone, path)["position"]
    type(vehicle).objects.filter(pk=vehicle.pk).update(company=_other_company())
    shown = state_of(phone, path)
    assert shown["position"] is None and "Ali" not in shown["html"] and "Transit" not in shown["html"]


def test_the_vehicle_is_not_shown_where_a_stop_failed_nor_where_one_without_a_place_was(client, phone):
    trip, [order] = started(client)
    path = link_of(client, order)
    pickup, _ = stops_of(client, trip)
    for name in ("Failing", "Somewhere"):
        add_place(client, trip, name, sequence=2)
    _, somewhere, failing, _ = stops_of(client, trip)
    finish(client, pickup)
    report(client, trip, FAR, timezone.now() - timedelta(seconds=1))
    finish(client, failing, failed=True)
    finish(client, somewhere, failed=True)
    TripStop.objects.filter(pk=somewhere["id"]).update(failed_at=timezone.now() - timedelta(minutes=1))
    assert state_of(phone, path)["position"] is None, "a fix from before the last stop failed"
    report(client, trip, (FAR[0] + 0.0005, FAR[1]), timezone.now() + timedelta(seconds=1))
    assert state_of(phone, path)["position"] is None, "still where the stop failed, wherever that is"
    report(client, trip, (48.790, 2.385), timezone.now() + timedelta(minutes=1))
    assert state_of(phone, path)["position"]["lat"] == 48.79
    TripStop.objects.filter(pk=somewhere["id"]).update(failed=False, failed_at=None, is_completed=True, actual_arrival_datetime=timezone.now(), actual_departure_datetime=timezone.now() + timedelta(minutes=1))
    assert state_of(phone, path)["position"] is None, "it was still there when the stop was left"
    Vehicle.objects.get(trips=trip).positions.all().delete()
    assert state_of(phone, path)["position"] is None, "nobody knows where the stop was"


def _other_company():
    from accounts.models import Company

    return Company.objects.create(name="Another")


def test_a_stop_where_the_driver_is_comes_first_though_it_is_not_next(client, phone):
    trip, [_, second] = started(client, 2)
    stops = stops_of(client, trip)
    order = [stops[0], stops[2], stops[1], stops[3]]
    numbers = [{"id": stop["id"], "sequence": place} for place, stop in enumerate(order, 1)]
    assert client.post(f"/api/trips/{trip}/reorder-stops/", {"orders": numbers}).status_code == 200
    for stop in order[:2]:
        finish(client, stop)
    path = link_of(client, second)
    assert state_of(phone, path)["state"] == "on_the_road"
    finish(client, order[2])
    assert state_of(phone, path)["state"] == "en_route"
    client.put(f"/api/trip-stops/{order[2]['id']}/", {"is_completed": False})
    assert state_of(phone, path)["state"] == "on_the_road"


def test_arrived_delivered_and_over_some_days_later(client, phone, time_machine):
    time_machine.move_to((timezone.now() + timedelta(days=1)).replace(hour=10), tick=False)
    trip, [order] = started(client)
    path = link_of(client, order)
    pickup, delivery = stops_of(client, trip)
    finish(client, pickup)
    TripStop.objects.filter(pk=delivery["id"]).update(actual_arrival_datetime=timezone.now(), arrival_is_suggested=True)
    assert state_of(phone, path)["state"] == "en_route", "a passing by is no arrival"
    TripStop.objects.filter(pk=delivery["id"]).update(arrival_is_suggested=False)
    assert state_of(phone, path)["state"] == "arrived"
    report(client, trip, VINCENNES, timezone.now() + timedelta(seconds=1))
    assert state_of(phone, path)["position"] is not None
    finish(client, delivery)
    shown = state_of(phone, path)
    assert (shown["state"], shown["position"], shown["place"], shown["eta"], shown["is_over"]) == ("delivered", None, None, None, True)
    assert [words in shown["html"] for words in ("Goods picked up", "Driver at your place", "Order received")] == [True] * 3
    time_machine.shift(timedelta(days=2, hours=23))
    assert phone.get(path).status_code == 200
    time_machine.shift(timedelta(hours=2))
    assert phone.get(path).status_code == phone.get(f"{path}state/").status_code == 404
    assert phone.get(link_of(client, order)).status_code == 200, "a new one shows it for some days more"


@pytest.mark.parametrize("status", ["cancelled", "delivered"])
def test_an_order_that_is_edited_after_its_end_opens_no_link_again(client, phone, time_machine, status):
    time_machine.move_to((timezone.now() + timedelta(days=1)).replace(hour=10), tick=False)
    order = make_order(client)
    path = link_of(client, order)
    time_machine.shift(timedelta(hours=1))
    assert client.put(f"/api/orders/{order['id']}/", {"status": status}).status_code == 200
    time_machine.shift(timedelta(days=2))
    assert client.put(f"/api/orders/{order['id']}/", {"special_instructions": "Ring twice"}).status_code == 200
    assert phone.get(path).status_code == 200
    time_machine.shift(timedelta(days=1, hours=1))
    assert phone.get(path).status_code == phone.get(f"{path}state/").status_code == 404
    assert client.put(f"/api/orders/{order['id']}/", {"special_instructions": "Ring once"}).status_code == 200
    assert phone.get(path).status_code == 404
    Order.history.all().delete()
    assert phone.get(path).status_code == 200, "nothing else is known then"


def test_a_trip_that_nobody_ended_shows_nothing_live_any_more(client, phone, time_machine):
    time_machine.move_to((timezone.now() + timedelta(days=1)).replace(hour=10), tick=False)
    trip, [order] = started(client)
    path = link_of(client, order)
    finish(client, stops_of(client, trip)[0])
    time_machine.shift(timedelta(days=1))
    report(client, trip, FAR)
    assert state_of(phone, path)["position"]
    time_machine.shift(timedelta(days=1))
    report(client, trip, FAR)
    shown = state_of(phone, path)
    assert (shown["state"], shown["position"], shown["eta"]) == ("on_the_road", None, None)


def test_failed_cancelled_and_waiting_in_words(client, phone):
    trip, [order] = started(client)
    path = link_of(client, order)
    assert client.put(f"/api/trip-stops/{stops_of(client, trip)[1]['id']}/", {"failed": True, "failure_reason": "He was rude"}).status_code == 200
    shown = state_of(phone, path)
    assert shown["state"] == "failed" and "rude" not in shown["html"]
    assert client.put(f"/api/orders/{order['id']}/", {"status": "pending"}).status_code == 200
    assert state_of(phone, path)["state"] == "failed"
    other, _ = loaded_trip(client, 0, planned_start_date=today())
    assert client.post(f"/api/trips/{other}/add-order/", {"order": order["id"], "delivery_time": "14:30"}).status_code == 201
    assert state_of(phone, path)["state"] == "ordered", "a draft is nobody's promise"
    assert client.put(f"/api/trips/{other}/", {"status": "planned"}).status_code == 200
    shown = state_of(phone, path)
    assert shown["state"] == "scheduled" and "14:30" in shown["html"]
    assert client.put(f"/api/trips/{other}/", {"status": "cancelled"}).status_code == 200
    assert client.put(f"/api/orders/{order['id']}/", {"status": "cancelled"}).status_code == 200
    shown = state_of(phone, path)
    assert (shown["state"], shown["is_over"]) == ("cancelled", True)


def test_the_state_has_an_etag_and_reading_costs_a_fixed_number_of_queries(client, phone, django_assert_max_num_queries):
    trip, [order, *_] = started(client, 1)
    path = link_of(client, order)
    finish(client, stops_of(client, trip)[0])
    report(client, trip, FAR, timezone.now() + timedelta(seconds=1))
    counts = []
    for _ in range(2):
        with django_assert_max_num_queries(4) as found:  # the link, the order's stops, the trip's stops, what is expected
            phone.get(path)
        counts.append(len(found))
        more = make_order(client)
        assert client.post(f"/api/trips/{trip}/add-order/", {"order": more["id"]}).status_code == 201
    assert counts == [4, 4]
    answer = phone.get(f"{path}state/")
    again = phone.get(f"{path}state/", HTTP_IF_NONE_MATCH=answer["ETag"])
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])
    finish(client, stops_of(client, trip)[1])
    changed = phone.get(f"{path}state/", HTTP_IF_NONE_MATCH=answer["ETag"])
    assert changed.status_code == 200 and changed["ETag"] != answer["ETag"]


def test_it_only_shows(client, phone):
    _, [order] = started(client)
    path = link_of(client, order)
    before = [list(model.objects.order_by("pk").values()) for model in (Order, OrderLink, Trip, TripStop, AuditEvent)]
    for address in (path, f"{path}state/"):
        assert phone.post(address, {"action": "done"}).status_code == 405
        assert phone.put(address).status_code == 405
        assert phone.head(address).status_code == 200
    token = path.split("/")[2]
    assert phone.get(f"/api/orders/{order['id']}/", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 401
    assert phone.get(f"/t/{token}/").status_code == 404
    assert [list(model.objects.order_by("pk").values()) for model in (Order, OrderLink, Trip, TripStop, AuditEvent)] == before


@pytest.mark.parametrize(
    ("language", "browser", "words"),
    [
        ("ar", "fr", ('<html lang="ar" dir="rtl">', "استلمنا طلبك")),
        ("", "fr", ('<html lang="fr" dir="ltr">', "Nous avons votre commande")),
        ("", "de", ('<html lang="en" dir="ltr">', "We have your order")),
    ],
)
def test_the_page_is_in_the_receivers_language(client, phone, language, browser, words):
    path = link_of(client, make_order(client), language=language)
    answer = phone.get(path, HTTP_ACCEPT_LANGUAGE=browser)
    assert all(word in answer.content.decode() for word in words)
    assert answer["Content-Language"] == words[0][12:14]
    assert words[1] in phone.get(f"{path}state/", HTTP_ACCEPT_LANGUAGE=browser).json()["html"]["state"]


def test_guessing_is_limited(client, phone, settings, monkeypatch):
    settings.THROTTLING_ENABLED = True
    monkeypatch.setattr(rates, "NETWORK_FAILURES", 3)
    path = link_of(client, make_order(client))
    assert [phone.get(f"/o/{letter * 32}/").status_code for letter in "abcd"] == [404, 404, 404, 429]
    assert phone.get(f"{path}state/").status_code == 200


def test_a_link_is_sent_by_mail_and_by_sms_within_the_budget(client, phone, settings, run_tasks, tmp_path):
    settings.THROTTLING_ENABLED, settings.SMS_URL, settings.MESSAGES_PER_COMPANY = True, f"file://{tmp_path}", 2
    order = make_order(client, customer_phone="0555 12 34 56", customer_email="amina@example.com")
    url = f"/api/orders/{order['id']}/link/"
    answer = client.post(url, {"send": "email", "language": "fr"})
    assert (answer.status_code, answer.json()["url"]) == (201, None)
    assert not mail.outbox
    run_tasks()
    [message] = mail.outbox
    assert message.to == ["amina@example.com"] and "livraison" in message.subject
    path = LINK.search(message.body)[0]
    assert path in message.alternatives[0][0] and phone.get(path).status_code == 200
    assert client.get(url).json()["sent_at"]
    assert client.post(url, {"send": "sms", "language": "ar"}).status_code == 201
    run_tasks()
    [text] = [file.read_text() for file in tmp_path.glob("*.txt")]
    assert "+213555123456" in text and phone.get(LINK.search(text)[0]).status_code == 200
    assert phone.get(path).status_code == 404, "what is sent anew ends what was sent"
    refused = client.post(url, {"send": "email"})
    assert refused.status_code == 429 and OrderLink.objects.count() == 2
    run_tasks()
    assert len(mail.outbox) == 1


def test_nothing_is_sent_where_nobody_is_reached(client, settings):
    order = make_order(client)
    for channel in ("sms", "email"):
        answer = client.post(f"/api/orders/{order['id']}/link/", {"send": channel})
        assert (answer.status_code, answer.json()["code"]) == (400, "no_customer_address")
    settings.SMS_URL = "console:"
    order = make_order(client, customer_phone="0555123456")
    assert client.post(f"/api/orders/{order['id']}/link/", {"send": "sms"}).status_code == 400, "a log is no customer"
    assert not OrderLink.objects.exists()


def test_dispatchers_make_send_and_end_it_on_the_orders_page(client, dispatcher, viewer, phone, run_tasks):
    order = make_order(client, customer_email="amina@example.com")
    office, url = Client(), f"/admin/dispatch/orders/{order['id']}/link/"
    office.force_login(dispatcher)
    assert url in office.get(f"/admin/orders/order/{order['id']}/change/").content.decode()
    assert "amina@example.com" in office.get(url).content.decode()
    made = office.post(url, {"step": "make", "language": "ar"})
    path = LINK.search(made.content.decode())[0]
    assert made["Cache-Control"].startswith("max-age=0") and 'lang="ar"' in phone.get(path).content.decode()
    assert path not in office.get(url).content.decode(), "shown once"
    assert office.post(url, {"step": "email"}).status_code == 302
    run_tasks()
    assert phone.get(path).status_code == 404 and len(mail.outbox) == 1
    assert office.post(url, {"step": "revoke"}).status_code == 302
    assert not OrderLink.objects.live().exists()
    assert office.post(url, {"step": "x"}).status_code == 404
    other = Client()
    other.force_login(viewer)
    assert other.get(url).status_code == 200 and "<button" not in other.get(url).content.decode().split('id="content"')[1].split("</form>")[-1]
    other.post(url, {"step": "make"})
    assert not OrderLink.objects.live().exists()


def test_of_another_company_there_is_no_page(client, dispatcher_b):
    order = make_order(client)
    office = Client()
    office.force_login(dispatcher_b)
    assert office.get(f"/admin/dispatch/orders/{order['id']}/link/").status_code == 404
    assert office.post(f"/admin/dispatch/orders/{order['id']}/link/", {"step": "make"}).status_code == 404
    assert json.dumps(list(OrderLink.objects.values("pk"))) == "[]"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_links_made_at_once_one_is_left(client):
    order = make_order(client)

    def make(_):
        try:
            return LINK.search(client.post(f"/api/orders/{order['id']}/link/").json()["url"])[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        paths = list(pool.map(make, range(6)))
    assert OrderLink.objects.live().count() == 1
    assert [Client().get(path).status_code for path in paths].count(200) == 1
