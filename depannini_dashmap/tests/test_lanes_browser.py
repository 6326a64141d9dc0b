"""The planning page in Chromium: four clicks to the driver, drag, what the rules refuse, and two dispatchers at once."""

from typing import Any

import pytest

from accounts.tokens import issue_pair
from depannini_dashmap.tests.console_rows import make_order, make_trip, make_vehicle
from depannini_dashmap.tests.test_console_browser import _faults_of, browser, pytestmark, watch
from testing.fixtures import server, session_server
from testing.servers import Server
from testing.waiting import wait_until
from trips.models import Trip, TripStop

__all__ = ["browser", "pytestmark", "server", "session_server", "watch"]


def lane_of(page: Any, plate: str) -> Any:
    return page.locator(".lane", has_text=plate)


def drag(page: Any, item: Any, goal: Any) -> None:
    """Drag by the mouse from an item to the middle of a goal."""
    start, end = item.bounding_box(), goal.bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + 90, start["y"] + start["height"] / 2 + 20, steps=3)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=5)
    page.mouse.up()


def put_into(server: Server, user: Any, trip: Trip, order: Any) -> None:
    """Have another user put an order into a trip, so that open pages are notified."""
    answer = server.call("POST", f"/api/trips/{trip.pk}/add-order/", issue_pair(user)["access"], order=order.pk)
    assert answer.status_code == 201, answer.text


def numbers_in(trip: Trip) -> list[int | None]:
    return list(TripStop.objects.filter(trip=trip).order_by("sequence").values_list("order_id", flat=True))


def test_four_clicks_from_the_board_tell_the_driver_of_a_waiting_order(
    server: Server, watch: Any, dispatcher: Any, company_a: Any
) -> None:
    order, vehicle = make_order(dispatcher, company_a), make_vehicle(dispatcher, company_a)
    one = watch(server.url)
    one.sign_in("nadia")
    page = one.page
    page.click(".console-nav a:text-is('Plan')")
    page.click(".card [data-move=choose]")
    page.click("#lanes-choose .option")
    page.wait_for_selector(".lane .run.is-changed .run-head:has-text('km')")
    page.click("#lanes-save")
    page.wait_for_selector("#lanes-results li:has-text('saved, driver notified')")
    trip = Trip.objects.get()
    assert (trip.vehicle_id, trip.status, trip.driver_notified, numbers_in(trip)) == (vehicle.pk, "planned", True, [order.pk] * 2)
    wait_until(lambda: page.wait_for_timeout(50) or page.locator(".run.is-changed").count() == 0, "nothing is left to save")
    assert page.locator(".card").count() == 0 and page.locator("#lanes-save").is_disabled()


def test_stops_go_by_drag_and_by_keys_and_what_is_refused_goes_back_with_its_reason(
    server: Server, watch: Any, dispatcher: Any, company_a: Any
) -> None:
    first, second = make_vehicle(dispatcher, company_a, "16-1"), make_vehicle(dispatcher, company_a, "16-2")
    held, waiting = make_order(dispatcher, company_a), make_order(dispatcher, company_a, "Atelier")
    trip = make_trip(dispatcher, first, orders=(held,))
    one = watch(server.url)
    one.sign_in("nadia", "/admin/plan/")
    page = one.page
    page.wait_for_selector("#live-notice[data-state=live]")
    pickup = lane_of(page, "16-1").locator(".handle").first
    pickup.focus()
    page.keyboard.press("Alt+ArrowDown")
    page.wait_for_selector("#lanes-alarm:has-text('cannot come before its pickup')")
    assert page.locator(".run.is-changed").count() == 0
    drag(page, page.locator(".card"), lane_of(page, "16-1").locator(".lane-stop").nth(1))
    wait_until(lambda: page.wait_for_timeout(50) or page.locator(".lane-stop").count() == 4, "the order is in the lane")
    drag(page, lane_of(page, "16-1").locator(f'[data-ref="pickup:{held.pk}"]'), lane_of(page, "16-2").locator(".drop-here"))
    page.wait_for_selector(".lane:has-text('16-2') .lane-stop")
    faults = _faults_of(page, "lanes")
    page.set_viewport_size({"width": 390, "height": 800})
    assert faults + _faults_of(page, "lanes at 390") == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.click("#lanes-save")
    wait_until(lambda: page.wait_for_timeout(50) or page.locator("#lanes-results li.is-done:has-text('notified')").count() == 2, "both are told")
    assert numbers_in(trip) == [waiting.pk] * 2
    assert numbers_in(Trip.objects.get(vehicle=second)) == [held.pk] * 2
    page.locator(f'[data-ref="delivery:{held.pk}"] .handle').press("Delete")
    page.wait_for_selector(f'.card[data-ref="pickup:{held.pk}"]')
    page.keyboard.press("Control+z")
    wait_until(lambda: page.wait_for_timeout(50) or page.locator(".card").count() == 0, "the last change is undone")


