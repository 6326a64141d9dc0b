"""A motorist in Chromium: the phone's position, the price, the ask, and the live page of the request, also without reception."""

from typing import Any

import pytest
from django.conf import settings

from assistance import services
from assistance.models import Assistance, AssistantProfile, ChatMessage
from depannini_dashmap.tests.test_console_browser import _faults_of, browser, pytestmark, watch
from testing.fixtures import server, session_server
from testing.servers import Server
from testing.waiting import wait_until

__all__ = ["browser", "pytestmark", "server", "session_server", "watch"]
HERE = {"latitude": 36.7538, "longitude": 3.0588, "accuracy": 12}
PHONE = {"width": 390, "height": 844}


def ask(page: Any) -> Assistance:
    """Ask for a tow from the form that is open, with the phone's position."""
    page.click("#locate")
    page.wait_for_selector("#told:has-text('within 12 m')")
    assert page.input_value("[name=pickup_at]") == "36.753800,3.058800"
    page.fill("#phone", "0661 23 45 67")
    page.click("button[value=price]")
    page.wait_for_selector("text=Base price")
    with page.expect_response("**/state/"):  # its script runs
        page.click("button[value=ask]")
    page.wait_for_selector("text=We are looking for somebody near you")
    return Assistance.objects.get()


def test_help_is_asked_with_the_phones_position_and_followed_live(server: Server, watch: Any, assistant_user: Any) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True)
    services.report_location(actor=assistant_user, lat=36.77, lng=3.06)
    one = watch(server.url, geolocation=HERE, permissions=["geolocation"])
    page = one.page
    page.set_viewport_size(PHONE)
    one.open("/help/")
    pytest.importorskip("axe_playwright_python", reason="requirements-dev.txt is not installed")
    assert _faults_of(page, "help") == []
    job = ask(page)
    assert (job.status, job.client.caller_phone, round(job.pickup_lat, 4)) == ("requested", "+213661234567", 36.7538)
    assert _faults_of(page, "looking") == []
    services.accept(actor=assistant_user, assistance_id=job.pk)
    page.wait_for_selector("h2:has-text('Karim is on the way')")
    page.wait_for_selector("#map .pin-mover")
    assert _faults_of(page, "on the way") == []
    if settings.REDIS_URL:  # without it the server does not hear this process, and the page looks for itself
        page.route("**/state/", lambda route: route.fulfill(status=304))  # whatever moves now, no look of the page has brought
    was_at = page.get_attribute("#map .pin-mover", "style")
    services.report_location(actor=assistant_user, lat=36.765, lng=3.061)
    page.wait_for_function("before => document.querySelector('#map .pin-mover').getAttribute('style') !== before", arg=was_at)
    page.unroute("**/state/")
    services.post_chat(actor=assistant_user, assistance_id=job.pk, message="Ten minutes")
    page.wait_for_selector("li:has-text('Ten minutes')")
    page.fill("#message", "I stand at the bridge")
    page.press("#message", "Enter")
    page.wait_for_selector("li.mine:has-text('I stand at the bridge')")
    assert page.input_value("#message") == "" and ChatMessage.objects.count() == 2
    page.reload()
    page.wait_for_selector("li.mine:has-text('I stand at the bridge')")
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="ongoing")
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    page.wait_for_selector("h2:has-text('The job is done')")
    page.click("button[name=rating][value='5']")
    page.wait_for_selector("text=You gave 5 of 5")
    page.click("text=Receipt")
    page.wait_for_selector("h1:has-text('Receipt')")
    assert _faults_of(page, "receipt") == []
    assert Assistance.objects.get().rating == 5


def test_a_phone_that_does_not_tell_its_place_is_explained(server: Server, watch: Any) -> None:
    one = watch(server.url)  # nothing is permitted
    one.open("/help/")
    one.page.click("#locate")
    one.page.wait_for_selector("#told:has-text('Your phone does not tell where it is')")
    one.page.fill("#pickup", "36.7525, 3.0420")
    one.page.fill("#phone", "0661 23 45 67")
    one.page.click("button[value=price]")
    one.page.wait_for_selector("text=Base price")


