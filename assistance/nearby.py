"""Who is near: looks up fresh assistants on duty by cells, reading no more rows than lie in the searched box.

The SQL is written by hand because it is the hottest query of the product; it is the same on SQLite and PostgreSQL.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from assistance.cells import Box, box_around
from depannini_dashmap.lib.geo import haversine_km

FIRST_RADIUS_KM = 3.0
HALF_ROUND_KM = 20100.0
# A longer list of rows of cells costs the database more than the rows of a band that it saves.
MAX_LISTED_ROWS = 400


class Candidate(NamedTuple):
    """An assistant and the way to the pickup as the crow flies."""

    user_id: int
    distance_km: float


class Search(NamedTuple):
    """Whom to look for: a service ('' is any), only the free, only those not asked about a request."""

    assistance_type: str
    now: datetime
    only_free: bool = True
    unasked_about: int | None = None


def within(lat: float, lng: float, radius_km: float, search: Search) -> list[Candidate]:
    """Give everyone within the radius, nearest first, by one query."""
    return _ranked(_rows_in(box_around(lat, lng, radius_km), search), lat, lng, radius_km)


def nearest(lat: float, lng: float, count: int, max_radius_km: float, search: Search) -> list[Candidate]:
    """Give the nearest ``count`` within the greatest radius, nearest first.

    The box starts small and grows until it holds enough: what lies within its radius is complete, so the first
    ``count`` of it are the nearest there are.
    """
    radius_km = min(FIRST_RADIUS_KM, max_radius_km)
    while True:
        found = within(lat, lng, radius_km, search)
        if len(found) >= count or radius_km >= max_radius_km:
            return found[:count]
        radius_km = min(radius_km * _growth(len(found), count), max_radius_km)


def nearest_anywhere(lat: float, lng: float, count: int, near_km: float, search: Search) -> list[Candidate]:
    """Give the nearest ``count`` on the whole earth: around first, and everywhere only when there are too few."""
    found = nearest(lat, lng, count, near_km, search)
    return found if len(found) >= count else within(lat, lng, HALF_ROUND_KM, search)[:count]


def _growth(found: int, wanted: int) -> float:
    """Give the factor by which the radius grows: by the density seen, at least doubled, at most times five."""
    return 5.0 if not found else min(5.0, max(2.0, 1.3 * math.sqrt(wanted / found)))


def _ranked(rows: list[tuple[int, float, float]], lat: float, lng: float, radius_km: float) -> list[Candidate]:
    measured = ((haversine_km(lat, lng, row_lat, row_lng), user_id) for user_id, row_lat, row_lng in rows)
    return [Candidate(user_id, distance) for distance, user_id in sorted(measured) if distance <= radius_km]


def _rows_in(box: Box, search: Search) -> list[tuple[int, float, float]]:
    sql = f"SELECT p.user_id, p.lat, p.lng FROM assistance_assistantprofile p WHERE {_in_box(box, search)}"  # noqa: S608  # whole numbers and literals only
    params: list[Any] = [search.now - settings.LOCATION_TTL]
    sql += " AND p.seen_at > %s"
    if search.only_free:
        sql += (
            " AND NOT EXISTS (SELECT 1 FROM assistance_assistance j"
            " WHERE j.assistant_id = p.user_id AND j.status IN ('accepted', 'ongoing'))"
        )
    if search.unasked_about is not None:
        sql += (
            " AND NOT EXISTS (SELECT 1 FROM assistance_offer o WHERE o.assistant_id = p.user_id"
            " AND o.assistance_id = %s AND (o.closed_at IS NULL OR o.answer = 'declined' OR o.reason = 'released'))"
        )
        params.append(search.unasked_about)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _in_box(box: Box, search: Search) -> str:
    """Write the condition that the index on (service_type, cell_y, cell_x) answers alone: whole numbers only."""
    services = (
        "'towing', 'repair'" if search.assistance_type not in ("towing", "repair") else f"'{search.assistance_type}'"
    )
    if box.rows <= MAX_LISTED_ROWS:
        rows = f"p.cell_y IN ({', '.join(map(str, range(box.first_row, box.last_row + 1)))})"
    else:
        rows = f"p.cell_y BETWEEN {box.first_row} AND {box.last_row}"
    columns = " OR ".join(f"p.cell_x BETWEEN {west} AND {east}" for west, east in box.columns)
    return f"p.is_active AND p.service_type IN ({services}) AND {rows} AND ({columns})"
