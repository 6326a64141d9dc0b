"""`python -m bench.lanes [--quick]`: the planning page in Chromium with 300 waiting orders and 40 vehicles.

With DATABASE_URL in the environment (PostgreSQL; without it, a SQLite file). Every vehicle has a trip of ten stops. Measured by the browser: from the request
to the lanes on the screen, and from letting an order go over a lane to what the server says of it. The floor is an empty page of the admin in the same browser.
"""

from __future__ import annotations

import argparse
import os
import statistics
from typing import Any

from bench import figures
from bench.django_setup import load_django
from bench.pinned_server import running
from testing.databases import own_database

ORDERS, VEHICLES, HELD = 300, 40, 5
CHROMIUM = "/usr/bin/chromium"
PASSWORD = "correct-horse-battery"
DRAWN = "() => { const [mark] = performance.getEntriesByName('lanes-drawn'); return mark ? mark.startTime : null }"
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
TIMED = "() => document.querySelector('.run.is-changed .run-head')?.textContent.includes('km')"


def fill() -> None:
    """Make a haulier's day: orders that wait within 20 km of Algiers, and trips that are planned."""
    import random

    from django.utils import timezone

    from accounts.models import Company, Membership, User
    from fleet.models import Vehicle
    from orders.models import Order
    from orders.services import create_order
    from orders.stops import StopInput
    from trips.services.stop_lists import add_order
    from trips.services.trips import create_trip

    chance = random.Random(1)
    company = Company.objects.create(name="Bench")
    nadia = User.objects.create_user("nadia", "nadia@example.com", PASSWORD, user_type="dispatcher", current_company=company)
    Membership.objects.create(user=nadia, company=company)

    def stop(name: str) -> StopInput:
        place = {"latitude": f"{chance.uniform(36.6, 36.8):.6f}", "longitude": f"{chance.uniform(2.9, 3.3):.6f}"}
        return StopInput(fields={"name": name, "address": "Alger", **place})

    def order(number: int) -> Order:
        ends = {"pickup_stop": stop(f"Depot {number}"), "delivery_stop": stop(f"Shop {number}")}
        return create_order(actor=nadia, company=company, customer_name=f"Customer {number}", goods_description="boxes", goods_weight=90, **ends)

    today = timezone.localdate()
    for number in range(VEHICLES):
        vehicle = Vehicle.objects.create(company=company, license_plate=f"16-{number}", make="M", model="T", year=2020, capacity=3)
        trip = create_trip(actor=nadia, vehicle=vehicle, name=f"Tour {number}", planned_start_date=today, planned_start_time="08:00")
        for one in range(HELD):
            add_order(actor=nadia, trip_id=trip.pk, order=order(10_000 + number * HELD + one))
    for number in range(ORDERS):
        order(number)


def drop_ms(page: Any, lane: int) -> float:
    """Drag the first order that waits into a lane; return the milliseconds until its times and promises are shown."""
    page.evaluate("lane => document.querySelectorAll('.lane')[lane].scrollIntoView({ block: 'center' })", lane)
    card = page.locator(".card").first.bounding_box()
    goal = page.locator(".lane").nth(lane).locator(".lane-stop").last.bounding_box()
    page.mouse.move(card["x"] + 60, card["y"] + 12)
    page.mouse.down()
    page.mouse.move(card["x"] + 120, card["y"] + 40, steps=3)
    page.mouse.move(goal["x"] + 60, goal["y"] + goal["height"] - 4, steps=3)
    page.evaluate(
        """lane => {
          const box = document.querySelectorAll('.lane')[lane];
          const said = document.getElementById('lanes-status');
          said.textContent = '';
          window.dropped = null;
          addEventListener('pointerup', () => { window.dropped = performance.now(); }, { once: true, capture: true });
          window.taken = new Promise((done) => {
            new MutationObserver((_, watcher) => {
              if (!said.textContent || !window.dropped) return;
              watcher.disconnect();
              requestAnimationFrame(() => done(performance.now() - window.dropped));
            }).observe(said, { childList: true, characterData: true, subtree: true });
          });
        }""",
        lane,
    )
    page.mouse.up()
    return float(page.evaluate("window.taken"))


def measure(url: str, rounds: int) -> dict[str, list[float]]:
    """Open the page in a browser that has its files, as often as asked, and drop an order each time."""
    from playwright.sync_api import sync_playwright

    taken: dict[str, list[float]] = {"empty page": [], "first paint": [], "lanes drawn": [], "drop": []}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(f"{url}/admin/login/?next=/admin/plan/")
        page.fill("#id_username", "nadia")
        page.fill("#id_password", PASSWORD)
        with page.expect_navigation():
            page.click("input[type=submit]")
        for turn in range(rounds + 1):
            page.goto(f"{url}/admin/password_change/")
            empty = page.wait_for_function(PAINTED).json_value()
            page.goto(f"{url}/admin/plan/")
            drawn, painted = page.wait_for_function(DRAWN).json_value(), page.wait_for_function(PAINTED).json_value()
            page.wait_for_selector("#live-notice[data-state=live]")
            page.wait_for_load_state("networkidle")
            drop = drop_ms(page, turn % VEHICLES)
            if turn:
                for name, value in zip(taken, (empty, painted, drawn, drop), strict=True):
                    taken[name].append(value)
        chromium.close()
    return taken


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with own_database(os.environ.get("DATABASE_URL", "")) as url:
        load_django(url)
        fill()
        with running() as server:
            taken = measure(server.url, 3 if options.quick else 15)
    for name, values in taken.items():
        print(f"{name:<14}{statistics.median(values):>8.0f} ms  ({min(values):.0f} to {max(values):.0f})")
    for name in ("first paint", "lanes drawn", "drop"):
        figures.report(f"planning page, {ORDERS} orders and {VEHICLES} vehicles: {name}", taken[name], at_most=200, unit="ms")


if __name__ == "__main__":
    main()
