"""CSV and XLSX in and out of the admin: the pages and forms; what every sheet's rows share is in `sheet_resources`.

An import is a dry run first that names the place of each fault; confirming it writes the good rows.
"""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import tablib
from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV, XLSX
from import_export.forms import ConfirmImportForm, ExportForm, ImportForm
from import_export.results import RowResult
from import_export.tmp_storages import CacheStorage

from depannini_dashmap.lib.api.constraint_errors import waited_too_long
from depannini_dashmap.lib.api.exception_handler import from_database
from depannini_dashmap.lib.sheets.files import Page, SheetError, read_csv, read_workbook
from depannini_dashmap.lib.sheets.limits import MAX_BYTES, MAX_ROWS
from depannini_dashmap.lib.sheets.reports import refused_sheet, report
from depannini_dashmap.lib.sheets.resources import LINE, RowResource
from depannini_dashmap.lib.sheets.tables import read_table
from depannini_dashmap.lib.sheets.words import Headings

CONFIRMED_FOR = 86400  # seconds
WAIT_FOR_OTHERS = 1.0  # seconds
# One sheet is read at a time in each process: the other threads answer everybody else meanwhile.
_reading = threading.BoundedSemaphore(1)


class _Format:
    """What both formats share: the class of the rows is set by the admin that offers them."""

    resource: type[RowResource]

    def _dataset(self, read: Callable[[bytes, Headings], Page], content: bytes | str) -> tablib.Dataset:
        """Return a dataset of one column: whole rows, each with its place and what is wrong with it."""
        resource = self.resource
        headings = resource.known_headings()
        page = read(content.encode() if isinstance(content, str) else content, headings)
        table = read_table(page, headings, resource.kinds, resource.told_only)
        data = tablib.Dataset(*[[row] for row in table.rows], headers=[LINE])
        data.table = table
        return data


class SheetCsv(_Format, CSV):
    """Text in the encodings and with the separators of spreadsheets."""

    def get_read_mode(self) -> str:
        return "rb"

    def is_binary(self) -> bool:
        return True

    def create_dataset(self, in_stream: bytes | str, **kwargs: Any) -> tablib.Dataset:
        return self._dataset(read_csv, in_stream)


class SheetXlsx(_Format, XLSX):
    """A workbook; formulas give their last values."""

    def create_dataset(self, in_stream: bytes) -> tablib.Dataset:
        return self._dataset(read_workbook, in_stream)


