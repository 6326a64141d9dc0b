"""Assistants whose papers staff look at: approve them, or take an approval back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from accounts.models import User
from assistance.models import AssistantProfile
from assistance.services import approve_assistant, withdraw_approval
from depannini_dashmap.console import action_pages


class ApprovalStep(NamedTuple):
    """What the page asks, what is then said of each assistant, and the service."""

    ask: action_pages.Ask
    done: Promise
    act: Callable[[User, int], None]


STEPS = {
    "approve": ApprovalStep(
        action_pages.Ask(
            gettext_lazy("Approve assistants"),
            gettext_lazy("Compare the papers first. These assistants may then take jobs, and see the phones of whom they help."),
        ),
        gettext_lazy("approved"),
        lambda staff, pk: approve_assistant(actor=staff, assistant_id=pk),
    ),
    "withdraw": ApprovalStep(
        action_pages.Ask(
            gettext_lazy("Take approvals back"),
            gettext_lazy("With ASSISTANT_APPROVAL on, these assistants get no further jobs; a running one goes on."),
        ),
        gettext_lazy("no longer approved"),
        lambda staff, pk: withdraw_approval(actor=staff, assistant_id=pk),
    ),
}


def papers_of(profile: AssistantProfile) -> str:
    """Return the papers on one line: licence with category and end, registration, vehicle."""
    expiry = profile.driving_license_expiry
    licence = f"{profile.driving_license_num} ({profile.driving_license_cat.upper()}) → {expiry:%Y-%m-%d}" if expiry else "–"
    registration = profile.vehicle_registration_num if profile.vehicle_registration_num is not None else "–"
    return f"{licence} · {registration} · {profile.vehicle_type or '–'}"


@action_pages.READ_AND_POST
@action_pages.for_roadside
def take_step(request: HttpRequest, step: str, context: dict[str, Any]) -> HttpResponse:
    """Ask once, with the papers beside each name, then do it to each."""
    if step not in STEPS:
        raise Http404
    wanted = STEPS[step]
    rows = AssistantProfile.objects.select_related("user").filter(pk__in=action_pages.chosen_ids(request)).order_by("pk")
    chosen = [
        action_pages.Chosen(
            profile.user,
            f"{profile.user.display_name} · {papers_of(profile)}",
            reverse("admin:assistance_assistantprofile_change", args=[profile.pk]),
        )
        for profile in rows
    ]

    def act(person: User, _reason: str) -> str:
        wanted.act(request.user, person.pk)
        return str(wanted.done)

    return action_pages.ask_then_each(request, context, wanted.ask, chosen, act, back=reverse("admin:assistance_assistantprofile_changelist"))
