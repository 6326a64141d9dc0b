"""The customer's page: one order, opened by its link, without an account; it only shows.

JavaScript adds the map and asks for the state every few seconds; without it, a reload shows the same.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language, override

from accounts.link_pages import find_for, link_page
from accounts.private_images import picture_response
from depannini_dashmap.lib.errors import NotFound
from depannini_dashmap.lib.time_zone import format_utc
from orders.customer_links import find_link, over_at
from orders.models import OrderLink
from trips.customer_tracking import COMING, Tracking, track
from trips.driver_mail import dialled
from trips.steps.proofs import picture_name

STEPS = ("ordered", "scheduled", "on_the_road", "en_route", "delivered")


@link_page
def customer_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the order of a link."""
    if request.method == "POST":
        return HttpResponseNotAllowed(["GET", "HEAD"])
    link, tracking = _found(request, token)
    with override(link.language or get_language()):
        html = render_to_string("trips/customer_page.html", _context(token, link, tracking))
        return HttpResponse(html, headers={"Content-Language": get_language() or "en"})


@link_page
def customer_state(request: HttpRequest, token: str) -> HttpResponse:
    """GET answers what the page shows now, as JSON with an ETag: `state`, `eta`, `position`, and the page's parts as `html`."""
    if request.method == "POST":
        return HttpResponseNotAllowed(["GET", "HEAD"])
    link, tracking = _found(request, token)
    with override(link.language or get_language()):
        context = _context(token, link, tracking)
        html = {part: render_to_string(f"trips/customer_{part}.html", context) for part in ("state", "events")}
        state = _state(link, tracking) | {"html": html}
    body = json.dumps(state, ensure_ascii=False)
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers={"ETag": tag})
    return HttpResponse(body, content_type="application/json", headers={"ETag": tag})


@link_page
def customer_proof(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """GET answers the photo or the signature that proves the delivery, once it is done."""
    if request.method == "POST":
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return picture_response(picture_name(_found(request, token)[1].proof, kind))


def _found(request: HttpRequest, token: str) -> tuple[OrderLink, Tracking]:
    """Return the link of a token and what it shows. Raises: NotFound (never was, ended, or over), TooManyRequests."""
    link = find_for(request, token, find_link, OrderLink.objects.all())
    now = timezone.now()
    tracking = track(link.order, now)
    if over_at(link, tracking.ended_at) <= now:
        raise NotFound
    return link, tracking


def _context(token: str, link: OrderLink, tracking: Tracking) -> dict[str, Any]:
    order, company = link.order, link.order.company
    reached = STEPS.index(tracking.state) if tracking.state in STEPS else 3 if tracking.state == "arrived" else None
    return {
        "address": f"{OrderLink.page_path}{token}/",
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