class SheetForm(ImportForm):
    """Reads the file once before the dry run, so that what is wrong with it as a whole is told at its field."""

    def __init__(self, formats: list, resources: list, **kwargs: Any) -> None:
        super().__init__(formats, resources, **kwargs)
        self.formats, self.resource_classes = formats, resources

    def clean(self) -> dict[str, Any]:
        """Refuse a file that is too large, cannot be read or lacks a column."""
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("import_file")
        if file is None or "format" not in cleaned:
            return cleaned
        if file.size > MAX_BYTES:
            self.add_error("import_file", _("The file is larger than %(most)d MB.") % {"most": MAX_BYTES // 1024 // 1024})
            return cleaned
        try:
            data = self.formats[int(cleaned["format"])]().create_dataset(file.read())
            self.resource_classes[0]().check_columns(data.table.columns)
        except SheetError as error:
            self.add_error("import_file", str(error))
        file.seek(0)
        return cleaned


class SheetRepeatForm(SheetForm):
    """Offers to take every row as a new one, for files that come again each day."""

    as_new = forms.BooleanField(
        required=False,
        label=gettext_lazy("Every row is a new order"),
        help_text=gettext_lazy("for a file that comes again, such as one for each weekday; references that are taken get a number"),
    )


class SheetConfirmForm(ConfirmImportForm):
    """Keeps what was chosen beside the file."""

    as_new = forms.BooleanField(required=False, widget=forms.HiddenInput)


class SheetExportForm(ExportForm):
    """Opens on CSV, so that one press is enough."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["format"] = "0"


class SheetAdmin(ImportExportMixin):
    """Import and export of an admin; stands before the admin class whose permissions it follows."""

    import_formats = [SheetCsv, SheetXlsx]
    export_formats = [SheetCsv, SheetXlsx]
    confirm_form_class = SheetConfirmForm
    export_form_class = SheetExportForm
    import_template_name = "console/import.html"
    tmp_storage_class = CacheStorage
    to_encoding = "utf-8-sig"

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_empty_sheet"
        view = self.admin_site.admin_view(self.empty_sheet)
        refused = path(
            "import/refused/<uuid:token>.csv",
            self.admin_site.admin_view(self.refused_rows),
            name=f"{self.opts.app_label}_{self.opts.model_name}_refused_rows",
        )
        return [path("import/empty.csv", view, name=name), refused, *super().get_urls()]

    def empty_sheet(self, request: HttpRequest) -> HttpResponse:
        """Give a CSV file with the names of the columns alone, to fill in."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        columns = [name for name in self.resource_classes[0].columns if name not in self.resource_classes[0].told_only]
        answer = HttpResponse("\ufeff" + ",".join(columns) + "\r\n", content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}.csv"'
        return answer

    def get_import_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say which columns a file must have and how much it may hold."""
        resource = self.resource_classes[0]
        return {**super().get_import_context_data(**kwargs), "required_columns": resource.required, "most_rows": MAX_ROWS}

    def get_import_formats(self) -> list[type]:
        return [type(form.__name__, (form,), {"resource": self.resource_classes[0]}) for form in self.import_formats]

    def get_import_form_class(self, request: HttpRequest) -> type[SheetForm]:
        return SheetRepeatForm if self.resource_classes[0].may_repeat else SheetForm

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        initial = super().get_confirm_form_initial(request, import_form)
        return {**initial, "as_new": import_form.cleaned_data.get("as_new", False)} if import_form else initial

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        chosen = getattr(kwargs.pop("form", None), "cleaned_data", {})
        return {**super().get_import_resource_kwargs(request, **kwargs), "as_new": bool(chosen.get("as_new"))}

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.pop("form", None)
        return {**kwargs, "use_transactions": True, "rollback_on_validation_errors": False}

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        form.add_error("import_file", str(e) if isinstance(e, SheetError) else _("The file cannot be read."))

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Import what was shown. One confirmation of a file wins, however many are sent at once."""
        if request.method != "POST":
            return super().process_import(request, **kwargs)
        return self._one_at_a_time(request, self._import_once, **kwargs)

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the form, or what the file in it would do."""
        if request.method != "POST":
            return super().import_action(request, **kwargs)
        return self._one_at_a_time(request, self._preview, **kwargs)

    def _one_at_a_time(self, request: HttpRequest, act: Callable[..., HttpResponse], **kwargs: Any) -> HttpResponse:
        if not _reading.acquire(timeout=WAIT_FOR_OTHERS):
            return self._back(request, _("Another file is being imported: try again in a moment."))
        try:
            answer = act(request, **kwargs)
            if isinstance(answer, SimpleTemplateResponse):
                answer.render()
            return answer
        finally:
            _reading.release()

    def _preview(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        answer = super().import_action(request, **kwargs)
        context = getattr(answer, "context_data", None) or {}
        result = context.get("result")
        if result is not None and not result.has_errors():
            context |= report(result, self.resource_classes[0])
            context["refused_url"] = self._keep_refused(request, result)
            context.pop("confirm_form", None)
            if context["good_count"] or not context["refused"]:
                context["confirm_form"] = self.create_confirm_form(request, import_form=context["form"])
            answer.context_data = context
        return answer

    def _keep_refused(self, request: HttpRequest, result: Any) -> str:
        """Keep the sheet of refused rows for a day; returns its address, empty without such rows."""
        if not (sheet := refused_sheet(result)):
            return ""
        token = uuid4()
        cache.set(_refused_key(request, token), sheet, CONFIRMED_FOR)
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_refused_rows", args=[token])

    def refused_rows(self, request: HttpRequest, token: UUID) -> HttpResponse:
        """Give the rows that an import of this user left out."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        sheet = cache.get(_refused_key(request, token))
        if sheet is None:
            raise Http404
        answer = HttpResponse(sheet, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}-refused.csv"'
        return answer

    def _import_once(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        file = CacheStorage(name=request.POST.get("import_file_name", ""))
        content = file.read()
        if content is None or not cache.add(f"import-confirmed-{file.name}", True, CONFIRMED_FOR):
            return self._back(request, _("The uploaded file is gone or was confirmed already: look at the list, or upload it once more."))
        try:
            return super().process_import(request, **kwargs)
        except (SheetError, ValueError, IndexError):
            return self._back(request, _("The file cannot be read."))
        except IntegrityError as error:
            return self._back(request, from_database(error).for_page(), _("Nothing was imported: somebody else wrote the same rows. Try again."))
        except OperationalError as error:
            if not waited_too_long(error):
                cache.delete(f"import-confirmed-{file.name}")
                raise
            return self._back(request, _("Nothing was imported: somebody else wrote the same rows. Try again."))

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        bad = [row.line.place() for row in result.rows if row.import_type == RowResult.IMPORT_TYPE_INVALID]
        if len(bad) == len(result.rows):
            return self._back(request, _("Nothing was imported: look at %(rows)s.") % {"rows": ", ".join(bad[:10]) or "1"})
        if bad:
            sentence = _("%(count)d rows were not imported: %(rows)s.") % {"count": len(bad), "rows": ", ".join(bad[:10])}
            link = _("Download these rows as a sheet, with the reasons")
            messages.warning(request, format_html('{} <a href="{}">{}</a>', sentence, self._keep_refused(request, result), link))
        off_map = sum(row.is_off_map for row in result.rows if row.import_type in (RowResult.IMPORT_TYPE_NEW, RowResult.IMPORT_TYPE_UPDATE))
        if off_map:
            url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist") + "?on_map=no"
            sentence = ngettext("%(count)d of them is not on the map.", "%(count)d of them are not on the map.", off_map)
            messages.warning(request, format_html('{} <a href="{}">{}</a>', sentence % {"count": off_map}, url, _("Locate them")))
        return super().process_result(result, request)

    def _back(self, request: HttpRequest, *sentences: str) -> HttpResponse:
        for sentence in sentences:
            messages.error(request, sentence)
        return HttpResponseRedirect("../import/")


def _refused_key(request: HttpRequest, token: UUID) -> str:
    return f"import-refused-{request.user.pk}-{token.hex}"


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
