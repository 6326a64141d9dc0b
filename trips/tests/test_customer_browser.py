"""The customer's page in Chromium: it follows the vehicle by its socket alone, and says when there is no connection."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from depannini_dashmap.tests.test_console_browser import _faults_of, browser, pytestmark, watch
from testing.fixtures import server, session_server
from testing.servers import Server
from testing.waiting import wait_until
from trips.models import TripStop
from trips.tests.test_customer_link import FAR, finish, link_of, report, started
from trips.tests.world import make_order, make_vehicle, stops_of

__all__ = ["browser", "pytestmark", "server", "session_server", "watch"]
PHONE = {"width": 390, "height": 844}
VEHICLE, PLACE = "#map .pin-vehicle", "#map .pin-place"


@pytest.fixture
def client(api: Any, dispatcher: Any) -> Any:
    return api(dispatcher)


def coming(client: Any) -> tuple[int, dict[str, Any], str]:
    """Start a trip whose one delivery is next; return the trip, that stop, and the path of the customer's page."""
    trip, [order] = started(client)
    pickup, delivery = stops_of(client, trip)
    finish(client, pickup)
    report(client, trip, FAR, timezone.now() + timedelta(seconds=1))
    return trip, delivery, link_of(client, order)


def test_the_page_follows_the_vehicle_to_the_door(server: Server, watch: Any, client: Any) -> None:
    trip, delivery, path = coming(client)
    one = watch(server.url)
    page = one.page
    page.set_viewport_size(PHONE)
    sockets: list[Any] = []
    heard: list[str] = []
    page.on("websocket", lambda socket: (sockets.append(socket), socket.on("framereceived", lambda frame: heard.append(str(frame)))))
    one.open(path)
    page.wait_for_selector("h2:has-text('On the way to you')")
    page.wait_for_selector(VEHICLE)
    wait_until(lambda: page.wait_for_timeout(50) or any("connection_established" in frame for frame in heard), "the socket is open")
    assert sorted(page.locator("#map .pin-name").all_inner_texts()) == ["The vehicle", "Your place"]
    pytest.importorskip("axe_playwright_python", reason="requirements-dev.txt is not installed")
    assert _faults_of(page, "on the way") == []
    was_at = page.get_attribute(VEHICLE, "style")
    if settings.REDIS_URL:  # without it the server does not hear this process, and the page looks for itself
        # No look of the page is due any more: what it shows next, its socket has brought.
        page.evaluate("for (let id = setTimeout(() => {}); id > 0; id -= 1) clearTimeout(id)")
    report(client, trip, (FAR[0] + 0.02, FAR[1]), timezone.now() + timedelta(seconds=20))
    page.wait_for_function("([pin, before]) => document.querySelector(pin).getAttribute('style') !== before", arg=[VEHICLE, was_at])
    TripStop.objects.filter(pk=delivery["id"]).update(actual_arrival_datetime=timezone.now())
    report(client, trip, (FAR[0] + 0.0201, FAR[1]), timezone.now() + timedelta(seconds=21))
    page.wait_for_selector("h2:has-text('The driver has arrived')")
    assert _faults_of(page, "arrived") == []
    finish(client, delivery)
    page.wait_for_selector("h2:has-text('Delivered')")
    assert page.locator("#map").is_hidden() and "Delivered" in page.inner_text("#said")
    wait_until(lambda: page.wait_for_timeout(50) or all(socket.is_closed() for socket in sockets), "what is over holds no socket")


def test_a_vehicle_that_is_not_to_be_seen_leaves_the_map_and_the_place_stays(server: Server, watch: Any, client: Any) -> None:
    trip, _, path = coming(client)
    one = watch(server.url)
    one.open(path)
    one.page.wait_for_selector(VEHICLE)
    assert client.put(f"/api/trips/{trip}/", {"vehicle": make_vehicle(client)}).status_code == 200
    one.page.wait_for_selector(VEHICLE, state="detached", timeout=20_000)
    names = one.page.locator("#map .pin-name")
    wait_until(lambda: one.page.wait_for_timeout(50) or names.all_inner_texts() == ["Your place"], "its name goes with it")
    assert one.page.locator(PLACE).is_visible()


