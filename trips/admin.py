"""The dispatchers' pages of trips; steps (plan, notify, start, complete, cancel) are actions that ask first, see the console."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from depannini_dashmap.lib.admin.service_admin import ServiceAdmin
from depannini_dashmap.lib.sheets.admin import TenantHistory
from fleet.admin import CompanyFilter
from trips.models import Trip, TripStop
from trips.services import trips


class LiveFilter(admin.SimpleListFilter):
    """Opens on the trips that are still to be driven."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*Trip.Status.choices, ("all", _("all"))]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": _("open")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() is None:
            return queryset.open()
        return queryset if self.value() == "all" else queryset.filter(status=self.value())


class ToldFilter(admin.SimpleListFilter):
    """Whether the driver was notified of the stops as they are."""

    title = _("Driver told")
    parameter_name = "driver_told"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("yes")), ("no", _("no"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(driver_told=self.value() == "yes") if self.value() else queryset


class TripStopInline(admin.TabularInline):
    """The stops in their sequence, to look at; they are reordered where the sequence is kept whole."""

    model = TripStop
    fields = ["sequence", "stop", "order", "planned_arrival_time", "planned_arrival_date", "is_completed", "failed", "failure_reason", "actual_arrival_datetime", "notes"]
    readonly_fields = fields
    ordering = ["sequence"]
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("stop", "order")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Trip)
class TripAdmin(TenantHistory, SimpleHistoryAdmin, ServiceAdmin):
    """Trips with their stops on one page; the status moves by actions only."""

    list_display = ["name", "status", "starts", "vehicle", "driver", "progress", "driver_told", "company", "dispatcher_name"]
    list_filter = [LiveFilter, "planned_start_date", ToldFilter, CompanyFilter]
    list_select_related = ["vehicle", "company", "dispatcher"]
    search_fields = ["name", "notes", "vehicle__license_plate", "vehicle__driver_name"]
    date_hierarchy = "planned_start_date"
    ordering = ["-created_at", "-id"]
    readonly_fields = [
        "company",
        "status",
        "driver_told",
        "actual_start_datetime",
        "actual_end_datetime",
        "created_at",
        "updated_at",
    ]
    fields = [
        "name",
        "vehicle",
        "dispatcher",
        "planned_start_date",
        "planned_start_time",
        "notes",
        *readonly_fields,
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_progress().with_driver_told()

    @admin.display(description=_("Start"), ordering="planned_start_date")
    def starts(self, trip: Trip) -> str:
        """Show the planned day and time in one column."""
        return f"{date_format(trip.planned_start_date, 'j N')} {trip.planned_start_time:%H:%M}"

    @admin.display(description=_("Driver"), ordering="vehicle__driver_name")
    def driver(self, trip: Trip) -> str:
        return trip.driver_name or "–"

    @admin.display(description=_("Stops"))
    def progress(self, trip: Any) -> str:
        """Show how many stops are done."""
        return format_html("<bdi>{} / {}</bdi>", trip.done, trip.total)

    @admin.display(description=_("Driver told"), boolean=True, ordering="driver_notified")
    def driver_told(self, trip: Any) -> bool:
        """Show whether the driver was notified of the stops as they are."""
        return bool(trip.driver_told)

    @admin.display(description=_("dispatcher"), ordering="dispatcher__first_name")
    def dispatcher_name(self, trip: Trip) -> str:
        return trip.dispatcher.display_name if trip.dispatcher else "–"

    def response_post_save_add(self, request: HttpRequest, obj: Trip) -> HttpResponse:
        return self.response_post_save_change(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: Trip) -> HttpResponse:
        # The work goes on at the trip's page.
        return HttpResponseRedirect(reverse("admin:dispatch_trip", args=[obj.pk]))

    def get_inlines(self, request: HttpRequest, obj: Trip | None = None) -> list:
        return [TripStopInline] if obj else []

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "vehicle":
            field.queryset = field.queryset.alive().select_related("company")
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Trip | None = None) -> list[str]:
        # A closed trip keeps its vehicle and its times, and the vehicle may be gone by now.
        fixed = ["vehicle", "planned_start_date", "planned_start_time"] if obj and obj.is_closed else []
        return [*self.readonly_fields, *fixed]

    def save_model(self, request: HttpRequest, obj: Trip, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data}
        dispatcher = fields.pop("dispatcher", None)
        fields["dispatcher_id"] = dispatcher and dispatcher.pk
        if change:
            trips.update_trip(actor=request.user, trip_id=obj.pk, **fields)
        else:
            made = trips.create_trip(actor=request.user, **fields)
            obj.pk, obj._state.adding = made.pk, False

    def delete_model(self, request: HttpRequest, obj: Trip) -> None:
        trips.delete_trip(actor=request.user, trip_id=obj.pk)
