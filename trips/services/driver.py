"""What drivers do by their link: arrive, finish a stop, report that it failed, prove it, and take the last of these back.

The link is checked again under the trip's lock, so that a link ended meanwhile has no effect.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.errors import Conflict, InvalidData, NotFound
from depannini_dashmap.lib.ops import audit
from trips.models import DriverTap, Trip, TripLink, TripStop
from trips.steps.driver_links import can_undo, find_link
from trips.steps.proofs import GivenProof, forget_proofs, keep_proof, stored
from trips.steps.stop_outcomes import TIMES, lock_times, record_outcome, require_open
from trips.steps.trips import note_work

LONGEST_REASON = 500
LATEST = dt.timedelta(days=1)  # a tap that was kept without reception counts from when it was made this far back
LAST = ("last_stop", "last_action", "last_at", "known_arrival")
Action = TripLink.Action


class Tap(NamedTuple):
    """A press of a button: the key by which it is known when it comes again, and when it was made, if the page says so."""

    key: str = ""
    at: dt.datetime | None = None

    def moment(self) -> dt.datetime:
        """Return when it counts from: its own time within a day, else now."""
        now = timezone.now()
        return self.at if self.at is not None and now - LATEST <= self.at <= now else now


NOW = Tap()


def act(
    *,
    actor: None,
    token: str,
    trip_stop_id: int,
    action: str,
    reason: str = "",
    proof: GivenProof | None = None,
    tap: Tap = NOW,
) -> TripStop:
    """Record that the driver arrived at a stop, has done it, or that it failed for a reason, with a proof; repeating changes nothing.

    Shape: no `actor`, the link acts. The tap's time counts for arrival and departure.
    Raises: NotFound (the link, or a stop of another trip), InvalidData (no reason, an invalid picture), Conflict (trip or
    stop closed), Unavailable (pictures cannot be kept).
    """
    with stored(proof) as found, transaction.atomic():
        link, trip = _lock(token)
        row = _row(trip, trip_stop_id)
        if not _is_first(link, tap):
            return row
        require_open(trip)
        reason, moment = reason.strip(), tap.moment()
        if action == Action.FAILED and not 0 < len(reason) <= LONGEST_REASON:
            raise InvalidData(_("Say in a few words why it failed"))
        if _changes(row, action, reason):
            if row.is_closed:
                raise Conflict(_("This stop is closed already"))
            link.known_arrival = _record(trip, row, action, reason, moment)
            link.last_stop, link.last_action, link.last_at = row, action, timezone.now()
            link.save(update_fields=LAST)
            _audit(link, row, action)
        if action != Action.ARRIVED:
            keep_proof(row, found, moment)
    return row


def prove(*, actor: None, token: str, trip_stop_id: int, proof: GivenProof, tap: Tap = NOW) -> TripStop:
    """Add a proof to a stop that is done or failed; earlier parts that are not sent now stay.

    Shape: no `actor`, the link acts. Raises: as `act`.
    """
    if proof.is_empty:
        raise InvalidData(_("Take a photo, or let the receiver sign, or write something"))
    with stored(proof) as found, transaction.atomic():
        link, trip = _lock(token)
        row = _row(trip, trip_stop_id)
        if not _is_first(link, tap):
            return row
        require_open(trip)
        if not row.is_closed:
            raise Conflict(_("This stop is still open"))
        keep_proof(row, found, tap.moment())
        note_work(trip)
        _audit(link, row, "proved")
    return row


@transaction.atomic
def undo(*, actor: None, token: str, trip_stop_id: int, undoes: str, tap: Tap = NOW) -> TripStop | None:
    """Take back what the link did last, with its proof, within two minutes and while nobody has changed it since.

    It names the stop and the action: one that comes late, or from a second phone, takes back no other tap.
    Shape: no `actor`, the link acts; None where this very tap was counted before.
    Raises: NotFound (the link), Conflict (too late, something else was done last, trip closed).
    """
    link, trip = _lock(token)
    if not _is_first(link, tap):
        return None
    require_open(trip)
    if not can_undo(link) or (link.last_stop_id, link.last_action) != (trip_stop_id, undoes):
        raise Conflict(_("This can no longer be undone"))
    row, action = _row(trip, trip_stop_id), link.last_action
    if not _is_as_left(row, action):
        raise Conflict(_("This can no longer be undone"))
    if action == Action.ARRIVED:
        lock_times(row)
        _stamp_arrival(trip, row, link.known_arrival, is_suggested=link.known_arrival is not None)
    else:
        is_done = action == Action.DONE
        record_outcome(trip, row, actor=None, is_completed=False if is_done else None, failed=None if is_done else False)
        forget_proofs([row.pk])
    link.last_stop, link.last_action, link.last_at, link.known_arrival = None, "", None, None
    link.save(update_fields=LAST)
    _audit(link, row, f"{action}_undone")
    return row


def _is_first(link: TripLink, tap: Tap) -> bool:
    """Count a tap of a link whose trip is locked, and return whether it is a new one; without a key each is."""
    return not tap.key or DriverTap.objects.get_or_create(link=link, key=tap.key)[1]


def _record(trip: Trip, row: TripStop, action: str, reason: str, at: dt.datetime) -> dt.datetime | None:
    """Do what a tap says; return the arrival that positions had suggested before one of the driver."""
    if action == Action.ARRIVED:
        return _arrive(trip, row, at)
    if action == Action.DONE:
        record_outcome(trip, row, actor=None, is_completed=True, at=at)
    else:
        record_outcome(trip, row, actor=None, failed=True, failure_reason=reason)
    return None


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
        return not row.has_arrived
    if action == Action.DONE:
        return not row.is_completed
    return not (row.failed and row.failure_reason == reason)


def _is_as_left(row: TripStop, action: str) -> bool:
    if action == Action.ARRIVED:
        return not row.is_closed and row.actual_arrival_datetime is not None
    return row.is_completed if action == Action.DONE else row.failed


def _arrive(trip: Trip, row: TripStop, at: dt.datetime) -> dt.datetime | None:
    """Stamp the arrival; one known from positions has the better time, and is returned."""
    lock_times(row)
    known = row.known_arrival
    _stamp_arrival(trip, row, min(known, at) if known else at, is_suggested=False)
    return known


def _stamp_arrival(trip: Trip, row: TripStop, at: dt.datetime | None, *, is_suggested: bool) -> None:
    row.actual_arrival_datetime, row.actual_departure_datetime, row.arrival_is_suggested = at, None, is_suggested
    row.save(update_fields=[*TIMES, "updated_at"])
    note_work(trip)


def _audit(link: TripLink, row: TripStop, what: str) -> None:
    audit.record(f"driver_{what}", target=link.trip, by="driver's link", link_id=link.pk, trip_stop_id=row.pk)
