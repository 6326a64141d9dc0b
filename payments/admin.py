"""The dispatchers' lists of payments and of cash handed in; both are only looked at, what writes them are services."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.admin.tenancy import TenantAdmin
from depannini_dashmap.lib.numbers import written
from payments.models import CashHandIn, Payment


class _LedgerAdmin(TenantAdmin):
    """Rows that only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("amount"), ordering="amount")
    def shown_amount(self, row: Payment | CashHandIn) -> str:
        return format_html('<bdi dir="ltr">{} {}</bdi>', written(row.amount), row.currency)


@admin.register(Payment)
class PaymentAdmin(_LedgerAdmin):
    """Payments of orders and jobs, the newest first."""

    list_display = ("receipt", "created_at", "what_for", "shown_amount", "method", "taker", "company", "note")
    list_filter = ("method", "created_at")
    list_select_related = ("order", "assistance", "taken_by", "company")
    search_fields = ("=number", "order__order_number", "order__customer_name", "assistance__client__name", "assistance__billed_to", "note")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    list_display_links = None

    def _may_look(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.is_active and user.works_here)

    @admin.display(description=_("receipt"), ordering="number")
    def receipt(self, row: Payment) -> str:
        return format_html('<a href="{}"><bdi dir="ltr">{}</bdi></a>', reverse("admin:receipt", args=[row.pk]), row.receipt_number)

    @admin.display(description=_("for"))
    def what_for(self, row: Payment) -> str:
        return str(row.order or row.assistance)

    @admin.display(description=_("taken by"), ordering="taken_by__name")
    def taker(self, row: Payment) -> str:
        return row.taken_by.display_name or f"#{row.taken_by_id}"


@admin.register(CashHandIn)
class CashHandInAdmin(_LedgerAdmin):
    """Cash that assistants handed in, the newest first."""

    is_roadside = True
    list_display = ("id", "created_at", "assistant_name", "shown_amount", "receiver", "note")
    list_filter = ("created_at",)
    list_select_related = ("assistant", "received_by")
    search_fields = ("assistant__name", "assistant__phone_number", "note")
    ordering = ("-created_at", "-id")

    @admin.display(description=_("assistant"), ordering="assistant__name")
    def assistant_name(self, row: CashHandIn) -> str:
        return row.assistant.display_name or f"#{row.assistant_id}"

    @admin.display(description=_("received by"), ordering="received_by__name")
    def receiver(self, row: CashHandIn) -> str:
        return row.received_by.display_name or f"#{row.received_by_id}"
