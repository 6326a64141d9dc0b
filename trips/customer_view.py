"""What the customer's page says, as HTML and JSON; its socket compares the same answer."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language, override

from depannini_dashmap.lib.errors import NotFound
from depannini_dashmap.lib.outbound import web_push
from depannini_dashmap.lib.time_zone import format_utc
from orders.customer_links import over_at
from orders.models import OrderLink
from trips.customer_tracking import COMING, Tracking, track
from trips.driver_mail import dialled

PARTS = ("to", "state", "events")  # of the page, which it is answered anew
STEPS = ("ordered", "scheduled", "on_the_road", "en_route", "delivered")


def tracked(link: OrderLink) -> Tracking:
    """Return what an open link shows now. Raises: NotFound once its order is over for long enough."""
    now = timezone.now()
    tracking = track(link.order, now)
    if over_at(link, tracking.ended_at) <= now:
        raise NotFound
    return tracking


def live(link: OrderLink, tracking: Tracking, token: str = "") -> tuple[str, str]:
    """Return what the page shows now, as JSON, and its ETag: `state`, `eta`, `position`, and the page's parts as `html`."""
    with override(link.language or get_language()):
        shown = context(link, tracking, token)
        html = {part: render_to_string(f"trips/customer_{part}.html", shown) for part in PARTS}
    body = json.dumps(_state(link, tracking) | {"html": html}, ensure_ascii=False)
    return body, f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'


def context(link: OrderLink, tracking: Tracking, token: str) -> dict[str, Any]:
    """Return what the templates of the page need."""
    order, company = link.order, link.order.company
    reached = STEPS.index(tracking.state) if tracking.state in STEPS else 3 if tracking.state == "arrived" else None
    return {
        "address": f"{OrderLink.page_path}{token}/",
        "push_key": web_push.public_key(),
        "order": order,
        "company": company,
        "company_phone": dialled(company.phone) if company.phone else "",
        "place": order.delivery_stop,
        "tracking": tracking,
        "is_coming": tracking.state in COMING,
        "reached": reached,
        "steps": range(len(STEPS)),
        "state": json.dumps(_state(link, tracking)),
    }


def _state(link: OrderLink, tracking: Tracking) -> dict[str, Any]:
    arrival, fix = tracking.arrival, tracking.fix
    return {
        "state": tracking.state,
        "eta": None if arrival is None else {"earliest": format_utc(arrival.earliest), "latest": format_utc(arrival.latest)},
        "position": None if fix is None else {"lat": fix.lat, "lng": fix.lng, "at": format_utc(fix.at)},
        "place": _place(link.order.delivery_stop) if tracking.state in COMING else None,
        "is_over": tracking.ended_at is not None,
    }


def _place(stop: Any) -> dict[str, float] | None:
    if stop is None or stop.latitude is None:
        return None
    return {"lat": float(stop.latitude), "lng": float(stop.longitude)}
