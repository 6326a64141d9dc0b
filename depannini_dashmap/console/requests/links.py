"""The page on which a dispatcher gives the motorist of a request a link: to copy, to scan, by SMS; and ends the links."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from assistance.models import Assistance, RequestLink
from assistance.services import end_links, give_link, send_link
from assistance.steps.request_links import text_of
from depannini_dashmap.console import action_pages


@never_cache
@action_pages.READ_AND_POST
@action_pages.for_roadside
def links(request: HttpRequest, assistance_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show how many links there are; POST `do` makes one (show), sends one (sms) or ends all (end). A link is shown once."""
    rows = Assistance.objects.visible_to(request.user).select_related("client")
    job = rows.filter(pk=action_pages.checked_id(assistance_id)).first()
    if job is None:
        raise Http404
    address = action_pages.made_once(request, partial(_act, request, job), reverse("admin:dispatch_links", args=[job.pk]))
    if not isinstance(address, str):
        return address
    page = {
        "title": _("Link for the motorist"),
        "job": job,
        "address": address,
        "text": text_of(address) if address else "",
        "code": action_pages.qr_code(address) if address else "",
        "live_links": RequestLink.objects.live().filter(assistance=job).count(),
        "back": reverse("admin:dispatch_request", args=[job.pk]),
    }
    return TemplateResponse(request, "console/request_links.html", {**context, **page})


def _act(request: HttpRequest, job: Assistance) -> str:
    """Do what was asked for and return the address of a new link that is to be shown. Raises: as the services."""
    asked = request.POST.get("do", "")
    if asked == "show":
        return give_link(actor=request.user, assistance_id=job.pk)
    if asked == "sms":
        send_link(actor=request.user, assistance_id=job.pk)
        messages.success(request, _("The link is on its way by SMS."))
    elif asked == "end":
        end_links(actor=request.user, assistance_id=job.pk)
        messages.success(request, _("No link opens this request any more."))
    return ""
