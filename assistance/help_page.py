"""The page on which anybody asks for help: what is wrong, then the price and one button; no account, no JavaScript needed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.limits.rates import HELP_SEARCHES
from accounts.limits.throttles import caller_address
from accounts.link_pages import link_page
from assistance import quotes
from assistance.help_form import HelpForm, read_point
from assistance.services import Asker, ProofNeeded, ask_for_help
from assistance.steps import photos, request_links
from assistance.steps.public_request_checks import require_in_area
from depannini_dashmap.lib.errors import DomainError, TooManyRequests
from orders import place_search

OTHER_SITES = {"cross-site", "same-site"}
LONGEST_SEARCH = 200


@link_page
def help_page(request: HttpRequest) -> HttpResponse:
    """GET shows the form; POST `step` (price: show what it costs; ask: ask for help with `photos`, then lead to the request's page).

    A form that another site sends only fills this one in, under a new key: it must not order a tow in a visitor's name.
    """
    if request.method != "POST":
        return _page("assistance/help_form.html", HelpForm())
    if request.headers.get("Sec-Fetch-Site") in OTHER_SITES:
        return _page("assistance/help_form.html", HelpForm(initial={**request.POST.dict(), "key": ""}))
    try:
        return _answer(request)
    except TooManyRequests as error:
        answer = _page("assistance/help_form.html", HelpForm(initial=request.POST.dict()), is_too_much=True)
        answer.status_code = error.status
        answer["Retry-After"] = str(error.retry_after)
        return answer


def _answer(request: HttpRequest) -> HttpResponse:
    form = HelpForm(request.POST)
    step = request.POST.get("step", "")
    if step == "change":
        return _page("assistance/help_form.html", form)
    HELP_SEARCHES.spend(caller_address(request))
    if not form.is_valid():
        return _page("assistance/help_form.html", form, is_sent=True)
    try:
        require_in_area(form.cleaned_data["pickup_point"])
        priced = _priced(form)
        if step != "ask":
            return _page("assistance/help_price.html", form, **priced)
        return _ask(request, form, priced)
    except TooManyRequests:
        raise
    except DomainError as error:
        form.refuse(error)
        return _page("assistance/help_form.html", form, is_sent=True)


def _ask(request: HttpRequest, form: HelpForm, priced: dict[str, Any]) -> HttpResponse:
    given = form.cleaned_data
    asker = Asker(given["phone"], caller_address(request), form.form_key, given["code"], request.FILES.getlist(photos.FIELD))
    try:
        token = ask_for_help(actor=None, asker=asker, **form.asked())
    except ProofNeeded:
        return _page("assistance/help_price.html", form, wants_code=True, **priced)
    except DomainError as error:
        fields = error.fields or {}
        if "code" not in fields and photos.REFUSED not in fields:
            raise
        form.refuse(error)
        return _page("assistance/help_price.html", form, wants_code="code" in fields or bool(given["code"]), **priced)
    return HttpResponseRedirect(request_links.path_of(token), status=303)


def _priced(form: HelpForm) -> dict[str, Any]:
    """Say what it costs, line by line. Raises: InvalidData for a destination too far away."""
    asked = form.asked()
    distance_km = quotes.distance_of(asked["pickup"], asked["dropoff"])
    quote = quotes.quote(asked["assistance_type"], asked["vehicle_type"], distance_km, timezone.now())
    ends = {end: form.cleaned_data[end] or _named(form.cleaned_data[f"{end}_point"]) for end in ("pickup", "dropoff")}
    lines = quotes.price_lines(quote.tariff, distance_km)
    return {"quote": quote, "lines": lines, "distance_km": distance_km, "ends": ends}


def _named(point: tuple[float, float] | None) -> str:
    if point is None:
        return ""
    return place_search.describe_place(*point, get_language() or "")["name"] or f"{point[0]:.5f}, {point[1]:.5f}"


def _page(template: str, form: HelpForm, **shown: Any) -> HttpResponse:
    page = {"form": form, "help_phone": settings.HELP_PHONE, "attribution": place_search.attribution(), **shown}
    return HttpResponse(render_to_string(template, page), headers={"Content-Language": get_language() or "en"})


@never_cache
@require_safe
def help_places(request: HttpRequest) -> HttpResponse:
    """Suggest places for `q` (near `near`), or name the place `at`; for anybody, so many a minute from each network."""
    try:
        HELP_SEARCHES.spend(caller_address(request))
    except TooManyRequests as error:
        return JsonResponse({"error": error.message, "code": error.code}, status=error.status, headers={"Retry-After": str(error.retry_after)})
    if (point := read_point(request.GET.get("at", "")[:60])) is not None:
        return JsonResponse({"name": _named(point)})
    text = request.GET.get("q", "")
    text = text[:2000] if "://" in text else text[:LONGEST_SEARCH]
    near = read_point(request.GET.get("near", "")[:60])
    found = place_search.find_places(user=None, text=text, near=near, language=get_language() or "") if text.strip() else []
    return JsonResponse({"results": found, "notice": None})
