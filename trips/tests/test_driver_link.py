"""The driver's link: what it opens, what it does, how it ends, and that it is a secret."""

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
from trips.models import Trip, TripLink, TripStop
from trips.tests.test_notify import RefusingBackend
from trips.tests.world import add_place, loaded_trip, make_vehicle, order_status, stops_of

pytestmark = pytest.mark.django_db
LINK = re.compile(r"http://[^\s\"]+(/t/[\w-]{32}/)")
DAY = timezone.now().date().isoformat()


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


@pytest.fixture
def phone():
    """A browser that has no account and checks CSRF as a real one is checked."""
    return Client(enforce_csrf_checks=True)


def link_of(client, trip):
    """Notify the driver and return the path of the link in the mail."""
    assert client.post(f"/api/trips/{trip}/notify-driver/").status_code == 200
    return LINK.search(mail.outbox[-1].body)[1]


def started(client, **fields):
    trip, [order] = loaded_trip(client, planned_start_date=DAY, **fields)
    assert client.put(f"/api/trips/{trip}/", {"status": "in_progress"}).status_code == 200
    return trip, order


def state():
    return [list(model.objects.order_by("pk").values()) for model in (Trip, TripStop, TripLink, AuditEvent)]


def press(phone, path, action, stop=None, **fields):
    """Send a form of the page; that of an undo names what the link did last, as the page does."""
    if action == "undo" and stop is None:
        last = TripLink.objects.exclude(last_stop=None).order_by("pk").last()
        stop, named = (last.last_stop_id, last.last_action) if last else (1, "done")
        fields.setdefault("undoes", named)
    return phone.post(path, {"action": action, **({"stop": stop} if stop else {}), **fields})


def test_the_mail_holds_a_link_whose_token_is_stored_nowhere(client, phone):
    trip, _ = started(client)
    path = link_of(client, trip)
    token = path.split("/")[2]
    html = mail.outbox[-1].alternatives[0][0]
    assert LINK.search(html)[1] == path
    link = TripLink.objects.get()
    assert token not in str(list(TripLink.objects.values())) and len(link.token_hash) == 64
    assert timezone.now() + timedelta(hours=23) < link.expires_at < timezone.now() + timedelta(hours=49)
    page = phone.get(path)
    assert page.status_code == 200
    assert (page["Referrer-Policy"], page["Cache-Control"]) == ("no-referrer", "no-store")
    assert "noindex" in page["X-Robots-Tag"]
    assert not page.cookies
    text = page.content.decode()
    assert text.index("Rungis") < text.rindex("Vincennes")
    assert "destination=48.759000%2C2.352000" in text and "geo:48.759000,2.352000" in text


def test_a_get_never_acts_and_costs_a_fixed_number_of_queries(client, phone, django_assert_num_queries):
    trip, _ = started(client)
    path = link_of(client, trip)
    first = stops_of(client, trip)[0]["id"]
    before = state()
    for method in (phone.get, phone.head):
        assert method(path, {"action": "done", "stop": first}).status_code == 200
    assert phone.put(path).status_code == 405
    with django_assert_num_queries(2):
        phone.get(path)
    for number in range(4):
        add_place(client, trip, f"Depot {number}")
    with django_assert_num_queries(2):
        phone.get(path)
    TripStop.objects.filter(stop__name__startswith="Depot").delete()
    assert state()[2:] == before[2:]
    assert not TripStop.objects.filter(is_completed=True).exists()


def test_arrived_then_done_and_the_order_follows(client, phone):
    trip, order = started(client)
    path = link_of(client, trip)
    pickup, delivery = (stop["id"] for stop in stops_of(client, trip))
    answer = press(phone, path, "arrived", pickup)
    assert (answer.status_code, answer["Location"]) == (303, path)
    row = TripStop.objects.get(pk=pickup)
    assert row.actual_arrival_datetime and not row.is_completed and not row.arrival_is_suggested
    for stop in (pickup, delivery):
        assert press(phone, path, "done", stop).status_code == 303
    assert TripStop.objects.get(pk=pickup).actual_arrival_datetime == row.actual_arrival_datetime
    assert order_status(client, order) == "delivered"
    assert "All stops are finished" in phone.get(path).content.decode()
    events = AuditEvent.objects.filter(detail__by="driver's link").order_by("pk")
    assert [(event.event, event.actor_id, event.detail["trip_stop_id"]) for event in events] == [
        ("driver_arrived", None, pickup),
        ("driver_done", None, pickup),
        ("driver_done", None, delivery),
    ]
    before = state()
    assert press(phone, path, "done", delivery).status_code == 303
    assert state() == before, "a second tap changes nothing"
    assert press(phone, path, "failed", delivery, reason="Refused").status_code == 409


