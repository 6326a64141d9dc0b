"""The dispatchers' pages of orders and stops."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from depannini_dashmap.lib.admin.service_admin import ServiceAdmin
from depannini_dashmap.lib.sheets.admin import SheetAdmin, TenantHistory
from fleet.admin import CompanyFilter
from orders import services
from orders.forms import STOP_LINES, OrderForm
from orders.models import Order
from orders.sheets import OrderResource


class WaitingFilter(admin.SimpleListFilter):
    """Orders that a trip may take."""

    title = _("waiting for a trip")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("yes")), ("no", _("no"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "yes":
            return queryset.available_for_trip()
        return queryset.unavailable_for_trip() if self.value() == "no" else queryset


class OnMapFilter(admin.SimpleListFilter):
    """Orders whose stops have coordinates, and those to work off."""

    title = _("on the map")
    parameter_name = "on_map"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", _("no, still to be carried")), ("yes", _("yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "no":
            return queryset.to_locate()
        return queryset.located() if self.value() == "yes" else queryset


@admin.register(Order)
class OrderAdmin(SheetAdmin, TenantHistory, SimpleHistoryAdmin, ServiceAdmin):
    """Orders with both stops on one page; the status follows the trip and is not edited here."""

    form = OrderForm
    resource_classes = [OrderResource]
    off_map_page = "admin:dispatch_locate"
    list_display = [
        "order_number",
        "customer_name",
        "company",
        "status",
        "goods_type",
        "pickup_stop",
        "delivery_stop",
        "requested_pickup_date",
    ]
    list_filter = ["status", WaitingFilter, OnMapFilter, ("created_at", admin.DateFieldListFilter), "goods_type", CompanyFilter]
    list_select_related = ["company", "pickup_stop", "delivery_stop"]
    search_fields = ["order_number", "customer_name", "customer_company", "customer_phone", "goods_description"]
    search_help_text = _("Words of one or two letters are looked for at the beginnings of words.")
    readonly_fields = ["order_number", "reference", "status", "paid", "is_in_trip", "created_at", "updated_at"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-id"]
    fieldsets = [
        (None, {"fields": [("order_number", "status"), "company", ("is_in_trip", "reference")]}),
        (
            _("Customer"),
            {"fields": [("customer_name", "customer_company"), ("customer_email", "customer_phone")]},
        ),
        (
            _("Goods"),
            {"fields": ["goods_description", ("goods_type", "goods_weight", "goods_volume"), ("priority", "required_skills"), "special_instructions"]},
        ),
        (_("Price"), {"fields": [("price", "paid")]}),
        (_("Pickup"), {"fields": ["requested_pickup_date", *STOP_LINES["pickup"]]}),
        (_("Delivery"), {"fields": ["requested_delivery_date", *STOP_LINES["delivery"]]}),
        (_("Times"), {"fields": [("created_at", "updated_at")]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> list[str]:
        # An order keeps its company.
        return [*self.readonly_fields, "company"] if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Order, form: Any, change: bool) -> None:
        fields = form.service_fields()
        if change:
            services.update_order(actor=request.user, order_id=obj.pk, **fields)
        else:
            made = services.create_order(actor=request.user, **fields)
            obj.pk, obj.order_number, obj._state.adding = made.pk, made.order_number, False

    def delete_model(self, request: HttpRequest, obj: Order) -> None:
        services.delete_order(actor=request.user, order_id=obj.pk)
