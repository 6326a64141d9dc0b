"""The assistants' page in Chromium: a job from the offer to its end, dead spots, lost answers, networks that lie, and restarts."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from accounts.tokens import issue_pair
from assistance.models import Assistance, AssistantProfile, ChatMessage
from depannini_dashmap.models import AuditEvent
from depannini_dashmap.tests.test_console_browser import PASSWORD, _faults_of, browser, pytestmark
from testing.fixtures import running_server, server, session_server
from testing.ports import free_port
from testing.servers import Server
from testing.waiting import wait_until

__all__ = ["browser", "pytestmark", "server", "session_server"]

HERE = {"latitude": 36.7538, "longitude": 3.0588}
PICKUP = {"lat": 36.7525, "lng": 3.0420}
COPIES_KEPT = "async () => (await (await caches.open('page-copies')).keys()).length"
WAITING = "#outbox li[data-state=waiting]"
REFUSED = "#outbox li[data-state=refused]"


class Phone:
    """A phone's browser on the page: its context can be offline, and its pages closed and opened again."""

    def __init__(self, chromium: Any, base: str, **options: Any) -> None:
        self.base, self.faults = base, []
        self.context = chromium.new_context(
            viewport={"width": 390, "height": 844}, locale="en", geolocation=HERE, permissions=["geolocation"], has_touch=True, **options
        )
        self.page = self.new_page()

    def new_page(self) -> Any:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        return page

    def sign_in(self, user: Any) -> None:
        """Sign in by the form, and wait until the page is live and can open without reception."""
        self.page.goto(f"{self.base}/duty/")
        self.page.fill("#phone", user.phone_number)
        self.page.fill("#password", PASSWORD)
        self.page.click("button.main")
        self.page.wait_for_selector("#line[data-state=live]")

    def kept(self) -> None:
        """Wait for the copy that opens without reception."""
        self.page.wait_for_function("async () => (await (await caches.open('page-copies')).keys()).length > 0 && navigator.serviceWorker.controller")

    def press(self, action: str) -> None:
        self.page.click(f"button[value={action}]")

    def reopen(self) -> None:
        """Kill the page and open it anew."""
        self.page.close()
        self.page = self.new_page()
        self.page.goto(f"{self.base}/duty/")


@pytest.fixture
def phone(browser: Any) -> Iterator[Callable[..., Phone]]:
    """Give phones, on whose pages no script may fail."""
    phones: list[Phone] = []

    def make(base: str, **options: Any) -> Phone:
        phones.append(Phone(browser, base, **options))
        return phones[-1]

    yield make
    assert [fault for one in phones for fault in one.faults] == []


def asked(server: Server, client: Any, **fields: Any) -> Assistance:
    """Open a request in the server's process, so that its sockets hear of it."""
    answer = server.call("POST", "/api/assistance/request/", issue_pair(client)["access"], pickup=PICKUP, **fields)
    assert answer.status_code == 201, answer.text
    return Assistance.objects.get(pk=answer.json()["assistance"]["id"])


def on_duty(user: Any, service_type: str = "towing") -> None:
    AssistantProfile.objects.filter(pk=user.pk).update(service_type=service_type)
    from assistance import services

    services.set_duty(actor=user, is_active=True)
    services.report_location(actor=user, lat=HERE["latitude"], lng=HERE["longitude"])


def status_of(job: Assistance) -> str:
    return Assistance.objects.values_list("status", flat=True).get(pk=job.pk)


def with_job(server: Server, one: Phone, user: Any, client: Any, **fields: Any) -> Assistance:
    """Sign in with a job that was accepted."""
    on_duty(user)
    job = asked(server, client, **fields)
    assert server.call("PATCH", f"/api/assistance/accept/{job.pk}/", issue_pair(user)["access"]).status_code == 200
    one.sign_in(user)
    one.page.wait_for_selector("button[value=start]")
    return job


