"""What an arrangement of stops breaks, in the words of the page; the codes are those of docs/planning.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trips.planning.schedule import Violation


def sentences(violations: Iterable[Violation], numbers: Mapping[int, str], plate: str) -> list[str]:
    """Return each broken promise once, the worst of its kind for an order."""
    worst: dict[tuple[str, int | None], Violation] = {}
    for row in violations:
        key = (row.code, row.order)
        if key not in worst or row.by > worst[key].by:
            worst[key] = row
    return [_sentence(row, numbers.get(row.order or 0, ""), plate) for row in worst.values()]


def _sentence(row: Violation, number: str, plate: str) -> str:
    minutes = -(-row.by // 60)
    values = {"number": isolated(number), "plate": isolated(plate), "by": row.by, "time": _span(minutes)}
    match row.code:
        case "window_missed" if number:
            return _("%(number)s: %(time)s after its hours.") % values
        case "window_missed":
            return _("A stop is reached %(time)s after its hours.") % values
        case "shift_exceeded":
            return _("%(plate)s is back %(time)s after its shift.") % values
        case "break_too_late":
            return _("The break begins %(time)s too late.") % values
        case "too_heavy":
            return _("With %(number)s on board %(plate)s is %(by)s kg too heavy.") % values
        case "too_big":
            return _("With %(number)s on board %(plate)s is %(by)s l too full.") % values
        case "too_many_stops":
            return ngettext("%(count)d stop too many.", "%(count)d stops too many.", row.by) % {"count": row.by}
        case "skill_missing":
            return _("%(plate)s lacks what %(number)s needs.") % values
        case "no_way" if number:
            return _("%(number)s: no way there; is it on the map?") % values
        case "no_way":
            return _("No way to some stop; is it on the map?")
        case "other_vehicle_has_goods":
            return _("The goods of %(number)s are on another vehicle.") % values
    return _("The pickup and the delivery of %(number)s do not belong together like this.") % values


def isolated(code: str) -> str:
    """Let a number or plate read from left to right in a sentence of any language."""
    return f"\u2066{code}\u2069"


def _span(minutes: int) -> str:
    """Return minutes as people say them."""
    if minutes < 120:
        return ngettext("%(n)d min", "%(n)d min", minutes) % {"n": minutes}
    return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}
