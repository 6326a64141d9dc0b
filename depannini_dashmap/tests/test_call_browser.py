"""A phone call taken in Chromium: by keys from the board to the assigned job, with a place found by its name."""

from typing import Any

import pytest

from assistance.models import Assistance, AssistantProfile
from assistance.services import report_location
from depannini_dashmap.tests.console_rows import make_order
from depannini_dashmap.tests.test_console_browser import _faults_of, browser, pytestmark, watch
from testing.fixtures import server, session_server
from testing.servers import Server

__all__ = ["browser", "pytestmark", "server", "session_server", "watch"]


def test_a_call_is_taken_by_keys_and_assigned(
    server: Server, watch: Any, roadside_dispatcher: Any, company_a: Any, assistant_user: Any
) -> None:
    order = make_order(roadside_dispatcher, company_a, "Pharmacie")
    type(order.pickup_stop).objects.filter(pk=order.pickup_stop_id).update(name="Grande Poste", latitude="36.7722", longitude="3.0588")
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True)
    report_location(actor=assistant_user, lat=36.76, lng=3.06)
    one = watch(server.url)
    one.sign_in("samira")
    page = one.page
    page.wait_for_selector(".console-nav .new-call")
    with page.expect_navigation():
        page.keyboard.press("n")
    page.keyboard.type("0661 23 45 67")
    page.keyboard.press("Enter")  # looks up, sends nothing
    page.wait_for_selector("[data-region=caller]:has-text('A new caller.')")
    page.fill("#name", "Nabil")
    page.locator("#pickup").press_sequentially("grande po")
    page.wait_for_selector("#pickup-list li:has-text('Grande Poste')")
    page.keyboard.press("Enter")
    assert page.input_value("[name=pickup_at]") == "36.772200,3.058800"
    page.wait_for_selector(".marker-request")
    assign = page.locator("[data-region=candidates] button[name=assistant]")
    assign.wait_for()
    pytest.importorskip("axe_playwright_python", reason="requirements-dev.txt is not installed")
    assert _faults_of(page, "new call") == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert _faults_of(page, "new call at 390") == []
    with page.expect_navigation():
        assign.press("Enter")
    job = Assistance.objects.get()
    assert (job.status, job.assistant_id, job.client.name) == ("accepted", assistant_user.pk, "Nabil")
    assert page.url.endswith(f"/admin/dispatch/requests/{job.pk}/")


def test_a_click_on_the_map_is_a_place_and_a_refusal_keeps_it(server: Server, watch: Any, roadside_dispatcher: Any) -> None:
    one = watch(server.url)
    one.sign_in("samira", "/admin/dispatch/requests/new/")
    page = one.page
    page.fill("#phone", "nobody")
    page.fill("#name", "Nabil")
    page.locator("#map").click(position={"x": 120, "y": 120})
    page.wait_for_selector(".marker-request")
    at = page.input_value("[name=pickup_at]")
    with page.expect_navigation():
        page.click("button[value=offer]")
    page.wait_for_selector("text=This is no phone number.")
    page.wait_for_selector(".marker-request")
    assert (page.input_value("[name=pickup_at]"), page.input_value("#name")) == (at, "Nabil")
    assert not Assistance.objects.exists()
