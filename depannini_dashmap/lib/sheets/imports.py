"""Sheets on their way in: kept when uploaded, checked, confirmed once, imported in small transactions, cancelled.

A sheet of a few hundred rows is imported in the request that confirms it. A larger one is a task: every few rows are
one transaction that also raises `done`, so if a process dies in between, no row counts twice and none is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _
from import_export.results import RowResult
from simple_history.models import HistoricalRecords

from depannini_dashmap.lib.api.exception_handler import from_database
from depannini_dashmap.lib.sheets import heading_choices
from depannini_dashmap.lib.sheets.files import read_page
from depannini_dashmap.lib.sheets.resources import LINE, RowResource
from depannini_dashmap.lib.sheets.tables import Row, Table, read_table

BATCH_SECONDS = 0.03  # nobody else waits for a row, or on SQLite for the file, much longer
BATCH_ROWS = 50
REST = 1.0  # of the time that a batch took, left to everybody else
MOST_PREVIEWED = 200
MOST_CORRECTIONS = 200
NEW, UPDATE, SKIP = RowResult.IMPORT_TYPE_NEW, RowResult.IMPORT_TYPE_UPDATE, RowResult.IMPORT_TYPE_SKIP
INVALID = RowResult.IMPORT_TYPE_INVALID
_COUNTED = {NEW: "new", UPDATE: "updated", SKIP: "skipped", INVALID: "refused"}


def rows() -> Any:
    """Return the manager of sheets on their way in."""
    return apps.get_model("depannini_dashmap", "SheetImport").objects


def refusals() -> Any:
    """Return the manager of refused rows."""
    return apps.get_model("depannini_dashmap", "SheetRefusal").objects


def keep(sheet: Any, content: bytes) -> None:
    """Store a new sheet with its file."""
    with transaction.atomic():
        sheet.save(force_insert=True)
        apps.get_model("depannini_dashmap", "SheetFile").objects.create(sheet=sheet, content=content)


def resource_class(kind: str) -> type[RowResource]:
    """Return what the rows of a kind of sheet are."""
    found: type[RowResource] = admin.site._registry[apps.get_model(kind)].resource_classes[0]  # type: ignore[attr-defined]
    return found


def read(sheet: Any, content: bytes | None = None) -> Table:
    """Read a sheet, kept or about to be, as its columns were chosen and its cells corrected. Raises: SheetError."""
    if content is None:
        content = bytes(sheet.file.content)
    resource = resource_class(sheet.kind)
    chosen = chosen_headings(sheet)
    known = resource.known_headings(chosen)
    table = read_table(read_page(content, known), known, resource.kinds, resource.told_only, sheet.mended)
    if sheet.only:
        wanted = set(sheet.only)
        table.lines = [line for line in table.lines if line[0] in wanted]
    return table


def chosen_headings(sheet: Any) -> dict[str, str]:
    """Return what headings mean: as chosen for this sheet, else as the company chose before."""
    return heading_choices.remembered(sheet.user.current_company_id, sheet.kind) | sheet.columns


def choices(sheet: Any, table: Table) -> list[dict[str, Any]]:
    """Return the columns of a sheet and what each becomes, for the page that maps them."""
    found = heading_choices.choices(table, resource_class(sheet.kind), chosen_headings(sheet))
    return [choice._asdict() for choice in found]


def start_over(sheet: Any, *, columns: dict[str, str]) -> bool:
    """Read an open sheet again with other columns; returns whether it was still open."""
    state = "checking" if sheet.is_large else "open"
    return bool(rows().filter(pk=sheet.pk, state__in=("open", "failed")).update(columns=columns, state=state, done=0, error=""))


def mend(sheet: Any, cells: dict[str, dict[str, str]]) -> bool:
    """Put corrected cells into a sheet, which is open again for its refused rows alone once it was imported.

    Returns whether nobody was faster.
    """
    before = sheet.state
    if before not in ("open", "done", "cancelled"):
        return False
    mended = {line: {**sheet.mended.get(line, {}), **cells.get(line, {})} for line in {*sheet.mended, *cells}}
    only = sheet.only if before == "open" else list(refusals().filter(sheet=sheet).values_list("line", flat=True))
    changes = {"mended": mended, "only": only, "done": 0, "state": "checking" if sheet.is_large else "open"}
    return bool(rows().filter(pk=sheet.pk, state=before).update(**changes))


def claim(sheet: Any) -> bool:
    """Take an open sheet up to import it; of all who confirm it, one gets True."""
    return bool(rows().filter(pk=sheet.pk, state="open").update(state="importing", done=0, new=0, updated=0, skipped=0, refused=0, off_map=0))


def cancel(sheet: Any) -> bool:
    """End a check or an import between two rows; rows written stay. Returns whether it was still under way."""
    return bool(rows().filter(pk=sheet.pk, state__in=("checking", "importing")).update(state="cancelled"))


def stored(value: Any) -> Any:
    """Return what a column of JSON takes: no NUL, no half of a surrogate pair."""
    if isinstance(value, str):
        return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {stored(name): stored(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [stored(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def refusal(row: RowResult) -> Any:
    """Return the row of the database for a refused row of the file."""
    line: Row = row.line
    error = row.validation_error
    told = error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages}
    faults = [
        [line.place(name), "" if name == "__all__" else name, line.written.get(name, ""), text]
        for name, texts in told.items()
        for text in texts
    ]
    return refusals().model(line=line.number, place=line.place()[:100], faults=stored(faults), written=stored(line.written))


class Run:
    """One check or import of a large sheet in one process, with its state after each row."""

    def __init__(self, sheet: Any) -> None:
        self.sheet, self.is_check = sheet, sheet.state == "checking"
        self.preview: list[Any] = []
        self.corrections: list[Any] = []
        self.more_corrections = 0
        self.table = read(sheet)
        self.resource = resource_class(sheet.kind)(as_new=sheet.as_new)
        if self.is_check:  # the page maps the columns, even if one is lacking
            rows().filter(pk=sheet.pk).update(report=stored(self.report()))
        self.resource.check_columns(self.table.columns)
        self.done = 0
        self.resource.begin(self._pausing(len(self.table.lines)))
        for line in self._pausing(0 if self.is_check else sheet.done):
            self.resource.pass_over(line.cells)
            self.done += 1

    def _pausing(self, count: int) -> Iterator[Row]:
        """Read rows, and let others at the processor now and then."""
        for index in range(count):
            if index % 100 == 99:
                time.sleep(0.002)
            yield self.table.row(index)

    def batch(self) -> bool:
        """Check or write the next rows; returns whether any are left, and it is still wanted."""
        total = len(self.table.lines)
        if not self.is_check:
            self.resource.prepare(BATCH_ROWS)
        with transaction.atomic():
            sheet = rows().select_for_update().defer("report").filter(pk=self.sheet.pk).first()
            wanted = "checking" if self.is_check else "importing"
            if sheet is None or sheet.state != wanted or (not self.is_check and sheet.done != self.done):
                return False
            results = self._some(total)
            if self.is_check:
                transaction.set_rollback(True)
            else:
                self._count(sheet, results, total)
        if self.is_check:
            return self._counted(results, total)
        return self.done < total

    def _some(self, total: int) -> list[RowResult]:
        until = time.monotonic() + BATCH_SECONDS
        results: list[RowResult] = []
        while self.done < total and len(results) < BATCH_ROWS and time.monotonic() < until:
            results.append(self._row(self.table.row(self.done)))
            self.done += 1
        return results

    def _row(self, line: Row) -> RowResult:
        try:
            return self.resource.import_row({LINE: line}, None, user=self.sheet.user, row_number=line.number, dry_run=self.is_check)
        except IntegrityError as error:
            # Somebody else wrote the same at the same moment.
            result = RowResult()
            result.line, result.import_type = line, INVALID
            result.validation_error = SimpleNamespace(messages=[from_database(error).for_page()])
            return result

    def _count(self, sheet: Any, results: list[RowResult], total: int) -> None:
        for result in results:
            name = _COUNTED[result.import_type]
            setattr(sheet, name, getattr(sheet, name) + 1)
            sheet.off_map += int(result.import_type in (NEW, UPDATE) and result.is_off_map)
        sheet.done, sheet.failures = self.done, 0
        if not self.is_check:
            _log(sheet, results)
        if sheet.done == len(results):
            refusals().filter(sheet=sheet).delete()  # those of the check
        refused = [refusal(result) for result in results if result.import_type == INVALID]
        for row in refused:
            row.sheet_id = sheet.pk
        refusals().bulk_create(refused)
        if self.done == total:
            sheet.state = "open" if self.is_check else "done"
        sheet.save(update_fields=[*_COUNTED.values(), "off_map", "done", "failures", "state"])

    def _counted(self, results: list[RowResult], total: int) -> bool:
        """Write down what a check found, after the rows themselves were taken back."""
        good = [result for result in results if result.import_type != INVALID]
        self.preview += [
            [row.line.place(), row.import_type, row.line.notes, row.diff] for row in good[: MOST_PREVIEWED - len(self.preview)]
        ]
        found = [[row.line.place(name), name, old, new] for row in good for name, old, new in row.line.corrections]
        shown = found[: MOST_CORRECTIONS - len(self.corrections)]
        self.corrections += shown
        self.more_corrections += len(found) - len(shown)
        with transaction.atomic():
            sheet = rows().select_for_update().defer("report").filter(pk=self.sheet.pk, state="checking").first()
            if sheet is None:
                return False
            if self.done == len(results):
                sheet.new = sheet.updated = sheet.skipped = sheet.refused = sheet.off_map = 0
            sheet.total = total
            if self.done == total:
                sheet.report = stored(self.report())
                sheet.save(update_fields=["report"])
            sheet.save(update_fields=["total"])
            self._count(sheet, results, total)
        return self.done < total

    def report(self) -> dict[str, Any]:
        """Return what the page shows of a large sheet that was checked."""
        return {
            **about_columns(self.table),
            "preview": self.preview,
            "corrections": self.corrections,
            "more_corrections": self.more_corrections,
            "choices": choices(self.sheet, self.table),
        }


def about_columns(table: Table) -> dict[str, Any]:
    """Return what became of the columns of a file."""
    return {
        "columns": table.columns, "unused": table.unused, "renamed": table.renamed, "remarks": table.remarks,
        "decimal_comma": table.decimal_comma,
    }  # fmt: skip


@contextmanager
def acting(sheet: Any) -> Iterator[None]:
    """Write as the sheet's user, for the history of rows, and speak their language."""
    before = getattr(HistoricalRecords.context, "request", None)
    HistoricalRecords.context.request = SimpleNamespace(user=sheet.user)
    try:
        with translation.override(sheet.language):
            yield
    finally:
        if before is None:
            del HistoricalRecords.context.request
        else:
            HistoricalRecords.context.request = before


def _log(sheet: Any, results: list[RowResult]) -> None:
    """Enter what was made and changed in the admin's log."""
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType.objects.get_for_model(apps.get_model(sheet.kind))
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=sheet.user_id, content_type=kind, object_id=result.object_id, object_repr=str(result.object_repr)[:200],
            action_flag=ADDITION if result.import_type == NEW else CHANGE, change_message=f"{result.import_type} through import_export",
        )
        for result in results
        if result.import_type in (NEW, UPDATE)
    )  # fmt: skip


def give_up(sheet: Any, sentence: str = "") -> None:
    """End a sheet that cannot be read or written; rows written stay."""
    told = sentence or _("The import broke off. What was imported stays; upload the file again: nothing is doubled.")
    rows().filter(pk=sheet.pk, state__in=("checking", "importing")).update(state="failed", error=told[:500])
