"""What became of the stops that are still open when a trip is completed: each one done, or failed with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from depannini_dashmap.lib.errors import InvalidData
from trips.lifecycle import COMPLETED
from trips.models import Trip, TripStop
from trips.services.stop_lists import update_stop
from trips.services.trips import update_trip

LONGEST_REASON = 500
NO_REASON = _("Say of each stop that failed why it did.")


def of_trips(trips: Iterable[Trip], sent: Mapping[str, str]) -> dict[int, list[TripStop]]:
    """Return the open stops by trip, in their order, by one query; each with what the form says so far."""
    rows = TripStop.objects.filter(trip__in=list(trips), is_completed=False, failed=False)
    found: dict[int, list[TripStop]] = {}
    for row in rows.select_related("stop", "order").order_by("trip_id", "sequence"):
        row.says_failed = has_failed(sent, row.pk)  # type: ignore[attr-defined]
        row.says_why = reason_of(sent, row.pk)  # type: ignore[attr-defined]
        found.setdefault(row.trip_id, []).append(row)
    return found


def has_failed(sent: Mapping[str, str], stop_id: int) -> bool:
    """Say whether the form has the stop down as failed."""
    return sent.get(f"stop-{stop_id}") == "failed"


def reason_of(sent: Mapping[str, str], stop_id: int) -> str:
    """Return the reason that the form has for a stop."""
    return sent.get(f"reason-{stop_id}", "").strip()[:LONGEST_REASON]


def lack_reasons(stops: Mapping[int, list[TripStop]], sent: Mapping[str, str]) -> bool:
    """Say whether a stop is to fail without a reason."""
    return any(has_failed(sent, row.pk) and not reason_of(sent, row.pk) for rows in stops.values() for row in rows)


@transaction.atomic
def complete(user: User, trip: Trip, open_stops: Iterable[TripStop], sent: Mapping[str, str]) -> None:
    """Close the stops that failed and complete the trip, which counts the others as done; all or nothing.

    Raises: as update_stop and update_trip; InvalidData for a failure without a reason.
    """
    for row in open_stops:
        if not has_failed(sent, row.pk):
            continue
        reason = reason_of(sent, row.pk)
        if not reason:
            raise InvalidData(NO_REASON)
        update_stop(actor=user, trip=trip, trip_stop_id=row.pk, failed=True, failure_reason=reason)
    update_trip(actor=user, trip_id=trip.pk, status=COMPLETED)