def test_a_job_from_the_offer_to_its_end(server: Server, phone: Any, assistant_user: Any, client_user: Any) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(service_type="repair", lat=None, lng=None, cell_y=None, cell_x=None)
    one = phone(server.url)
    one.sign_in(assistant_user)
    page = one.page
    one.press("on")
    page.wait_for_selector("#place:has-text('Your place was shared')")
    job = asked(server, client_user, assistance_type="repair", description="A flat tyre")
    page.wait_for_selector(".offer:has-text('A flat tyre')")
    assert re.fullmatch(r"1[45]:\d\d", page.locator("[data-until]").inner_text())
    assert _faults_of(page, "offer") == []
    one.press("accept")
    page.wait_for_selector("button[value=start]")
    assert _faults_of(page, "job") == []
    server.call("POST", f"/api/assistance/{job.pk}/messages/", issue_pair(client_user)["access"], message="Behind the station")
    page.wait_for_selector(".chat:has-text('Behind the station')")
    page.fill("[name=message]", "Ten minutes")
    page.press("[name=message]", "Enter")
    page.wait_for_selector(".chat .mine:has-text('Ten minutes')")
    one.press("start")
    page.wait_for_selector("h2:has-text('Under way')")
    page.fill("form[data-tap^=complete] [name=price]", "2 500,50")
    one.press("complete")
    page.wait_for_selector(".ended:has-text('2,500.50 DZD')")
    job.refresh_from_db()
    assert (job.status, str(job.total_price), job.assistant_id) == ("completed", "2500.50", assistant_user.pk)
    assert _faults_of(page, "day") == []


def test_taps_without_reception_outlast_the_page_and_are_sent_in_order(
    server: Server, phone: Any, assistant_user: Any, client_user: Any
) -> None:
    one = phone(server.url)
    job = with_job(server, one, assistant_user, client_user, assistance_type="towing")
    one.kept()
    one.context.set_offline(True)
    one.page.wait_for_selector("#line[data-state=lost]")
    one.press("start")
    one.page.wait_for_selector(f"{WAITING}:has-text('I am there, it starts')")
    assert one.page.locator("button[value=start]").is_disabled()
    one.page.fill("[name=message]", "I have started")
    one.page.press("[name=message]", "Enter")
    one.press("complete")  # the step that follows is open while the first one waits
    wait_until(lambda: one.page.wait_for_timeout(100) or one.page.locator(WAITING).count() == 3, "three taps wait")
    one.reopen()
    one.page.wait_for_selector("#line[data-state=old]")
    assert one.page.locator(WAITING).count() == 3 and one.page.locator("button[value=start]").is_disabled()
    assert status_of(job) == "accepted"
    one.context.set_offline(False)
    one.page.wait_for_selector("#outbox", state="hidden")
    one.page.wait_for_selector(".ended:has-text('DZD')")
    assert status_of(job) == "completed"
    assert ChatMessage.objects.get().message == "I have started"


def test_what_the_office_did_meanwhile_is_told_in_words(
    server: Server, phone: Any, assistant_user: Any, client_user: Any, staff_user: Any
) -> None:
    one = phone(server.url)
    job = with_job(server, one, assistant_user, client_user)
    one.context.set_offline(True)
    one.press("start")
    one.page.wait_for_selector(WAITING)
    answer = server.call("PATCH", f"/api/assistance/update/{job.pk}/", issue_pair(staff_user)["access"], status="canceled", reason="towed away")
    assert answer.status_code == 200
    one.context.set_offline(False)
    one.page.wait_for_selector(f"{REFUSED}:has-text('Already cancelled by the office at')")
    assert one.page.locator(WAITING).count() == 0
    one.page.click(f"{REFUSED} button")
    one.page.wait_for_selector("#outbox", state="hidden")


def test_a_network_that_answers_with_its_own_page_is_no_success(
    server: Server, phone: Any, assistant_user: Any, client_user: Any
) -> None:
    one = phone(server.url, service_workers="block")
    job = with_job(server, one, assistant_user, client_user)
    one.page.route("**/duty/", lambda route: route.fulfill(status=200, content_type="text/html", body="<h1>Welcome to the hotel</h1>"))
    one.press("start")
    one.page.wait_for_selector("#outbox .why:has-text('a page of its own')")
    assert one.page.locator(WAITING).count() == 1 and status_of(job) == "accepted"
    assert one.page.locator("h2:has-text('Your job')").count() == 1, "the page is not replaced by the network's"
    one.page.unroute("**/duty/")
    one.page.wait_for_selector("h2:has-text('Under way')")
    assert status_of(job) == "ongoing"