def test_failed_needs_a_reason(client, phone):
    trip, _ = started(client)
    path = link_of(client, trip)
    pickup = stops_of(client, trip)[0]["id"]
    for reason in ("", "   ", "x" * 501):
        answer = press(phone, path, "failed", pickup, reason=reason)
        assert answer.status_code == 400 and "Say in a few words" in answer.content.decode()
    assert press(phone, path, "failed", pickup, reason="Nobody there <b>").status_code == 303
    assert [(row["failed"], row["failure_reason"]) for row in stops_of(client, trip)] == [(True, "Nobody there <b>")] * 2
    assert "Nobody there &lt;b&gt;" in phone.get(path).content.decode()
    assert press(phone, path, "done", pickup).status_code == 409


@pytest.mark.parametrize("action", ["arrived", "done", "failed"])
def test_undo_for_two_minutes(client, phone, action, time_machine):
    trip, order = started(client)
    path = link_of(client, trip)
    delivery = stops_of(client, trip)[1]["id"]
    time_machine.move_to(timezone.now(), tick=False)
    press(phone, path, action, delivery, reason="Refused")
    assert "two minutes" in phone.get(path).content.decode()
    assert press(phone, path, "undo").status_code == 303
    row = TripStop.objects.get(pk=delivery)
    assert (row.actual_arrival_datetime, row.is_completed, row.failed, row.failure_reason) == (None, False, False, "")
    assert not TripStop.objects.filter(failed=True).exists()
    assert order_status(client, order) == "in_transit"
    assert press(phone, path, "undo").status_code == 409
    press(phone, path, action, delivery, reason="Refused")
    time_machine.shift(121)
    assert "two minutes" not in phone.get(path).content.decode()
    assert press(phone, path, "undo").status_code == 409


def test_an_undo_takes_back_what_it_names_and_nothing_else(client, phone):
    trip, _ = started(client)
    path = link_of(client, trip)
    pickup, delivery = (stop["id"] for stop in stops_of(client, trip))
    press(phone, path, "arrived", pickup)
    page = phone.get(path).content.decode()
    form = page[page.index('value="undo"') :]
    assert f'name="stop" value="{pickup}"' in form and 'name="undoes" value="arrived"' in form
    press(phone, path, "done", pickup)  # on a second phone
    before = state()
    for stop, undoes in ((pickup, "arrived"), (delivery, "done"), (pickup, ""), (pickup, "x")):
        assert press(phone, path, "undo", stop, undoes=undoes).status_code == 409
    assert press(phone, path, "undo", "", undoes="done").status_code == 404
    assert state() == before
    assert press(phone, path, "undo", pickup, undoes="done").status_code == 303
    assert not TripStop.objects.get(pk=pickup).is_completed


def test_undo_keeps_the_arrival_that_positions_had_told(client, phone):
    trip, _ = started(client)
    path = link_of(client, trip)
    pickup = stops_of(client, trip)[0]["id"]
    told = timezone.now()
    for action, is_suggested in (("arrived", True), ("done", False)):
        TripStop.objects.filter(pk=pickup).update(actual_arrival_datetime=told, actual_departure_datetime=None, arrival_is_suggested=True)
        press(phone, path, action, pickup)
        row = TripStop.objects.get(pk=pickup)
        assert (row.actual_arrival_datetime, row.arrival_is_suggested) == (told, False)
        assert press(phone, path, "undo").status_code == 303
        row = TripStop.objects.get(pk=pickup)
        assert (row.actual_arrival_datetime, row.actual_departure_datetime, row.arrival_is_suggested) == (told, None, is_suggested)


@pytest.mark.parametrize("action", ["arrived", "done"])
def test_passing_by_earlier_is_no_arrival_neither_before_nor_after_an_undo(client, phone, action):
    trip, _ = started(client)
    path = link_of(client, trip)
    pickup = stops_of(client, trip)[0]["id"]
    passed = timezone.now() - timedelta(minutes=30)
    times = {"actual_arrival_datetime": passed, "actual_departure_datetime": passed + timedelta(seconds=20)}
    TripStop.objects.filter(pk=pickup).update(**times, arrival_is_suggested=True)
    begins = timezone.now()
    press(phone, path, action, pickup)
    row = TripStop.objects.get(pk=pickup)
    assert row.actual_arrival_datetime >= begins and row.actual_departure_datetime == (row.actual_arrival_datetime if action == "done" else None)
    assert press(phone, path, "undo").status_code == 303
    row = TripStop.objects.get(pk=pickup)
    assert (row.actual_arrival_datetime, row.actual_departure_datetime, row.arrival_is_suggested) == (None, None, False)


