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
from depannini_dashmap.lib.time_zone import display_zone

_FORMULA = re.compile(r"^\s*[=+\-@\t\r\n\x00＝＋－＠]")
_ERRORS = frozenset(
    ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA", "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!"]
)
# `2.13E+11` and `1.23E9` are numbers cut off; `12E3` may well be a name.
_SCIENTIFIC = re.compile(r"[0-9]([.,][0-9]+[eE]|[eE]\+)\+?[0-9]{1,2}\Z")
_KEPT_AS_TEXT = re.compile(r'="([^"]*)"\Z')  # so programs tell a spreadsheet to keep zeros
_LONGEST_KEPT = 10**15  # a spreadsheet keeps fifteen digits of a number
_FLOAT = re.compile(r"(\+?[0-9]{6,15})\.0\Z")  # what programs make of a number whose column has empty cells
_MOST_DIGITS = 17  # of one phone number: fifteen, and 00 before them
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?\Z")
_ONE_MARK = re.compile(r"[+-]?[0-9]+[.,][0-9]+\Z")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}[,.][0-9]{3}\Z")
# Groups of three digits; in India of two above the last three.
_GROUPED = re.compile(
    r"[+-]?[0-9]{1,3}(?:([ '’_])[0-9]{3}(?:\1[0-9]{3})*(?:[.,][0-9]+)?|(?:,[0-9]{3})+(?:\.[0-9]+)?|(?:\.[0-9]{3})+(?:,[0-9]+)?|(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?)\Z"
)
_UNITS_NAMED = re.compile(r"(?<=[(\[])[^)\]]*|[^\s()\[\]]+\Z|[€$£]")
_WITH_UNIT = re.compile(r"(.*[0-9]) ?([^\W\d_]+[23]?|[€$£])\.?\Z")
_WEEKDAY = r"(?:[^\W\d]+\.?,? )?"
_CLOCK = r"(?:,? (?:à )?[0-9]{1,2}(?:[:hH][0-9:.]*)?(?: ?[AaPp]\.?[Mm]\.?)?)?"
_ISO = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[T ]([0-9:.]+)(Z|[+-][0-9:]+)?)?\Z")
_DAY_FIRST = re.compile(_WEEKDAY + r"([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4}|[0-9]{2})" + _CLOCK + r"\Z")
_NAMED = re.compile(_WEEKDAY + r"([0-9]{1,2})(?:er|st|nd|rd|th)?[- ]([^\W\d]+)\.?[- ,،]+([0-9]{4}|[0-9]{2})" + _CLOCK + r"\Z")
_MONTH_FIRST = re.compile(_WEEKDAY + r"([^\W\d]+)\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})" + _CLOCK + r"\Z")
_COMPACT = re.compile(r"(20[0-9]{2})([01][0-9])([0-3][0-9])\Z")
_DEGREES = re.compile(
    r"([NSEWO]?)([+-]?[0-9]{1,3})°([0-9]{1,2}(?:[.,][0-9]+)?)['′’](?:([0-9]{1,2}(?:[.,][0-9]+)?)(?:[\"″”]|''|’’|′′))?([NSEWO]?)\Z"
)
_HOURS = re.compile(r"([0-9]{1,2}) ?(?:h|H|:) ?([0-5][0-9])(?::00| ?(?:min|mn))?\Z")  # 1h30, 0:45, and a spreadsheet's own 00:45:00
_MINUTES = re.compile(r"([0-9]{1,3}) ?['′’]\Z")
_COMPASS = re.compile(r"([NSEWO]?)([0-9]+[.,][0-9]+)°?([NSEWO]?)\Z")
_PAIR = r"(-?[0-9]{1,3}\.[0-9]+)%s(-?[0-9]{1,3}\.[0-9]+)"
# Links to a map, surest first: a pin goes before the middle of the map that is shown.
_LINKS = tuple(
    re.compile(start + _PAIR % between)
    for start, between in [("!3d", "!4d"), (r"[?&]mlat=", "&mlon="), (r"[?&](?:q|query|ll|destination|daddr)=(?:loc:)?", r",[\s+]*"), ("(?:geo:|/place/|/search/|@)", r",[\s+]*")]
)
_ROUTE = re.compile("/dir/")  # to one place, or by several, of which none is meant for sure
_SERIAL = re.compile(r"[0-9]{5}(?:[.,][0-9]+)?\Z")
EPOCH = dt.date(1899, 12, 30)  # day 0 of a spreadsheet
EPOCH_1904 = dt.date(1904, 1, 1)  # of workbooks from an old Macintosh
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 80_000  # the years 1954 to 2119
_FIRST_YEAR, _LAST_YEAR = 1990, 2100  # others are slips of the hand, or of another calendar
_SHORT_YEARS = range(10, 70)  # `26-12-01` may begin with its year
DAY_FIRST, MONTH_FIRST, MIXED = "day first", "month first", "mixed"
_SIDES = {"latitude": "NS", "longitude": "EWO"}


