"""Record arrivals and departures that telematics reports.

Positions stamp times only; that the work at a stop is done is said by people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Case, DateTimeField, Q, QuerySet, Value, When
from django.utils import timezone

from trips.events import trip_changed
from trips.lifecycle import IN_PROGRESS
from trips.models import TripStop


def record_arrivals(*, actor: None, trip_stops: Mapping[int, dt.datetime]) -> bool:
    """Stamp arrivals at awaited stops of running trips, as suggestions. Returns whether this call stamped any.

    Shape: no `actor`, devices report them; trip stop id → instant; the number of statements does not depend on how many. A suggestion from before gives
    way to a later one, with its departure. A fix older than the trip's start stamps nothing.
    """
    at = _of_each(trip_stops)
    rows = TripStop.objects.awaited().filter(pk__in=trip_stops, trip__actual_start_datetime__lte=at)
    earlier = Q(actual_arrival_datetime=None) | Q(arrival_is_suggested=True, actual_arrival_datetime__lt=at)
    fields = {"actual_arrival_datetime": at, "actual_departure_datetime": None, "arrival_is_suggested": True}
    return _stamp(trip_stops, rows.filter(earlier), **fields)


def confirm_arrivals(*, actor: None, trip_stops: Collection[int]) -> bool:
    """Make suggested arrivals facts: the vehicles stayed; no `actor`. Returns whether this call did it for any."""
    rows = TripStop.objects.filter(pk__in=trip_stops, trip__status=IN_PROGRESS, arrival_is_suggested=True)
    return _stamp(trip_stops, rows, arrival_is_suggested=False)


def record_departures(*, actor: None, trip_stops: Mapping[int, dt.datetime]) -> bool:
    """Stamp departures from stops that were arrived at; no `actor`. Returns whether this call stamped any."""
    at = _of_each(trip_stops)
    rows = TripStop.objects.filter(trip__status=IN_PROGRESS, pk__in=trip_stops, actual_departure_datetime=None)
    return _stamp(trip_stops, rows.filter(actual_arrival_datetime__lte=at), actual_departure_datetime=at)


def _of_each(trip_stops: Mapping[int, dt.datetime]) -> Case:
    """Return each stop's own instant, as SQL."""
    return Case(*(When(pk=pk, then=Value(at)) for pk, at in trip_stops.items()), output_field=DateTimeField())


def _stamp(trip_stop_ids: Collection[int], rows: QuerySet[TripStop], **fields: Any) -> bool:
    own = TripStop.objects.filter(pk__in=trip_stop_ids)
    with transaction.atomic():
        if len(trip_stop_ids) > 1:  # in the order of their ids, so that two batches never deadlock
            list(own.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        # An UPDATE cannot join on every database, so the rows are named by a subquery.
        target = TripStop.objects.open().filter(pk__in=rows.values("pk"))
        if not target.update(**fields, updated_at=timezone.now()):
            return False
        for trip_id, company_id in own.order_by().values_list("trip_id", "trip__company_id").distinct():
            trip_changed(trip_id, company_id)
    return True
