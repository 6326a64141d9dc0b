"""A day by the pages alone, in browsers of their own: motorist, assistant and dispatcher a job; dispatcher, driver and customer a trip."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from assistance.models import Assistance, AssistantProfile
from depannini_dashmap.tests.console_rows import make_order, make_vehicle
from depannini_dashmap.tests.test_console_browser import PASSWORD, _faults_of, browser, pytestmark
from orders.models import Order
from payments.models import Payment
from testing.fixtures import server, session_server
from testing.servers import Server
from testing.waiting import wait_until
from trips.models import Trip, TripStop

__all__ = ["browser", "pytestmark", "server", "session_server"]

ALGIERS = {"latitude": 36.7538, "longitude": 3.0588, "accuracy": 12}
NEAR = {"latitude": 36.7600, "longitude": 3.0700, "accuracy": 12}
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
WAITING = "#outbox li[data-state=waiting]"


class Person:
    """A person with a browser of their own, whose clicks are counted and on whose pages no script may fail."""

    def __init__(self, chromium: Any, base: str, *, place: dict[str, float] | None = None, is_desktop: bool = False) -> None:
        self.base, self.faults, self.clicks = base, [], 0
        options = {"geolocation": place, "permissions": ["geolocation"]} if place else {}
        self.context = chromium.new_context(viewport=DESKTOP if is_desktop else PHONE, locale="en", has_touch=not is_desktop, **options)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, path: str) -> None:
        self.page.goto(self.base + path)

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.click(selector)

    def go(self, selector: str) -> None:
        """Click what leads to another page, and wait for it."""
        with self.page.expect_navigation():
            self.click(selector)

    def sees(self, selector: str) -> None:
        self.page.wait_for_selector(selector)

    def fits_a_phone(self) -> None:
        """Look at a page of the console as wide as a phone."""
        self.page.set_viewport_size(PHONE)
        assert _faults_of(self.page, self.page.url) == []
        self.page.set_viewport_size(DESKTOP)

    def sign_in_to_console(self, user: Any, to: str = "/admin/") -> None:
        self.open(f"/admin/login/?next={to}")
        self.page.fill("#id_username", user.username)
        self.page.fill("#id_password", PASSWORD)
        with self.page.expect_navigation():
            self.page.click("input[type=submit]")

    def sign_in_for_duty(self, user: Any) -> None:
        self.open("/duty/")
        self.page.fill("#phone", user.phone_number)
        self.page.fill("#password", PASSWORD)
        self.page.click("button.main")
        self.sees("#line[data-state=live]")
        self.click("button[value=on]")
        self.sees("#place:has-text('Your place was shared')")


@pytest.fixture
def person(browser: Any) -> Iterator[Callable[..., Person]]:
    people: list[Person] = []

    def make(base: str, **options: Any) -> Person:
        people.append(Person(browser, base, **options))
        return people[-1]

    yield make
    assert [fault for one in people for fault in one.faults] == []


def test_a_motorist_an_assistant_and_a_dispatcher_play_a_whole_job(
    server: Server, person: Any, assistant_user: Any, roadside_dispatcher: Any
) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=False, lat=None, lng=None, cell_y=None, cell_x=None)
    karim = person(server.url, place=NEAR)
    karim.sign_in_for_duty(assistant_user)
    samira = person(server.url, is_desktop=True)
    samira.sign_in_to_console(roadside_dispatcher)
    samira.sees("#live-notice[data-state=live]")

    motorist = person(server.url, place=ALGIERS)
    motorist.open("/help/")
    motorist.click("#locate")
    motorist.sees("#told:has-text('within 12 m')")
    motorist.page.fill("#phone", "0661 23 45 67")
    motorist.click("button[value=price]")
    motorist.sees("text=Base price")
    motorist.click("button[value=ask]")
    motorist.sees("text=We are looking for somebody near you")
    assert motorist.clicks == 3
    job = Assistance.objects.get()

    samira.sees(f"[data-region=help] a:has-text('#{job.pk}')")
    samira.go(f"[data-region=help] th a:has-text('#{job.pk}')")
    samira.sees("#live-notice[data-state=live]")
    karim.sees(".offer [data-until]")
    karim.click("button[value=accept]")
    karim.sees("button[value=start]")
    motorist.sees("h2:has-text('Karim is on the way')")
    motorist.sees("#map .pin-mover")
    samira.sees("[data-region=facts] bdi:has-text('Karim Assistant')")

    motorist.page.fill("#message", "I stand at the bridge")
    motorist.page.press("#message", "Enter")
    karim.sees(".chat:has-text('I stand at the bridge')")
    karim.page.fill("[name=message]", "Ten minutes")
    karim.page.press("[name=message]", "Enter")
    motorist.sees("li:has-text('Ten minutes')")
    samira.sees("[data-region=chat]:has-text('Ten minutes')")

    karim.click("button[value=start]")
    karim.sees("h2:has-text('Under way')")
    samira.go("a:text-is('Adjust the price')")
    samira.page.fill("#price", "4 500,50")
    samira.page.fill("#note", "a long winch")
    samira.go(".submit-row button[type=submit]")
    motorist.sees("text=Do you accept this price?")
    motorist.click("button[name=answer][value=accept]")
    motorist.sees("text=You accepted this price")

    karim.click("button[value=complete]")
    karim.sees(".ended:has-text('4,500.50 DZD')")
    motorist.sees("h2:has-text('The job is done')")
    motorist.click("button[name=rating][value='5']")
    motorist.sees("text=You gave 5 of 5")

    samira.open(f"/admin/dispatch/requests/{job.pk}/")
    samira.go("a:text-is('Payments')")
    samira.go("form.pay button[type=submit]")
    samira.sees("text=4,500.50 DZD")
    paid = Payment.objects.get()
    assert (str(paid.amount), paid.taken_by_id, paid.assistance_id) == ("4500.50", assistant_user.pk, job.pk)
    samira.open("/admin/dispatch/report/")
    assert "1 completed, 0 cancelled" in samira.page.inner_text(".facts")
    job.refresh_from_db()
    assert (job.status, job.rating, job.price_consent, str(job.total_price)) == ("completed", 5, "accepted", "4500.50")


def test_a_call_at_the_desk_becomes_a_paid_job(server: Server, person: Any, assistant_user: Any, roadside_dispatcher: Any) -> None:
    karim = person(server.url, place=NEAR)
    karim.sign_in_for_duty(assistant_user)
    samira = person(server.url, is_desktop=True)
    samira.sign_in_to_console(roadside_dispatcher)
    samira.go(".new-call")
    samira.page.fill("#phone", "0661 23 45 67")
    samira.page.fill("#name", "Nabil")
    samira.page.fill("#pickup", "36.7538, 3.0588")
    samira.page.press("#pickup", "Tab")
    samira.sees("[data-region=candidates] button[name=assistant]")
    samira.go("[data-region=candidates] button[name=assistant]")
    job = Assistance.objects.get()
    assert (job.status, job.assistant_id, samira.clicks) == ("accepted", assistant_user.pk, 2)
    karim.sees("button[value=start]")
    karim.click("button[value=start]")
    karim.sees("button[value=complete]")
    karim.click("button[value=complete]")
    karim.sees(".ended:has-text('DZD')")
    samira.sees("[data-region=facts]:has-text('Completed')")
    samira.go("a:text-is('Payments')")
    samira.go("form.pay button[type=submit]")
    assert Payment.objects.get().assistance_id == job.pk
    assert samira.clicks == 4


def test_an_order_goes_from_the_desk_over_the_driver_to_its_customer_with_the_middle_without_reception(
    server: Server, person: Any, dispatcher: Any, company_a: Any
) -> None:
    orders, vehicle = [make_order(dispatcher, company_a, name) for name in ("Pharmacie", "Atelier")], make_vehicle(dispatcher, company_a)
    nadia = person(server.url, is_desktop=True)
    nadia.sign_in_to_console(dispatcher)
    nadia.go(".console-nav a:text-is('Plan')")
    for _order in orders:
        nadia.click(".card [data-move=choose]")
        nadia.click("#lanes-choose .option")
        nadia.sees(".lane .run.is-changed")
    nadia.click("#lanes-save")
    nadia.sees("#lanes-results li:has-text('saved, driver notified')")
    assert nadia.clicks == 6
    trip = Trip.objects.get()
    assert (trip.vehicle_id, trip.driver_notified) == (vehicle.pk, True)

    nadia.open(f"/admin/dispatch/trips/{trip.pk}/")
    nadia.go("a:text-is(\"Driver's link\")")
    nadia.go("button[name=do][value=make]")
    nadia.fits_a_phone()
    driver = person(server.url)
    driver.open(urlsplit(nadia.page.input_value("#url")).path)
    kept = "async () => (await (await caches.open('page-copies')).keys()).length > 0 && navigator.serviceWorker.controller"
    driver.page.wait_for_function(kept)
    stops = list(TripStop.objects.filter(trip=trip).order_by("sequence"))
    assert [row.order_id for row in stops] == [orders[0].pk] * 2 + [orders[1].pk] * 2
    nadia.open(f"/admin/orders/order/{orders[0].pk}/change/")
    nadia.go("a[href$='/link/']")
    nadia.go("button[name=step][value=make]")
    nadia.fits_a_phone()
    customer = person(server.url)
    customer.open(urlsplit(nadia.page.input_value("#url")).path)
    customer.sees("h2")
    nadia.open(f"/admin/dispatch/trips/step/start/?ids={trip.pk}")
    nadia.go(".submit-row button[type=submit]")
    customer.sees("h2:has-text('Your order is on the road')")

    press(driver, stops[0].pk, "done")
    driver.sees("text=Stops finished: 1 of 4")
    driver.context.set_offline(True)
    press(driver, stops[1].pk, "arrived")
    driver.sees(WAITING)
    press(driver, stops[1].pk, "done")
    wait_until(lambda: driver.page.wait_for_timeout(100) or driver.page.locator(WAITING).count() == 2, "two taps wait")
    press(driver, stops[2].pk, "done")
    wait_until(lambda: driver.page.wait_for_timeout(100) or driver.page.locator(WAITING).count() == 3, "three taps wait")
    assert TripStop.objects.filter(trip=trip, is_completed=True).count() == 1
    driver.context.set_offline(False)
    driver.sees("text=Stops finished: 3 of 4")
    press(driver, stops[3].pk, "done")
    driver.sees("text=All stops are finished")
    customer.page.wait_for_selector("h2:has-text('Delivered')", timeout=60_000)
    nadia.open(f"/admin/dispatch/trips/{trip.pk}/")
    assert "4 / 4" in nadia.page.inner_text("[data-region=facts]")
    assert set(Order.objects.values_list("status", flat=True)) == {"delivered"}


def press(driver: Person, stop: int, action: str) -> None:
    """Press a button of a stop, wherever the driver's page has it."""
    form = driver.page.locator(f"form:has(input[name=stop][value='{stop}']):has(input[name=action][value={action}])").first
    box = form.locator("xpath=ancestor::details[last()]")
    if box.count() and not box.evaluate("one => one.open"):
        box.locator("summary").first.click()
    form.locator("button:not([type=button])").first.click()
