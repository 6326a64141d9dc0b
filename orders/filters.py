"""Filters of the list of orders."""

import django_filters
from django_filters.rest_framework import FilterSet

from depannini_dashmap.lib.api.filters import AnyOfFilter, IdFilter, InstantFilter, SearchFilter, TruthFilter
from orders.managers import OrderQuerySet
from orders.models import Order


class OrderFilter(FilterSet):
    """Statuses, goods, companies, dates, words, and what still waits for a trip."""

    company = IdFilter(field_name="company_id", label="id of one of one's companies")
    status = AnyOfFilter(field_name="status", choices=Order.Status.choices, label="one or several, by comma")
    goods_type = AnyOfFilter(field_name="goods_type", choices=Order.GoodsType.choices, label="one or several")
    available_for_trip = TruthFilter(method="filter_available", label="pending and in no trip")
    pickup_date = django_filters.DateFilter(field_name="requested_pickup_date", label="requested pickup on")
    pickup_from = django_filters.DateFilter(field_name="requested_pickup_date", lookup_expr="gte", label="or after")
    pickup_to = django_filters.DateFilter(field_name="requested_pickup_date", lookup_expr="lte", label="or before")
    delivery_date = django_filters.DateFilter(field_name="requested_delivery_date", label="requested delivery on")
    delivery_from = django_filters.DateFilter(field_name="requested_delivery_date", lookup_expr="gte", label="or after")
    delivery_to = django_filters.DateFilter(field_name="requested_delivery_date", lookup_expr="lte", label="or before")
    created_from = InstantFilter(field_name="created_at", lookup_expr="gte", label="taken at or after")
    created_to = InstantFilter(field_name="created_at", lookup_expr="lte", label="taken at or before")
    updated_since = InstantFilter(field_name="updated_at", lookup_expr="gte", label="changed at or after")
    search = SearchFilter(
        ("order_number", "customer_name", "customer_company", "customer_phone", "goods_description"),
        label="in number, customer or goods; one or two letters at the beginnings of words",
    )

    def filter_available(self, queryset: OrderQuerySet, name: str, value: bool) -> OrderQuerySet:
        """Keep those that wait for a trip, or the others."""
        return queryset.available_for_trip() if value else queryset.unavailable_for_trip()
