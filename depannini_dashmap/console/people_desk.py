"""Sending a verification code again to people who wait for one."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import request_own_verification
from depannini_dashmap.console import desk
from depannini_dashmap.console.results import run_each
from depannini_dashmap.console.trip_desk import READ_AND_POST
from depannini_dashmap.lib import audit
from depannini_dashmap.lib.errors import Conflict


@READ_AND_POST
@desk.for_operators
def resend_codes(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then have codes sent to the unproven addresses of the chosen people."""
    ids = desk.chosen_ids(request)
    people = list(User.objects.visible_to(request.user).filter(pk__in=ids).order_by("pk"))
    if not people:
        raise Http404
    if request.method != "POST":
        page = {"title": _("Send verification codes again"), "people": people, "ids": ",".join(map(str, ids))}
        return TemplateResponse(request, "console/resend.html", {**context, **page})

    def act(person: User) -> str:
        has_unproven = (person.email and not person.email_verified) or (person.phone_number and not person.phone_verified)
        if not (has_unproven and person.is_active):
            raise Conflict(_("nothing to verify"), code="nothing_to_verify")
        request_own_verification(person)
        audit.record("code_resent", actor=request.user, target=person)
        return _("code on its way")

    results = run_each(people, act)
    return desk.results_page(request, context, _("Send verification codes again"), results, back=reverse("admin:accounts_user_changelist"))
