"""What a company means by the headings of its sheets: remembered when it is chosen on the page, used for the next file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.apps import apps
from django.utils.translation import gettext as _

from depannini_dashmap.lib.sheets.headings import fold
from depannini_dashmap.lib.sheets.resources import RowResource
from depannini_dashmap.lib.sheets.tables import Table, guess, letter

LONGEST = 200
MOST_REMEMBERED = 2_000  # of one company and kind


class Choice(NamedTuple):
    """A column of the file on the page that maps them: where it stands, its first values, which column it becomes."""

    letter: str
    heading: str
    key: str
    values: list[str]
    column: str
    is_guess: bool


def remembered(company_id: int | None, kind: str) -> dict[str, str]:
    """Return the column of each folded heading that the company has chosen before."""
    if company_id is None:
        return {}
    rows = _headings().filter(company_id=company_id, kind=kind).order_by("pk")
    return dict(rows.values_list("heading", "column")[:MOST_REMEMBERED])


def remember(company_id: int | None, kind: str, chosen: Mapping[str, str]) -> None:
    """Keep what was chosen; the newest choice of a heading counts."""
    if company_id is None:
        return
    rows = [
        _headings().model(company_id=company_id, kind=kind, heading=heading, column=column)
        for heading, column in sorted(chosen.items())
        if not heading.startswith("#")  # a letter means something in this file alone
    ]
    _headings().bulk_create(
        rows, update_conflicts=True, unique_fields=["company", "kind", "heading"], update_fields=["column"]
    )


def choices(table: Table, resource: type[RowResource], chosen: Mapping[str, str]) -> list[Choice]:
    """Return the columns of a file with what each becomes; where nothing is known, with a guess."""
    headings = resource.known_headings(chosen)
    taken = set(table.columns)
    found = []
    for index, heading in enumerate(table.header):
        values = table.first_values(index)
        if not heading and not values:
            continue
        column = table.used.get(index, "")
        guessed = "" if column or not heading else guess(heading, headings, taken)
        taken.add(guessed)
        found.append(Choice(letter(index), heading, key_of(heading, index), values, column or guessed, bool(guessed)))
    return found


def key_of(heading: str, index: int) -> str:
    """Return under which name a heading is remembered; a column without one goes by its letter."""
    return (fold(heading) or f"#{letter(index)}")[:LONGEST]


def offered(resource: type[RowResource]) -> list[tuple[str, str]]:
    """Return what a column of the file may become, in the language of the page; the first is: nothing."""
    stars = {name: f"{resource.label(name)} *" for name in resource.required}
    return [("", f"– {_('not used')} –"), *((name, stars.get(name) or resource.label(name)) for name in resource.readable())]


def _headings() -> Any:
    return apps.get_model("depannini_dashmap", "SheetHeading").objects