def test_an_answer_that_is_lost_does_nothing_twice(server: Server, phone: Any, assistant_user: Any, client_user: Any) -> None:
    one = phone(server.url, service_workers="block")
    with_job(server, one, assistant_user, client_user)
    lost = []

    def lose(route: Any) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    one.page.route("**/duty/", lose)
    one.page.fill("[name=message]", "Once")
    one.page.press("[name=message]", "Enter")
    one.page.wait_for_selector(WAITING)
    one.page.wait_for_selector("#outbox", state="hidden")
    assert lost == [200]
    assert ChatMessage.objects.filter(message="Once").count() == 1


def test_two_hundred_taps_wait_and_go_out_in_order(server: Server, phone: Any, assistant_user: Any, client_user: Any) -> None:
    one = phone(server.url)
    with_job(server, one, assistant_user, client_user)
    one.context.set_offline(True)
    one.page.wait_for_selector("#line[data-state=lost]")
    one.page.evaluate("""async () => {
        const form = document.querySelector(".chat-card form");
        for (let number = 0; number < 200; number += 1) {
            form.elements.message.value = `message ${number}`;
            const before = form.elements.key.value;
            form.requestSubmit(form.querySelector("button"));
            while (form.elements.key.value === before) await new Promise((done) => setTimeout(done, 5));
        }
    }""")
    assert one.page.locator("#outbox").get_attribute("data-waiting") == "200"
    assert "and 196 more" in one.page.locator("#outbox").inner_text()
    cache.clear()
    one.context.set_offline(False)
    one.page.wait_for_selector("#outbox", state="hidden", timeout=120_000)
    sent = list(ChatMessage.objects.order_by("id").values_list("message", flat=True))
    assert sent == [f"message {number}" for number in range(200)]


def test_a_server_that_restarts_under_a_tap_is_safe(
    transactional_db: None, tmp_path: Path, phone: Any, assistant_user: Any, client_user: Any
) -> None:
    port = free_port()
    with running_server(tmp_path / "first.log", port=port) as first:
        one = phone(first.url)
        job = with_job(first, one, assistant_user, client_user)
    one.press("start")
    one.page.wait_for_selector(WAITING)
    with running_server(tmp_path / "second.log", port=port):
        one.page.wait_for_selector("h2:has-text('Under way')", timeout=90_000)
        assert status_of(job) == "ongoing"
        one.page.goto("about:blank")


def test_taps_of_one_assistant_are_never_sent_as_another(
    server: Server, phone: Any, assistant_user: Any, other_assistant: Any, client_user: Any
) -> None:
    one = phone(server.url)
    job = with_job(server, one, assistant_user, client_user)
    one.context.set_offline(True)
    one.press("start")
    one.page.wait_for_selector(WAITING)
    one.page.close()  # a page that is only left may send what waits as it goes
    one.context.clear_cookies()
    one.context.set_offline(False)
    one.page = one.new_page()
    one.sign_in(other_assistant)
    assert one.page.locator("#outbox").is_hidden() and status_of(job) == "accepted"
    one.page.on("dialog", lambda dialog: dialog.accept())
    one.page.click("#sign-out button")
    one.page.wait_for_selector("#phone")
    one.sign_in(assistant_user)
    one.page.wait_for_selector("h2:has-text('Under way')")