def test_a_lost_connection_is_said_and_what_happened_meanwhile_is_shown_once_it_is_back(server: Server, browser: Any, client: Any) -> None:
    _, delivery, path = coming(client)
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(server.url + path)
    page.wait_for_selector(VEHICLE)
    lost = page.locator("#offline")
    assert lost.is_hidden()
    context.set_offline(True)
    page.wait_for_selector("#offline:visible:has-text('No connection. What you see may be old.')")
    finish(client, delivery)
    assert page.inner_text("h2#how") == "On the way to you"
    context.set_offline(False)
    page.wait_for_selector("h2:has-text('Delivered')")
    wait_until(lambda: page.wait_for_timeout(50) or lost.is_hidden(), "the notice goes")


def test_an_answer_that_was_under_way_does_not_hide_that_there_is_no_connection(server: Server, browser: Any, client: Any) -> None:
    _, _, path = coming(client)
    context = browser.new_context(viewport=PHONE, service_workers="block")
    page = context.new_page()
    page.goto(server.url + path)
    page.wait_for_selector(VEHICLE)
    looks: list[Any] = []
    page.route("**/state/", lambda route: looks.append(route) or (len(looks) > 1 and route.abort()))
    page.evaluate("dispatchEvent(new Event('online'))")
    wait_until(lambda: page.wait_for_timeout(50) or looks, "the page looks")
    answer = looks[0].fetch()
    context.set_offline(True)
    looks[0].fulfill(response=answer)
    wait_until(lambda: page.wait_for_timeout(50) or len(looks) > 1, "the page looks again", seconds=4)
    page.wait_for_selector("#offline:visible")


def test_a_page_whose_link_ended_says_no_more_than_that(server: Server, browser: Any, client: Any) -> None:
    _, _, path = coming(client)
    order = TripStop.objects.filter(order__isnull=False).values_list("order_id", flat=True)[0]
    page = browser.new_context(viewport=PHONE).new_page()
    page.goto(server.url + path)
    page.wait_for_selector(VEHICLE)
    assert client.delete(f"/api/orders/{order}/link/").status_code == 204
    page.wait_for_selector("#order", state="detached", timeout=20_000)
    assert "Ali" not in page.inner_text("body") and page.locator("#map").count() == 0


def test_an_address_that_the_office_corrects_is_the_new_one_on_an_open_page(server: Server, watch: Any, client: Any) -> None:
    order = make_order(client)
    one = watch(server.url)
    one.open(link_of(client, order))
    one.page.wait_for_selector("header:has-text('Vincennes')")
    corrected = {"name": "Créteil", "address": "2 Rue <b>Neuve</b>", "latitude": "48.79", "longitude": "2.45"}
    assert client.patch(f"/api/orders/{order['id']}/", {"delivery_stop": corrected}).status_code == 200
    one.page.wait_for_selector("header:has-text('2 Rue <b>Neuve</b>')", timeout=40_000)
    assert "Vincennes" not in one.page.inner_text("body")


def test_the_names_of_pins_stand_at_their_pins_in_arabic_too(server: Server, watch: Any, client: Any) -> None:
    _, _, path = coming(client)
    one = watch(server.url, locale="ar-DZ")
    page = one.page
    page.set_viewport_size(PHONE)
    one.open(path)
    page.wait_for_selector(VEHICLE)
    for pin, name in ((VEHICLE, "المركبة"), (PLACE, "مكانك")):
        at, named = page.locator(pin).bounding_box(), page.locator(f"#map .pin-name:has-text('{name}')").bounding_box()
        assert abs(at["x"] + at["width"] / 2 - named["x"] - named["width"] / 2) < 3
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
