"""Tenancy and roles in the admin, once for every model."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import lookup_spawns_duplicates
from django.db import models
from django.http import HttpRequest
from django.utils.text import capfirst, smart_split, unescape_string_literal

from depannini_dashmap.lib.admin.bounded_pages import BoundedPaginator
from depannini_dashmap.lib.admin.related_links import LinkingForm
from depannini_dashmap.lib.db.search import search
from depannini_dashmap.lib.text import clean


class TextFormField(forms.CharField):
    """What people type into a page, as `lib.text` keeps it."""

    def to_python(self, value: Any) -> str:
        """Return the text in NFC without invisible characters at its ends."""
        text = str(super().to_python(value) or "")
        too_long = self.max_length is not None and len(text) > 4 * self.max_length + 64  # refused as it is
        return text if too_long else clean(text)


class TenantAdmin(admin.ModelAdmin):
    """An admin whose rows, and the choices of every relation, are those that `visible_to(user)` gives.

    Members of a company may work on its rows, viewers may only look; operators see all.
    """

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 200
    operators_only = False
    is_roadside = False  # whether those who work the roadside side see and change all of it, and nobody else any

    def _may_look(self, request: HttpRequest) -> bool:
        user: Any = request.user
        if self.is_roadside:
            return bool(user.is_active and user.is_roadside)
        return bool(user.is_active and (user.is_operator or (not self.operators_only and user.is_company_member)))

    def _may_change(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return self._may_look(request) and (self.is_roadside or user.is_operator or user.is_company_editor)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may_look(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_look(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may_change(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_change(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_change(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        # Says what the list holds rather than "Select … to change".
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["adminform"] = LinkingForm(context["adminform"], request)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_list_display(self, request: HttpRequest) -> Any:
        # Who sees one company only needs no column that always says the same.
        columns = super().get_list_display(request)
        user: Any = request.user
        if "company" not in columns or user.sees_several_companies:
            return columns
        return [name for name in columns if name != "company"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request)
        verb = getattr(rows, "listed_for", None) or getattr(rows, "visible_to", None)
        return verb(request.user) if verb else rows

    def get_search_results(self, request: HttpRequest, queryset: models.QuerySet, search_term: str) -> tuple[models.QuerySet, bool]:
        """Find each word in some field, and phone numbers and plates in any notation."""
        fields, words = self.get_search_fields(request), [unquoted(bit) for bit in smart_split(search_term)]
        if not fields or not words:
            return queryset, False
        names = (field.lstrip("^=@") for field in fields)
        return search(queryset, fields, words, search_term.strip()), any(lookup_spawns_duplicates(self.opts, name) for name in names)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if type(db_field) in (models.CharField, models.TextField):
            kwargs.setdefault("form_class", TextFormField)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        manager = db_field.remote_field.model._default_manager
        if "queryset" not in kwargs and hasattr(manager.all(), "visible_to"):
            kwargs["queryset"] = manager.all().visible_to(request.user)
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and field.queryset is not None and db_field.name == "company":
            field.initial = _only_choice(field.queryset)
        return field


def unquoted(bit: str) -> str:
    """Return a word of a search, or the words between quotation marks as one."""
    return unescape_string_literal(bit) if bit[0] == bit[-1] and bit[0] in "\"'" and len(bit) > 1 else bit


def _only_choice(rows: models.QuerySet) -> Any:
    """Return the key of the one row that can be chosen; None where there is a choice, or nothing."""
    found = list(rows.order_by().values_list("pk", flat=True)[:2])
    return found[0] if len(found) == 1 else None
