"""The page of one request for roadside help: candidates, offers, assignment by hand, price, cancellation, asking again."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.private_images import picture_response
from assistance import lifecycle
from assistance.dispatch_candidates import assistants_to_call, by_driving_time, ranked_candidates
from assistance.models import Assistance, ChatMessage, Offer, RequestPhoto
from assistance.quotes import price_lines
from assistance.selectors import tariff_of
from assistance.services import ASKED_AGAIN, ask_again, assign_by_hand, cancel_by_staff, set_price
from depannini_dashmap.console import action_pages
from depannini_dashmap.console.amounts import read_amount
from depannini_dashmap.console.live_map import detail_maps
from depannini_dashmap.console.requests import party_steps
from depannini_dashmap.lib.errors import DomainError, NotFound
from orders.place_search import describe_place

CHAT_SHOWN = 200

CANCEL = action_pages.Ask(
    gettext_lazy("Cancel the chosen requests"),
    gettext_lazy("Open requests end for good; each client and assistant is told at once, with the reason."),
    asks_reason=True,
)


def _job(request: HttpRequest, assistance_id: int) -> Assistance:
    rows = Assistance.objects.visible_to(request.user).select_related("client", "assistant__assistant_profile")
    job = rows.filter(pk=action_pages.checked_id(assistance_id)).first()
    if job is None:
        raise Http404
    return job


@require_safe
@action_pages.for_roadside
def show_request(request: HttpRequest, assistance_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show the request with its candidates, the best first, each with their obstacles."""
    job = _job(request, assistance_id)
    offers = Offer.objects.filter(assistance_id=job.pk).select_related("assistant").order_by("offered_at", "id")
    is_waiting = job.status == lifecycle.REQUESTED
    candidates, is_by_road = by_driving_time(ranked_candidates(job) if is_waiting else [], (job.pickup_lat, job.pickup_lng))
    tariff = tariff_of(job)
    page = {
        "title": _("Request #%(id)s") % {"id": job.pk},
        "job": job,
        "is_waiting": is_waiting,
        "can_ask_again": job.reason in ASKED_AGAIN,
        "is_unanswered": job.reason == Assistance.Reason.UNANSWERED,
        "candidates": candidates,
        "is_by_road": is_by_road,
        "to_call": [] if candidates or not is_waiting else assistants_to_call(),
        "offers": list(offers),
        "tariff": tariff,
        "lines": price_lines(tariff, job.distance_km),
        "places": _places(job),
        "map_data": detail_maps.of_request(job),
        "eta_at": job.eta_at if job.status in lifecycle.WITH_ASSISTANT else None,
        "steps": party_steps.steps_open_to(job),
        "is_stalled": job.status == lifecycle.ACCEPTED and job.stalled_since is not None,
        "messages_sent": list(ChatMessage.objects.filter(assistance=job).select_related("sender").order_by("id")[:CHAT_SHOWN]),
        "photos": list(RequestPhoto.objects.of_request(job.pk).select_related("sender")),
        "now": timezone.now(),
    }
    return TemplateResponse(request, "console/request.html", {**context, **page})


