"""Places that a text names by numbers: coordinates, links of the usual maps, plus codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from openlocationcode import openlocationcode

from depannini_dashmap.lib.text import plain_digits

Point = tuple[float, float]

_N = r"([+-]?\d{1,3}(?:\.\d+)?)"
_PAIR = re.compile(rf"\s*{_N}\s*[,;\s]\s*{_N}\s*")
_COMMAS = re.compile(r"\s*([+-]?\d{1,3},\d+)\s*[;\s]\s*([+-]?\d{1,3},\d+)\s*")
_SEXAGESIMAL = re.compile(
    r"""\s*(\d{1,3})\s*°\s*(?:(\d{1,2}(?:\.\d+)?)\s*['′]\s*)?(?:(\d{1,2}(?:\.\d+)?)\s*(?:["″]|'')\s*)?([NS])
    \s*[,;]?\s*(\d{1,3})\s*°\s*(?:(\d{1,2}(?:\.\d+)?)\s*['′]\s*)?(?:(\d{1,2}(?:\.\d+)?)\s*(?:["″]|'')\s*)?([EWO])\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_IN_PATH = (re.compile(rf"!3d{_N}!4d{_N}"), re.compile(rf"@{_N},{_N}"), re.compile(rf"/{_N},{_N}(?:[/?]|$)"))
_IN_QUERY = ("ll", "q", "query", "mlat", "destination", "daddr", "cp", "center", "to", "sll", "pt", "coordinate")
_MAP_HASH = re.compile(rf"(?:map=)?\d+(?:\.\d+)?/{_N}/{_N}")
_PLUS_CODE = re.compile(r"(?:^|\s)([23456789CFGHJMPQRVWX]{2,8}\+[23456789CFGHJMPQRVWX]{2,7})(?=$|[\s,])", re.IGNORECASE)
SHORT_LINKS = frozenset({"maps.app.goo.gl", "goo.gl", "osm.org", "waze.to", "g.co", "w3w.co"})


@dataclass(frozen=True)
class Pin:
    """A place that was named exactly; `kind` says how: coordinates, link or plus_code."""

    lat: float
    lng: float
    kind: str


def read_pin(text: str, locality: Callable[[str], Point | None] = lambda name: None) -> Pin | None:
    """Return the place that a text names by numbers, None where it does not.

    `locality` finds the town that follows a short plus code ("Q3X7+2V Alger"); called with "" for the reader's own.
    """
    if (point := _link(text.strip())) is not None:
        return Pin(*point, "link")
    plain = " ".join(map(plain_digits, text.split())).replace("٫", ".").replace("،", ",")
    if (point := _coordinates(plain)) is not None:
        return Pin(*point, "coordinates")
    point = _plus_code(plain, locality)
    return None if point is None else Pin(*point, "plus_code")


def is_short_link(text: str) -> bool:
    """Return whether a text is a shortened link, which hides its place from everybody who does not open it."""
    try:
        return (urlsplit(text.strip()).hostname or "") in SHORT_LINKS and _link(text.strip()) is None
    except ValueError:
        return False


def _point(lat: str | float, lng: str | float) -> Point | None:
    point = float(lat), float(lng)
    return point if abs(point[0]) <= 90 and abs(point[1]) <= 180 else None


def _coordinates(text: str) -> Point | None:
    if found := _PAIR.fullmatch(text):
        # "16 1234": two whole numbers are an address more often than a place.
        return _point(*found.groups()) if "." in text or "," in text else None
    if found := _COMMAS.fullmatch(text):
        return _point(*(part.replace(",", ".") for part in found.groups()))
    if found := _SEXAGESIMAL.fullmatch(text):
        lat = _degrees(*found.groups()[:4])
        lng = _degrees(*found.groups()[4:])
        return _point(lat, lng)
    return None


def _degrees(whole: str, minutes: str | None, seconds: str | None, side: str) -> float:
    size = float(whole) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return -size if side.upper() in "SWO" else size


def _link(text: str) -> Point | None:
    if text.lower().startswith("geo:"):
        found = re.match(rf"{_N},{_N}", text[4:])
        return _point(*found.groups()) if found else None
    if not text.lower().startswith(("http://", "https://")) or len(text) > 2000:
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        query = {name: values[0] for name, values in parse_qs(parts.query, max_num_fields=50).items()}
    except ValueError:
        return None
    path = unquote(parts.path)
    if (found := _IN_PATH[0].search(path)) is not None:
        return _point(*found.groups())
    if "mlat" in query and "mlon" in query:
        return _pair(f"{query['mlat']},{query['mlon']}")
    for name in _IN_QUERY:
        if name in query and (point := _pair(query[name].removeprefix("loc:").replace("~", ","))) is not None:
            return _point(point[1], point[0]) if "yandex" in host else point
    for pattern in _IN_PATH[1:]:
        if (found := pattern.search(path)) is not None:
            return _point(*found.groups())
    found = _MAP_HASH.match(unquote(parts.fragment))
    return _point(*found.groups()) if found else None


def _pair(text: str) -> Point | None:
    found = _PAIR.fullmatch(text)
    return _point(*found.groups()) if found else None


def _plus_code(text: str, locality: Callable[[str], Point | None]) -> Point | None:
    found = _PLUS_CODE.search(text)
    if found is None:
        return None
    code = found.group(1).upper()
    if not openlocationcode.isValid(code):
        return None
    if openlocationcode.isShort(code):
        town = (text[: found.start(1)] + text[found.end(1) :]).strip(" ,")
        beside = locality(town)
        if beside is None:
            return None
        code = openlocationcode.recoverNearest(code, *beside)
    area = openlocationcode.decode(code)
    return round(area.latitudeCenter, 6), round(area.longitudeCenter, 6)
