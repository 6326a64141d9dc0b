"""CSV and XLSX in and out of the admin: what every sheet shares; what a row means is told by each app's resource.

An import is a dry run first, names row and column of each fault, and writes all rows or none.
"""

import datetime as dt
import io
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import tablib
from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export import resources, results
from import_export.admin import ImportExportMixin
from import_export.fields import Field
from import_export.formats.base_formats import CSV, XLSX
from import_export.forms import ConfirmImportForm, ExportForm, ImportForm
from import_export.instance_loaders import BaseInstanceLoader
from import_export.tmp_storages import CacheStorage

from depannini_dashmap.lib.api import flatten_fields, from_database
from depannini_dashmap.lib.constraints import waited_too_long
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.refusals import explain, in_words
from depannini_dashmap.lib.sheet_limits import (
    MAX_BYTES,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_LETTERS,
    MAX_LINES,
    MAX_ROWS,
    TooMuch,
    Unreadable,
    measure_workbook,
)
from depannini_dashmap.lib.text import plain_digits

CONFIRMED_FOR = 86400  # seconds
WAIT_FOR_OTHERS = 1.0  # seconds
# One sheet is read at a time in each process: the other threads answer everybody else meanwhile.
_reading = threading.BoundedSemaphore(1)
_FORMULA = re.compile(r"^\s*[=+\-@\t\r\n\x00＝＋－＠]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def safe_cell(value: Any) -> Any:
    """Return what a spreadsheet will never run: text that starts like a formula is quoted; numbers and dates stay."""
    if not isinstance(value, str):
        return value
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)
    return f"'{text}" if _FORMULA.match(value) else text


