"""Positions in the admin: to look at, never to edit, and nothing that counts the history."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.admin import TenantAdmin
from telematics.models import Device, LatestPosition, Position


class UncountedPaginator(Paginator):
    """Pages of a table that is too big to be counted: it says that there are at most a hundred pages."""

    PAGES = 100

    @cached_property
    def count(self) -> int:
        """Count no further than the last page shown."""
        return self.object_list.order_by()[: self.per_page * self.PAGES].count()


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


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin):
    """The history."""

    paginator = UncountedPaginator
    ordering = ("-id",)
    list_display = ("vehicle", "timestamp", "latitude", "longitude", "speed", "engine_status", "is_implausible")
    sortable_by = ()


@admin.register(LatestPosition)
class LatestPositionAdmin(ReadOnlyAdmin):
    """Where each vehicle is."""

    ordering = ("-timestamp",)
    list_display = ("vehicle", "timestamp", "latitude", "longitude", "speed", "engine_status", "is_implausible")


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    """Trackers; they are made and ended over the API, which tells the key once."""

    ordering = ("-created_at",)
    list_filter = ("ended_at",)
    list_display = ("name", "vehicle", "created_at", "ended_at")
    exclude = ("key_digest",)
