"""When a vehicle came to a stop and when it left, out of fixes that are never quite right; plain values only.

The edge of a stop is crossed by a margin, as a parked vehicle's fixes wander over any line: a geofence with hysteresis.
All instants are the device's, so that a buffer sent late yields the same visits as live reports.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

RADIUS_M = 150.0
LEAVING_MARGIN_M = 50.0
LEAVING_AFTER = dt.timedelta(seconds=60)
SURE_AFTER = dt.timedelta(seconds=120)


class Seen(NamedTuple):
    """One trusted fix as a stop sees it; `accuracy_m` is the radius of its uncertainty, None where it is not known."""

    at: dt.datetime
    distance_m: float
    accuracy_m: float | None = None


class Visit(NamedTuple):
    """The state of a vehicle's visit to a stop.

    `first_at` is the first of its fixes inside, `entered_at` is set to it once it counts, `is_sure` once the vehicle
    stayed; `outside_at` is the first of the fixes outside since, `left_at` is set to it once it counts. `seen_at` is the
    newest fix considered: an older one changes nothing.
    """

    seen_at: dt.datetime
    first_at: dt.datetime | None = None
    entered_at: dt.datetime | None = None
    is_sure: bool = False
    outside_at: dt.datetime | None = None
    left_at: dt.datetime | None = None


def follow(visit: Visit | None, fix: Seen) -> Visit:
    """Return the visit after one more fix.

    It begins with a fix inside the radius whose accuracy is no worse than the radius, or with two of unknown or worse
    accuracy in a row; it is sure after 120 s inside. It ends when distance minus accuracy exceeds the radius by 50 m
    twice, or for 60 s. A visit that ended and was sure is over for good; an uncertain visit may begin again.
    """
    if visit is None:
        visit = Visit(fix.at)
    elif fix.at <= visit.seen_at or (visit.left_at is not None and visit.is_sure):
        return visit
    visit = visit._replace(seen_at=fix.at)
    if fix.distance_m <= RADIUS_M:
        return _inside(visit, fix)
    if fix.distance_m - (fix.accuracy_m or 0) > RADIUS_M + LEAVING_MARGIN_M:
        return _outside(visit, fix)
    # Between the two lines a fix says neither, but time goes on.
    return _left_if_long(visit, fix)


def _inside(visit: Visit, fix: Seen) -> Visit:
    if visit.left_at is not None:  # a passage that was not sure: this may be the visit itself
        visit = Visit(fix.at)
    is_accurate = fix.accuracy_m is not None and fix.accuracy_m <= RADIUS_M
    first = visit.first_at or fix.at
    entered = visit.entered_at or (first if is_accurate or visit.first_at is not None else None)
    is_sure = visit.is_sure or (entered is not None and fix.at - entered >= SURE_AFTER)
    return visit._replace(first_at=first, entered_at=entered, is_sure=is_sure, outside_at=None)


def _outside(visit: Visit, fix: Seen) -> Visit:
    if visit.entered_at is None:
        return visit._replace(first_at=None)
    if visit.outside_at is None:
        return visit._replace(outside_at=fix.at)
    return visit._replace(left_at=visit.outside_at)


def _left_if_long(visit: Visit, fix: Seen) -> Visit:
    if visit.outside_at is not None and fix.at - visit.outside_at >= LEAVING_AFTER and visit.left_at is None:
        return visit._replace(left_at=visit.outside_at)
    return visit
