"""Puts fixes of a drive on the roads that were driven; what matches no road stays as it is, and gaps stay gaps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from depannini_dashmap.lib.roads import osrm
from depannini_dashmap.lib.roads.osrm import NoAnswer, Point, Refused

GAP = dt.timedelta(minutes=5)  # without a fix: nobody knows where the vehicle was
AT_ONCE = 100  # fixes in one question
SPREAD = 20  # metres that a fix may be off
Fix = tuple[dt.datetime, float, float]


@dataclass(frozen=True)
class Piece:
    """A part of a drive without a gap; `is_matched` says whether its line follows roads."""

    line: list[Point]
    is_matched: bool


def pieces(fixes: Sequence[Fix], *, matched: bool) -> list[Piece]:
    """Return a drive, in order of time, as lines between its gaps; on roads, where they are known and it is asked for."""
    found: list[Piece] = []
    for run in _between_gaps(fixes):
        for start in range(0, len(run), AT_ONCE - 1):
            part = run[start : start + AT_ONCE]
            if len(part) > 1 or start == 0:
                found += _on_roads(part) if matched else [_as_it_is(part)]
    return found


def _between_gaps(fixes: Sequence[Fix]) -> list[list[Fix]]:
    runs: list[list[Fix]] = []
    for fix in fixes:
        if runs and fix[0] - runs[-1][-1][0] <= GAP:
            runs[-1].append(fix)
        else:
            runs.append([fix])
    return runs


def _as_it_is(part: Sequence[Fix]) -> Piece:
    return Piece([(lat, lng) for _, lat, lng in part], is_matched=False)


def _on_roads(part: list[Fix]) -> list[Piece]:
    if len(part) < 2:
        return [_as_it_is(part)]
    try:
        answer = osrm.ask(
            "match",
            [(lat, lng) for _, lat, lng in part],
            timestamps=";".join(str(int(at.timestamp())) for at, _, _ in part),
            radiuses=";".join([str(SPREAD)] * len(part)),
            overview="full",
            geometries="geojson",
            gaps="ignore",
            tidy="true",
        )
        lines = [[(lat, lng) for lng, lat in one["geometry"]["coordinates"]] for one in answer["matchings"]]
    except (NoAnswer, Refused, KeyError, TypeError, ValueError):
        return [_as_it_is(part)]
    return [Piece(line, is_matched=True) for line in lines if len(line) > 1] or [_as_it_is(part)]