def test_what_is_refused_is_said_in_words_and_what_was_typed_stays(server: Server, browser: Any, assistant_user: Any) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True)
    page = browser.new_context(viewport=PHONE, geolocation=HERE, permissions=["geolocation"]).new_page()
    page.goto(server.url + "/help/")
    job = ask(page)
    services.accept(actor=assistant_user, assistance_id=job.pk)
    page.wait_for_selector("#message")
    page.evaluate("document.querySelector('#message').removeAttribute('maxlength')")
    page.fill("#message", "x" * 1001)
    page.press("#message", "Enter")
    page.wait_for_selector("#refused:visible:has-text('At most 1000')")
    assert len(page.input_value("#message")) == 1001 and not ChatMessage.objects.exists()
    page.fill("#message", "At the bridge")
    page.press("#message", "Enter")
    page.wait_for_selector("li.mine:has-text('At the bridge')")
    assert page.locator("#refused").is_hidden()


def test_an_answer_that_was_under_way_does_not_hide_that_there_is_no_reception(server: Server, browser: Any, assistant_user: Any) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True)
    context = browser.new_context(viewport=PHONE, geolocation=HERE, permissions=["geolocation"], service_workers="block")
    page = context.new_page()
    page.goto(server.url + "/help/")
    ask(page)
    looks: list[Any] = []
    page.route("**/state/", lambda route: looks.append(route) or (len(looks) > 1 and route.abort()))
    page.evaluate("dispatchEvent(new Event('online'))")
    wait_until(lambda: page.wait_for_timeout(50) or looks, "the page looks")
    answer = looks[0].fetch()
    context.set_offline(True)
    page.wait_for_selector("#lost:visible")
    looks[0].fulfill(response=answer)
    wait_until(lambda: page.wait_for_timeout(50) or len(looks) > 1, "the page looks again", seconds=4)
    page.wait_for_selector("#lost:visible:has-text('No reception. This is how it stood')")


def test_without_reception_the_last_state_stays_and_says_how_old_it_is(server: Server, browser: Any, assistant_user: Any) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True)
    context = browser.new_context(viewport=PHONE, geolocation=HERE, permissions=["geolocation"])
    page = context.new_page()
    page.goto(server.url + "/help/")
    job = ask(page)
    context.set_offline(True)
    page.wait_for_selector("#lost:visible:has-text('No reception. This is how it stood')")
    services.accept(actor=assistant_user, assistance_id=job.pk)
    assert "We are looking" in page.inner_text("main")
    context.set_offline(False)
    page.wait_for_selector("h2:has-text('Karim is on the way')")
    wait_until(lambda: page.wait_for_timeout(100) or page.locator("#lost").is_hidden(), "the notice goes")
    # Opened again without reception, by the copy that was kept.
    copy = "async () => (await (await (await caches.open('page-copies')).match(location.pathname))?.text() ?? '')"
    wait_until(lambda: page.wait_for_timeout(200) or "Karim is on the way" in page.evaluate(copy), "a copy is kept", seconds=40)
    page.evaluate("""async () => {
        const cache = await caches.open("page-copies");
        const copy = await cache.match(location.pathname);
        const { headers } = copy;
        const before = (written) => new Date(Date.parse(written) - 3 * 3600 * 1000).toISOString();
        const html = (await copy.text()).replace(/data-server-time="([^"]*)"/, (_, at) => `data-server-time="${before(at)}"`);
        await cache.put(location.pathname, new Response(html, { headers }));
    }""")
    context.set_offline(True)
    page.reload()
    page.wait_for_selector("#lost:visible:has-text('No reception. This is how it stood 3 hours ago')")
    assert "Karim is on the way" in page.inner_text("main")
    page.fill("#message", "Where are you?")
    page.press("#message", "Enter")
    assert page.input_value("#message") == "Where are you?"
    context.set_offline(False)
    page.wait_for_selector("#map .pin-mover")
    # The form of the same phone leads back to the request.
    page.goto(server.url + "/help/")
    page.click("#open-request a")
    page.wait_for_selector("h2:has-text('Karim is on the way')")
