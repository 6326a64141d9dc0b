"""Admin for operators and the group Roadside: requests with their offers, assistants, tariffs. States change by services only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from assistance import approval, pricing
from assistance.models import Assistance, AssistantProfile, ChatMessage, Offer, ScheduledRequest, Tariff
from depannini_dashmap.lib.admin.tenancy import TenantAdmin
from depannini_dashmap.lib.numbers import written
from depannini_dashmap.lib.sheets.admin import TenantHistory

STANDINGS = {
    approval.WAITING: _("not approved"),
    approval.APPROVED: _("approved"),
    approval.LICENCE_EXPIRED: _("licence expired"),
}


class _RoadsideAdmin(TenantAdmin):
    is_roadside = True


class _LedgerAdmin(_RoadsideAdmin):
    """Rows that only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OfferInline(admin.TabularInline):
    """Who was asked about a request, and what they said."""

    model = Offer
    fk_name = "assistance"
    fields = (
        "assistant",
        "source",
        "wave",
        "distance_km",
        "offered_at",
        "answer",
        "answered_at",
        "closed_at",
        "reason",
    )
    readonly_fields = fields
    ordering = ("offered_at", "id")
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("assistant")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_roadside)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Assistance)
class AssistanceAdmin(_LedgerAdmin):
    """Requests for help, read-only; acts on them are on the console's pages."""

    list_display = (
        "id", "status", "reason", "client_name", "assistant_name", "assistance_type", "vehicle_type", "wave",
        "price", "price_consent", "created_at",
    )  # fmt: skip
    list_filter = ("status", "reason", "assistance_type", "vehicle_type", "price_consent", "price_source", "created_at")
    readonly_fields = ("price_source", "price_consent")
    list_select_related = ("client", "assistant")
    search_fields = ("=id", "client__name", "client__phone_number", "client__caller_phone", "assistant__name", "assistant__phone_number")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    inlines = (OfferInline,)

    @admin.display(description=_("client"), ordering="client__name")
    def client_name(self, job: Assistance) -> str:
        return job.client.display_name or f"#{job.client_id}"

    @admin.display(description=_("assistant"), ordering="assistant__name")
    def assistant_name(self, job: Assistance) -> str:
        return job.assistant.display_name or f"#{job.assistant_id}" if job.assistant else "–"

    @admin.display(description=_("price"), ordering="total_price")
    def price(self, job: Assistance) -> str:
        """Show the amount with its currency, or the word for none yet."""
        if not (job.price_is_final or job.total_price):
            return gettext("not set yet")
        return format_html('<bdi dir="ltr">{} {}</bdi>', written(job.total_price), job.currency)


@admin.register(ScheduledRequest)
class ScheduledRequestAdmin(_LedgerAdmin):
    """Requests for callers that are made at a time, and what became of them."""

    list_display = ("id", "scheduled_for", "client_name", "billed_to", "assistance_type", "assistance", "canceled_at", "refusal")
    list_filter = ("scheduled_for",)
    list_select_related = ("client", "assistance")
    search_fields = ("=id", "client__name", "client__phone_number", "client__caller_phone", "billed_to")
    ordering = ("-scheduled_for", "-id")

    @admin.display(description=_("client"), ordering="client__name")
    def client_name(self, row: ScheduledRequest) -> str:
        return row.client.display_name or f"#{row.client_id}"


@admin.register(Offer)
class OfferAdmin(_LedgerAdmin):
    """The ledger of who was asked."""

    list_display = (
        "id", "request_id", "assistant_name", "source", "wave", "distance_km", "offered_at", "answer", "reason",
        "closed_at",
    )  # fmt: skip
    list_filter = ("source", "answer", "reason", "offered_at")
    list_select_related = ("assistant",)
    search_fields = ("=assistance__id", "assistant__name", "assistant__phone_number")
    ordering = ("-id",)

    @admin.display(description=_("assistance request"), ordering="assistance_id")
    def request_id(self, offer: Offer) -> int:
        return offer.assistance_id

    @admin.display(description=_("assistant"), ordering="assistant__name")
    def assistant_name(self, offer: Offer) -> str:
        return offer.assistant.display_name or f"#{offer.assistant_id}"


@admin.register(ChatMessage)
class ChatMessageAdmin(_LedgerAdmin):
    """What the parties of requests wrote, for disputes."""

    list_display = ("id", "request_id", "sender_name", "message", "created_at")
    list_select_related = ("sender",)
    search_fields = ("=assistance__id",)
    ordering = ("-id",)

    @admin.display(description=_("assistance request"), ordering="assistance_id")
    def request_id(self, sent: ChatMessage) -> int:
        return sent.assistance_id

    @admin.display(description=_("sender"), ordering="sender__name")
    def sender_name(self, sent: ChatMessage) -> str:
        return sent.sender.display_name or f"#{sent.sender_id}"


class StandingFilter(admin.SimpleListFilter):
    """Who may take jobs, and whom staff still have to look at."""

    title = _("approval")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(STANDINGS.items())

    def queryset(self, request: HttpRequest, rows: QuerySet) -> QuerySet:
        expired = Q(driving_license_expiry__lte=approval.today())
        unapproved = Q(approved_at__isnull=True)
        wanted = {
            approval.WAITING: unapproved & ~expired,
            approval.APPROVED: ~unapproved & ~expired,
            approval.LICENCE_EXPIRED: expired,
        }
        return rows.filter(wanted[self.value()]) if self.value() in wanted else rows


@admin.register(AssistantProfile)
class AssistantProfileAdmin(_RoadsideAdmin):
    """Assistants: papers may be corrected; duty and location are read-only."""

    list_display = (
        "name", "shown_standing", "driving_license_num", "driving_license_cat", "driving_license_expiry",
        "vehicle_registration_num", "vehicle_type", "service_type", "is_active", "seen_at",
    )  # fmt: skip
    list_filter = (StandingFilter, "service_type", "is_active")
    list_select_related = ("user",)
    search_fields = ("user__name", "user__phone_number", "driving_license_num")
    readonly_fields = ("user", "is_active", "lat", "lng", "seen_at", "approved_at", "approved_by")
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AssistantProfile, form: Any, change: bool) -> None:
        obj.save(update_fields=form.changed_data)

    @admin.display(description=_("name"), ordering="user__name")
    def name(self, profile: AssistantProfile) -> str:
        return profile.user.display_name or f"#{profile.user_id}"

    @admin.display(description=_("approval"), ordering="approved_at")
    def shown_standing(self, profile: AssistantProfile) -> Any:
        expired = profile.standing == approval.LICENCE_EXPIRED
        return STANDINGS[approval.LICENCE_EXPIRED if expired else approval.APPROVED if profile.approved_at else approval.WAITING]


@admin.register(Tariff)
class TariffAdmin(TenantHistory, _RoadsideAdmin, SimpleHistoryAdmin):
    """What jobs cost; a new price is a new row with a later start, so that old prices can be explained."""

    list_display = (
        "assistance_type", "vehicle_class", "base", "per_km", "minimum", "currency", "valid_from", "price_of_ten_km",
    )  # fmt: skip
    list_filter = ("assistance_type", "vehicle_class")
    ordering = ("assistance_type", "vehicle_class", "-valid_from", "-id")

    @admin.display(description=_("example: 10 km"))
    def price_of_ten_km(self, tariff: Tariff) -> str:
        rates = pricing.Rates(tariff.base, tariff.per_km, tariff.minimum)
        return written(pricing.price(rates, pricing.kilometres(10.0)))
