"""The driver's and the customer's page in Chromium: half a trip without reception, signing, photos, and an order that comes nearer."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from depannini_dashmap.tests.test_console_browser import _faults_of, browser, pytestmark
from orders.services import make_link
from testing.fixtures import server, session_server
from testing.servers import Server
from testing.waiting import wait_until
from trips.models import StopProof, TripStop
from trips.tests.test_customer_link import FAR, LINK, finish, report
from trips.tests.test_driver_link import link_of, started
from trips.tests.world import make_order, stops_of

__all__ = ["browser", "pytestmark", "server", "session_server"]
WAITING, REFUSED = "#outbox li[data-state=waiting]", "#outbox li[data-state=refused]"


@pytest.fixture
def client(server: Server, api: Any, dispatcher: Any) -> Any:
    return api(dispatcher)


@pytest.fixture
def phone(browser: Any, server: Server) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en", has_touch=True)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def trip_of_four(client: Any) -> tuple[int, list[int]]:
    """Start a trip of two orders; return it and its stops."""
    trip, _ = started(client)
    made = client.post(f"/api/trips/{trip}/add-order/", {"order": make_order(client)["id"]})
    assert made.status_code == 201
    return trip, [stop["id"] for stop in stops_of(client, trip)]


def kept(page: Any) -> None:
    page.wait_for_function("async () => (await (await caches.open('page-copies')).keys()).length > 0 && navigator.serviceWorker.controller")


def press(page: Any, stop: int, action: str) -> None:
    """Press a button of a stop, wherever the page has it."""
    form = page.locator(f"form:has(input[name=stop][value='{stop}']):has(input[name=action][value={action}])").first
    box = form.locator("xpath=ancestor::details[last()]")
    if box.count() and not box.evaluate("one => one.open"):
        box.locator("summary").first.click()
    form.locator("button:not([type=button])").first.click()


def test_the_middle_half_of_a_trip_without_reception(server: Server, phone: Any, client: Any) -> None:
    trip, stops = trip_of_four(client)
    path = link_of(client, trip)
    phone.goto(server.url + path)
    assert _faults_of(phone, "driver's page at 390") == []
    kept(phone)
    press(phone, stops[0], "done")
    wait_until(lambda: phone.wait_for_timeout(100) or TripStop.objects.get(pk=stops[0]).is_completed, "the first stop is done")
    phone.wait_for_selector("text=Stops finished: 1 of 4")
    phone.context.set_offline(True)
    press(phone, stops[1], "arrived")
    phone.wait_for_selector(WAITING)
    press(phone, stops[1], "done")
    wait_until(lambda: phone.wait_for_timeout(100) or phone.locator(WAITING).count() == 2, "two taps wait")
    phone.reload()  # the page is killed and opened again, without reception
    phone.wait_for_selector(f"{WAITING} >> nth=1")
    assert phone.locator(f"details[data-after='close-{stops[1]}'][open]").count() == 1, "the stop that follows is open"
    press(phone, stops[2], "done")
    wait_until(lambda: phone.wait_for_timeout(100) or phone.locator(WAITING).count() == 3, "three taps wait")
    assert TripStop.objects.filter(trip=trip, is_completed=True).count() == 1
    phone.context.set_offline(False)
    phone.wait_for_selector("text=Stops finished: 3 of 4")
    phone.wait_for_selector("#outbox", state="hidden")
    rows = list(TripStop.objects.filter(trip=trip).order_by("sequence"))
    assert [row.is_completed for row in rows] == [True, True, True, False]
    assert rows[1].actual_departure_datetime <= rows[2].actual_departure_datetime
    press(phone, stops[3], "done")
    phone.wait_for_selector("text=All stops are finished")


def test_what_the_office_did_meanwhile_is_said(server: Server, phone: Any, client: Any) -> None:
    trip, stops = trip_of_four(client)
    phone.goto(server.url + link_of(client, trip))
    kept(phone)
    phone.context.set_offline(True)
    press(phone, stops[0], "done")
    phone.wait_for_selector(WAITING)
    assert client.put(f"/api/trip-stops/{stops[0]}/", {"failed": True, "failure_reason": "closed today"}).status_code == 200
    phone.context.set_offline(False)
    phone.wait_for_selector(f"{REFUSED}:has-text('closed already')")
    phone.wait_for_selector("text=closed today")


def test_a_receiver_signs_and_a_photo_is_taken(server: Server, phone: Any, client: Any) -> None:
    trip, stops = trip_of_four(client)
    phone.goto(server.url + link_of(client, trip))
    phone.wait_for_selector("#print:not([hidden])")
    following = phone.locator(".next")
    following.locator("details.prove > summary").click()
    canvas = following.locator("canvas")
    box = canvas.bounding_box()
    phone.mouse.move(box["x"] + 30, box["y"] + 30)
    phone.mouse.down()
    phone.mouse.move(box["x"] + 150, box["y"] + 90, steps=6)
    phone.mouse.up()
    out = io.BytesIO()
    Image.new("RGB", (800, 600), "teal").save(out, "JPEG")
    following.locator("[name=photo]").set_input_files({"name": "x.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()})
    following.locator("[name=receiver]").fill("Amina")
    assert _faults_of(phone, "proof at 390") == []
    press(phone, stops[0], "done")
    wait_until(lambda: phone.wait_for_timeout(100) or StopProof.objects.exists(), "the proof is there")
    proof = StopProof.objects.get()
    assert proof.receiver == "Amina" and proof.photo and proof.signature
    phone.wait_for_selector(".proven:has-text('Amina')")


def choose_photo(page: Any, content: bytes) -> None:
    page.wait_for_selector("#print:not([hidden])")
    page.locator(".next details.prove > summary").click()
    page.locator(".next [name=photo]").set_input_files({"name": "x.jpg", "mimeType": "image/jpeg", "buffer": content})


def test_a_photo_is_made_small_before_it_is_kept(server: Server, phone: Any, client: Any) -> None:
    trip, stops = trip_of_four(client)
    phone.goto(server.url + link_of(client, trip))
    out = io.BytesIO()
    Image.effect_noise((3000, 2000), 90).save(out, "JPEG", quality=95)
    choose_photo(phone, out.getvalue())
    with phone.expect_request(lambda request: request.method == "POST") as sent:
        press(phone, stops[0], "done")  # which waits for the smaller one
    assert int(sent.value.all_headers()["content-length"]) < len(out.getvalue()) / 2
    wait_until(lambda: phone.wait_for_timeout(100) or StopProof.objects.exists(), "the proof is there")
    assert StopProof.objects.get().photo


def test_what_is_too_large_is_refused_and_not_sent_again(server: Server, phone: Any, client: Any) -> None:
    trip, stops = trip_of_four(client)
    phone.goto(server.url + link_of(client, trip))
    choose_photo(phone, b"no picture" * 1_200_000)
    press(phone, stops[0], "done")
    phone.wait_for_selector(f"{REFUSED}:has-text('Too large to be sent')", timeout=30_000)
    assert phone.locator(WAITING).count() == 0
    press(phone, stops[0], "done")
    wait_until(lambda: phone.wait_for_timeout(100) or TripStop.objects.get(pk=stops[0]).is_completed, "it is done without the photo")


def test_the_customers_page_follows_an_order(server: Server, phone: Any, client: Any, dispatcher: Any) -> None:
    trip, stops = trip_of_four(client)
    rows = stops_of(client, trip)
    _, url = make_link(actor=dispatcher, order_id=rows[1]["linked_order"]["id"])
    phone.goto(server.url + LINK.search(url)[0])
    phone.wait_for_selector("h2:has-text('Your order is on the road')")
    assert phone.locator("#map").is_hidden() and _faults_of(phone, "customer's page at 390") == []
    assert phone.evaluate("performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)") < 60_000
    finish(client, {"id": stops[0]})
    report(client, trip, FAR)
    phone.reload()
    phone.wait_for_selector("h2:has-text('On the way to you')")
    phone.wait_for_selector(".pin-vehicle")
    assert _faults_of(phone, "customer's page with its map") == []
    finish(client, {"id": stops[1]})
    phone.wait_for_selector("h2:has-text('Delivered')", timeout=30_000)
    assert phone.locator("#map").is_hidden()