class NotComputed(str):
    """A formula of a workbook whose result is not in the file."""


class CellFault(ValueError):
    """A cell cannot be what its column needs; the message is for people."""


@dataclass(frozen=True)
class Kind:
    """What a column holds: the name of its reader, decimal places, the unit that may follow a number, the words of a choice.

    `units` are other units with how many of `unit` each is, empty where it cannot be turned into it; `axis` is latitude or longitude.
    """

    name: str = "text"
    places: int = 2
    unit: str = ""
    units: tuple[tuple[str, str], ...] = ()
    axis: str = ""
    words: tuple[tuple[str, str], ...] = ()
    parts: tuple[str, ...] = ()  # of one cell that holds a latitude and a longitude: their columns

    def factor(self, unit: str) -> str | None:
        """Return how many of the column's unit one of `unit` is, None for what is no unit of it."""
        name = fold(unit) or unit
        return "1" if self.unit and name == self.unit else dict(self.units).get(name)

    def unit_in(self, heading: str) -> str:
        """Return the unit that a heading names: `Poids (t)`, `Poids en tonnes`; empty where it names none of this column's."""
        return next((word for word in _UNITS_NAMED.findall(heading) if self.factor(word) is not None), "")


TEXT = Kind()


def read_cell(
    value: Any, kind: Kind = TEXT, *, decimal_comma: bool = False, epoch: dt.date = EPOCH, unit: str = "", date_order: str = DAY_FIRST
) -> str:
    """Return the text of a cell. `decimal_comma` says that the file writes 1,250 for one and a quarter, `epoch` from
    which day it counts others, `unit` what the heading names, `date_order` how its dates of three numbers are written.

    Raises: CellFault.
    """
    text = written(value)
    if isinstance(value, str) and (kept := _KEPT_AS_TEXT.match(text)):
        text = value = clean(kept[1])
    if isinstance(value, NotComputed):
        raise CellFault(_("The result of %(text)s is not in the file: open it in the spreadsheet, save it and upload it again.") % {"text": text})
    if text.upper() in _ERRORS or (text and not text.strip("#")):
        raise CellFault(_("%(text)s is an error of the spreadsheet, no value.") % {"text": text})
    if not text or (kind.name in ("number", "date", "phone") and not text.strip("-–— ")):
        return ""
    if kind.name == "number":
        return _number(text, kind, decimal_comma, unit)
    if kind.name == "date":
        return _date(value, text, epoch, date_order)
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
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split(" ")) if "\N{NO-BREAK SPACE}" in text else text


def _key(value: Any, text: str, kind: Kind) -> str:
    """Read what identifies something: what the spreadsheet has cut off or made a date of would be another one's."""
    if _is_cut(value, text):
        raise CellFault(
            _("The spreadsheet has cut %(text)s off: format the column as text and write the number again.") % {"text": text}
        )
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        raise CellFault(_("The spreadsheet has made a date or a time of this (%(text)s): format the column as text and write it again.") % {"text": text})
    return _text(value, text.removeprefix("'"), kind)


def _is_cut(value: Any, text: str) -> bool:
    if isinstance(value, str):
        return bool(_SCIENTIFIC.match(text))
    # What is cut off ends in zeros; other numbers of that length were written by a program.
    return isinstance(value, int | float) and abs(value) >= _LONGEST_KEPT and (isinstance(value, float) or value % 10 == 0)


def _phone(value: Any, text: str, kind: Kind) -> str:
    plain = plain_phone(_key(value, text, kind))
    if sum(map(str.isdigit, plain)) > _MOST_DIGITS:
        raise CellFault(_("%(text)s is more than one number: keep one of them here.") % {"text": " ".join(text.split())})
    return _FLOAT.sub(r"\1", " ".join(plain.split()))


def _plate(value: Any, text: str, kind: Kind) -> str:
    return _FLOAT.sub(r"\1", plain_plate(_key(value, text, kind)))


