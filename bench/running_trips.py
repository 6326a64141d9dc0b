"""What roads cost where vehicles drive: positions of vehicles on trips, with roads and without, and the arrivals of a hundred trips.

Run by `bench.roads`, which keeps the road engine.
"""

from __future__ import annotations

import datetime as dt
import statistics
import time
from collections import Counter
from typing import Any

from bench import figures

TRIPS, STOPS, FIXES = 100, 5, 200
Place = tuple[float, float]


def measure(places: list[Place], rounds: int) -> None:
    """Take both figures; `places` lie on roads."""
    actor, vehicles = _world(places)
    arrivals(rounds)
    ingest(actor, vehicles, places, rounds)


def _world(places: list[Place]) -> tuple[Any, list[int]]:
    """Make a hundred vehicles, each on a trip of five stops and with a fresh position."""
    from django.utils import timezone

    from accounts.models import Company, User
    from fleet.models import Vehicle
    from orders.models import Stop
    from telematics.services.positions import record_position
    from trips.models import Trip, TripStop

    now = timezone.now()
    company = Company.objects.create(name="Bench", address="x")
    actor = User.objects.create_superuser("bench-roads", "bench-roads@example.com", "correct-horse-battery")
    stops = [Stop.objects.create(company=company, name=f"S{number}", address="x", latitude=round(lat, 6), longitude=round(lng, 6)) for number, (lat, lng) in enumerate(places)]
    vehicles = []
    for number in range(TRIPS):
        vehicle = Vehicle.objects.create(company=company, license_plate=f"B{number}", make="x", model="y", year=2020, capacity=1)
        trip = Trip.objects.create(
            company=company, vehicle=vehicle, name=f"T{number}", status="in_progress", actual_start_datetime=now,
            planned_start_date=now.date(), planned_start_time=now.time(),
        )  # fmt: skip
        TripStop.objects.bulk_create(
            TripStop(trip=trip, stop=stops[(number + place) % len(stops)], sequence=place, planned_arrival_time=now.time()) for place in range(1, STOPS + 1)
        )
        record_position(actor=actor, raw=_fix(vehicle.pk, places[number % len(places)], now))
        vehicles.append(vehicle.pk)
    return actor, vehicles


def _fix(vehicle_id: int, place: Place, at: dt.datetime) -> dict[str, Any]:
    return {"vehicle_id": vehicle_id, "latitude": place[0], "longitude": place[1], "speed": 30, "heading": 0, "timestamp": at.isoformat()}


def arrivals(rounds: int) -> None:
    """Measure the arrivals of all running trips in one pass, the query included, and a round of the look for delays."""
    from django.utils import timezone

    from trips.expected_arrivals import expected_stops
    from trips.models import Trip
    from trips.services import delays

    trip_ids = list(Trip.objects.running().values_list("pk", flat=True))
    times, looks = [], []
    for _ in range(rounds + 1):
        now, began = timezone.now(), time.perf_counter()
        found = expected_stops(trip_ids, now)
        times.append((time.perf_counter() - began) * 1000)
        sources = Counter(stop.arrival.source if stop.arrival else "none" for ahead in found.values() for stop in ahead)
        began = time.perf_counter()
        delays.check_delays(actor=None, now=now)
        looks.append((time.perf_counter() - began) * 1000)
    print(f"{dict(sources)} of {len(found)} trips")
    print(f"arrivals of {TRIPS} running trips, read and reckoned: {times[-1]:.0f} ms; a look for delays of all: {looks[-1]:.0f} ms")
    figures.report(f"arrivals of {TRIPS} running trips, with the query", times[1:], at_most=150, unit="ms")


def ingest(actor: Any, vehicles: list[int], places: list[Place], rounds: int) -> None:
    """Compare the processor time of a position while roads are known with that while they are off, in turns."""
    from django.conf import settings
    from django.utils import timezone

    from telematics.services.positions import record_position

    moment = timezone.now()
    spent: dict[str, list[float]] = {"": [], "off": []}
    for turn in range(2 * max(rounds, 3)):
        settings.ROUTING_URL = "off" if turn % 2 else ""
        moment += dt.timedelta(seconds=1)
        began = time.process_time()
        for number in range(FIXES):
            at = moment - dt.timedelta(milliseconds=FIXES - number)
            record_position(actor=actor, raw=_fix(vehicles[number % TRIPS], places[number % len(places)], at))
        spent[settings.ROUTING_URL].append((time.process_time() - began) / FIXES * 1000)
    settings.ROUTING_URL = ""
    on, off = (statistics.median(spent[url][1:]) for url in ("", "off"))
    print(f"a position, processor time: {on:.2f} ms with roads, {off:.2f} ms without")
    figures.report("a position with roads, of one without", [a / b for a, b in zip(spent[""][1:], spent["off"][1:], strict=True)], at_most=1.1)
