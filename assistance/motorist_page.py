"""The motorist's page: one request, opened by its link, from the search for somebody to the receipt, without an account."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.limits.rates import MOTORIST_PAGE_ACTS
from accounts.link_pages import find_for, link_page
from accounts.link_tickets import ticket_page
from accounts.private_images import picture_response
from accounts.push_subscription_form import read_subscription
from assistance import lifecycle, motorist_view
from assistance.models import RequestLink, RequestPhoto
from assistance.receipt_paper import receipt_of
from assistance.services import (
    add_photos_by_link,
    answer_price_by_link,
    cancel_by_link,
    follow_by_link,
    rate_by_link,
    release_by_link,
    write_by_link,
)
from assistance.steps import photos
from assistance.steps.request_links import find_link, path_of
from depannini_dashmap.lib.api import page_forms
from depannini_dashmap.lib.api.service_worker import KEEP, OFFLINE
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.errors import DomainError, InvalidData, NotFound, TooManyRequests
from depannini_dashmap.lib.numbers import NotANumber, read_decimal
from depannini_dashmap.lib.outbound import web_push
from depannini_dashmap.lib.roads import map_background

SCRIPTS = ("pages/motorist.js",)  # what the page needs without reception


@link_page
def motorist_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the request of a link; POST `action` (cancel, write, price, rate, release, photo) acts, then leads back.

    A script that asks for JSON is told what became of it (`page_forms`), and of a link that has ended by 404.
    """
    if request.method == "POST" and page_forms.wants_json(request):
        return _told(request, token)
    link = _find(request, token)
    if request.method != "POST":
        answer = _page(token, link)
        answer[OFFLINE] = KEEP
        return answer
    try:
        MOTORIST_PAGE_ACTS.spend(link.pk)
        _act(request, token)
    except (NotFound, TooManyRequests):
        raise
    except DomainError as error:
        return _page(token, _find(request, token), error)
    return HttpResponseRedirect(path_of(token), status=303)


def _told(request: HttpRequest, token: str) -> HttpResponse:
    try:
        MOTORIST_PAGE_ACTS.spend(_find(request, token).pk)
        _act(request, token)
    except DomainError as error:
        return page_forms.refusal(error, error.for_page())
    return page_forms.said(page_forms.DONE)


@link_page
def motorist_state(request: HttpRequest, token: str) -> HttpResponse:
    """GET gives the parts of the page as JSON, with an ETag: 304 while nothing has changed."""
    body, tag = motorist_view.live(_find(request, token), token)
    if tag in request.headers.get("If-None-Match", ""):
        answer = HttpResponse(status=304)
    else:
        answer = HttpResponse(body, content_type="application/json")
    answer["ETag"] = tag
    return answer


@link_page
def motorist_receipt(request: HttpRequest, token: str) -> HttpResponse:
    """GET gives the receipt of a completed job, to be printed or kept."""
    link = _find(request, token)
    if link.assistance.status != lifecycle.COMPLETED:
        raise NotFound
    page = {**motorist_view.shown(link, token), "back": path_of(token), "pdf": f"{path_of(token)}receipt.pdf"}
    return HttpResponse(render_to_string("assistance/motorist_receipt.html", page))


@link_page
def motorist_receipt_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """GET gives the receipt of a completed job as PDF."""
    link = _find(request, token)
    if link.assistance.status != lifecycle.COMPLETED:
        raise NotFound
    MOTORIST_PAGE_ACTS.spend(link.pk)
    body = receipt_of(motorist_view.shown(link, token))
    name = f'inline; filename="receipt-{link.assistance_id}.pdf"'
    return HttpResponse(body, content_type="application/pdf", headers={"Content-Disposition": name})


@link_page
def motorist_photo(request: HttpRequest, token: str, photo_id: int) -> HttpResponse:
    """GET shows a photo of the request of a link."""
    link = _find(request, token)
    found = RequestPhoto.objects.filter(assistance_id=link.assistance_id, pk=photo_id).first()
    return picture_response(found.photo if found else "")


@link_page
def motorist_push(request: HttpRequest, token: str) -> HttpResponse:
    """POST {endpoint, p256dh, auth}: notifications in this browser until the link ends. 200; 400; 404; 405; 429; 503."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    link = _find(request, token)
    try:
        MOTORIST_PAGE_ACTS.spend(link.pk)
        language = get_language() or settings.LANGUAGE_CODE
        follow_by_link(actor=None, token=token, address=read_subscription(request.POST), language=language)
    except DomainError as error:
        return page_forms.refusal(error, error.for_page())
    return page_forms.said(page_forms.DONE)


def _find(request: HttpRequest, token: str) -> RequestLink:
    return find_for(request, token, find_link, RequestLink.objects.all())


motorist_ticket = ticket_page(_find)


def _act(request: HttpRequest, token: str) -> None:
    given = request.POST
    action = given.get("action", "")
    if action == "cancel":
        cancel_by_link(actor=None, token=token, note=given.get("other", "") or given.get("note", ""))
    elif action == "write":
        write_by_link(actor=None, token=token, message=given.get("message", ""), client_id=given.get("key", "")[:64])
    elif action == "price":
        answer_price_by_link(actor=None, token=token, accept=given.get("answer") == "accept", seen=_amount(given.get("seen", "")))
    elif action == "rate":
        rate_by_link(actor=None, token=token, rating=_stars(given.get("rating", "")))
    elif action == "release":
        release_by_link(actor=None, token=token)
    elif action == "photo":
        add_photos_by_link(actor=None, token=token, given=request.FILES.getlist(photos.FIELD), key=given.get("key", "")[:64])
    else:
        raise InvalidData(_("Press one of the buttons."))


def _amount(text: str) -> Any:
    try:
        return read_decimal(text)
    except NotANumber:
        raise InvalidData(_("Press one of the buttons.")) from None


def _stars(text: str) -> int:
    return int(text) if text in {"1", "2", "3", "4", "5"} else 0


def _page(token: str, link: RequestLink, error: DomainError | None = None) -> HttpResponse:
    page = {
        **motorist_view.shown(link, token),
        "error": error.for_page() if error else "",
        "message_key": new_token(),
        "photo_key": new_token(),
        "state_url": f"{path_of(token)}state/",
        "ticket_url": f"{path_of(token)}ticket/",
        "scope": RequestLink.page_path,
        "push_key": web_push.public_key(),
        "push_url": f"{path_of(token)}push/",
        "map_attributes": map_background.attributes(),
        "map_points": motorist_view.map_of(link.assistance),
        "server_time": timezone.now(),
    }
    html = render_to_string("assistance/motorist_page.html", page)
    return HttpResponse(html, status=error.status if error else 200, headers={"Content-Language": get_language() or "en"})