def plain_cell(value: Any) -> str:
    """Return a cell as the text that a dispatcher sees; the quote of `safe_cell` is taken off."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    text = str(value).strip()
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


class SheetError(Exception):
    """The file as a whole cannot be read; the message is for people."""


def _checked(data: tablib.Dataset) -> tablib.Dataset:
    if not data.headers:
        raise SheetError(_("The file has no header row."))
    if len(data.headers) > MAX_COLUMNS:
        raise SheetError(_("The file has more than %(most)d columns.") % {"most": MAX_COLUMNS})
    headers = [str(name or "").strip().lower().replace(" ", "_") for name in data.headers]
    twice = sorted({name for name in headers if name and headers.count(name) > 1})
    if twice:
        raise SheetError(_("These columns occur twice: %(names)s.") % {"names": ", ".join(twice)})
    if len(data) > MAX_ROWS:
        raise SheetError(_("The file has %(count)d rows; import at most %(most)d at once.") % {"count": len(data), "most": MAX_ROWS})
    for number, row in enumerate(data, start=1):
        if any(isinstance(cell, str) and len(cell) > MAX_LETTERS for cell in row):
            raise SheetError(_("Row %(row)d has a cell of more than %(most)d letters.") % {"row": number, "most": MAX_LETTERS})
    rows = [row for row in data if any(plain_cell(cell) for cell in row)]
    if not rows:
        raise SheetError(_("The file has no rows below its header."))
    return tablib.Dataset(*rows, headers=headers)


class SheetCsv(CSV):
    """UTF-8, separated by comma, semicolon or tab as the header row shows."""

    def create_dataset(self, in_stream: bytes | str, **kwargs: Any) -> tablib.Dataset:
        text = self._decode(in_stream)
        if text.count("\n") + text.count("\r") > 2 * MAX_LINES:
            raise SheetError(_("The file has too many lines; import at most %(most)d rows at once.") % {"most": MAX_ROWS})
        header = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=header.count)
        if header.count(delimiter) >= MAX_COLUMNS:
            raise SheetError(_("The file has more than %(most)d columns.") % {"most": MAX_COLUMNS})
        if text.count(delimiter) > MAX_CELLS:
            raise SheetError(_("The file has too many cells; import at most %(most)d rows at once.") % {"most": MAX_ROWS})
        try:
            data = tablib.import_set(text, format="csv", delimiter=delimiter)
        except tablib.InvalidDimensions as error:
            raise SheetError(_("Some rows have more cells than the header row.")) from error
        except Exception as error:
            raise SheetError(_("The file cannot be read as CSV.")) from error
        return _checked(data)

    def _decode(self, data: bytes | str) -> str:
        if isinstance(data, str):
            return data
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise SheetError(_("Line %(line)d is not UTF-8: save the file as “CSV UTF-8”.") % {"line": line}) from error
        if "\x00" in text:
            raise SheetError(_("The file holds NUL characters: it is not a CSV file."))
        return text


class SheetXlsx(XLSX):
    """The first sheet of a workbook; formulas give their last values."""

    def create_dataset(self, in_stream: bytes) -> tablib.Dataset:
        try:
            measure_workbook(in_stream)
        except Unreadable as error:
            raise SheetError(_("The file is not an XLSX workbook.")) from error
        except TooMuch as error:
            raise SheetError(_("The workbook holds too much; import at most %(most)d rows at once.") % {"most": MAX_ROWS}) from error
        return _checked(self._read(in_stream))

    def _read(self, in_stream: bytes) -> tablib.Dataset:
        import openpyxl

        try:
            book = openpyxl.load_workbook(io.BytesIO(in_stream), read_only=True, data_only=True, keep_links=False)
            rows = book.active.iter_rows(values_only=True, max_row=MAX_LINES, max_col=MAX_COLUMNS + 1)
            data = tablib.Dataset(headers=_without_empty_end(next(rows)))
            for row in rows:
                if any(cell is not None for cell in row):
                    data.append(row[: len(data.headers)])
                if len(data) > MAX_ROWS:
                    break
        except Exception as error:
            raise SheetError(_("The workbook cannot be read.")) from error
        return data


def _without_empty_end(header: tuple[Any, ...]) -> list[Any]:
    """Return the names of the columns; a sheet that declares more than it fills is padded with nothing."""
    filled = [index for index, name in enumerate(header) if name not in (None, "")]
    return list(header[: filled[-1] + 1]) if filled else []


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
            self.resource_classes[0]().check_columns(data.headers)
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


class RowResource(resources.Resource):
    """Rows that are written by services: a subclass says what one row means.

    `columns` maps each column to the attribute path that it shows in an export; `required` must be in every
    file; `told_only` columns are exported and not read; a value of a `unique` column belongs to one row of a company.
    With `may_repeat` the page offers to take every row as a new one.
    """

    class Meta:
        instance_loader_class = BaseInstanceLoader

    columns: ClassVar[dict[str, str]] = {}
    required: ClassVar[tuple[str, ...]] = ()
    told_only: ClassVar[tuple[str, ...]] = ()
    unique: ClassVar[tuple[str, ...]] = ()
    may_repeat: ClassVar[bool] = False

    def __init__(self, *, as_new: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.as_new = as_new and self.may_repeat
        self.shared: dict[tuple[str, str, str], list[int]] = {}

    def import_data(self, dataset: Any, dry_run: bool = False, **kwargs: Any) -> results.Result:
        """Import; what several rows give as their own is looked up beforehand, so that none of them is taken."""
        self.shared = defaultdict(list)
        for number, row in enumerate(dataset.dict, start=1):
            for key in self._keys({name: plain_cell(value) for name, value in row.items()}):
                self.shared[key].append(number)
        return super().import_data(dataset, dry_run=dry_run, **kwargs)

    def _keys(self, cells: dict[str, str]) -> list[tuple[str, str, str]]:
        company = cells.get("company", "").casefold()
        return [(name, company, plain_digits(cells[name]).casefold()) for name in self.unique if cells.get(name)]

    def _require_unique(self, cells: dict[str, str]) -> None:
        for key in self._keys(cells):
            if len(rows := self.shared[key]) > 1:
                names = ", ".join(str(row) for row in rows[:10])
                raise ValidationError({key[0]: [_("Several rows give this: %(rows)s.") % {"rows": names}]})

    def put_row(self, row: dict[str, str], *, user: Any, number: int, dry_run: bool) -> tuple[str, Any]:
        """Write one row. Returns its kind (new, update or skip) and the instance. Raises: ValidationError, DomainError."""
        raise NotImplementedError

    def error_columns(self, fields: dict[str, list[str]]) -> dict[str, list[str]]:
        """Return field errors by column."""
        return fields

    def check_columns(self, headers: list[str]) -> None:
        """Raise SheetError when a needed column is missing."""
        missing = [name for name in self.required if name not in headers]
        if missing:
            raise SheetError(_("The file lacks these columns: %(names)s.") % {"names": ", ".join(missing)})

    def validated(self, serializer: Any) -> dict[str, Any]:
        """Return what the API's serializer makes of the row. Raises: ValidationError by column."""
        if not serializer.is_valid():
            raise ValidationError(self.error_columns(flatten_fields(serializer.errors)))
        return serializer.validated_data

    # --- import-export's own hooks ---
    def import_row(self, row: dict, instance_loader: Any, **kwargs: Any) -> results.RowResult:
        cells = {name: plain_cell(value) for name, value in row.items()}
        result = results.RowResult()
        try:
            self._require_unique(cells)
            result.import_type, instance = self.put_row(
                cells, user=kwargs["user"], number=kwargs["row_number"], dry_run=kwargs["dry_run"]
            )
            result.add_instance_info(instance)
            result.instance = instance
            result.diff = [_exported(_follow(instance, path), False) for path in self.columns.values()]
        except ValidationError as error:
            result.import_type = results.RowResult.IMPORT_TYPE_INVALID
            result.validation_error = ValidationError(_translated(error.message_dict))
        except DomainError as error:
            result.import_type = results.RowResult.IMPORT_TYPE_INVALID
            fields = self.error_columns(error.fields) if error.fields else None
            result.validation_error = ValidationError(_translated(fields) if fields else in_words(error.message))
        return result

    def export_resource(self, instance: Any, selected_fields: Any = None, **kwargs: Any) -> list:
        native = bool(kwargs.get("force_native_type"))
        return [safe_cell(_exported(_follow(instance, path), native)) for path in self.columns.values()]

    def get_export_headers(self, selected_fields: Any = None) -> list[str]:
        return list(self.columns)

    def get_diff_headers(self) -> list[str]:
        return list(self.columns)

    def get_user_visible_fields(self) -> list[Field]:
        return [Field(column_name=name) for name in self.columns]

    def get_db_connection_name(self) -> str:
        return "default"

    @classmethod
    def get_display_name(cls) -> str:
        return cls.__name__


