"""The line that a vehicle drove, as GeoJSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from django.db.models import QuerySet

from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.roads import line_geometry, map_matching
from telematics.line_simplification import thin
from telematics.models import Position
from telematics.representation import instant

MAX_POINTS = 1000
MAX_READ = 20_000
COLUMNS = ("timestamp", "latitude", "longitude", "speed")


def track_of(
    vehicle_id: int, license_plate: str, start: dt.datetime | None, end: dt.datetime | None, *, matched: bool = False
) -> dict[str, Any]:
    """Build the feature of a vehicle's believable fixes in a span, thinned to MAX_POINTS by thinning.thin.

    `matched` puts the line on the roads that were driven, where those are known, and leaves gaps of more than five
    minutes open; the fixes themselves are then in `fixes`, and `matched` says whether any part lies on roads.

    Of a span with more than MAX_READ fixes evenly spread ones are read, so that the work is bounded.
    """
    rows = Position.objects.filter(vehicle_id=vehicle_id, is_implausible=False).between(start, end)
    fixes = list(rows.order_by("timestamp").values_list(*COLUMNS)[: MAX_READ + 1])
    is_sampled = len(fixes) > MAX_READ
    if is_sampled:
        fixes = list(_spread(rows))
    kept = [fixes[i] for i in thin([(fix[1], fix[2]) for fix in fixes], MAX_POINTS)]
    coordinates = [[fix[2], fix[1]] for fix in kept]
    feature = {
        "type": "Feature",
        "geometry": _geometry(coordinates),
        "properties": {
            "vehicle_id": vehicle_id,
            "vehicle_license_plate": license_plate,
            "points": len(kept),
            "is_thinned": is_sampled or len(kept) < len(fixes),
            "distance_km": round(_length_km(fixes), 3),
            "started_at": instant(fixes[0][0]) if fixes else None,
            "ended_at": instant(fixes[-1][0]) if fixes else None,
            "timestamps": [instant(fix[0]) for fix in kept],
            "speeds": [fix[3] for fix in kept],
        },
    }
    return _on_roads(feature, kept, coordinates) if matched else feature


def _on_roads(feature: dict[str, Any], kept: Sequence[tuple], coordinates: list[list[float]]) -> dict[str, Any]:
    found = [piece for piece in map_matching.pieces([fix[:3] for fix in kept], matched=True) if len(piece.line) > 1]
    on_roads = [piece for piece in found if piece.is_matched]
    if found:
        drawn = [[[round(lng, 6), round(lat, 6)] for lat, lng in piece.line] for piece in found]
        feature["geometry"] = {"type": "MultiLineString", "coordinates": drawn}
    if on_roads:
        feature["properties"]["distance_km"] = round(sum(line_geometry.length_km(piece.line) for piece in found), 3)
    feature["properties"] |= {"fixes": coordinates, "matched": bool(on_roads)}
    return feature


def _geometry(coordinates: list[list[float]]) -> dict[str, Any] | None:
    if not coordinates:
        return None
    if len(coordinates) == 1:
        return {"type": "Point", "coordinates": coordinates[0]}
    return {"type": "LineString", "coordinates": coordinates}


def _length_km(fixes: Sequence[tuple]) -> float:
    return sum(haversine_km(*a[1:3], *b[1:3]) for a, b in pairwise(fixes))


def _spread(rows: QuerySet) -> Iterator[tuple]:
    """Return the first fix of each of many equal spans of time, and the last of all, by one short index read each."""
    in_order = rows.order_by("timestamp").values_list(*COLUMNS)
    first, last = in_order[0], in_order.reverse()[0]
    step = (last[0] - first[0]) / (2 * MAX_POINTS)
    fix: tuple | None = first
    while fix is not None and fix[0] < last[0]:
        yield fix
        spans = (fix[0] - first[0]) // step + 1
        fix = in_order.filter(timestamp__gte=first[0] + spans * step).first()
    yield last
