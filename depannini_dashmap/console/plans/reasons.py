"""Reasons of a plan in the words of the page; the codes are those of docs/planning.md."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from depannini_dashmap.lib.labels import listed


def sentence(row: dict[str, Any]) -> str:
    """Return why an order was left out, with its numbers."""
    numbers = row["numbers"]
    match row["code"]:
        case "unroutable_pin":
            return _("A stop is not on the map.")
        case "no_vehicle_with_skills":
            return _("No chosen vehicle has all of: %(skills)s.") % {"skills": listed(numbers["needed"])}
        case "exceeds_every_capacity":
            return _("Too much for each of these vehicles: %(kilograms)s kg, %(litres)s l.") % numbers
        case "outside_every_shift":
            return _("Its hours lie outside the shifts of these vehicles.")
        case "windows_cannot_both_be_met":
            return _("Its pickup and delivery hours cannot both be kept: %(minutes)s min too late.") % {"minutes": numbers["late_seconds"] // 60}
        case "cannot_be_served_even_alone":
            return _("Even alone it does not fit: %(plate)s would be %(minutes)s min too late.") % {
                "plate": numbers["license_plate"],
                "minutes": max(numbers["by"] // 60, 1),
            }
        case "fleet_full" if numbers.get("instead_of_number"):
            return _("No room: it would fit on %(plate)s instead of %(number)s.") % {
                "plate": numbers["license_plate"],
                "number": numbers["instead_of_number"],
            }
    return _("No room in the fleet; one exchange alone does not help.")
