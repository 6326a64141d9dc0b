"""Bringing vehicles back into the fleet."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from depannini_dashmap.console import action_pages
from depannini_dashmap.lib.errors import Conflict
from fleet.models import Vehicle
from fleet.services import restore_vehicle

RESTORE = action_pages.Ask(
    gettext_lazy("Bring back into the fleet"),
    gettext_lazy("These vehicles can be given trips again. Their past trips and positions were kept."),
)


@action_pages.READ_AND_POST
@action_pages.for_editors
def restore(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then restore the chosen vehicles."""
    vehicles = Vehicle.objects.visible_to(request.user).filter(pk__in=action_pages.chosen_ids(request)).order_by("pk")
    chosen = [
        action_pages.Chosen(
            vehicle,
            _("deleted") if vehicle.is_deleted else _("in the fleet"),
            reverse("admin:fleet_vehicle_change", args=[vehicle.pk]),
        )
        for vehicle in vehicles
    ]

    def act(vehicle: Vehicle, _reason: str) -> str:
        if not vehicle.is_deleted:
            raise Conflict(_("is in the fleet already"), code="not_deleted")
        restore_vehicle(actor=request.user, vehicle_id=vehicle.pk)
        return _("brought back")

    return action_pages.ask_then_each(request, context, RESTORE, chosen, act, back=reverse("admin:fleet_vehicle_changelist"))
