"""Who is near: looks up fresh assistants on duty by cells, reading no more rows than lie in the searched box.

The caller may be a stranger: order, distance and radius use the location as strangers
are shown it, so that no number of questions finds more. Two exact places that look the same answer the same.

The SQL is written by hand because it is the hottest query of the product; it is the same on SQLite and PostgreSQL.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from assistance import approval, cells
from assistance.cells import Box, box_around
from depannini_dashmap.lib.db.prepared import Statement
from depannini_dashmap.lib.geo import haversine_km

FIRST_RADIUS_KM = 3.0
HALF_ROUND_KM = 20100.0
DISTANCE_PLACES = 3
# A longer list of rows of cells costs the database more than the rows of a band that it saves.
MAX_LISTED_ROWS = 400
SERVICES = ("towing", "repair")
# Assistants in a square as wide as the radius, by service and degree: where a search begins, never what it finds.
_density: dict[tuple[str, int, int], float] = {}


class Candidate(NamedTuple):
    """An assistant and the way to the pickup as the crow flies, from the place that strangers are shown.

    The way from the exact place, that place, and the driving time from it (`eta_s`, None where no road is known) are for
    the assistant and for staff alone.
    """

    user_id: int
    distance_km: float
    exact_km: float
    place: tuple[float, float] = (0.0, 0.0)
    eta_s: int | None = None


class Search(NamedTuple):
    """Whom to look for: a service ('' is any), only the free, only those not asked about a request."""

    assistance_type: str
    now: datetime
    only_free: bool = True
    unasked_about: int | None = None


def within(lat: float, lng: float, radius_km: float, search: Search) -> list[Candidate]:
    """Return everyone within the radius, nearest first, by one query."""
    box = box_around(lat, lng, radius_km + cells.ROUNDED_BY_KM)
    return _ranked(_rows_in(box, search), lat, lng, radius_km)


def nearest(lat: float, lng: float, count: int, max_radius_km: float, search: Search) -> list[Candidate]:
    """Return the nearest ``count`` within the greatest radius, nearest first.

    The box starts as wide as the density last seen around here asks for and grows until it holds enough: what lies
    within its radius is complete, so the first ``count`` of it are the nearest there are.
    """
    around = (search.assistance_type, math.floor(lat), math.floor(lng))
    radius_km = min(_first_radius_km(_density.get(around), count), max_radius_km)
    while True:
        found = within(lat, lng, radius_km, search)
        if len(found) >= count or radius_km >= max_radius_km:
            seen = len(found) / radius_km**2
            # The mean forgets a crowd slowly, so that a search in its midst does not begin with all of it.
            _density[around] = (seen + _density.get(around, seen)) / 2
            return found[:count]
        radius_km = min(radius_km * _growth(len(found), count), max_radius_km)


def nearest_anywhere(lat: float, lng: float, count: int, near_km: float, search: Search) -> list[Candidate]:
    """Return the nearest ``count`` on the whole earth: around first, and everywhere only when there are too few."""
    found = nearest(lat, lng, count, near_km, search)
    return found if len(found) >= count else within(lat, lng, HALF_ROUND_KM, search)[:count]


def _first_radius_km(density: float | None, count: int) -> float:
    """Return the radius that holds ``count`` in most places of a density, FIRST_RADIUS_KM where none was seen yet."""
    if density is None:
        return FIRST_RADIUS_KM
    wanted = count + 2 * math.sqrt(count)
    return math.sqrt(wanted / density) if density else math.inf


def _growth(found: int, wanted: int) -> float:
    """Return the factor by which the radius grows: by the density seen, at least doubled, at most times five."""
    return 5.0 if not found else min(5.0, max(2.0, 1.3 * math.sqrt(wanted / found)))


def _ranked(rows: list[tuple[int, float, float]], lat: float, lng: float, radius_km: float) -> list[Candidate]:
    measured = (
        (haversine_km(lat, lng, *cells.public_place(row_lat, row_lng)), user_id, row_lat, row_lng)
        for user_id, row_lat, row_lng in rows
    )
    return [
        Candidate(user_id, distance_km, haversine_km(lat, lng, row_lat, row_lng), (row_lat, row_lng))
        for distance_km, user_id, row_lat, row_lng in sorted(measured)
        if distance_km <= radius_km
    ]


def _rows_in(box: Box, search: Search) -> list[tuple[int, float, float]]:
    is_listed = box.rows <= MAX_LISTED_ROWS
    is_unasked, needs_approval = search.unasked_about is not None, settings.ASSISTANT_APPROVAL
    statement = _statement(connection.vendor, is_listed, search.only_free, is_unasked, needs_approval)
    services = (search.assistance_type,) * 2 if search.assistance_type in SERVICES else SERVICES
    rows = [_list_of(range(box.first_row, box.last_row + 1))] if is_listed else [box.first_row, box.last_row]
    asked = [] if search.unasked_about is None else [search.unasked_about]
    found: list[tuple] = []
    for west, east in box.columns:
        found += statement.rows(
            *services, search.now - settings.LOCATION_TTL, west, east, approval.today(search.now), *rows, *asked
        )
    return found


@cache
def _statement(vendor: str, is_listed: bool, only_free: bool, is_unasked: bool, needs_approval: bool) -> Statement:
    """Write the search; the index on (service_type, cell_y, cell_x) reads the box and nothing else.

    Only a box of few rows is planned beforehand: how a wide one is read best depends on how wide it is.
    """
    sql = (
        "SELECT p.user_id, p.lat, p.lng FROM assistance_assistantprofile p"
        " WHERE p.is_active AND p.service_type IN ($1, $2) AND p.seen_at > $3 AND p.cell_x BETWEEN $4 AND $5"
        " AND (p.driving_license_expiry IS NULL OR p.driving_license_expiry > $6)"
    )
    if needs_approval:
        sql += " AND p.approved_at IS NOT NULL"
    if not is_listed:
        sql += " AND p.cell_y BETWEEN $7 AND $8"
    elif vendor == "postgresql":
        sql += " AND p.cell_y = ANY($7::int[])"
    else:
        sql += " AND p.cell_y IN (SELECT value FROM json_each($7))"
    if only_free:
        sql += (
            " AND NOT EXISTS (SELECT 1 FROM assistance_assistance j"
            " WHERE j.assistant_id = p.user_id AND j.status IN ('accepted', 'ongoing'))"
        )
    if is_unasked:
        sql += (
            " AND NOT EXISTS (SELECT 1 FROM assistance_offer o WHERE o.assistant_id = p.user_id"
            " AND (o.closed_at IS NULL OR o.answer = 'declined' OR o.reason IN ('released', 'recalled')"
            " OR (o.reason = 'stalled' AND o.closed_at >= p.seen_at"
            " AND (p.alive_at IS NULL OR o.closed_at >= p.alive_at)))"
        )
        sql += f" AND o.assistance_id = ${8 if is_listed else 9})"
    return Statement(sql, is_prepared=is_listed)


def _list_of(numbers: Iterable[int]) -> str:
    """Write whole numbers as the one parameter that each database reads fastest."""
    text = ",".join(map(str, numbers))
    return f"{{{text}}}" if connection.vendor == "postgresql" else f"[{text}]"
