"""Filters of the lists of trips and trip stops."""

import datetime as dt

import django_filters
from django.db.models import Q, QuerySet
from django_filters.rest_framework import FilterSet

from depannini_dashmap.lib.api.filters import AnyOfFilter, IdFilter, InstantFilter, SearchFilter, TruthFilter
from trips.models import Trip, TripStop


class _StopsChanged(InstantFilter):
    """Trip stops of which something changed that their document shows: a place may change with its order."""

    def filter(self, qs: QuerySet, value: dt.datetime | None) -> QuerySet:
        return qs if value is None else qs.filter(Q(updated_at__gte=value) | Q(stop__updated_at__gte=value))


class _TripsChanged(InstantFilter):
    """Trips likewise."""

    def filter(self, qs: QuerySet, value: dt.datetime | None) -> QuerySet:
        if value is None:
            return qs
        visits = TripStop.objects.filter(stop__updated_at__gte=value)
        return qs.filter(Q(updated_at__gte=value) | Q(pk__in=visits.values("trip_id")))


class TripFilter(FilterSet):
    """Vehicle, company, dispatcher, order, statuses, days, words."""

    vehicle = IdFilter(field_name="vehicle_id", label="id of a vehicle")
    company = IdFilter(field_name="company_id", label="id of one of one's companies")
    dispatcher = IdFilter(field_name="dispatcher_id", label="id of a dispatcher")
    order = IdFilter(field_name="trip_orders__order_id", label="id of an order that the trip carries or carried")
    status = AnyOfFilter(field_name="status", choices=Trip.Status.choices, label="one or several, by comma")
    date = django_filters.DateFilter(field_name="planned_start_date", label="planned start on")
    date_from = django_filters.DateFilter(field_name="planned_start_date", lookup_expr="gte", label="on or after")
    date_to = django_filters.DateFilter(field_name="planned_start_date", lookup_expr="lte", label="on or before")
    updated_since = _TripsChanged(field_name="updated_at", lookup_expr="gte", label="changed at or after")
    search = SearchFilter(
        ("name", "notes", "vehicle__license_plate", "vehicle__driver_name"), label="in name, notes, plate or driver"
    )


class TripStopFilter(FilterSet):
    """Trip, order, done or not."""

    trip = IdFilter(field_name="trip_id", label="id of a trip")
    order = IdFilter(field_name="order_id", label="id of an order")
    is_completed = TruthFilter(field_name="is_completed", label="true or false")
    failed = TruthFilter(field_name="failed", label="true or false")
    updated_since = _StopsChanged(field_name="updated_at", lookup_expr="gte", label="changed at or after")
