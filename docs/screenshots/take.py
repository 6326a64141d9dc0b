"""Take the pictures of this folder anew: `python docs/screenshots/take.py [base URL [page ...]]` beside `make demo`."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parent
LOGIN, PASSWORD = "admin", "depannage-2026"
TALLEST = 1800
COLOURS = 224


def pages(page: Any, base: str) -> dict[str, str]:
    """Name the pages, with a running trip and an open request of the demo."""
    page.goto(f"{base}/admin/")
    running = page.locator("[data-region=trips] tr:has(td .quiet .nowrap) th a")  # its next stop is estimated
    trips = running if running.count() else page.locator("[data-region=trips] th a")
    trip = trips.first.get_attribute("href")
    request = page.locator("[data-region=help] th a").first
    found = {
        "board": "/admin/",
        "map": f"/admin/map/?trip={trip.rstrip('/').rsplit('/', 1)[-1]}",
        "trip": trip,
        "orders": "/admin/orders/order/",
        "into-trip": "/admin/dispatch/orders/into-trip/?ids=3,4,5",
        "import": "/admin/orders/order/import/",
        "tariff": "/admin/assistance/tariff/1/change/",
    }
    if request.count():
        found["request"] = request.get_attribute("href")
    return found


def save(shot: bytes, name: str) -> None:
    """Keep a picture small: cut what is far below, few colours."""
    image = Image.open(BytesIO(shot)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, TALLEST)))
    image.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


def main(base: str, *only: str) -> None:
    """Sign in once in each language and width, and walk all pages or those named."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for language in ("en", "ar"):
            for width in (1440, 390):
                context = chromium.new_context(viewport={"width": width, "height": 900}, locale=language)
                page = context.new_page()
                page.goto(f"{base}/admin/login/?next=/admin/")
                page.fill("#id_username", LOGIN)
                page.fill("#id_password", PASSWORD)
                page.click("input[type=submit]")
                for name, path in pages(page, base).items():
                    if only and name not in only:
                        continue
                    page.goto(base + path)
                    page.wait_for_timeout(2500 if name == "map" else 800)
                    save(page.screenshot(full_page=True), f"{name}-{language}-{width}")
                context.close()
        chromium.close()


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["http://127.0.0.1:8000"]))