def _translated(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [in_words(text) for text in texts] for name, texts in fields.items()}


def _follow(instance: Any, path: str) -> Any:
    for name in path.split("__"):
        instance = getattr(instance, name, None)
    return instance


def _exported(value: Any, native: bool) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return "" if value is None else value
    if isinstance(value, Decimal):
        return float(value) if native else format(value, "f")
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dt.date):
        return value if native else value.isoformat()
    return str(value)


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
        return [path("import/empty.csv", view, name=name), *super().get_urls()]

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
        return {**kwargs, "use_transactions": True, "rollback_on_validation_errors": True}

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
        return self._one_at_a_time(request, super().import_action, **kwargs)

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
            return self._back(request, explain(from_database(error)), _("Nothing was imported: somebody else wrote the same rows. Try again."))
        except OperationalError as error:
            if not waited_too_long(error):
                cache.delete(f"import-confirmed-{file.name}")
                raise
            return self._back(request, _("Nothing was imported: somebody else wrote the same rows. Try again."))

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        if result.has_errors() or result.has_validation_errors():
            lines = [str(row.number) for row in result.invalid_rows]
            return self._back(request, _("Nothing was imported: look at row %(rows)s.") % {"rows": ", ".join(lines[:10]) or "1"})
        return super().process_result(result, request)

    def _back(self, request: HttpRequest, *sentences: str) -> HttpResponse:
        for sentence in sentences:
            messages.error(request, sentence)
        return HttpResponseRedirect("../import/")


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