def test_two_dispatchers_see_each_others_changes_and_keep_their_own(
    server: Server, watch: Any, dispatcher: Any, company_a: Any
) -> None:
    vehicle = make_vehicle(dispatcher, company_a)
    held, mine, theirs = (make_order(dispatcher, company_a, name) for name in ("Pharmacie", "Atelier", "Hôtel"))
    trip = make_trip(dispatcher, vehicle, orders=(held,))
    one = watch(server.url)
    one.sign_in("nadia", "/admin/plan/")
    page = one.page
    page.wait_for_selector("#live-notice[data-state=live]")
    page.locator(f'[data-ref="pickup:{mine.pk}"] [data-move=choose]').click()
    page.locator("#lanes-choose .option", has_text="Tour").click()
    wait_until(lambda: page.wait_for_timeout(50) or page.locator(".lane-stop").count() == 4, "the order is in the lane")
    page.route("**/admin/plan/state/**", lambda route: route.abort())  # what others do is not seen for a while
    put_into(server, dispatcher, trip, theirs)
    page.click("#lanes-save")
    page.wait_for_selector("#lanes-results li.is-refused:has-text('Tour was changed by somebody else')")
    page.unroute("**/admin/plan/state/**")
    put_into(server, dispatcher, trip, make_order(dispatcher, company_a, "Librairie"))
    page.wait_for_selector(".run .notice")
    wait_until(lambda: page.wait_for_timeout(50) or page.locator(".lane-stop").count() == 8, "all orders are in the lane")
    assert page.locator(".card").count() == 0
    page.click("#lanes-save")
    page.wait_for_selector("#lanes-results li.is-done:has-text('driver notified')")
    assert len(numbers_in(trip)) == 8 and numbers_in(trip).count(mine.pk) == 2
    one.faults = [fault for fault in one.faults if "ERR_FAILED" not in fault and "409" not in fault]


@pytest.mark.parametrize("language", ["ar"])
def test_the_page_is_worked_by_touch_on_a_phone_in_arabic(server: Server, watch: Any, dispatcher: Any, company_a: Any, language: str) -> None:
    make_order(dispatcher, company_a)
    make_vehicle(dispatcher, company_a)
    one = watch(server.url, locale=language, extra_http_headers={"Accept-Language": language}, has_touch=True)
    one.page.set_viewport_size({"width": 390, "height": 800})
    one.sign_in("nadia", "/admin/plan/")
    page = one.page
    page.locator(".card [data-move=choose]").tap()
    page.locator("#lanes-choose .option").tap()
    page.wait_for_selector(".lane .run.is-changed .run-head:has-text('كم')")
    assert "3\u202f000 كغ" in page.inner_text(".lane-facts")  # a common space would show 000 3
    assert _faults_of(page, "lanes in Arabic at 390") == []
    page.locator("#lanes-save").tap()
    page.wait_for_selector("#lanes-results li.is-done")
    assert Trip.objects.count() == 1
