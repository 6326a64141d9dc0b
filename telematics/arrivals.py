"""Which stops fixes came near: trips is told, and decides what an arrival means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from depannini_dashmap.lib.geo import haversine_km
from telematics.ingest import Row
from trips.services.arrivals import ARRIVAL_RADIUS_KM, AwaitedStop, awaited_stops, record_arrival

# A fix from before the trip's start stamps nothing: no use to ask for each of a vehicle that waits in the yard.
ASK_AGAIN = dt.timedelta(minutes=1)


def tell_arrivals(driven: Mapping[int, Sequence[Row]]) -> None:
    """Tell trips, in the order of time, of every awaited stop that believable fixes of its vehicle lie at.

    Shape: vehicle id → its fixes sorted by time. Effects: the stops' arrival instants.
    """
    if not driven:
        return
    for vehicle_id, stops in awaited_stops(list(driven)).items():
        _tell(stops, [row for row in driven[vehicle_id] if not row.is_implausible])


def _tell(stops: list[AwaitedStop], rows: Sequence[Row]) -> None:
    refused: dict[int, dt.datetime] = {}
    for row in rows:
        stop = next((stop for stop in stops if _is_at(stop, row)), None)
        if stop is None or row.timestamp < refused.get(stop.trip_stop_id, row.timestamp):
            continue
        if record_arrival(trip_stop_id=stop.trip_stop_id, at=row.timestamp):
            stops.remove(stop)
        else:
            refused[stop.trip_stop_id] = row.timestamp + ASK_AGAIN


def _is_at(stop: AwaitedStop, row: Row) -> bool:
    if abs(stop.latitude - row.latitude) * 111 > ARRIVAL_RADIUS_KM:
        return False
    return haversine_km(stop.latitude, stop.longitude, row.latitude, row.longitude) <= ARRIVAL_RADIUS_KM
