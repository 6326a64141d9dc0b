"""Search for places: coordinates and codes in the text, stops and customers of the user's companies, then names of the map."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.labels import joined_names
from depannini_dashmap.lib.roads import data, external_geocoder, spelling, typed_coordinates
from depannini_dashmap.lib.roads import places as map_places
from orders.models import Stop

LONGEST = 200
MOST = 10
OWN = 4  # own stops among the suggestions
LOOKED_THROUGH = 2000  # of the newest stops, which are the likeliest to be driven to again
SHORT_LINK = "A shortened link hides its place: open it in a browser and copy the long one, or the coordinates"
Point = tuple[float, float]
_OWN_COLUMNS = (
    "name", "address", "latitude", "longitude",
    "pickup_order__customer_name", "delivery_order__customer_name", "delivery_order__customer_company",
)  # fmt: skip


def find_places(*, user: User | None, text: str, near: Point | None = None, language: str = "") -> list[dict[str, Any]]:
    """Suggest places for what somebody typed, the best first; one query at most, of the stops that they may see; none for nobody.

    Shape: ``source`` (coordinates, link, plus_code, stop, map, outside), ``kind, name, context, address, lat, lng, distance_km``
    (from `near`, None without one). A text with coordinates or a code returns that place alone.
    """
    pin = typed_coordinates.read_pin(text, lambda town: map_places.locality(town) if town else near)
    if pin is not None:
        street, place = map_places.nearest(pin.lat, pin.lng, language=language)
        near_by = joined_names((street and street["name"], place and place.name))
        return [_suggestion(pin.kind, "pin", f"{pin.lat:.6f}, {pin.lng:.6f}", near_by, (pin.lat, pin.lng), near, near_by)]
    found = _own_stops(user, text, near)
    found += [_of_map("map", place, near) for place in map_places.search(text, near=near, language=language, limit=MOST)]
    if len(found) < OWN and len(text) > 2:
        found += [_of_map("outside", place, near) for place in external_geocoder.search(text, near=near, language=language)]
    return found[:MOST]


def suggestions(*, user: User, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a search of the API and the console. Shape of `asked`: SearchSerializer's."""
    text = asked["q"] if "://" in asked["q"] else asked["q"][:LONGEST]
    found = find_places(user=user, text=text, near=asked.get("near"), language=asked.get("lang", ""))
    notice = SHORT_LINK if typed_coordinates.is_short_link(text) else None
    return {"results": found, "next": None, "previous": None, "attribution": attribution(), "notice": notice}


def describe_place(lat: float, lng: float, language: str = "") -> dict[str, Any]:
    """Return what is at a point. Shape: ``name`` (empty where nothing is known), ``street`` and ``place``, either may be None."""
    street, place = map_places.nearest(lat, lng, language=language)
    parts = [street["name"], *street["context"].split(", ")] if street else []
    if place is not None and place.name not in parts:
        parts.append(place.name)
    return {
        "name": joined_names(dict.fromkeys(parts)),
        "street": street,
        "place": place and {"kind": place.kind, "name": place.name, "context": place.context, "lat": place.lat, "lng": place.lng},
    }


def attribution() -> str | None:
    """Return the attribution of the map's names; None without roads data."""
    return data.ATTRIBUTION if data.current() else None


def _own_stops(user: User | None, text: str, near: Point | None) -> list[dict[str, Any]]:
    asked = spelling.words(text)
    if user is None or sum(map(len, asked)) < 2 or not (user.is_operator or user.user_type == User.Type.DISPATCHER):
        return []
    rows = Stop.objects.visible_to(user).filter(latitude__isnull=False).order_by("-id")
    found: dict[tuple[str, float, float], dict[str, Any]] = {}
    for name, address, latitude, longitude, *customers in rows.values_list(*_OWN_COLUMNS)[:LOOKED_THROUGH]:
        said = spelling.words(" ".join(part for part in (name, address, *customers) if part))
        if not all(any(word.startswith(one) for word in said) for one in asked):
            continue
        point = float(latitude), float(longitude)
        customer = next((part for part in customers if part and part != name), "")
        context = joined_names((customer, address))
        key = (spelling.fold(name), round(point[0], 4), round(point[1], 4))
        found.setdefault(key, _suggestion("stop", "stop", name, context, point, near, address))
        if len(found) >= OWN:
            break
    return list(found.values())


def _of_map(source: str, place: map_places.Place, near: Point | None) -> dict[str, Any]:
    address = joined_names((place.name, place.context))
    return _suggestion(source, place.kind, place.name, place.context, (place.lat, place.lng), near, address)


def _suggestion(source: str, kind: str, name: str, context: str, point: Point, near: Point | None, address: str) -> dict[str, Any]:
    return {
        "source": source,
        "kind": kind,
        "name": name,
        "context": context,
        "address": address,
        "lat": point[0],
        "lng": point[1],
        "distance_km": None if near is None else round(haversine_km(*near, *point), 3),
    }
