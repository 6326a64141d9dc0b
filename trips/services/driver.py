"""What drivers do by their link: arrive, finish a stop, report that it failed, and take the last of these back.

The link is checked again under the trip's lock, so that one that is ended meanwhile does nothing more.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.errors import Conflict, InvalidData, NotFound
from depannini_dashmap.lib.ops import audit
from fleet.events import board_changed
from trips.models import Trip, TripLink, TripStop
from trips.steps.driver_links import can_undo, find_link
from trips.steps.stop_outcomes import record_outcome, require_open

LONGEST_REASON = 500
Action = TripLink.Action


@transaction.atomic
def act(*, actor: None, token: str, trip_stop_id: int, action: str, reason: str = "") -> TripStop:
    """Record that the driver arrived at a stop, has done it, or that it failed for a reason; repeating changes nothing.

    Shape: no `actor`, the link acts.
    Raises: NotFound (the link, or a stop of another trip), InvalidData (no reason), Conflict (trip or stop closed).
    """
    link, trip = _lock(token)
    row = _row(trip, trip_stop_id)
    require_open(trip)
    reason = reason.strip()
    if action == Action.FAILED and not 0 < len(reason) <= LONGEST_REASON:
        raise InvalidData(_("Say in a few words why it failed"))
    if not _changes(row, action, reason):
        return row
    if row.is_closed:
        raise Conflict(_("This stop is closed already"))
    if action == Action.ARRIVED:
        _arrive(trip, row)
    elif action == Action.DONE:
        record_outcome(trip, row, actor=None, is_completed=True)
    else:
        record_outcome(trip, row, actor=None, failed=True, failure_reason=reason)
    link.last_stop, link.last_action, link.last_at = row, action, timezone.now()
    link.save(update_fields=["last_stop", "last_action", "last_at"])
    _audit(link, row, action)
    return row


@transaction.atomic
def undo(*, actor: None, token: str) -> TripStop:
    """Take back what the link did last, within two minutes and while nobody has changed it since.

    Shape: no `actor`, the link acts.
    Raises: NotFound (the link), Conflict (too late, nothing to take back, trip closed).
    """
    link, trip = _lock(token)
    require_open(trip)
    if not can_undo(link):
        raise Conflict(_("This can no longer be undone"))
    row, action = _row(trip, link.last_stop_id or 0), link.last_action
    if not _is_as_left(row, action):
        raise Conflict(_("This can no longer be undone"))
    if action == Action.ARRIVED:
        _stamp_arrival(trip, row, None)
    elif action == Action.DONE:
        record_outcome(trip, row, actor=None, is_completed=False)
    else:
        record_outcome(trip, row, actor=None, failed=False)
    link.last_stop, link.last_action, link.last_at = None, "", None
    link.save(update_fields=["last_stop", "last_action", "last_at"])
    _audit(link, row, f"{action}_undone")
    return row


def _lock(token: str) -> tuple[TripLink, Trip]:
    """Lock the trip of a link, then read the link as it is now. Raises: NotFound."""
    trip_id = find_link(token).trip_id
    trip = Trip.objects.select_for_update(no_key=True).filter(pk=trip_id).first()
    link = find_link(token)
    if trip is None or link.trip_id != trip.pk:
        raise NotFound
    return link, trip


def _row(trip: Trip, trip_stop_id: int) -> TripStop:
    row = TripStop.objects.select_related("stop", "order").filter(trip=trip, pk=trip_stop_id).first()
    if row is None:
        raise NotFound(_("Trip stop"))
    return row


def _changes(row: TripStop, action: str, reason: str) -> bool:
    if action == Action.ARRIVED:
        has_arrived = row.actual_arrival_datetime is not None and not row.arrival_is_suggested
        return not has_arrived
    if action == Action.DONE:
        return not row.is_completed
    return not (row.failed and row.failure_reason == reason)


def _is_as_left(row: TripStop, action: str) -> bool:
    if action == Action.ARRIVED:
        return not row.is_closed and row.actual_arrival_datetime is not None
    return row.is_completed if action == Action.DONE else row.failed


def _arrive(trip: Trip, row: TripStop) -> None:
    """Stamp the arrival; positions that told of it before, and of no departure, know the better time."""
    has_left = row.actual_departure_datetime is not None
    suggested = None if has_left else row.actual_arrival_datetime
    _stamp_arrival(trip, row, suggested or timezone.now())


def _stamp_arrival(trip: Trip, row: TripStop, at: dt.datetime | None) -> None:
    row.actual_arrival_datetime, row.actual_departure_datetime, row.arrival_is_suggested = at, None, False
    row.save(update_fields=["actual_arrival_datetime", "actual_departure_datetime", "arrival_is_suggested", "updated_at"])
    Trip.objects.filter(pk=trip.pk).update(updated_at=timezone.now())
    board_changed(trip.company_id, "trips")


def _audit(link: TripLink, row: TripStop, what: str) -> None:
    audit.record(f"driver_{what}", target=link.trip, by="driver's link", link_id=link.pk, trip_stop_id=row.pk)