@require_safe
@action_pages.for_roadside
def show_photo(request: HttpRequest, assistance_id: int, photo_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show a photo of the request."""
    found = RequestPhoto.objects.filter(assistance=_job(request, assistance_id), pk=action_pages.checked_id(photo_id)).first()
    try:
        return picture_response(found.photo if found else "")
    except NotFound as error:
        raise Http404 from error


class JobPlace(NamedTuple):
    """A place of a request: what it is called, its street, and the point as programs write it."""

    title: str
    name: str
    point: str


def _places(job: Assistance) -> list[JobPlace]:
    ends = [(_("Place"), job.pickup_lat, job.pickup_lng), (_("Destination"), job.dropoff_lat, job.dropoff_lng)]
    return [
        JobPlace(title, describe_place(lat, lng, get_language() or "")["name"], f"{lat:.6f},{lng:.6f}")
        for title, lat, lng in ends
        if lat is not None and lng is not None
    ]


@action_pages.READ_AND_POST
@action_pages.for_roadside
def assign(request: HttpRequest, assistance_id: int, assistant_id: int, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then assign the request to the assistant."""
    job = _job(request, assistance_id)
    candidate = next((one for one in ranked_candidates(job) if one.user_id == assistant_id), None)
    if candidate is None:
        raise Http404
    here = reverse("admin:dispatch_request", args=[job.pk])
    if request.method != "POST":
        page = {"title": _("Assign by hand"), "job": job, "candidate": candidate, "back": here}
        return TemplateResponse(request, "console/assign.html", {**context, **page})
    try:
        assign_by_hand(actor=request.user, assistance_id=job.pk, assistant_id=assistant_id)
        messages.success(request, _("%(name)s has the job now.") % {"name": candidate.name})
    except DomainError as error:
        messages.error(request, error.for_page())
    return HttpResponseRedirect(here)


@action_pages.READ_AND_POST
@action_pages.for_roadside
def cancel(request: HttpRequest, assistance_id: int, context: dict[str, Any]) -> HttpResponse:
    """Ask for the reason, then cancel the request."""
    job = _job(request, assistance_id)
    here = reverse("admin:dispatch_request", args=[job.pk])
    note, problem = action_pages.given_note(request)
    if request.method == "POST" and not problem:
        try:
            cancel_by_staff(actor=request.user, assistance_id=job.pk, note=note)
            messages.success(request, _("The request is cancelled and both sides are told."))
        except DomainError as error:
            messages.error(request, error.for_page())
        return HttpResponseRedirect(here)
    reason = {"note": note, "problem": problem, "longest": action_pages.LONGEST_NOTE}
    page = {"title": _("Cancel the request"), "job": job, "back": here, **reason}
    return TemplateResponse(request, "console/cancel_request.html", {**context, **page})


@action_pages.READ_AND_POST
@action_pages.for_roadside
def adjust(request: HttpRequest, assistance_id: int, context: dict[str, Any]) -> HttpResponse:
    """Ask for the new price and the reason, then store it; the client is asked."""
    job = _job(request, assistance_id)
    here = reverse("admin:dispatch_request", args=[job.pk])
    typed = request.POST.get("price", "")[:40]
    note, problem = action_pages.given_note(request)
    refusal = ""
    if request.method == "POST" and not problem:
        try:
            set_price(actor=request.user, assistance_id=job.pk, amount=read_amount(typed), reason=note)
            messages.success(request, _("The price is changed, and the client is asked."))
            return HttpResponseRedirect(here)
        except DomainError as error:
            refusal = error.for_page()
    page = {"title": _("Adjust the price"), "job": job, "back": here, "typed": typed, "refusal": refusal}
    reason = {"note": note, "problem": problem, "longest": action_pages.LONGEST_NOTE}
    return TemplateResponse(request, "console/adjust_price.html", {**context, **page, **reason})


@action_pages.READ_AND_POST
@action_pages.for_roadside
def take_step(request: HttpRequest, assistance_id: int, step: str, context: dict[str, Any]) -> HttpResponse:
    """Ask once, for a repair also its price, then do for a party what they cannot."""
    if step not in party_steps.STEPS:
        raise Http404
    job, wanted = _job(request, assistance_id), party_steps.STEPS[step]
    here = reverse("admin:dispatch_request", args=[job.pk])
    needs_price, typed, refusal = party_steps.wants_price(job, step), request.POST.get("price", "")[:40], ""
    if request.method == "POST":
        try:
            party_steps.act(request.user, job, step, read_amount(typed) if needs_price else None)
            messages.success(request, str(wanted.done))
            return HttpResponseRedirect(here)
        except DomainError as error:
            refusal = error.for_page()
            if not needs_price:
                messages.error(request, refusal)
                return HttpResponseRedirect(here)
    asked = {"needs_price": needs_price, "refusal": refusal, "typed": typed}
    page = {"title": wanted.title, "step": wanted, "job": job, "back": here, **asked}
    return TemplateResponse(request, "console/request_step.html", {**context, **page})


@action_pages.READ_AND_POST
@action_pages.for_roadside
def repeat(request: HttpRequest, assistance_id: int, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then open a request like one that ended without help, and go on there."""
    job = _job(request, assistance_id)
    here = reverse("admin:dispatch_request", args=[job.pk])
    if request.method != "POST":
        page = {"title": _("Ask again"), "job": job, "back": here}
        return TemplateResponse(request, "console/ask_again.html", {**context, **page})
    try:
        opened = ask_again(actor=request.user, assistance_id=job.pk).job.pk
    except DomainError as error:
        messages.error(request, error.for_page())
        return HttpResponseRedirect(here)
    messages.success(request, _("Request %(id)s is open.") % {"id": f"#{opened}"})
    return HttpResponseRedirect(reverse("admin:dispatch_request", args=[opened]))


@action_pages.READ_AND_POST
@action_pages.for_roadside
def cancel_chosen(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Ask for one reason, then cancel the chosen requests."""
    rows = Assistance.objects.visible_to(request.user).select_related("client")
    jobs = rows.filter(pk__in=action_pages.chosen_ids(request)).order_by("pk")
    chosen = [
        action_pages.Chosen(
            job,
            f"{job.get_status_display()} · {job.client.display_name}",
            reverse("admin:dispatch_request", args=[job.pk]),
        )
        for job in jobs
    ]

    def act(job: Assistance, note: str) -> str:
        cancel_by_staff(actor=request.user, assistance_id=job.pk, note=note)
        return pgettext("a request", "cancelled")

    return action_pages.ask_then_each(request, context, CANCEL, chosen, act, back=reverse("admin:assistance_assistance_changelist"))
