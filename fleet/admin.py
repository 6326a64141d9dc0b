"""The dispatchers' pages of vehicles."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from accounts.models import Company
from depannini_dashmap.lib.admin.service_admin import ServiceAdmin
from depannini_dashmap.lib.sheets.admin import SheetAdmin, TenantHistory
from fleet import services
from fleet.models import Vehicle
from fleet.sheets import VehicleResource


class CompanyFilter(admin.SimpleListFilter):
    """The companies that the user sees, and no others."""

    title = _("company")
    parameter_name = "company"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        companies = Company.objects.visible_to(request.user).order_by("name").values_list("pk", "name")[:100]
        return [(str(pk), name) for pk, name in companies]

    def has_output(self) -> bool:
        # One company is no choice.
        return len(self.lookup_choices) > 1

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value() or ""
        return queryset.filter(company_id=int(value)) if value.isascii() and value.isdigit() else queryset


class InFleetFilter(admin.SimpleListFilter):
    """Opens on the vehicles that still run."""

    title = _("in the fleet")
    parameter_name = "fleet"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("deleted", _("deleted")), ("all", _("all"))]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": _("in the fleet")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "all":
            return queryset
        return queryset.deleted() if self.value() == "deleted" else queryset.alive()


class ActiveFilter(admin.BooleanFieldListFilter):
    """Whether a vehicle is in use."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("active")


@admin.register(Vehicle)
class VehicleAdmin(SheetAdmin, TenantHistory, SimpleHistoryAdmin, ServiceAdmin):
    """Vehicles; deleting takes one out of the fleet, an action of the console brings it back."""

    resource_classes = [VehicleResource]
    list_display = ["license_plate", "company", "make", "model", "year", "capacity", "driver_name", "active"]
    list_filter = [InFleetFilter, ("is_active", ActiveFilter), CompanyFilter]
    list_select_related = ["company"]
    search_fields = ["license_plate", "make", "model", "driver_name", "driver_email", "driver_phone"]
    readonly_fields = ["deleted_at", "created_at", "updated_at"]
    ordering = ["-created_at", "-id"]
    fieldsets = [
        (None, {"fields": ["company", "license_plate", ("make", "model", "year"), "capacity", "is_active"]}),
        (_("Driver"), {"fields": [("driver_name", "driver_phone"), ("driver_email", "driver_language")]}),
        (
            _("Planning"),
            {
                "classes": ["collapse"],
                "fields": [
                    ("volume_capacity", "skills", "max_stops"),
                    ("shift_start", "shift_end"),
                    ("break_earliest", "break_latest", "break_minutes"),
                    ("start_latitude", "start_longitude"),
                    ("end_latitude", "end_longitude"),
                    ("cost_fixed", "cost_per_hour", "cost_per_km"),
                ],
            },
        ),
        (_("Times"), {"fields": ["deleted_at", ("created_at", "updated_at")]}),
    ]

    @admin.display(description=_("active"), boolean=True, ordering="is_active")
    def active(self, obj: Vehicle) -> bool:
        """Whether it is in use."""
        return obj.is_active

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        labels = {"label": _("Active")} if db_field.name == "is_active" else {}
        return super().formfield_for_dbfield(db_field, request, **labels, **kwargs)

    def save_model(self, request: HttpRequest, obj: Vehicle, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data}
        if change:
            services.update_vehicle(actor=request.user, vehicle_id=obj.pk, **fields)
        else:
            made = services.create_vehicle(actor=request.user, **{**fields, "is_active": obj.is_active})
            obj.pk, obj._state.adding = made.pk, False

    def delete_model(self, request: HttpRequest, obj: Vehicle) -> None:
        services.delete_vehicle(actor=request.user, vehicle_id=obj.pk)