def test_undo_does_not_touch_what_the_office_changed_since(client, phone):
    trip, _ = started(client)
    path = link_of(client, trip)
    pickup = stops_of(client, trip)[0]["id"]
    press(phone, path, "done", pickup)
    client.put(f"/api/trip-stops/{pickup}/", {"is_completed": False})
    assert press(phone, path, "undo").status_code == 409


def gone(phone, path):
    answers = [phone.get(path), press(phone, path, "undo"), press(phone, path, "done", 1)]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert all(answer["Cache-Control"] == "no-store" for answer in answers)
    [content] = {answer.content for answer in answers}
    return content


def test_unknown_expired_ended_and_reassigned_links_look_alike(client, phone, time_machine):
    nothing = gone(phone, f"/t/{'x' * 32}/")
    assert b"admin" not in nothing
    trip, _ = started(client)
    first = link_of(client, trip)
    add_place(client, trip)
    second = link_of(client, trip)
    assert gone(phone, first) == nothing, "a new notification ends the link of before"
    assert phone.get(second).status_code == 200
    assert TripLink.objects.live().count() == 1
    vehicle = Vehicle.objects.get()
    Vehicle.objects.update(driver_email="second@example.com")
    assert gone(phone, second) == nothing, "somebody else drives now"
    Vehicle.objects.update(driver_email=vehicle.driver_email)
    other = make_vehicle(client, driver_email="third@example.com")
    assert client.put(f"/api/trips/{trip}/", {"vehicle": other}).status_code in (200, 409)
    Trip.objects.filter(pk=trip).update(vehicle=other)
    assert gone(phone, second) == nothing
    Trip.objects.filter(pk=trip).update(vehicle=vehicle)
    assert phone.get(second).status_code == 200
    time_machine.move_to(TripLink.objects.live().get().expires_at + timedelta(seconds=1))
    assert gone(phone, second) == nothing


def test_a_mail_that_was_refused_ends_no_link(client, phone, settings):
    trip, _ = started(client)
    path = link_of(client, trip)
    add_place(client, trip)
    settings.EMAIL_BACKEND = f"{RefusingBackend.__module__}.{RefusingBackend.__name__}"
    assert client.post(f"/api/trips/{trip}/notify-driver/").status_code == 502
    assert phone.get(path).status_code == 200


def test_a_trip_of_long_ago_has_a_link_until_tomorrow(client, phone):
    trip, _ = loaded_trip(client, planned_start_date="2024-01-20")
    assert phone.get(link_of(client, trip)).status_code == 200


def test_a_link_opens_its_trip_and_nothing_else(api, client, phone, dispatcher_b):
    trip, _ = started(client)
    path = link_of(client, trip)
    others = [stops_of(client, loaded_trip(client)[0])[0]["id"]]
    foreign = api(dispatcher_b)
    others.append(stops_of(foreign, loaded_trip(foreign)[0])[0]["id"])
    before = state()
    for stop in (*others, 0, 10**17, "9" * 40, "-1", "x", "١", ""):
        for action in ("arrived", "done", "failed"):
            assert press(phone, path, action, stop, reason="x").status_code == 404, stop
    for action in ("", "delete", "undo2"):
        assert press(phone, path, action, stops_of(client, trip)[0]["id"]).status_code == 404
    token = path.split("/")[2]
    for scheme in ("Bearer", "Token"):
        assert phone.get(f"/api/trips/{trip}/", HTTP_AUTHORIZATION=f"{scheme} {token}").status_code == 401
    assert state() == before
    text = phone.get(path).content.decode()
    assert all(f'value="{stop}"' not in text for stop in others)


@pytest.mark.parametrize(("status", "words"), [("completed", "trip is completed"), ("cancelled", "was cancelled")])
def test_a_closed_trip_is_only_read(client, phone, status, words):
    trip, _ = started(client)
    path = link_of(client, trip)
    stop = stops_of(client, trip)[0]["id"]
    press(phone, path, "arrived", stop)
    assert client.put(f"/api/trips/{trip}/", {"status": status}).status_code == 200
    page = phone.get(path).content.decode()
    assert words in page and "<form" not in page
    before = state()
    assert press(phone, path, "done", stop).status_code == 409
    assert press(phone, path, "undo").status_code == 409
    assert state() == before


