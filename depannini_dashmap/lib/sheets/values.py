"""Cells as people and spreadsheets write them, read into values of the API; values that were read differently are reported.

Shape: `read_cell(value, kind, …)` returns the text of one cell; kinds are in `READERS`. No tables, no request.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote

from django.utils.translation import gettext as _

from depannini_dashmap.lib.sheets.headings import MONTHS, NO, YES, fold
from depannini_dashmap.lib.text import clean, plain_phone, plain_plate

_FORMULA = re.compile(r"^\s*[=+\-@\t\r\n\x00＝＋－＠]")
_ERRORS = frozenset(
    ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA", "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!"]
)
_SCIENTIFIC = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]{1,2}\Z")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?\Z")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}\Z")
_ISO = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?\Z")
_DAY_FIRST = re.compile(r"([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4}|[0-9]{2})(?: [0-9:]+)?\Z")
_NAMED = re.compile(r"(?:[^\W\d]+\.?,? )?([0-9]{1,2})(?:er)?[- ]([^\W\d]+)\.?[- ,]+([0-9]{4}|[0-9]{2})\Z")
_MONTH_FIRST = re.compile(r"([^\W\d]+)\.? ([0-9]{1,2}),? ([0-9]{4})\Z")
_COMPACT = re.compile(r"(20[0-9]{2})([01][0-9])([0-3][0-9])\Z")
_DEGREES = re.compile(r"([+-]?[0-9]{1,3})°([0-9]{1,2})['′’](?:([0-9]{1,2}(?:[.,][0-9]+)?)(?:[\"″”]|''|’’))?([NSEWO]?)\Z")
_COMPASS = re.compile(r"([0-9]+[.,][0-9]+)°?([NSEWO])\Z")
_PAIR = r"(-?[0-9]{1,3}\.[0-9]+)%s(-?[0-9]{1,3}\.[0-9]+)"
# Links to a map, surest first: a pin goes before the middle of the map that is shown.
_LINKS = tuple(
    re.compile(start + _PAIR % between)
    for start, between in [("!3d", "!4d"), (r"[?&]mlat=", "&mlon="), (r"[?&](?:q|query|ll|destination|daddr)=(?:loc:)?", r",[\s+]*"), ("(?:geo:|/place/|/dir/|@)", ",")]
)
_SERIAL = re.compile(r"[0-9]{5}(?:\.[0-9]+)?\Z")
EPOCH = dt.date(1899, 12, 30)  # day 0 of a spreadsheet
EPOCH_1904 = dt.date(1904, 1, 1)  # of workbooks from an old Macintosh
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 80_000  # the years 1954 to 2119


class NotComputed(str):
    """A formula of a workbook whose result is not in the file."""


class CellFault(ValueError):
    """A cell cannot be what its column needs; the message is for people."""


@dataclass(frozen=True)
class Kind:
    """What a column holds: the name of its reader, decimal places, the unit that may follow a number, the words of a choice."""

    name: str = "text"
    places: int = 2
    unit: str = ""
    words: tuple[tuple[str, str], ...] = ()
    parts: tuple[str, ...] = ()  # of one cell that holds a latitude and a longitude: their columns


TEXT = Kind()


def read_cell(value: Any, kind: Kind = TEXT, *, decimal_comma: bool = False, epoch: dt.date = EPOCH) -> str:
    """Return the text of a cell. `decimal_comma` says that the file writes 1,250 for one and a quarter, `epoch` from
    which day it counts others.

    Raises: CellFault.
    """
    text = written(value)
    if isinstance(value, NotComputed):
        raise CellFault(_("The result of %(text)s is not in the file: open it in the spreadsheet, save it and upload it again.") % {"text": text})
    if text.upper() in _ERRORS or (text and not text.strip("#")):
        raise CellFault(_("%(text)s is an error of the spreadsheet, no value.") % {"text": text})
    if not text:
        return ""
    if kind.name == "number":
        return _number(value, text, kind, decimal_comma)
    if kind.name == "date":
        return _date(value, text, epoch)
    return READERS[kind.name](value, text, kind)


def written(value: Any) -> str:
    """Return a cell as its reader sees it, without the quote that an export sets before formulas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15g}" if abs(value) < 1e15 and not value.is_integer() else _whole(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "minutes")
    text = clean(str(value))
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def _whole(value: float) -> str:
    return str(int(value)) if value == value and abs(value) < 1e18 else str(value)


def _text(value: Any, text: str, kind: Kind) -> str:
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split(" ")) if "\N{NO-BREAK SPACE}" in text else text


def _key(value: Any, text: str, kind: Kind) -> str:
    """Read what identifies something: a number that the spreadsheet has cut off would be another one's."""
    if isinstance(value, str) and _SCIENTIFIC.match(text):
        raise CellFault(
            _("The spreadsheet has cut %(text)s off: format the column as text and write the number again.") % {"text": text}
        )
    return _text(value, text.removeprefix("'"), kind)


def _phone(value: Any, text: str, kind: Kind) -> str:
    return " ".join(plain_phone(_key(value, text, kind)).split())


def _plate(value: Any, text: str, kind: Kind) -> str:
    return plain_plate(_key(value, text, kind))


