"""Alarms in Chromium: one number everywhere, asked once, rung once by all tabs of a browser, shared care."""

from typing import Any

import pytest

from alarms import services
from alarms.models import Alarm
from alarms.tests.test_refreshing import late_trip
from depannini_dashmap.tests.test_console_browser import _faults_of, browser, pytestmark, watch
from testing.fixtures import server, session_server
from testing.servers import Server
from testing.waiting import wait_until

__all__ = ["browser", "pytestmark", "server", "session_server", "watch"]


def rings_of(page: Any) -> list[str]:
    return (page.get_attribute("#alarm-bell", "data-rang") or "").split()


def test_an_alarm_is_told_everywhere_and_rung_once_by_all_tabs(server: Server, watch: Any, dispatcher: Any, company_a: Any) -> None:
    trip = late_trip(dispatcher, company_a)
    services.refresh_alarms(actor=None)
    one = watch(server.url, permissions=["notifications"])
    one.sign_in("nadia", "/admin/map/")
    page = one.page
    page.wait_for_selector("#alarm-bell .count:has-text('(1)')")
    assert page.title().startswith("(1) ") and rings_of(page) == []
    page.click("[data-ring=yes]")
    wait_until(lambda: page.wait_for_timeout(50) or rings_of(page), "it rings")
    [key] = rings_of(page)
    assert key.startswith(f"{Alarm.objects.get().pk}-")
    assert page.locator(".ask-to-ring").is_hidden()
    other = page.context.new_page()
    for path in ("/admin/orders/order/", "/admin/"):
        other.goto(server.url + path)
        other.wait_for_selector("#alarm-bell .count:has-text('(1)')")
        wait_until(lambda: other.wait_for_timeout(50) or other.title().startswith("(1) "), "the tab says it")
        assert rings_of(other) == [] and other.locator(".ask-to-ring").is_hidden()
    other.click("#alarm-bell a")
    other.wait_for_selector(f".alarm-table a[href='/admin/dispatch/trips/{trip.pk}/']")
    other.wait_for_selector("#ring-here:checked")
    assert _faults_of(other, "alarms") == []
    other.click("text=I take care")
    other.wait_for_selector(f".alarm-table td bdi:text-is('{dispatcher.display_name}')")
    wait_until(lambda: page.wait_for_timeout(100) or not page.title().startswith("("), "the other tab hears of it")
    assert Alarm.objects.get().acknowledged_by == dispatcher


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_who_does_not_want_to_ring_is_not_asked_again(server: Server, watch: Any, dispatcher: Any, company_a: Any, language: str) -> None:
    late_trip(dispatcher, company_a)
    services.refresh_alarms(actor=None)
    one = watch(server.url, locale=language, extra_http_headers={"Accept-Language": language})
    one.page.set_viewport_size({"width": 390, "height": 800})
    one.sign_in("nadia", "/admin/alarms/")
    page = one.page
    page.click("[data-ring=no]")
    page.reload()
    page.wait_for_selector("#alarm-bell .count:has-text('(1)')")
    assert page.locator(".ask-to-ring").is_hidden() and rings_of(page) == []
    assert not page.locator("#ring-here").is_checked()
    assert _faults_of(page, f"alarms in {language} at 390") == []
