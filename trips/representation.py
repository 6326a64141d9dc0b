"""Representation of trips and their stops in answers: dicts built from flat queries, without model instances.

A list of trips costs two queries at any length: the trips, and the stops of them all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from depannini_dashmap.lib.db.prepared import PreparedRows, among
from depannini_dashmap.lib.numbers import written
from depannini_dashmap.lib.roads import routing
from depannini_dashmap.lib.time_zone import display_zone
from trips import expected_arrivals, itinerary, sequencing
from trips.lifecycle import IN_PROGRESS
from trips.models import TripStop

TRIP_COLUMNS = (
    "id",
    "company_id",
    "vehicle_id",
    "vehicle__license_plate",
    "dispatcher_id",
    "dispatcher__name",
    "dispatcher__first_name",
    "dispatcher__last_name",
    "dispatcher__username",
    "dispatcher__user_type",
    "name",
    "status",
    "planned_start_date",
    "planned_start_time",
    "actual_start_datetime",
    "actual_end_datetime",
    "notes",
    "driver_notified",
    "notified_at",
    "created_at",
    "updated_at",
)
STOP_COLUMNS = (
    "id",
    "trip_id",
    "sequence",
    "planned_arrival_time",
    "planned_arrival_date",
    "actual_arrival_datetime",
    "actual_departure_datetime",
    "arrival_is_suggested",
    "notes",
    "is_completed",
    "failed",
    "failure_reason",
    "stop_id",
    "stop__name",
    "stop__address",
    "stop__latitude",
    "stop__longitude",
    "stop__stop_type",
    "stop__contact_name",
    "stop__contact_phone",
    "stop__notes",
    "stop__windows",
    "stop__service_minutes",
    "stop__updated_at",
    "order_id",
    "order__order_number",
    "order__customer_name",
    "late_min",
    "proof__at",
    "proof__receiver",
    "proof__note",
    "proof__photo",
    "proof__signature",
)
_NAMES = ("name", "first_name", "last_name", "username", "user_type")


# Planned once for few trips, so that a page never reads all stops there are: of 20,000 trips, PostgreSQL does so for 500 numbers.
_stops_of = PreparedRows(
    lambda _, trip_ids: (
        TripStop.objects.filter(trip_id__in=among(trip_ids)).order_by("trip_id", "sequence").values_list(*STOP_COLUMNS)
    )
)


def trip_rows(trips: QuerySet) -> QuerySet:
    """Reduce a query to the columns that a trip's document shows."""
    return trips.values(*TRIP_COLUMNS)


def trip_stop_rows(trip_stops: QuerySet) -> QuerySet:
    """Reduce a query to the columns that a trip stop's document shows."""
    return trip_stops.values(*STOP_COLUMNS)


