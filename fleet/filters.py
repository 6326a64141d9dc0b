"""Filters of the list of vehicles."""

from django_filters.rest_framework import FilterSet

from depannini_dashmap.lib.api.filters import IdFilter, InstantFilter, SearchFilter, TruthFilter


class VehicleFilter(FilterSet):
    """`?company=&is_active=&search=&updated_since=`."""

    company = IdFilter(field_name="company_id", label="id of one of one's companies")
    is_active = TruthFilter(field_name="is_active", label="true or false")
    search = SearchFilter(
        ("license_plate", "make", "model", "driver_name", "driver_email", "driver_phone"), label="in plate, make, model or driver"
    )
    updated_since = InstantFilter(field_name="updated_at", lookup_expr="gte", label="changed at or after")
