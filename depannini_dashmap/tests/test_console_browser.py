"""A dispatcher's day in Debian's Chromium against the real server: no error in the console, no request to other hosts."""

import datetime as dt
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.services import invite
from accounts.tokens import issue_pair
from assistance.models import AssistantProfile
from depannini_dashmap.tests.console_rows import EVIL, make_order, make_request, make_trip, make_vehicle
from testing.fixtures import server, server_environment, session_server
from testing.ports import free_port
from testing.servers import Server, serve_command
from testing.waiting import wait_until

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "correct-horse-battery"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: apt-get install chromium"),
]
__all__ = ["server", "session_server"]


class Watched:
    """A page of which everything suspicious is written down."""

    def __init__(self, page: Any, base: str) -> None:
        self.page, self.base = page, base
        self.faults: list[str] = []
        page.on("console", lambda said: said.type in ("error", "warning") and self.faults.append(said.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda sent: self._check(sent.url))

    def _check(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.faults.append(f"foreign request {url}")

    def sign_in(self, username: str, to: str = "/admin/") -> None:
        """Sign in by the form; at return the page is loaded and its scripts have run."""
        self.page.goto(f"{self.base}/admin/login/?next={to}")
        self.page.fill("#id_username", username)
        self.page.fill("#id_password", PASSWORD)
        with self.page.expect_navigation():
            self.page.click("input[type=submit]")

    def open(self, path: str) -> None:
        """Go to a page of the site."""
        self.page.goto(self.base + path)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Chromium; the ORM may be used while its event loop runs in this thread."""
    sync_playwright = pytest.importorskip("playwright.sync_api", reason="requirements-dev.txt is not installed").sync_playwright
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()
        # Inside the event loop Django has connections of its own.
        connections.close_all()


@pytest.fixture
def watch(browser: Any) -> Iterator[Callable[..., Watched]]:
    """Open watched pages; at the end nothing suspicious may have happened on any."""
    pages: list[Watched] = []

    def make(base: str, **options: Any) -> Watched:
        page = browser.new_context(viewport={"width": 1440, "height": 900}, **options).new_page()
        pages.append(Watched(page, base))
        return pages[-1]

    yield make
    assert [fault for one in pages for fault in one.faults] == []


def report_position(server: Server, user: Any, vehicle: Any, lat: float, lng: float, ago: int = 0) -> None:
    fix = {"latitude": lat, "longitude": lng, "speed": 40, "heading": 90}
    moment = (timezone.now() - dt.timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    token = issue_pair(user)["access"]
    answer = server.call("POST", "/api/positions/", token, vehicle_id=vehicle.pk, timestamp=moment, **fix)
    assert answer.status_code == 201, answer.text


def test_a_marker_moves_on_the_live_map(server: Server, watch: Any, dispatcher: Any, company_a: Any) -> None:
    vehicle = make_vehicle(dispatcher, company_a)
    report_position(server, dispatcher, vehicle, 36.75, 3.05, ago=60)
    one = watch(server.url)
    one.sign_in("nadia", "/admin/map/")
    page = one.page
    page.wait_for_selector("#live-notice[data-state=live]")
    marker = page.locator(".marker-vehicle")
    before = marker.bounding_box()
    report_position(server, dispatcher, vehicle, 36.76, 3.08)
    wait_until(lambda: page.wait_for_timeout(100) or marker.bounding_box() != before, "the marker moves")
    assert "40 km/h" in page.locator("table[data-kind=vehicles]").inner_text()
    page.locator("table[data-kind=vehicles] button").press("Enter")
    assert "16-1" in page.locator(".leaflet-popup").inner_text()


def test_a_vehicle_is_found_in_the_table_by_what_is_known_of_it(
    server: Server, watch: Any, dispatcher: Any, company_a: Any
) -> None:
    for number, driver in enumerate(("Ali Haddad", "Zoé Benali", "")):
        vehicle = make_vehicle(dispatcher, company_a, f"16-10{number}")
        type(vehicle).objects.filter(pk=vehicle.pk).update(driver_name=driver)
        report_position(server, dispatcher, vehicle, 36.75, 3.05, ago=60)
    one = watch(server.url)
    one.sign_in("nadia", "/admin/map/")
    page = one.page
    page.wait_for_selector("#live-notice[data-state=live]")
    rows = page.locator("table[data-kind=vehicles] tbody tr")
    found = page.get_by_label("Find a vehicle")
    told = page.locator("#vehicles-found")
    known = {"16 102": ["16-102"], "ZOE": ["16-101"], "haddad renault": ["16-100"], "master 10": ["16-100", "16-101", "16-102"]}
    for typed, plates in known.items():
        found.fill(typed)
        page.wait_for_selector(f"#vehicles-found:text-is('{len(plates)} of 3 shown')")
        assert sorted(page.locator("table[data-kind=vehicles] th > bdi:first-child").all_inner_texts()) == plates
    found.fill("101")
    report_position(server, dispatcher, make_vehicle(dispatcher, company_a, "31-101"), 36.75, 3.05)
    page.wait_for_selector("#vehicles-found:text-is('2 of 4 shown')")
    found.fill("nothing like it")
    page.wait_for_selector("#vehicles-found:text-is('0 of 4 shown')")
    assert rows.all_inner_texts() == ["No vehicle matches."]
    assert page.locator(".marker-group").inner_text() == "4"
    found.press("Escape")
    wait_until(lambda: page.wait_for_timeout(100) or (rows.count() == 4 and told.inner_text() == ""), "all are back")
    found.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-labelledby')") == "t-vehicles"


def test_vehicles_at_one_place_share_a_marker_that_lists_each(
    server: Server, watch: Any, dispatcher: Any, company_a: Any
) -> None:
    for number, lat in enumerate((36.75, 36.75, 36.79)):
        report_position(server, dispatcher, make_vehicle(dispatcher, company_a, f"16-{number}"), lat, 3.05)
    one = watch(server.url)
    one.sign_in("nadia", "/admin/map/")
    page = one.page
    page.wait_for_selector(".marker-group")
    assert (page.locator(".marker-group").count(), page.locator(".marker-vehicle").count()) == (1, 1)
    group = page.locator(".marker-group")
    assert group.get_attribute("aria-label") in ("2 here: 16-1, 16-0", "2 here: 16-0, 16-1")
    group.press("Enter")
    told = page.locator(".leaflet-popup")
    assert ("16-0" in told.inner_text(), "16-1" in told.inner_text()) == (True, True)


def test_the_page_takes_changes_of_others_and_keeps_unsaved_ones(
    server: Server, watch: Any, dispatcher: Any, company_a: Any
) -> None:
    orders = (make_order(dispatcher, company_a), make_order(dispatcher, company_a))
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=orders)
    stops = list(trip.trip_stops.values_list("pk", flat=True))
    one = watch(server.url)
    one.sign_in("nadia", f"/admin/dispatch/trips/{trip.pk}/")
    page, token = one.page, issue_pair(dispatcher)["access"]
    page.wait_for_selector("#live-notice[data-state=live]")
    assert server.call("PUT", f"/api/trips/{trip.pk}/", token, status="in_progress").status_code == 200
    page.wait_for_selector("dl.facts .badge.is-in_progress", timeout=8_000)
    page.locator(".stops li").nth(2).locator("[data-move=up]").press("Enter")
    assert server.call("PUT", f"/api/trip-stops/{stops[0]}/", token, is_completed=True).status_code == 200
    page.wait_for_selector("#live-page-changed:not([hidden])", timeout=8_000)
    assert page.locator(".stops li").nth(1).locator("input[name=stop]").get_attribute("value") == str(stops[2])
    page.click("text=Save the stops")
    page.wait_for_selector(".messagelist .success")
    assert list(trip.trip_stops.values_list("pk", flat=True)) == [stops[0], stops[2], stops[1], stops[3]]
    assert page.locator(".stops li.is-done").count() == 1


def test_a_map_without_any_position_says_so(server: Server, watch: Any, dispatcher: Any) -> None:
    one = watch(server.url)
    one.sign_in("nadia", "/admin/map/")
    one.page.wait_for_selector("#map-empty:not([hidden])")
    assert "No vehicle has reported" in one.page.inner_text("#map-empty")


def test_stops_are_reordered_by_keyboard_and_by_drag(server: Server, watch: Any, dispatcher: Any, company_a: Any) -> None:
    orders = (make_order(dispatcher, company_a), make_order(dispatcher, company_a))
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=orders)
    p1, d1, p2, d2 = trip.trip_stops.values_list("pk", flat=True)
    one = watch(server.url)
    one.sign_in("nadia", f"/admin/dispatch/trips/{trip.pk}/")
    page = one.page
    page.wait_for_selector("#live-notice[data-state=live]")
    page.locator(".stops li").nth(2).locator("[data-move=up]").press("Enter")
    assert "is now number 2" in page.inner_text("#reorder-status")
    page.click("text=Save the stops")
    page.wait_for_selector(".messagelist .success")
    assert list(trip.trip_stops.values_list("pk", flat=True)) == [p1, p2, d1, d2]
    page.locator(".stops li").nth(3).drag_to(page.locator(".stops li").nth(2), target_position={"x": 60, "y": 4})
    page.click("text=Save the stops")
    page.wait_for_selector(".messagelist .success")
    assert list(trip.trip_stops.values_list("pk", flat=True)) == [p1, p2, d2, d1]


def test_due_times_are_suggested_changed_and_saved(server: Server, watch: Any, dispatcher: Any, company_a: Any) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(make_order(dispatcher, company_a),))
    type(trip).objects.filter(pk=trip.pk).update(planned_start_time=dt.time(8))
    one = watch(server.url)
    one.sign_in("nadia", f"/admin/dispatch/trips/{trip.pk}/")
    page = one.page
    page.get_by_role("button", name="Suggest due times").press("Enter")
    page.wait_for_selector("#reorder-status:text-is('2 due times filled in. Not saved yet.')")
    fields = page.locator("input[name=due]")
    assert [fields.nth(place).input_value() for place in range(2)] == ["08:00", "08:15"]
    assert set(trip.trip_stops.values_list("planned_arrival_time", flat=True)) == {None}
    fields.nth(1).fill("08:40")
    page.click("text=Save the stops")
    page.wait_for_selector(".messagelist .success")
    assert list(trip.trip_stops.values_list("planned_arrival_time", flat=True)) == [dt.time(8), dt.time(8, 40)]


def test_a_button_waits_for_its_script(server: Server, watch: Any, dispatcher: Any, company_a: Any) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(make_order(dispatcher, company_a),))
    one = watch(server.url)
    one.sign_in("nadia")
    page, held = one.page, []
    page.route("**/reorder*.js", lambda route: held.append(route))
    page.goto(f"{server.url}/admin/dispatch/trips/{trip.pk}/", wait_until="commit")
    suggest = page.get_by_role("button", name="Suggest due times")
    suggest.wait_for()
    assert suggest.is_disabled()
    wait_until(lambda: page.wait_for_timeout(20) or held, "the script is asked for")
    held[0].continue_()
    wait_until(lambda: page.wait_for_timeout(20) or suggest.is_enabled(), "the button works")


def test_an_operator_assigns_by_hand_from_the_board(
    server: Server, watch: Any, staff_user: Any, client_user: Any, assistant_user: Any
) -> None:
    job = make_request(client_user)
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True, seen_at=timezone.now())
    one = watch(server.url)
    one.sign_in("salim")
    page = one.page
    page.click("text=Assign")
    page.locator("tr", has_text="Karim Assistant").get_by_role("link", name="Assign").click()
    page.click("button:has-text('Assign')")
    page.wait_for_selector(".messagelist .success")
    job.refresh_from_db()
    assert (job.status, job.assistant_id) == ("accepted", assistant_user.pk)


def test_the_board_renews_itself_without_losing_a_word(
    server: Server, watch: Any, staff_user: Any, client_user: Any, assistant_user: Any
) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True, seen_at=timezone.now())
    one = watch(server.url)
    one.sign_in("salim")
    page = one.page
    page.wait_for_selector("#live-notice[data-state=live]")
    page.keyboard.press("/")
    page.keyboard.type("half a wo")
    place = {"pickup": {"lat": 36.75, "lng": 3.05}, "dropoff": {"lat": 36.76, "lng": 3.06}}
    answer = server.call("POST", "/api/assistance/request/", issue_pair(client_user)["access"], **place)
    assert answer.status_code == 201, answer.text
    page.wait_for_selector("#board >> text=Amina Client", timeout=8_000)
    assert page.input_value("#find") == "half a wo"


def test_a_bad_row_of_an_import_is_named(
    server: Server, watch: Any, dispatcher: Any, company_a: Any, tmp_path: Path
) -> None:
    sheet = tmp_path / "orders.csv"
    sheet.write_text(
        "reference,customer_name,goods_description,goods_weight\nR1,Hotel,beds,10\nR2,Cafe,cups,heavy\n", encoding="utf-8"
    )
    one = watch(server.url)
    one.sign_in("nadia", "/admin/orders/order/import/")
    page = one.page
    page.set_input_files("input[type=file]", str(sheet))
    page.click("input[type=submit]")
    page.wait_for_load_state()
    text = page.inner_text("#content")
    assert "weight" in text.lower()
    assert "R2" in text or "2" in text
    from orders.models import Order

    assert Order.objects.count() == 0


def test_markup_in_names_is_never_run(
    server: Server, watch: Any, dispatcher: Any, staff_user: Any, company_a: Any, client_user: Any
) -> None:
    vehicle = make_vehicle(dispatcher, company_a, "<b onclick=x>")
    type(vehicle).objects.update(driver_name=EVIL, make=EVIL, driver_email="a@example.com")
    trip = make_trip(dispatcher, vehicle, EVIL, (make_order(dispatcher, company_a, EVIL),))
    for row in trip.trip_stops.select_related("stop"):
        type(row.stop).objects.filter(pk=row.stop_id).update(name=EVIL, address="</script><script>alert(2)</script>")
    type(client_user).objects.filter(pk=client_user.pk).update(name=EVIL)
    type(company_a).objects.update(name=EVIL)
    job = make_request(client_user)
    report_position(server, dispatcher, vehicle, 36.75, 3.05)
    one = watch(server.url)
    one.sign_in("salim")
    paths = [
        "/admin/",
        f"/admin/map/?trip={trip.pk}",
        f"/admin/dispatch/trips/{trip.pk}/",
        f"/admin/dispatch/requests/{job.pk}/",
        "/admin/orders/order/",
        "/admin/fleet/vehicle/",
        f"/admin/fleet/vehicle/{vehicle.pk}/change/",
        f"/admin/trips/trip/{trip.pk}/change/",
        "/admin/trips/trip/",
        "/admin/assistance/assistance/",
        "/admin/accounts/company/",
    ]
    for path in paths:
        one.open(path)
        one.page.wait_for_timeout(300)
        assert one.page.locator("img[src=x], b[onclick]").count() == 0, path
    one.open(paths[1])
    one.page.wait_for_selector(".marker-group")
    # The request, the vehicle and both stops are at one place: one marker shows all.
    one.page.locator(".marker-group").press("Enter")
    assert one.page.locator(".leaflet-popup .tip").count() == 4
    assert one.page.locator("img[src=x]").count() == 0


def test_a_lost_socket_says_so_and_comes_back_with_the_right_state(
    transactional_db: None, browser: Any, dispatcher: Any, company_a: Any, tmp_path: Path
) -> None:
    port = free_port()
    command = serve_command(port)
    first = Server(command, port, environment=server_environment(), log=tmp_path / "first.log")
    first.wait_until_ready()
    vehicle = make_vehicle(dispatcher, company_a)
    report_position(first, dispatcher, vehicle, 36.75, 3.05, ago=30)
    page = browser.new_page()
    one = Watched(page, first.url)
    one.sign_in("nadia", "/admin/map/")
    page.wait_for_selector("#live-notice[data-state=live]")
    first.stop()
    page.wait_for_selector("#live-notice[data-state=lost]")
    assert "reconnecting" in page.inner_text("#live-notice")
    second = Server(command, port, environment=server_environment(), log=tmp_path / "second.log")
    try:
        second.wait_until_ready()
        report_position(second, dispatcher, vehicle, 36.76, 3.06)
        page.wait_for_selector("#live-notice[data-state=live]", timeout=60_000)
        state = page.locator("table[data-kind=vehicles]")
        wait_until(lambda: page.wait_for_timeout(200) or "40 km/h" in state.inner_text(), "the state is right")
    finally:
        second.stop()
    page.close()


def _faults_of(page: Any, path: str) -> list[str]:
    """Ask axe-core, with all its rules, and measure whether the page scrolls sideways."""
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    broken = page.evaluate("axe.run(document, { resultTypes: ['violations'], preload: false })")["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    faults = [f"{path}: {rule['id']}: {node['html']}" for rule in broken for node in rule["nodes"]]
    return [*faults, *([f"{path}: {wide} px too wide"] if wide > 0 else [])]


@pytest.mark.parametrize(
    ("username", "language", "width"),
    [("salim", "ar", 390), ("salim", "fr", 1440), ("nadia", "ar", 1440)],
)
def test_every_page_can_be_read_and_worked_by_everybody(
    username: str,
    language: str,
    width: int,
    server: Server,
    watch: Any,
    dispatcher: Any,
    staff_user: Any,
    company_a: Any,
    company_b: Any,
    client_user: Any,
    assistant_user: Any,
) -> None:
    pytest.importorskip("axe_playwright_python", reason="requirements-dev.txt is not installed")
    waiting, carried = (make_order(dispatcher, company_a, customer) for customer in ("Pharmacie", "Hôtel"))
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(carried,))
    type(trip).objects.filter(pk=trip.pk).update(status="in_progress", actual_start_datetime=timezone.now())
    report_position(server, dispatcher, trip.vehicle, 36.75, 3.15)
    job = make_request(client_user)
    for company, name in ((company_a, "omar.de.la.societe.voisine@example.com"), (company_b, "nadia")):
        invite(actor=staff_user, company=company, person={"username": name})
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True, seen_at=timezone.now(), lat=36.76, lng=3.06)
    one = watch(server.url, locale=language)
    page = one.page
    page.set_viewport_size({"width": width, "height": 800})
    one.open("/admin/login/")
    faults = _faults_of(page, "/admin/login/")
    one.sign_in(username)
    paths = [
        "/admin/",
        f"/admin/map/?trip={trip.pk}",
        f"/admin/dispatch/trips/{trip.pk}/",
        f"/admin/dispatch/trips/{trip.pk}/fill/",
        f"/admin/dispatch/trips/step/cancel/?ids={trip.pk}",
        f"/admin/dispatch/orders/into-trip/?ids={waiting.pk}",
        "/admin/trips/trip/",
        f"/admin/trips/trip/{trip.pk}/change/",
        f"/admin/trips/trip/{trip.pk}/history/",
        "/admin/orders/order/?q=a",
        f"/admin/orders/order/{waiting.pk}/change/",
        "/admin/orders/order/import/",
        "/admin/fleet/vehicle/",
        f"/admin/company/{company_a.pk}/",
        f"/admin/company/{company_a.pk}/people/{dispatcher.pk}/remove/",
        "/admin/invitations/",
        "/admin/accounts/company/",
    ]
    if username == "salim":
        paths += [
            "/admin/dispatch/requests/new/",
            f"/admin/dispatch/requests/{job.pk}/",
            f"/admin/dispatch/requests/{job.pk}/cancel/",
            f"/admin/dispatch/requests/{job.pk}/price/",
            "/admin/assistance/assistance/",
            "/admin/assistance/tariff/1/change/",
            "/admin/accounts/user/?q=a",
            f"/admin/accounts/user/{dispatcher.pk}/change/",
            f"/admin/dispatch/people/deactivate/?ids={client_user.pk}",
            "/admin/telematics/device/?q=a",
        ]
    for path in paths:
        one.open(path)
        assert page.get_attribute("html", "dir") == ("rtl" if language == "ar" else "ltr")
        if "/map/" in path:
            page.wait_for_selector(".marker-vehicle, .marker-group")
        faults += _faults_of(page, path)
    assert faults == []


def test_no_page_is_wider_than_a_phone_in_french_either(
    server: Server, watch: Any, dispatcher: Any, company_a: Any
) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(make_order(dispatcher, company_a),))
    one = watch(server.url, locale="fr")
    one.page.set_viewport_size({"width": 390, "height": 800})
    one.sign_in("nadia")
    for path in ("/admin/", "/admin/map/", f"/admin/dispatch/trips/{trip.pk}/", "/admin/orders/order/"):
        one.open(path)
        page = one.page
        assert page.get_attribute("html", "dir") == "ltr"
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