def _number(value: Any, text: str, kind: Kind, decimal_comma: bool) -> str:
    plain = re.sub(r"[\s'’_]", "", plain_phone(text)).replace("٫", ".").replace("٬", "").replace("−", "-")
    if kind.places > 2:
        plain, decimal_comma = _degrees("".join(text.split()).upper()) or plain.rstrip("°"), True
    if kind.unit and plain.lower().endswith(kind.unit):
        plain = plain[: -len(kind.unit)]
    if "," in plain and "." in plain:
        thousands = "," if plain.rindex(",") < plain.rindex(".") else "."
        plain = plain.replace(thousands, "")
    if plain.count(",") > 1:
        plain = plain.replace(",", "")
    if plain.count(".") > 1:
        plain = plain.replace(".", "")
    if _THOUSANDS.match(plain) and not decimal_comma:
        raise CellFault(_("%(text)s may be %(one)s or %(other)s: write it without a comma.") % {
            "text": text, "one": plain.replace(",", ""), "other": plain.replace(",", ".")
        })  # fmt: skip
    plain = plain.replace(",", ".")
    return _rounded(plain, kind.places) if _NUMBER.match(plain) else text


def _degrees(plain: str) -> str:
    """Return a coordinate of degrees, minutes and seconds, or with a letter of the compass, as a number; empty for others."""
    if found := _DEGREES.match(plain):
        degrees, minutes, seconds, side = int(found[1]), int(found[2]), Decimal((found[3] or "0").replace(",", ".")), found[4]
        size = abs(degrees) + Decimal(minutes) / 60 + seconds / 3600
        if minutes > 59 or seconds >= 60:
            return ""
        return f"{-size if side in ('S', 'W', 'O') or found[1].startswith('-') else size:f}"
    if found := _COMPASS.match(plain):
        return f"{'-' if found[2] in 'SWO' else ''}{found[1]}"
    return ""


def read_coordinates(value: Any) -> tuple[str, str] | None:
    """Return the latitude and longitude of one cell, in degrees; None when it is empty.

    Takes `36.75, 3.05`, `36,7538 ; 3,0588`, `36,7538,3,0588`, degrees with minutes and seconds, `geo:` and links to a map.
    Raises: CellFault.
    """
    text = written(value)
    if not text:
        return None
    found = next((match for link in _LINKS if (match := link.search(unquote(text)))), None)
    for parts in [list(found.groups())] if found else _halves(plain_phone(text).strip("()[] ")):
        numbers = [_number(None, part, Kind("number", places=6), True) for part in parts]
        if len(numbers) == 2 and all(map(_NUMBER.match, numbers)) and abs(float(numbers[0])) <= 90 and abs(float(numbers[1])) <= 180:
            return numbers[0], numbers[1]
    raise CellFault(_("%(text)s is no latitude and longitude; write them as in 36.7538, 3.0588.") % {"text": text})


def _halves(text: str) -> Iterator[list[str]]:
    """Give the ways in which a text may be two numbers, surest first."""
    for between in (r"\s*[;؛|/\n\t]\s*", r"[,،]\s+", r"(?<=[NSEWOnsewo])[\s,]+"):
        yield [part for part in re.split(between, text) if part]
    groups = text.split(",")
    if len(groups) == 2 and all("." in group for group in groups):
        yield groups
    if len(groups) == 4:
        yield [",".join(groups[:2]), ",".join(groups[2:])]
    yield text.split()


def _rounded(plain: str, places: int) -> str:
    try:
        number = Decimal(plain)
        if -int(number.as_tuple().exponent) > places:
            number = number.quantize(Decimal(1).scaleb(-places))
    except InvalidOperation:
        return plain
    return format(number, "f")


def _date(value: Any, text: str, epoch: dt.date) -> str:
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    plain = " ".join(plain_phone(text).split())
    if _SERIAL.match(plain) and _FIRST_SERIAL <= float(plain) <= _LAST_SERIAL:
        return (epoch + dt.timedelta(days=int(float(plain)))).isoformat()
    for year, month, day in _readings(plain):
        try:
            return dt.date(year, month, day).isoformat()
        except ValueError:
            continue
    return text


def _readings(plain: str) -> list[tuple[int, int, int]]:
    """Return what a date may mean, likeliest first: the day comes before the month unless it cannot."""
    if found := _ISO.match(plain):
        return [(int(found[1]), int(found[2]), int(found[3]))]
    if found := _DAY_FIRST.match(plain):
        year = int(found[3]) + (2000 if len(found[3]) == 2 else 0)
        return [(year, int(found[2]), int(found[1])), (year, int(found[1]), int(found[2]))]
    if found := _COMPACT.match(plain):
        return [(int(found[1]), int(found[2]), int(found[3]))]
    if (found := _NAMED.match(plain)) and (month := MONTHS.get(fold(found[2]))):
        return [(int(found[3]) + (2000 if len(found[3]) == 2 else 0), month, int(found[1]))]
    if (found := _MONTH_FIRST.match(plain)) and (month := MONTHS.get(fold(found[1]))):
        return [(int(found[3]), month, int(found[2]))]
    return []


def _boolean(value: Any, text: str, kind: Kind) -> str:
    word = fold(text)
    if word in YES or word in NO:
        return "true" if word in YES else "false"
    raise CellFault(_("%(text)s is neither yes nor no.") % {"text": text})


def _choice(value: Any, text: str, kind: Kind) -> str:
    return dict(kind.words).get(fold(text), text)


READERS: dict[str, Callable[[Any, str, Kind], str]] = {
    "text": _text, "key": _key, "phone": _phone, "plate": _plate, "boolean": _boolean, "choice": _choice,
}  # fmt: skip
