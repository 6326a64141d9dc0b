"""Positions in the admin: to look at, never to edit, and nothing that counts the history."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.admin.tenancy import TenantAdmin
from telematics.models import Device, DeviceAlarm, Forwarder, LatestPosition, Position


class ReadOnlyAdmin(TenantAdmin):
    """Rows that only devices write."""

    show_full_result_count = False
    list_per_page = 50
    list_select_related = ("vehicle",)
    list_filter: tuple = ("engine_status", "is_implausible")
    search_fields = ("=vehicle__license_plate",)
    search_help_text = _("A vehicle's whole license plate")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadingAdmin(ReadOnlyAdmin):
    """What lists of fixes share."""

    @admin.display(description=_("place"))
    def place(self, obj: Any) -> str:
        """Show the coordinates as maps take them, in any language."""
        return format_html('<bdi dir="ltr">{}</bdi>', f"{obj.latitude:.6f}, {obj.longitude:.6f}")

    @admin.display(description=_("not to be trusted"), boolean=True)
    def implausible(self, obj: Any) -> bool:
        """Whether it is kept without moving the vehicle."""
        return obj.is_implausible


@admin.register(Position)
class PositionAdmin(ReadingAdmin):
    """The history."""

    ordering = ("-id",)
    list_display = ("vehicle", "timestamp", "place", "speed", "engine_status", "implausible")
    sortable_by = ()


@admin.register(LatestPosition)
class LatestPositionAdmin(ReadingAdmin):
    """Where each vehicle is."""

    ordering = ("-timestamp",)
    list_display = ("vehicle", "timestamp", "place", "speed", "engine_status", "implausible")


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    """Trackers and how it goes with them; they are connected on the page of their vehicle."""

    ordering = ("-created_at",)
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "refusal", "app")
    list_display = (
        "device", "vehicle_link", "app", "contacted_at", "position_at", "refusal", "refusal_detail", "refused_at", "dropped",
        "battery", "ended_at",
    )  # fmt: skip
    search_fields = ("name", "external_id", "=vehicle__license_plate")
    exclude = ("key_digest", "company")

    @admin.display(description=_("device"), ordering="name")
    def device(self, row: Device) -> str:
        """Return what people call it."""
        return str(row)

    @admin.display(description=_("vehicle"), ordering="vehicle__license_plate")
    def vehicle_link(self, row: Device) -> str:
        """Lead to the page on which the vehicle's devices are connected."""
        url = reverse("admin:dispatch_connect", args=[row.vehicle_id])
        return format_html('<a href="{}"><bdi dir="ltr">{}</bdi></a>', url, row.vehicle.license_plate)


@admin.register(DeviceAlarm)
class DeviceAlarmAdmin(ReadOnlyAdmin):
    """What trackers raised by themselves, an SOS or a flat battery."""

    ordering = ("-first_at",)
    list_select_related = ("vehicle", "device")
    list_filter = ("kind",)
    list_display = ("words", "vehicle", "device", "first_at", "last_at", "place")
    search_fields = ("=kind", "=vehicle__license_plate")
    date_hierarchy = None

    @admin.display(description=_("alarm"), ordering="kind")
    def words(self, row: DeviceAlarm) -> str:
        """Return what people call it."""
        return str(row.words)

    @admin.display(description=_("place"))
    def place(self, row: DeviceAlarm) -> str:
        """Show the coordinates."""
        return format_html('<bdi dir="ltr">{}</bdi>', row.coordinates) if row.coordinates else "-"


@admin.register(Forwarder)
class ForwarderAdmin(ReadOnlyAdmin):
    """Servers that forward reports of trackers; they are connected on the page of a vehicle."""

    ordering = ("-created_at",)
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("company",)
    list_display = ("__str__", "company", "created_at", "contacted_at", "ended_at")
    search_fields = ("name",)
    search_help_text = None
    exclude = ("secret_digest",)
