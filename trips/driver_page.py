"""The driver's page: one trip, opened by its link, without an account and without JavaScript.

With it the page opens without reception, and its taps wait in `static/pages/outbox.js` with their time and key.
"""

from __future__ import annotations

import secrets
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.translation import get_language, gettext, override

from accounts.link_pages import find_for, link_page
from accounts.link_tickets import ticket_page
from depannini_dashmap.lib.api import page_forms
from depannini_dashmap.lib.api.service_worker import KEEP, OFFLINE
from depannini_dashmap.lib.errors import DomainError, NotFound, TooManyRequests
from trips.driver_mail import dialled, shown_stop
from trips.models import TripLink, TripStop
from trips.services import driver
from trips.steps import driver_links
from trips.steps.driver_links import find_link
from trips.steps.proofs import GivenProof

DIRECTIONS = "https://www.google.com/maps/dir/?"
_LONGEST_ID = 18  # digits
_LONGEST_KEY, _LONGEST_TAP = 36, 64


@link_page
def driver_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the trip of a link; POST `action` (arrived, done, failed with `reason`, proof, undo of `undoes`) on `stop`, then leads back.

    With done and proof may come `photo`, `signature`, `receiver` and `note`. The outbox is told what became of it, as JSON.
    """
    if request.method == "POST" and page_forms.wants_json(request):
        return _told(request, token)
    link = _find(request, token)
    with override(link.trip.vehicle.driver_language or get_language()):
        if request.method != "POST":
            return _page(link, token)
        try:
            _act(request, token)
        except NotFound:
            raise
        except DomainError as error:
            return _page(_find(request, token), token, error)
        return HttpResponseRedirect(request.path, status=303)


def _told(request: HttpRequest, token: str) -> HttpResponse:
    """Do what a tap that was kept without reception asks for, and say what became of it."""
    try:
        link = _find(request, token)
    except NotFound as error:
        return page_forms.refusal(error, gettext("This link has ended. Ask for a new one, and tell what you did."))
    except TooManyRequests as error:
        return page_forms.refusal(error, error.for_page())
    with override(link.trip.vehicle.driver_language or get_language()):
        try:
            _act(request, token)
        except NotFound as error:
            return page_forms.refusal(error, gettext("This stop is no longer in the trip."))
        except DomainError as error:
            return page_forms.refusal(error, error.for_page())
    return page_forms.said(page_forms.DONE)


def _find(request: HttpRequest, token: str) -> TripLink:
    return find_for(request, token, find_link, TripLink.objects.all())


driver_ticket = ticket_page(_find)


def _act(request: HttpRequest, token: str) -> None:
    action, stop = request.POST.get("action", ""), request.POST.get("stop", "")
    tap = _tap(request, action, stop)
    if not (stop.isascii() and stop.isdigit() and len(stop) <= _LONGEST_ID):
        raise NotFound
    if action == "undo":
        driver.undo(actor=None, token=token, trip_stop_id=int(stop), undoes=request.POST.get("undoes", ""), tap=tap)
        return
    what: dict[str, Any] = {"actor": None, "token": token, "trip_stop_id": int(stop), "proof": _proof(request), "tap": tap}
    if action == "proof":
        driver.prove(**what)
    elif action in TripLink.Action.values:
        driver.act(action=action, reason=request.POST.get("reason", ""), **what)
    else:
        raise NotFound


def _tap(request: HttpRequest, action: str, stop: str) -> driver.Tap:
    """Read the key of a form; those of one page share it, so it counts for each button and stop alone."""
    key = (request.headers.get("Idempotency-Key") or request.POST.get(page_forms.KEY_FIELD, ""))[:_LONGEST_KEY]
    return driver.Tap(key=f"{key}.{action}.{stop}"[:_LONGEST_TAP] if key else "", at=page_forms.tapped_at(request))


def _proof(request: HttpRequest) -> GivenProof:
    texts = {name: request.POST.get(name, "") for name in ("signature", "receiver", "note")}
    return GivenProof(photo=request.FILES.get("photo"), **texts)


def _page(link: TripLink, token: str, error: DomainError | None = None) -> HttpResponse:
    trip = link.trip
    rows = TripStop.objects.filter(trip=trip).select_related("stop", "order", "proof").order_by("sequence")
    stops = [_shown(row) for row in rows]
    still_open = [stop for stop in stops if not stop["row"].is_closed]
    for before, stop in pairwise(still_open):
        stop["after"] = before["row"].pk
    following = still_open[0] if still_open else None
    page = {
        "trip": trip,
        "stops": stops,
        "following": None if trip.is_closed else following,
        "closed": sum(stop["row"].is_closed for stop in stops),
        "company_phone": dialled(trip.company.phone) if trip.company.phone else "",
        "undo": link if not trip.is_closed and driver_links.can_undo(link) else None,
        "error": error.for_page() if error else "",
        "key": secrets.token_hex(16),
        "address": f"{TripLink.page_path}{token}/",
    }
    html = render_to_string("trips/driver_page.html", page)
    return HttpResponse(html, status=error.status if error else 200, headers={"Content-Language": get_language() or "en", OFFLINE: KEEP})


def _shown(row: TripStop) -> dict[str, Any]:
    place = row.stop
    located = place.latitude is not None and place.longitude is not None
    target = f"{place.latitude},{place.longitude}" if located else " ".join(place.address.split())
    return shown_stop(row) | {
        "way_there": DIRECTIONS + urlencode({"api": 1, "destination": target}),
        "geo": f"geo:{target}?q={target}" if located else "",
    }
