"""Filters of the list of payments."""

from django_filters.rest_framework import FilterSet

from depannini_dashmap.lib.api.filters import AnyOfFilter, IdFilter, InstantFilter
from payments.models import Payment


class PaymentFilter(FilterSet):
    """Whose, for what, how and when."""

    company = IdFilter(field_name="company_id", label="id of one of one's companies")
    order = IdFilter(field_name="order_id", label="id of an order")
    assistance = IdFilter(field_name="assistance_id", label="id of an assistance request")
    taken_by = IdFilter(field_name="taken_by_id", label="id of who took it")
    method = AnyOfFilter(field_name="method", choices=Payment.Method.choices, label="one or several, by comma")
    created_from = InstantFilter(field_name="created_at", lookup_expr="gte", label="taken at or after")
    created_to = InstantFilter(field_name="created_at", lookup_expr="lte", label="taken at or before")

    class Meta:
        model = Payment
        fields: list[str] = []
