"""What a fresh installation still lacks before it is of use: a company, something that drives, people, a map of streets.

Shown on the first page until everything is there, to those alone who can do something about it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from accounts.models import Company, Invitation, Membership, User
from assistance.models import AssistantProfile
from depannini_dashmap.lib.roads import tiles
from fleet.models import Vehicle


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: what is missing, and where it is done; no `url` where it is done outside of the console."""

    title: StrOrPromise
    is_done: bool
    missing: StrOrPromise
    url: str = ""


def steps_for(user: User) -> list[Step]:
    """Return the steps that somebody can take, done ones too; none once all are done, or for who only looks. One query."""
    if not (user.is_operator or user.is_company_editor):
        return []
    has_company, has_vehicle, has_assistant, has_people = _present(user)
    steps = [
        _company(user, has_company),
        _driving(user, is_done=has_vehicle or (has_assistant and user.is_roadside)),
        _people(user, has_company, is_done=has_people),
        *([_map()] if user.is_operator else []),
    ]
    return [] if all(step.is_done for step in steps) else steps


def _present(user: User) -> tuple[bool, bool, bool, bool]:
    mine = {} if user.is_operator else {"company_id__in": user.company_ids}
    own = {} if user.is_operator else {"pk__in": user.company_ids}
    others = Membership.objects.filter(**mine).exclude(user_id=user.pk)
    # Where an operator sees to it, everybody else who can sign in to the console counts.
    rows = User.objects.filter(pk=user.pk).annotate(
        has_company=Exists(Company.objects.filter(**own)),
        has_vehicle=Exists(Vehicle.objects.filter(**mine)),
        has_assistant=Exists(AssistantProfile.objects.all()),
        has_people=Q(Exists(others)) | Q(Exists(Invitation.objects.open().filter(**mine))),
    )
    return rows.values_list("has_company", "has_vehicle", "has_assistant", "has_people").get()


def _company(user: User, is_done: bool) -> Step:
    missing = _("There is no company yet, to which vehicles, orders and people belong.")
    return Step(_("Found a company"), is_done, missing, reverse("admin:accounts_company_add") if user.is_operator else "")


def _driving(user: User, is_done: bool) -> Step:
    if user.is_roadside:
        missing = _("There is no vehicle yet, and nobody who helps at the roadside. Add a vehicle, or let assistants register in their app.")
        return Step(_("Add a vehicle or an assistant"), is_done, missing, reverse("admin:fleet_vehicle_add"))
    return Step(_("Add a vehicle"), is_done, _("There is no vehicle yet, so no trip can be planned."), reverse("admin:fleet_vehicle_add"))


def _people(user: User, has_company: bool, is_done: bool) -> Step:
    missing = _("You are alone here. Invite somebody by username or e-mail: the mail lets them join, also without an account. Each invitation has a link to hand on.")
    if not has_company:
        missing = _("Nobody can be invited before there is a company.")
        return Step(_("Invite people"), is_done, missing)
    return Step(_("Invite people"), is_done, missing, reverse("admin:company"))


def _map() -> Step:
    is_done = bool(settings.MAP_TILE_URL) or tiles.in_use() is not None
    missing = _("The map shows coasts and towns only. Build streets with “make roads”, or set MAP_TILE_URL: see docs/operations.md.")
    return Step(_("Get a map with streets"), is_done, missing)
