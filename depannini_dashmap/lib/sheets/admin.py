"""CSV and XLSX in and out of an admin: export, and the import whose views are in `import_views`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV, XLSX
from import_export.forms import ExportForm
from import_export.signals import post_export

from depannini_dashmap.lib.sheets.exports import as_csv
from depannini_dashmap.lib.sheets.import_views import ImportViews
from depannini_dashmap.lib.sheets.limits import MAX_ROWS

__all__ = ["MAX_ROWS", "SheetAdmin", "TenantHistory"]


class SheetExportForm(ExportForm):
    """Opens on CSV, so that one press is enough."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["format"] = "0"


class SheetAdmin(ImportViews, ImportExportMixin):
    """Import and export of an admin; stands before the admin class whose permissions it follows."""

    import_formats = [CSV, XLSX]
    export_formats = [CSV, XLSX]
    export_form_class = SheetExportForm

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_empty_sheet"
        return [path("import/empty.csv", self.admin_site.admin_view(self.empty_sheet), name=name), *super().get_urls()]

    def _do_file_export(self, file_format: Any, request: HttpRequest, queryset: QuerySet, export_form: Any = None) -> HttpResponseBase:
        """Answer the file: text goes out while it is read, a workbook once it is whole, on disk."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        resource = self.resource_classes[0](**self.get_export_resource_kwargs(request, export_form=export_form))
        rows = resource.filter_export(queryset)
        headers = {"Content-Disposition": f'attachment; filename="{self.get_export_filename(request, queryset, file_format)}"'}
        kind = file_format.get_content_type()
        post_export.send(sender=None, model=self.model)
        if isinstance(file_format, XLSX):
            from depannini_dashmap.lib.sheets.workbook_exports import as_workbook

            book = as_workbook(resource, rows, self.model.__name__)
            return FileResponse(book, content_type=kind, headers=headers)
        return StreamingHttpResponse(as_csv(resource, rows), content_type=kind, headers=headers)

    def empty_sheet(self, request: HttpRequest) -> HttpResponse:
        """Return a CSV file with the names of the columns alone, to fill in."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        columns = [name for name in self.resource_classes[0].columns if name not in self.resource_classes[0].told_only]
        answer = HttpResponse("\ufeff" + ",".join(columns) + "\r\n", content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}.csv"'
        return answer


class TenantHistory:
    """Keeps django-simple-history's pages to the rows that the admin shows, and to looking at them."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        self._require_visible(request, object_id)
        return super().history_view(request, object_id, extra_context)  # type: ignore[misc]

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        self._require_visible(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise Http404
        return super().history_form_view(request, object_id, version_id, extra_context)  # type: ignore[misc]

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_view_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)  # type: ignore[attr-defined]

    def _require_visible(self, request: HttpRequest, object_id: str) -> None:
        if self.get_object(request, object_id) is None:  # type: ignore[attr-defined]
            raise Http404
