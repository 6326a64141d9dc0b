"""Lines of a sheet that add up others, in the middle and at the end: they are no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.sheets.headings import ONLY_TOTALS, TOTALS, fold
from depannini_dashmap.lib.sheets.sheet_lines import Page
from depannini_dashmap.lib.sheets.values import TEXT, CellFault, Kind, read_cell, written

Line = tuple[int, list[Any]]
Sums = dict[int, Decimal]  # by the index of the column
MOST_NAMED = 20


class _Left(NamedTuple):
    number: int
    text: str
    adds_up: bool


def without_totals(lines: list[Line], used: Mapping[int, str], kinds: Mapping[str, Kind], page: Page) -> tuple[list[Line], list[str]]:
    """Return the lines without those that only add up others, and remarks that name each of these.

    A line is one if its first word says so and it adds up those since an earlier one, or since the beginning; if besides that
    word it holds numbers alone; and always by a word that is nobody's name, such as `Sous-total`. A customer may be called Total.
    """
    words = [_word_of(cells) for _number, cells in lines]
    if not any(words):
        return lines, []
    columns = {index: kind for index, name in used.items() if (kind := kinds.get(name, TEXT)).name == "number" and kind.places <= 2}
    kept, left, remarks = [], [], []
    since: list[tuple[Sums, int]] = [({}, 0)]  # sums since the beginning, and since each total, with how many lines they are of
    for (number, cells), text in zip(lines, words, strict=True):
        amounts = {index: amount for index, kind in columns.items() if (amount := _amount(cells, index, kind, page)) is not None}
        is_bare = bool(text) and _is_bare(cells, text)
        fits = bool(text) and any(_adds_up(amounts, sums, count) for sums, count in since if count > (0 if is_bare else 1))
        if fits or (text and (_is_nobody(text) or (is_bare and _is_total_alone(text)))):
            left.append(_Left(number, text, fits or not any(amounts.values())))
            since.append(({}, 0))
            continue
        if text and number == lines[-1][0] and fold(text) in TOTALS and len(lines) > 2:
            remarks.append(_("Line %(number)d begins with %(text)s: correct the file if it is not one of the data.") % {"number": number, "text": text})
        kept.append((number, cells))
        since = [({**sums, **{index: sums.get(index, Decimal()) + amount for index, amount in amounts.items()}}, count + 1) for sums, count in since[-MOST_NAMED:]]
    return kept, _about(left) + remarks


def _about(left: Sequence[_Left]) -> list[str]:
    told = []
    sums = [one for one in left if one.adds_up]
    if len(sums) == 1:
        told.append(_("Line %(number)d adds up the lines above it (%(text)s) and was left out.") % {"number": sums[0].number, "text": sums[0].text})
    elif sums:
        told.append(_("Lines that add up those above them were left out: %(lines)s.") % {"lines": _named(sums)})
    if odd := [one for one in left if not one.adds_up]:
        told.append(_("Totals that are not the sum of the lines above them were left out: %(lines)s. Look whether lines are missing.") % {"lines": _named(odd)})
    return told


def _named(some: Sequence[_Left]) -> str:
    return listed(f"{one.number} ({one.text[:40]})" for one in some[:MOST_NAMED]) + (" …" if len(some) > MOST_NAMED else "")


def _word_of(cells: Sequence[Any]) -> str:
    """Return the first text of a line that begins as a total does, with a number or nothing before it; empty for any other line."""
    text = next((text for cell in cells if (text := written(cell)) and not _is_number(text)), "")
    word = fold(text)
    return text if word and any(word == one or word.startswith(f"{one} ") for one in TOTALS) else ""


def _is_nobody(text: str) -> bool:
    word = fold(text)
    return any(word == one or word.startswith(f"{one} ") for one in ONLY_TOTALS)


def _is_total_alone(text: str) -> bool:
    """Return whether a text is the word of a total with nothing behind it but a number: `TOTAL : 1 500 DA`, no `Total Energies`."""
    word = fold(text)
    ends = [word.removeprefix(one).strip() for one in TOTALS if word == one or word.startswith(f"{one} ")]
    return any(not end or end[0].isdigit() for end in ends)


def _is_bare(cells: Sequence[Any], text: str) -> bool:
    texts = [one for cell in cells if (one := written(cell)) and one != text]
    return all(map(_is_number, texts))


def _is_number(text: str) -> bool:
    """Return whether a text is a number, with at most a short unit."""
    word = fold(text)
    return bool(word) and word[0].isdigit() and sum(letter.isalpha() for letter in word) <= 3


def _adds_up(amounts: Sums, sums: Sums, count: int) -> bool:
    within = Decimal("0.01") * (count + 1)
    fits = [abs(sums.get(index, Decimal()) - amount) < within for index, amount in amounts.items()]
    return any(amounts.values()) and all(fits)


def _amount(cells: Sequence[Any], index: int, kind: Kind, page: Page) -> Decimal | None:
    try:
        return Decimal(read_cell(cells[index], kind, decimal_comma=page.decimal_comma))
    except (CellFault, InvalidOperation, IndexError):
        return None