@pytest.mark.parametrize(
    ("driver", "browser", "words"),
    [
        ("ar", "fr", ('<html lang="ar" dir="rtl">', "المحطة التالية", "تم الوصول")),
        ("", "fr", ('<html lang="fr" dir="ltr">', "Prochain arrêt", "Arrivé")),
        ("", "de", ('<html lang="en" dir="ltr">', "Next stop", "Arrived")),
    ],
)
def test_the_page_is_in_the_drivers_language(client, phone, driver, browser, words):
    trip, _ = started(client, vehicle=make_vehicle(client, driver_language=driver))
    answer = phone.get(link_of(client, trip), HTTP_ACCEPT_LANGUAGE=browser)
    text = answer.content.decode()
    assert all(word in text for word in words)
    assert answer["Content-Language"] == (driver or {"de": "en"}.get(browser, browser))


def test_guessing_is_limited_and_an_old_link_is_no_guess(client, phone, settings, monkeypatch):
    settings.THROTTLING_ENABLED = True
    monkeypatch.setattr(rates, "NETWORK_FAILURES", 3)
    trip, _ = started(client)
    path = link_of(client, trip)
    add_place(client, trip)
    new = link_of(client, trip)
    assert [phone.get(path).status_code for _ in range(5)] == [404] * 5
    assert phone.get(new).status_code == 200
    assert [phone.get(f"/t/{letter * 32}/").status_code for letter in "abcd"] == [404, 404, 404, 429]
    answer = phone.get(f"/t/{'x' * 32}/")
    assert int(answer["Retry-After"]) > 0 and answer["Cache-Control"] == "no-store"
    # Who has a link is not locked out by those who guess from the same address.
    assert (phone.get(new).status_code, phone.get(path).status_code) == (200, 404)


def test_a_link_is_in_no_log(client, phone, caplog):
    trip, _ = started(client)
    path = link_of(client, trip)
    token = path.split("/")[2]
    for line in (f"GET {path} 200", f"'{path}'", f"Not Found: {path[:-1]}", f"http://host:8000{path}", f'"POST {path} HTTP/1.1" 303'):
        assert token not in redact(line) and "/t/[secret]" in redact(line)
    assert redact("/api/docs/t/readme") == "/api/docs/t/readme"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_phones_with_one_link_and_an_office_that_sends_anew(client):
    trip, order = started(client)
    path = link_of(client, trip)
    delivery = stops_of(client, trip)[1]["id"]

    def at_once(call):
        try:
            return call().status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taps = list(pool.map(at_once, [lambda: press(Client(), path, "done", delivery)] * 8))
    assert taps == [303] * 8
    assert AuditEvent.objects.filter(event="driver_done").count() == 1
    assert order_status(client, order) == "delivered"
    add_place(client, trip)
    calls = [lambda: client.post(f"/api/trips/{trip}/notify-driver/"), *[lambda: press(Client(), path, "undo")] * 4]
    with ThreadPoolExecutor(5) as pool:
        sent, *undone = list(pool.map(at_once, calls))
    assert sent == 200
    assert set(undone) <= {303, 409, 404}
    assert undone.count(303) == AuditEvent.objects.filter(event="driver_done_undone").count() <= 1
    assert order_status(client, order) == ("in_transit" if 303 in undone else "delivered")
    assert (TripLink.objects.live().count(), TripLink.objects.count()) == (1, 2)


# --- Taps that waited for reception ----------------------------------------------------------------------------------------------
def tell(phone, path, action, stop="", ago=0, key="k", **fields):
    """Send a tap as the outbox does, and return what it is told."""
    headers = {"Accept": "application/json", "Idempotency-Key": key, "X-Tapped-Ago": str(ago)}
    answer = phone.post(path, {"action": action, "stop": stop, **fields}, headers=headers)
    return answer.status_code, answer.json()


