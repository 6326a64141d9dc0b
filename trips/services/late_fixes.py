"""Positions that arrive after their trip has ended: a phone without reception sends them hours later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

from django.db import transaction
from django.utils import timezone

from trips.models import Trip


def trips_of_late_fixes(*, actor: None, spans: Mapping[int, tuple[dt.datetime, dt.datetime]]) -> list[int]:
    """Return the ids of ended trips whose kilometres late fixes may change; no `actor`, devices report.

    Shape: vehicle id → instants of its oldest and newest late fix. One query. A trip that ends later is measured later, with these fixes.
    """
    first, last = min(span[0] for span in spans.values()), max(span[1] for span in spans.values())
    ended = Trip.objects.filter(vehicle_id__in=spans, actual_start_datetime__lte=last, actual_end_datetime__gte=first)
    rows = ended.order_by("pk").values_list("pk", "vehicle_id", "actual_start_datetime", "actual_end_datetime")
    return [pk for pk, vehicle_id, start, end in rows if start and end and start <= spans[vehicle_id][1] and end >= spans[vehicle_id][0]]


@transaction.atomic
def note_late_fixes(*, actor: None, trip_ids: Collection[int]) -> int:
    """Have ended trips measured again, and return how many; no `actor`, devices report. Two statements."""
    # In the order of their ids, so that two batches never deadlock.
    list(Trip.objects.filter(pk__in=trip_ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    return Trip.objects.filter(pk__in=trip_ids).update(late_fixes_at=timezone.now())
