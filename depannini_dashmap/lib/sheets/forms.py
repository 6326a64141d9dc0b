"""The forms of the import pages: a file, its confirmation, the columns that were chosen, corrected cells."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.forms import ConfirmImportForm, ImportForm

from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.sheets.limits import MAX_BYTES, MAX_LETTERS
from depannini_dashmap.lib.sheets.resources import RowResource
from depannini_dashmap.lib.sheets.sheet_lines import SheetError
from depannini_dashmap.lib.text import clean

MOST_MENDED = 50  # rows on one page


class SheetForm(ImportForm):
    """Takes a file; what kind of file it is, the file itself says."""

    def __init__(self, formats: list, resources: list, **kwargs: Any) -> None:
        super().__init__(formats, resources, **kwargs)
        self.fields["format"].required = False
        self.fields["format"].widget = forms.HiddenInput()
        self.fields["import_file"].widget.attrs["accept"] = ".csv,.txt,.tsv,.xlsx"

    def clean(self) -> dict[str, Any]:
        """Refuse a file that is too large."""
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("import_file")
        if file is not None and file.size > MAX_BYTES:
            self.add_error("import_file", _("The file is larger than %(most)d MB.") % {"most": MAX_BYTES // 1024 // 1024})
        return cleaned


class SheetRepeatForm(SheetForm):
    """Offers to take every row as a new one, for files that come again each day."""

    as_new = forms.BooleanField(
        required=False,
        label=gettext_lazy("Every row is a new order"),
        help_text=gettext_lazy("for a file that comes again, such as one for each weekday; references that are taken get a number"),
    )


class SheetConfirmForm(ConfirmImportForm):
    """Names the kept sheet."""

    as_new = forms.BooleanField(required=False, widget=forms.HiddenInput)


def chosen_columns(sent: QueryDict, resource: type[RowResource]) -> dict[str, str]:
    """Return the column of each heading as it was chosen on the page. Raises: SheetError."""
    chosen = {}
    for name, column in sent.items():
        if name.startswith("column-") and (not column or column in resource.readable()):
            chosen[clean(name.removeprefix("column-"))[:200]] = str(column)
    twice = sorted(column for column, count in Counter(chosen.values()).items() if column and count > 1)
    if twice:
        names = listed(resource.label(column) for column in twice)
        raise SheetError(_("Choose each field for one column only: %(names)s.") % {"names": names})
    return chosen


def mended_cells(sent: QueryDict, refusals: Any, resource: type[RowResource]) -> dict[str, dict[str, str]]:
    """Return the cells that differ from what the file says, by line and column."""
    cells: dict[str, dict[str, str]] = {}
    for row in refusals:
        for column in resource.readable():
            text = sent.get(f"cell-{row.line}-{column}")
            if text is not None and str(text).strip() != row.written.get(column, "").strip():
                cells.setdefault(str(row.line), {})[column] = str(text)[:MAX_LETTERS]
    return cells
