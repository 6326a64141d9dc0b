"""The page of a phone call: who calls, where, what for, what it costs and who could go; one POST makes the request."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.services import look_up_caller
from assistance import dispatch_candidates, quotes, services
from assistance.models import Assistance
from assistance.quotes import price_lines
from depannini_dashmap.console import action_pages
from depannini_dashmap.console.requests.call_form import CallForm
from depannini_dashmap.lib.errors import DomainError, InvalidData
from orders import place_search

LAST_JOBS = 5


@action_pages.READ_AND_POST
@action_pages.for_roadside
def take_call(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the form; offer the request, assign it or save it for later. A refusal keeps what was typed."""
    form = CallForm(request.POST if request.method == "POST" else None, user=request.user)
    is_sent = request.method == "POST" and "look" not in request.POST
    open_job = None
    if is_sent and form.is_valid():
        try:
            return HttpResponseRedirect(_carry_out(request, form))
        except DomainError as error:
            form.refuse(error)
            open_job = error.extra.get("assistance_id")
    page = {
        "title": _("New call"),
        "form": form,
        "is_sent": is_sent,
        "open_job": open_job,
        "attribution": place_search.attribution(),
        **_around(request, form),
    }
    return TemplateResponse(request, "console/new_call.html", {**context, **page})


@require_POST
@action_pages.for_roadside
def preview(request: HttpRequest) -> HttpResponse:
    """Give what follows from the fields so far: the caller's last jobs, the price and who could go; stores nothing.

    A POST, so that a caller's number is in no log.
    """
    form = CallForm(request.POST, user=request.user)
    return TemplateResponse(request, "console/call_preview.html", _around(request, form))


def _carry_out(request: HttpRequest, form: CallForm) -> str:
    """Make what was asked for and give the page to go on with. Raises: as the services."""
    caller, asked, at = form.caller(), form.asked(), form.cleaned_data["scheduled_for"]
    if request.POST.get("do") == "later":
        if at is None:
            raise InvalidData(fields={"scheduled_for": [_("Give the time at which it is to be offered.")]})
        services.schedule_for_caller(actor=request.user, caller=caller, scheduled_for=at, **asked)
        told = date_format(timezone.localtime(at), "j N H:i")
        messages.success(request, _("Saved: it is offered on %(time)s.") % {"time": told})
        return reverse("admin:assistance_scheduledrequest_changelist")
    if at is not None:
        raise InvalidData(fields={"scheduled_for": [_("Save it for later, or empty the time.")]})
    if "assistant" in request.POST:
        [assistant_id] = action_pages.numbers([request.POST["assistant"]])
        made = services.assign_for_caller(
            actor=request.user, caller=caller, assistant_id=action_pages.checked_id(assistant_id), **asked
        ).job.pk
        messages.success(request, _("The request is assigned."))
    else:
        opened = services.request_for_caller(actor=request.user, caller=caller, **asked)
        made, count = opened.job.pk, len(opened.nearby)
        if count:
            messages.success(request, _("The request is open and offered to the nearest."))
        else:
            messages.warning(request, _("The request is open, but nobody who could take it is near."))
    _send_link(request, form, made)
    return reverse("admin:dispatch_request", args=[made])


def _send_link(request: HttpRequest, form: CallForm, made: int) -> None:
    """Send the link where it was asked for; the request is made already, so a refusal is only said."""
    if not form.cleaned_data["send_link"]:
        return
    try:
        services.send_link(actor=request.user, assistance_id=made)
        messages.success(request, _("The link is on its way by SMS."))
    except DomainError as error:
        messages.warning(request, error.for_page())


def _around(request: HttpRequest, form: CallForm) -> dict[str, Any]:
    """Say what follows from the fields that are in order."""
    given = form.cleaned_data if form.is_bound and (form.is_valid() or form.errors) else {}
    now = timezone.now()
    around: dict[str, Any] = {"now": now, **_caller(request, given.get("phone", ""))}
    pickup, dropoff = given.get("pickup_point"), given.get("dropoff_point")
    kind, size = given.get("assistance_type", ""), given.get("vehicle_type", "")
    if not form.is_bound:
        kind, size = form.fields["assistance_type"].initial, form.fields["vehicle_type"].initial
    try:
        distance_km = quotes.distance_of(pickup or (0, 0), dropoff if pickup else None)
        quote = quotes.quote(kind, size, distance_km, now)
        around |= {"quote": quote, "distance_km": distance_km, "lines": price_lines(quote.tariff, distance_km)}
    except DomainError as error:
        around["too_far"] = error.for_page()
    if pickup is not None:
        place = Assistance(pickup_lat=pickup[0], pickup_lng=pickup[1], assistance_type=kind)
        found, is_by_road = dispatch_candidates.by_driving_time(dispatch_candidates.ranked_candidates(place), pickup)
        around |= {"candidates": found, "is_by_road": is_by_road, "is_placed": True}
    return around


def _caller(request: HttpRequest, phone: str) -> dict[str, Any]:
    if not phone:
        return {}
    known = look_up_caller(actor=request.user, phone_number=phone)
    if known.client is None:
        return {"is_looked_up": True, "caller_refusal": known.refusal}
    jobs = Assistance.objects.visible_to(request.user).filter(client=known.client).order_by("-id")
    return {"is_looked_up": True, "caller": known.client, "last_jobs": list(jobs.select_related("assistant")[:LAST_JOBS])}
