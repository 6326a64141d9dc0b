"""The customer's page: one order, opened by its link, without an account; it only shows.

JavaScript adds the map and asks for the state when the page's socket says so, or every few seconds; without it, a reload shows the same.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.utils.translation import get_language, override

from accounts.limits.rates import CUSTOMER_PAGE_ACTS
from accounts.link_pages import find_for, link_page
from accounts.link_tickets import ticket_page
from accounts.private_images import picture_response
from accounts.push_subscription_form import read_subscription
from depannini_dashmap.lib.api import page_forms
from depannini_dashmap.lib.errors import DomainError
from orders.customer_links import find_link
from orders.models import OrderLink
from trips.customer_tracking import Tracking
from trips.customer_view import context, live, tracked
from trips.services.customer_push import follow_order
from trips.steps.proofs import picture_name

SCRIPTS = ("pages/customer.js",)


@link_page
def customer_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the order of a link."""
    if request.method == "POST":
        return HttpResponseNotAllowed(["GET", "HEAD"])
    link, tracking = _found(request, token)
    with override(link.language or get_language()):
        html = render_to_string("trips/customer_page.html", context(link, tracking, token))
        return HttpResponse(html, headers={"Content-Language": get_language() or "en"})


@link_page
def customer_state(request: HttpRequest, token: str) -> HttpResponse:
    """GET answers what the page shows now, as JSON with an ETag: `state`, `eta`, `position`, and the page's parts as `html`."""
    if request.method == "POST":
        return HttpResponseNotAllowed(["GET", "HEAD"])
    link, tracking = _found(request, token)
    body, tag = live(link, tracking, token)
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers={"ETag": tag})
    return HttpResponse(body, content_type="application/json", headers={"ETag": tag})


@link_page
def customer_proof(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """GET answers the photo or the signature that proves the delivery, once it is done."""
    if request.method == "POST":
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return picture_response(picture_name(_found(request, token)[1].proof, kind))


@link_page
def customer_push(request: HttpRequest, token: str) -> HttpResponse:
    """POST {endpoint, p256dh, auth}: notifications in this browser until the link ends. 200; 400; 404; 405; 429; 503."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    link = _open(request, token)
    try:
        CUSTOMER_PAGE_ACTS.spend(link.pk)
        language = link.language or get_language() or settings.LANGUAGE_CODE
        follow_order(actor=None, token=token, address=read_subscription(request.POST), language=language)
    except DomainError as error:
        return page_forms.refusal(error, error.for_page())
    return page_forms.said(page_forms.DONE)


def _found(request: HttpRequest, token: str) -> tuple[OrderLink, Tracking]:
    """Return the link of a token and what it shows. Raises: NotFound (never was, ended, or over), TooManyRequests."""
    link = _find(request, token)
    return link, tracked(link)


def _find(request: HttpRequest, token: str) -> OrderLink:
    return find_for(request, token, find_link, OrderLink.objects.all())


def _open(request: HttpRequest, token: str) -> OrderLink:
    return _found(request, token)[0]


customer_ticket = ticket_page(_open)