def _number(text: str, kind: Kind, decimal_comma: bool, unit: str = "") -> str:
    plain = " ".join(plain_phone(text).split()).replace("٫", ".").replace("٬", "'").replace("−", "-")
    if kind.places > 2:
        return _coordinate(text, plain, kind)
    if kind.unit == "min" and (found := _HOURS.match(plain)):
        return str(int(found[1]) * 60 + int(found[2]))
    if kind.unit == "min" and (found := _MINUTES.match(plain)):
        return found[1]
    if (found := _WITH_UNIT.match(plain)) and kind.factor(found[2]) is not None:
        plain, unit = found[1], found[2]
    factor = kind.factor(unit) if unit else "1"
    if factor == "":
        raise CellFault(_("%(unit)s cannot be turned into %(own)s.") % {"unit": unit, "own": kind.unit.upper()})
    if _THOUSANDS.match(plain):
        one, other = re.sub("[.,]", "", plain), plain.replace(",", ".")
        if "," in plain and not decimal_comma:
            raise CellFault(_("%(text)s may be %(one)s or %(other)s: write it without a comma.") % {"text": text, "one": one, "other": other})
        if "." in plain and decimal_comma:
            raise CellFault(_("%(text)s may be %(one)s or %(other)s: write it without a point.") % {"text": text, "one": one, "other": other})
    if _ONE_MARK.match(plain):
        plain = plain.replace(",", ".")
    elif found := _GROUPED.match(plain):
        mark = found[1] or ("," if plain.find(",") < plain.find(".") or "." not in plain else ".")
        mark = mark if mark in plain else "."
        plain = plain.replace(mark, "").replace(",", ".")
    if not _NUMBER.match(plain):
        return text
    return _rounded(plain if factor in (None, "1") else f"{Decimal(plain) * Decimal(factor):f}", kind.places)


def _coordinate(text: str, plain: str, kind: Kind) -> str:
    """Read a latitude or a longitude, which has no thousands; raises CellFault for one of the other axis."""
    number, side = _degrees("".join(text.split()).upper().replace("º", "°"))
    if side and kind.axis and side not in _SIDES[kind.axis]:
        raise CellFault(_("%(text)s is no value of this axis: are latitude and longitude swapped?") % {"text": text})
    number = number or plain.rstrip("° ").replace(",", ".")
    return _rounded(number, kind.places) if _NUMBER.match(number) else text


def _degrees(plain: str) -> tuple[str, str]:
    """Return a coordinate of degrees, minutes and seconds, or with a letter of the compass, as a number, and that letter; empty for others."""
    if found := _DEGREES.match(plain):
        degrees, minutes, seconds = int(found[2]), Decimal(found[3].replace(",", ".")), Decimal((found[4] or "0").replace(",", "."))
        side = found[1] or found[5]
        if minutes >= 60 or seconds >= 60 or (found[4] and minutes % 1) or (found[1] and found[5]) or (side and found[2][0] in "+-"):
            return "", ""
        size = abs(degrees) + minutes / 60 + seconds / 3600
        return f"{-size if side in ('S', 'W', 'O') or found[2].startswith('-') else size:f}", side
    if (found := _COMPASS.match(plain)) and bool(found[1]) != bool(found[3]):
        side = found[1] or found[3]
        return f"{'-' if side in 'SWO' else ''}{found[2].replace(',', '.')}", side
    return "", ""


def read_coordinates(value: Any) -> tuple[str, str] | None:
    """Return the latitude and longitude of one cell, in degrees; None when it is empty.

    Takes `36.75, 3.05`, `36,7538 ; 3,0588`, `36,7538,3,0588`, degrees with minutes and seconds, `geo:` and links to a map.
    Raises: CellFault.
    """
    text = written(value)
    if not text:
        return None
    link = unquote(text)
    found = next((match for one in _LINKS if (match := one.search(link))), None)
    if _ROUTE.search(link):
        places = re.findall("/" + _PAIR % "," + "(?=/|$)", link)
        halves: list[list[str]] = [list(places[0])] if len(places) == 1 else []
    else:
        halves = [list(found.groups())] if found else list(_halves(plain_phone(text.replace("º", "°")).strip("()[] ")))
    for parts in halves:
        if len(parts) != 2:
            continue
        if all(sides := [_degrees("".join(part.split()).upper())[1] for part in parts]) and sides[0] in _SIDES["longitude"]:
            parts.reverse()
        try:
            numbers = [_number(part, Kind("number", places=6, axis=axis), True) for part, axis in zip(parts, _SIDES, strict=True)]
        except CellFault:
            continue
        if all(map(_NUMBER.match, numbers)) and abs(float(numbers[0])) <= 90 and abs(float(numbers[1])) <= 180:
            return None if is_nowhere(*numbers) else (numbers[0], numbers[1])
    raise CellFault(_("%(text)s is no latitude and longitude; write them as in 36.7538, 3.0588.") % {"text": text})


