"""Measure how far trips that have ended went, once, and once more where fixes of their time came late."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from telematics.models import Position
from telematics.services.positions import LATE
from telematics.trip_distances import distance_of
from trips.models import Trip, TripStop

QUIET = dt.timedelta(minutes=3)  # after the last late fixes: a phone sends what it kept in several batches
MEASURED_AT_ONCE, MOST_FIXES = 20, 200_000


def measure_trips(*, actor: None) -> int:
    """Measure trips that ended a while ago, also in old data, and return how many; a round calls, so no `actor`.

    Effects: `driven_km` and `km_source` of some trips, the newest first. What was measured stays when positions are pruned; late fixes change it
    only where all positions together cover the trip.
    """
    now = timezone.now()
    trips = list(Trip.objects.to_measure(now - LATE)[:MEASURED_AT_ONCE])
    trips += Trip.objects.to_measure_again(now - QUIET)[:MEASURED_AT_ONCE]
    reached: dict[int, list[tuple[float, float]]] = {trip.pk: [] for trip in trips}
    stops = TripStop.objects.filter(trip__in=reached, is_completed=True, stop__latitude__isnull=False, stop__longitude__isnull=False)
    for trip_id, lat, lng in stops.in_order_of_arrival().values_list("trip_id", "stop__latitude", "stop__longitude"):
        reached[trip_id].append((float(str(lat)), float(str(lng))))
    for trip in trips:
        rows = Position.objects.filter(vehicle_id=trip.vehicle_id, is_implausible=False).between(trip.actual_start_datetime, trip.actual_end_datetime)
        fixes = rows.order_by("timestamp").values_list("timestamp", "latitude", "longitude")[:MOST_FIXES]
        km, source = distance_of(fixes.iterator(chunk_size=2000), reached[trip.pk])
        found = {"driven_km": km, "km_source": source} if trip.driven_km is None or source == Trip.KmSource.RECORDED else {}
        # Fixes that came while these were read have changed the mark: the next round reads them, too.
        Trip.objects.filter(pk=trip.pk, driven_km=trip.driven_km, late_fixes_at=trip.late_fixes_at).update(**found, late_fixes_at=None)
    return len(trips)
