"""Whether a place of a file has its latitude and longitude exchanged, by the places that are known; plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from depannini_dashmap.lib.geo import haversine_km

Point = tuple[float, float]  # latitude, longitude

FAR_KM = 1000  # from everything that is known
NEAR_KM = 300
FEWEST_OTHERS = 3
MOST_COMPARED = 300


def is_swapped(place: Point, *, known: Sequence[Point], others: Iterable[Point]) -> bool:
    """Return whether a place is far from all that are known, and near them with its coordinates exchanged.

    `known` are the company's places. Without any the `others` of the same file decide, if they are at least FEWEST_OTHERS and four
    times as many as those near the place as it is written; an equal one proves nothing.
    """
    turned = place[1], place[0]
    if abs(place[1]) > 90 or haversine_km(*place, *turned) < FAR_KM:
        return False
    # One known place that is near ends it, so nearly every row of a file costs one comparison.
    if known:
        return not any(haversine_km(*place, *one) <= FAR_KM for one in known) and any(haversine_km(*turned, *one) < NEAR_KM for one in known)
    rest = [one for one in others if one != place]
    near_written = sum(haversine_km(*place, *one) < FAR_KM for one in rest)
    if 4 * near_written > len(rest):
        return False
    near_turned = sum(haversine_km(*turned, *one) < FAR_KM for one in rest)
    return near_turned >= max(FEWEST_OTHERS, 4 * near_written)