def trip_documents(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the documented trip objects of rows of `trip_rows`, with their stops, in one more query."""
    by_trip: dict[int, list[tuple]] = {row["id"]: [] for row in rows}
    for values in _stops_of(None, list(by_trip)):
        by_trip[values[1]].append(values)
    names: dict[int, str] = {}
    return [_trip(row, by_trip[row["id"]], names) for row in rows]


def trip_stop_document(row: dict[str, Any]) -> dict[str, Any]:
    """Return the documented trip stop object of one row of `trip_stop_rows`."""
    return _trip_stop(tuple(row[name] for name in STOP_COLUMNS))


def trip_stop_documents(trip_id: int) -> list[dict[str, Any]]:
    """Return the documented stops of one trip in their sequence."""
    rows = TripStop.objects.filter(trip_id=trip_id).order_by("sequence")
    return [_trip_stop(values) for values in rows.values_list(*STOP_COLUMNS)]


def with_roads(trip: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """Add to one trip's document what roads say: its `road`, and the `eta` of its stops; one more query while it is under way."""
    way = routing.route(_points(trip["trip_stops"]), with_line=False)
    add_arrivals(trip["trip_stops"], [trip["id"]] if trip["status"] == IN_PROGRESS else [], now)
    return {**trip, "road": road_document(way)}


def add_arrivals(trip_stops: Iterable[dict[str, Any]], trip_ids: Sequence[int], now: dt.datetime) -> None:
    """Put `eta` into the documents of trip stops; None where nobody can say, or nothing is expected."""
    expected = expected_arrivals.expected_stops(trip_ids, now)
    found = {stop.stop_id: stop.arrival for stops in expected.values() for stop in stops}
    for document in trip_stops:
        document["eta"] = expected_arrivals.arrival_document(found.get(document["id"]), now)


def road_document(way: routing.Route) -> dict[str, Any] | None:
    """Return how far and how long the way through the stops is; None for fewer than two places, or where no road leads on."""
    if way.distance_m is None or way.duration_s is None or not way.legs:
        return None
    return {"distance_km": round(way.distance_m / 1000, 3), "driving_minutes": round(way.duration_s / 60), "source": way.source}


def way_of(stops: Iterable[TripStop]) -> routing.Route:
    """Return the way through the stops of a trip that have a place, in their order."""
    places = (row.stop for row in stops if row.stop.latitude is not None and row.stop.longitude is not None)
    return routing.route([(float(place.latitude), float(place.longitude)) for place in places])


def way_in_words(way: routing.Route) -> str:
    """Return how far and how long a way is; empty where nobody can say."""
    document = road_document(way)
    if document is None:
        return ""
    shown = {"km": written(document["distance_km"], 1), "minutes": document["driving_minutes"]}
    if way.source == routing.ROAD and all(leg.source == routing.ROAD for leg in way.legs):
        return _("%(km)s km by road, %(minutes)s min of driving") % shown
    return _("%(km)s km, %(minutes)s min of driving, estimated from straight lines") % shown


def route_geojson(trip: dict[str, Any]) -> dict[str, Any]:
    """Draw a trip's document as a GeoJSON FeatureCollection, its line by road where roads are known."""
    stops = [
        {
            "id": row["id"],
            "sequence": row["sequence"],
            "planned_arrival_time": row["planned_arrival_time"],
            "planned_arrival_date": row["planned_arrival_date"],
            "is_completed": row["is_completed"],
            "failed": row["failed"],
            "order_number": row["linked_order"] and row["linked_order"]["order_number"],
            **{key: row["stop"][key] for key in ("name", "address", "latitude", "longitude", "stop_type")},
        }
        for row in trip["trip_stops"]
    ]
    shown = (
        "id",
        "name",
        "status",
        "vehicle",
        "vehicle_license_plate",
        "total_distance_km",
        "planned_duration_minutes",
    )
    way = routing.route(_points(trip["trip_stops"]))
    line = way.line if way.source == routing.ROAD else None
    return itinerary.feature_collection({**{key: trip[key] for key in shown}, "road": road_document(way)}, stops, line)


def _trip(row: dict[str, Any], stops: list[tuple], names: dict[int, str]) -> dict[str, Any]:
    failed = {values[24] for values in stops if values[10]}
    of_orders = [values for values in stops if values[24] is not None and values[24] not in failed]
    incomplete = sequencing.incomplete_orders([(values[24], values[17]) for values in of_orders])
    numbers = {values[24]: values[25] for values in of_orders} if incomplete else {}
    trip_stops = [_trip_stop(values) for values in stops]
    return {
        "id": row["id"],
        "company": row["company_id"],
        "vehicle": row["vehicle_id"],
        "vehicle_license_plate": row["vehicle__license_plate"],
        "dispatcher": row["dispatcher_id"],
        "dispatcher_name": _dispatcher_name(row, names),
        "name": row["name"],
        "status": row["status"],
        "planned_start_date": row["planned_start_date"].isoformat(),
        "planned_start_time": _clock(row["planned_start_time"]),
        "actual_start_datetime": _instant(row["actual_start_datetime"]),
        "actual_end_datetime": _instant(row["actual_end_datetime"]),
        "notes": row["notes"],
        "driver_notified": row["driver_notified"] and not any(values[23] > row["notified_at"] for values in stops),
        "trip_stops": trip_stops,
        "incomplete_orders": [numbers[order_id] for order_id in incomplete],
        "road": None,
        "total_distance_km": itinerary.total_distance_km(_points(trip_stops)),
        "planned_duration_minutes": itinerary.planned_duration_minutes(
            dt.datetime.combine(row["planned_start_date"], row["planned_start_time"]),
            [(values[3], values[4]) for values in stops],
            display_zone(),
        ),
        "created_at": _instant(row["created_at"]),
        "updated_at": _instant(row["updated_at"]),
    }


def _trip_stop(values: tuple) -> dict[str, Any]:
    (
        pk, trip_id, sequence, planned, planned_on, arrival, departure, is_suggested, notes, is_completed, failed, failure_reason, stop_id, name, address, latitude,
        longitude, stop_type, contact_name, contact_phone, stop_notes, windows, service_minutes, _, order_id, order_number, customer_name,
        late_min, *proof,
    ) = values  # fmt: skip
    return {
        "id": pk,
        "trip": trip_id,
        "stop": {
            "id": stop_id,
            "name": name,
            "address": address,
            # The database keeps decimals with the places that the contract shows.
            "latitude": None if latitude is None else str(latitude),
            "longitude": None if longitude is None else str(longitude),
            "stop_type": stop_type,
            "contact_name": contact_name,
            "contact_phone": contact_phone,
            "notes": stop_notes,
            "windows": windows or [],
            "service_minutes": service_minutes,
        },
        "sequence": sequence,
        "planned_arrival_time": _clock(planned),
        "planned_arrival_date": None if planned_on is None else planned_on.isoformat(),
        "actual_arrival_datetime": None if arrival is None else _instant(arrival),
        "actual_departure_datetime": None if departure is None else _instant(departure),
        "arrival_is_suggested": is_suggested,
        "notes": notes,
        "is_completed": is_completed,
        "failed": failed,
        "failure_reason": failure_reason,
        "linked_order": None
        if order_id is None
        else {"id": order_id, "order_number": order_number, "customer_name": customer_name},
        "late_min": late_min,
        "proof": _proof(pk, *proof),
        "eta": None,  # roads are asked where one trip or stop is shown alone: see `with_roads`
    }


def _proof(pk: int, at: dt.datetime | None, receiver: str, note: str, photo: str, signature: str) -> dict[str, Any] | None:
    """Return what proves a stop; its pictures are at addresses that ask who looks, never their names in the storage."""
    if at is None:
        return None
    path = f"/api/trip-stops/{pk}/proof"
    return {
        "at": _instant(at),
        "receiver": receiver,
        "note": note,
        "photo": f"{path}/photo/" if photo else None,
        "signature": f"{path}/signature/" if signature else None,
    }


def _points(trip_stops: Iterable[dict[str, Any]]) -> list[itinerary.Point]:
    # Their written degrees: a float is made of a text several times faster than of a Decimal.
    places = [row["stop"] for row in trip_stops]
    return [(float(place["latitude"]), float(place["longitude"])) for place in places if place["latitude"] is not None]


def _dispatcher_name(row: dict[str, Any], names: dict[int, str]) -> str | None:
    dispatcher_id = row["dispatcher_id"]
    if dispatcher_id is None:
        return None
    if dispatcher_id not in names:
        names[dispatcher_id] = User(**{name: row[f"dispatcher__{name}"] for name in _NAMES}).display_name
    return names[dispatcher_id]


def _clock(value: dt.time | None) -> str | None:
    return None if value is None else value.isoformat("seconds")


def _instant(value: dt.datetime | None) -> str | None:
    # Read from the database these are in UTC already.
    return None if value is None else value.isoformat("T", "seconds")[:19] + "Z"
