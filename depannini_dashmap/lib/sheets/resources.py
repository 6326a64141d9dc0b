"""Rows of sheets in and out, for every sheet; each app's resource defines the meaning of a row."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from import_export import resources, results
from import_export.fields import Field
from import_export.instance_loaders import BaseInstanceLoader
from rest_framework import serializers

from depannini_dashmap.lib.api.exception_handler import flatten_fields
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.sheets.headings import Headings
from depannini_dashmap.lib.sheets.sheet_lines import SheetError
from depannini_dashmap.lib.sheets.tables import Row
from depannini_dashmap.lib.sheets.values import TEXT, Kind
from depannini_dashmap.lib.text import plain_digits

LINE = "line"  # the one column of a dataset: a whole row of the file
_FORMULA = re.compile(r"^\s*[=+\-@\t\r\n\x00＝＋－＠]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def safe_cell(value: Any) -> Any:
    """Return what a spreadsheet will never run: text that starts like a formula is quoted; numbers and dates stay."""
    if not isinstance(value, str):
        return value
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)
    return f"'{text}" if _FORMULA.match(value) else text


class RowResource(resources.Resource):
    """Rows that are written by services: a subclass says what one row means.

    `columns` maps each column to the attribute path that it shows in an export; `required` must be in every
    file; `told_only` columns are exported and not read, `import_only` ones read and not exported; a value of a `unique` column belongs to one row of a company.
    `other_headings` are people's names of the columns, `kinds` says what their cells hold, `chosen_from` names those
    that hold one of a few words, which a page translates.
    With `may_repeat` the page offers to take every row as a new one.
    """

    class Meta:
        instance_loader_class = BaseInstanceLoader

    columns: ClassVar[dict[str, str]] = {}
    required: ClassVar[tuple[str, ...]] = ()
    told_only: ClassVar[tuple[str, ...]] = ()
    import_only: ClassVar[tuple[str, ...]] = ()
    unique: ClassVar[tuple[str, ...]] = ()
    other_headings: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    kinds: ClassVar[Mapping[str, Kind]] = {}
    chosen_from: ClassVar[tuple[str, ...]] = ()
    may_repeat: ClassVar[bool] = False

    def __init__(self, *, as_new: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.as_new = as_new and self.may_repeat
        self.shared: dict[tuple[str, str, str], list[str]] = {}
        self.noted: list[str] = []

    def import_data(self, dataset: Any, dry_run: bool = False, **kwargs: Any) -> results.Result:
        """Import at once."""
        rows: list[Row] = dataset.table.rows
        self.begin(rows)
        result = super().import_data(dataset, dry_run=dry_run, **kwargs)
        result.table, result.lines = dataset.table, rows
        return result

    def begin(self, rows: Iterable[Row]) -> None:
        """Find values that must be unique and are in several rows, so that none of them is taken."""
        self.shared = defaultdict(list)
        for row in rows:
            for key in self._keys(row.cells):
                self.shared[key].append(row.place(key[0]))

    def prepare(self, count: int) -> None:
        """Get ready for the next rows, before their transaction."""

    def pass_over(self, cells: dict[str, str]) -> None:
        """Take note of a row that was written before the import was taken up again."""

    def _keys(self, cells: dict[str, str]) -> list[tuple[str, str, str]]:
        company = cells.get("company", "").casefold()
        return [(name, company, self._key(name, cells[name])) for name in self.unique if cells.get(name)]

    def _key(self, name: str, text: str) -> str:
        key = plain_digits(text).casefold()
        return "".join(filter(str.isalnum, key)) if self.kinds.get(name, TEXT).name == "plate" else key

    def _require_unique(self, cells: dict[str, str]) -> None:
        for key in self._keys(cells):
            if len(rows := self.shared[key]) > 1:
                names = listed(rows[:10])
                raise ValidationError({key[0]: [_("Several rows give this: %(rows)s.") % {"rows": names}]})

    def put_row(self, row: dict[str, str], *, user: Any, number: int, dry_run: bool) -> tuple[str, Any]:
        """Write one row. Returns its kind (new, update or skip) and the instance. Raises: ValidationError, DomainError."""
        raise NotImplementedError

    def note(self, sentence: str) -> None:
        """Add a remark to the current row, which the preview shows next to it."""
        self.noted.append(sentence)

    def stored_cells(self, instance: Any) -> list[Any]:
        """Return the preview of a row: the stored values, by column."""
        return [_exported(_follow(instance, path), False) for path in self.columns.values()]

    def is_off_map(self, instance: Any) -> bool:
        """Return whether a row that was taken has a place without coordinates."""
        return False

    def error_columns(self, fields: dict[str, list[str]]) -> dict[str, list[str]]:
        """Return field errors by column."""
        return fields

    @classmethod
    def readable(cls) -> list[str]:
        """Return the columns that a file may have."""
        return [name for name in (*cls.columns, *cls.import_only) if name not in cls.told_only]

    @classmethod
    def known_headings(cls, chosen: Mapping[str, str] | None = None) -> Headings:
        """Return the names under which the columns are found in a file."""
        return Headings([*cls.columns, *cls.import_only], cls.other_headings, chosen)

    @classmethod
    def label(cls, column: str) -> str:
        """Return what a column is called on a page, in the language of the page."""
        return _(column.replace("_", " ")) if column else ""

    def check_columns(self, headers: list[str]) -> None:
        """Raise SheetError when a needed column is missing."""
        missing = [name for name in self.required if name not in headers]
        if missing:
            names = listed(self.label(name) for name in missing)
            raise SheetError(_("The file lacks these columns: %(names)s.") % {"names": names})

    def validated(self, serializer: Any, sent: dict[str, Any]) -> dict[str, Any]:
        """Return what the API's serializer makes of a row; one serializer serves all rows. Raises: ValidationError by column."""
        try:
            read: dict[str, Any] = serializer.run_validation(sent)
        except serializers.ValidationError as error:
            raise ValidationError(self.error_columns(flatten_fields(error.detail))) from error
        return read

    # --- import-export's own hooks ---
    def import_row(self, row: dict, instance_loader: Any, **kwargs: Any) -> results.RowResult:
        line: Row = row.pop(LINE)
        row.update(line.cells)
        self.noted = line.notes
        result = results.RowResult()
        result.line = line
        try:
            self._require_unique(line.cells)
            # A row that fails half-way leaves nothing behind; other rows stay.
            with transaction.atomic():
                result.import_type, instance = self.put_row(
                    line.cells, user=kwargs["user"], number=kwargs["row_number"], dry_run=kwargs["dry_run"]
                )
                if line.faults:
                    raise ValidationError(line.faults)
            result.add_instance_info(instance)
            result.instance = instance
            result.is_off_map = self.is_off_map(instance)
            result.diff = self.stored_cells(instance)
        except ValidationError as error:
            result.import_type = results.RowResult.IMPORT_TYPE_INVALID
            # All errors of a row are reported at once; a cell's own error comes before its consequences.
            result.validation_error = ValidationError({**error.message_dict, **line.faults})
        except DomainError as error:
            result.import_type = results.RowResult.IMPORT_TYPE_INVALID
            fields = self.error_columns(error.fields) if error.fields else None
            told: dict[str, list[str]] = fields if fields else {NON_FIELD_ERRORS: [error.message]}
            result.validation_error = ValidationError({**told, **line.faults})
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