def test_taps_that_waited_are_done_in_order_at_their_own_time_and_once(client, phone, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    trip, order = started(client)
    path = link_of(client, trip)
    pickup, delivery = (stop["id"] for stop in stops_of(client, trip))
    taps = [("arrived", pickup, 7200), ("done", pickup, 7000), ("arrived", delivery, 3600), ("done", delivery, 3000)]
    for _ in range(2):  # a lost answer: the same taps come again
        for number, (action, stop, ago) in enumerate(taps):
            assert tell(phone, path, action, stop, ago, key=f"k{number}") == (200, {"outcome": "done", "text": ""})
    rows = list(TripStop.objects.filter(trip=trip).order_by("sequence"))
    times = [(timezone.now() - at).total_seconds() for row in rows for at in (row.actual_arrival_datetime, row.actual_departure_datetime)]
    assert times == [7200, 7000, 3600, 3000]
    assert AuditEvent.objects.filter(event__startswith="driver_").count() == 4
    assert order_status(client, order) == "delivered"


def test_what_the_office_did_meanwhile_is_said_in_words(client, phone):
    trip, _ = started(client, vehicle=make_vehicle(client, driver_language="fr"))
    path = link_of(client, trip)
    pickup, delivery = (stop["id"] for stop in stops_of(client, trip))
    assert client.put(f"/api/trip-stops/{pickup}/", {"failed": True, "failure_reason": "closed"}).status_code == 200
    status, told = tell(phone, path, "done", pickup)
    assert (status, told["outcome"], told["text"]) == (409, "refused", "Cet arrêt est déjà terminé")
    depot = add_place(client, trip)["id"]
    path = link_of(client, trip)
    assert client.delete(f"/api/trip-stops/{depot}/").status_code == 204
    assert tell(phone, path, "done", depot)[1]["text"] == "Cet arrêt n’est plus dans la tournée."
    assert client.put(f"/api/trips/{trip}/", {"status": "cancelled"}).status_code == 200
    status, told = tell(phone, path, "done", delivery)
    assert (status, told["outcome"]) == (409, "refused") and told["text"]
    TripLink.objects.live().update(revoked_at=timezone.now())
    status, told = tell(phone, path, "done", delivery)
    assert (status, told["outcome"]) == (404, "refused") and "new one" in told["text"]


def test_the_page_is_kept_by_the_phone_until_its_link_ends(client, phone):
    trip, _ = started(client)
    path = link_of(client, trip)
    assert phone.get(path)["X-Offline"] == "keep"
    assert phone.get("/t/worker.js")["Content-Type"].startswith("text/javascript")
    TripLink.objects.update(revoked_at=timezone.now())
    assert (phone.get(path).status_code, phone.get(path)["X-Offline"]) == (404, "forget")


def test_a_link_is_handed_on_ends_the_one_of_the_mail_and_counts_as_notified(client, phone):
    trip, _ = started(client)
    mailed = link_of(client, trip)
    add_place(client, trip)
    assert client.get(f"/api/trips/{trip}/").json()["driver_notified"] is False
    answer = client.post(f"/api/trips/{trip}/driver-link/")
    assert answer.status_code == 201
    path = LINK.search(answer.json()["url"])[1]
    assert (phone.get(mailed).status_code, phone.get(path).status_code) == (404, 200)
    assert client.get(f"/api/trips/{trip}/").json()["driver_notified"] is True
    assert list(AuditEvent.objects.filter(event="driver_link_made").values_list("target_id", flat=True)) == [str(trip)]
    assert client.delete(f"/api/trips/{trip}/driver-link/").status_code == 204
    assert (phone.get(path).status_code, client.delete(f"/api/trips/{trip}/driver-link/").status_code) == (404, 404)


def test_a_link_that_was_handed_on_is_of_the_driver_who_had_it(client, phone):
    vehicle = make_vehicle(client, driver_email="", driver_name="Ali")
    trip, _ = started(client, vehicle=vehicle)
    path = LINK.search(client.post(f"/api/trips/{trip}/driver-link/").json()["url"])[1]
    assert phone.get(path).status_code == 200
    assert client.put(f"/api/vehicles/{vehicle}/", {"driver_name": "Zoé"}).status_code == 200
    assert phone.get(path).status_code == 404


def test_no_link_is_handed_on_while_a_message_is_on_its_way_or_after_the_end(client):
    trip, _ = started(client)
    Trip.objects.filter(pk=trip).update(notify_claimed_at=timezone.now())
    answer = client.post(f"/api/trips/{trip}/driver-link/")
    assert (answer.status_code, answer.json()["code"]) == (409, "message_on_its_way")
    Trip.objects.filter(pk=trip).update(notify_claimed_at=None, status="cancelled")
    assert client.post(f"/api/trips/{trip}/driver-link/").json()["code"] == "trip_closed"
    assert not TripLink.objects.exists()


def test_who_may_not_change_a_trip_hands_on_no_link(client, api, viewer, dispatcher_b):
    trip, _ = started(client)
    assert api(viewer).post(f"/api/trips/{trip}/driver-link/").status_code == 403
    assert api(dispatcher_b).post(f"/api/trips/{trip}/driver-link/").status_code == 404
    link_of(client, trip)
    assert api(viewer).delete(f"/api/trips/{trip}/driver-link/").status_code == 403
    assert api(dispatcher_b).delete(f"/api/trips/{trip}/driver-link/").status_code == 404
    assert TripLink.objects.live().count() == 1