def test_an_open_page_sends_nothing_as_who_signed_in_after_its_owner(
    server: Server, phone: Any, assistant_user: Any, other_assistant: Any, client_user: Any
) -> None:
    one = phone(server.url, service_workers="block")
    job = with_job(server, one, assistant_user, client_user)
    first = one.page
    first.route("**/duty/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    one.press("start")
    first.wait_for_selector(WAITING)
    # In one step: without any cookie the open page would show the form of signing in as soon as it looks.
    other = phone(server.url)
    other.sign_in(other_assistant)
    one.context.add_cookies(other.context.cookies())
    first.unroute("**/duty/")
    first.evaluate("dispatchEvent(new Event('online'))")
    first.wait_for_selector(f"#duty[data-user='{other_assistant.pk}']")
    assert status_of(job) == "accepted" and first.locator("#outbox").is_hidden()


def test_signing_out_deletes_the_copy(server: Server, phone: Any, assistant_user: Any) -> None:
    one = phone(server.url)
    one.sign_in(assistant_user)
    one.kept()
    one.page.route("**/duty/sign-out/", lambda route: route.abort())  # it is deleted before the answer
    one.page.click("#sign-out button")
    one.page = one.new_page()
    one.page.goto(f"{server.url}/duty/manifest.webmanifest")
    wait_until(lambda: one.page.wait_for_timeout(100) or one.page.evaluate(COPIES_KEPT) == 0, "no copy is left")


def test_a_copy_older_than_three_days_is_not_shown(server: Server, phone: Any, assistant_user: Any) -> None:
    one = phone(server.url)
    one.sign_in(assistant_user)
    one.kept()
    one.context.set_offline(True)
    one.reopen()
    one.page.wait_for_selector("#line[data-state=old]")
    one.page.evaluate("""async () => {
        const cache = await caches.open("page-copies");
        const copy = await cache.match("/duty/");
        const headers = new Headers(copy.headers);
        headers.set("X-Kept-At", Number(headers.get("X-Kept-At")) - 73 * 3600 * 1000);
        await cache.put("/duty/", new Response(await copy.blob(), { headers }));
    }""")
    one.page.close()
    one.page = one.new_page()
    with pytest.raises(Exception, match="ERR_"):
        one.page.goto(f"{server.url}/duty/")


def test_a_new_password_ends_the_open_page(server: Server, phone: Any, assistant_user: Any) -> None:
    one = phone(server.url)
    one.sign_in(assistant_user)
    one.kept()
    answer = server.call(
        "POST", "/api/auth/password-change/", issue_pair(assistant_user)["access"],
        old_password=PASSWORD, new_password="another-horse-battery", new_password_confirm="another-horse-battery",
    )  # fmt: skip
    assert answer.status_code == 200
    one.page.wait_for_selector("#phone", timeout=10_000)
    one.context.set_offline(True)
    with pytest.raises(Exception, match="ERR_"):
        one.page.goto(f"{server.url}/duty/")


def test_a_tap_that_waited_long_is_not_sent_any_more(server: Server, phone: Any, assistant_user: Any, client_user: Any) -> None:
    one = phone(server.url)
    job = with_job(server, one, assistant_user, client_user)
    one.context.set_offline(True)
    one.press("start")
    one.page.wait_for_selector(WAITING)
    one.page.evaluate("""() => new Promise((done) => {
        indexedDB.open("outbox").onsuccess = (event) => {
            const store = event.target.result.transaction("taps", "readwrite").objectStore("taps");
            store.getAll().onsuccess = (found) => {
                for (const tap of found.target.result) store.put({ ...tap, at: tap.at - 73 * 3600 * 1000 });
                store.transaction.oncomplete = done;
            };
        };
    })""")
    one.context.set_offline(False)
    one.page.wait_for_selector(f"{REFUSED}:has-text('Older than three days')")
    assert status_of(job) == "accepted"


def test_the_time_of_a_tap_that_waited_is_kept(server: Server, phone: Any, assistant_user: Any) -> None:
    one = phone(server.url)
    one.sign_in(assistant_user)
    one.context.set_offline(True)
    one.press("on")
    one.page.wait_for_selector(WAITING)
    one.page.evaluate("""() => new Promise((done) => {
        indexedDB.open("outbox").onsuccess = (event) => {
            const store = event.target.result.transaction("taps", "readwrite").objectStore("taps");
            store.getAll().onsuccess = (found) => {
                for (const tap of found.target.result) store.put({ ...tap, at: tap.at - 3600 * 1000 });
                store.transaction.oncomplete = done;
            };
        };
    })""")
    one.context.set_offline(False)
    one.page.wait_for_selector("button[value=off]")
    assert AuditEvent.objects.filter(event="tapped_without_reception", actor_id=assistant_user.pk, detail__action="on").count() == 1


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_each_language_fits_a_phone(server: Server, browser: Any, assistant_user: Any, client_user: Any, language: str) -> None:
    one = Phone(browser, server.url)
    one.context.close()
    one.context = browser.new_context(viewport={"width": 390, "height": 844}, locale=language, color_scheme="dark")
    one.page = one.new_page()
    with_job(server, one, assistant_user, client_user)
    assert one.page.evaluate("document.documentElement.lang") == language
    assert _faults_of(one.page, language) == []