def _halves(text: str) -> Iterator[list[str]]:
    """Give the ways in which a text may be two numbers, surest first."""
    for between in (r"\s*[;؛|/\n\t،]\s*", r"[,،]\s+", r"(?<=[NSEWOnsewo])[\s,]+", r"[\s,]+(?=[NSEWOnsewo])"):
        yield [part for part in re.split(between, text) if part]
    groups = text.split(",")
    if len(groups) == 2 and all("." in group for group in groups):
        yield groups
    if len(groups) == 4:
        yield [",".join(groups[:2]), ",".join(groups[2:])]
    yield text.split()


def is_nowhere(latitude: str, longitude: str) -> bool:
    """Return whether both are zero: in the sea, and what programs write where they know no place."""
    return all(_NUMBER.match(text) and float(text) == 0 for text in (latitude, longitude))


def _rounded(plain: str, places: int) -> str:
    try:
        number = Decimal(plain)
        if -int(number.as_tuple().exponent) > places:
            number = number.quantize(Decimal(1).scaleb(-places))
    except InvalidOperation:
        return plain
    return format(number, "f")


def _date(value: Any, text: str, epoch: dt.date, order: str) -> str:
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    plain = _plain_date(text)
    if _SERIAL.match(plain) and _FIRST_SERIAL <= (serial := float(plain.replace(",", "."))) <= _LAST_SERIAL:
        return (epoch + dt.timedelta(days=int(serial))).isoformat()
    readings = _readings(plain)
    if len(readings) > 1 and order == MONTH_FIRST:
        readings.reverse()
    days = [dt.date(*one) for one in readings if _is_day(*one)]
    found = [day for day in days if _FIRST_YEAR <= day.year <= _LAST_YEAR]
    if days and not found:
        raise CellFault(_("The year of %(text)s is not between %(first)d and %(last)d.") % {"text": text, "first": _FIRST_YEAR, "last": _LAST_YEAR})
    if order == MIXED and len(set(found)) > 1:
        raise CellFault(
            _("%(text)s may be %(one)s or %(other)s, as other dates of this column have the month first: write it as 2026-12-31.")
            % {"text": text, "one": found[0].isoformat(), "other": found[1].isoformat()}
        )
    return found[0].isoformat() if found else text


def date_order(value: Any) -> str:
    """Return which of day and month comes first in a date that can be read in one way only; empty for any other."""
    if not isinstance(value, str) or not (found := _DAY_FIRST.match(_plain_date(value))):
        return ""
    first, second = int(found[1]), int(found[2])
    return DAY_FIRST if 12 < first <= 31 and second <= 12 else MONTH_FIRST if first <= 12 < second <= 31 else ""


def _plain_date(text: str) -> str:
    return re.sub(r"(?<=[0-9]) ?([-/.]) ?(?=[0-9])", r"\1", " ".join(plain_phone(text).split()))


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True


def _year(text: str) -> int:
    """Return a year of four digits; of two digits only where these are no day or month of today's dates."""
    return int(text) if len(text) == 4 else 2000 + int(text) if int(text) in _SHORT_YEARS else 0


def _readings(plain: str) -> list[tuple[int, int, int]]:
    """Return what a date may mean, likeliest first: the day comes before the month unless it cannot."""
    if found := _ISO.match(plain):
        day = (int(found[1]), int(found[2]), int(found[3]))
        # Midnight here is the evening before in UTC; midnight in UTC is how programs write a day.
        if found[5] == "Z" and found[4].strip("0:."):
            try:
                here = dt.datetime.fromisoformat(plain.replace("/", "-")).astimezone(display_zone())
            except ValueError:
                return [day]
            return [(here.year, here.month, here.day)]
        return [day]
    if found := _DAY_FIRST.match(plain):
        year = _year(found[3])
        return [(year, int(found[2]), int(found[1])), (year, int(found[1]), int(found[2]))]
    if found := _COMPACT.match(plain):
        return [(int(found[1]), int(found[2]), int(found[3]))]
    if (found := _NAMED.match(plain)) and (month := MONTHS.get(fold(found[2]))):
        return [(_year(found[3]), month, int(found[1]))]
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
