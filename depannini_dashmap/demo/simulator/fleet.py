"""Vehicles that drive their trips and report where they are: the dispatch half of the simulated world."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from itertools import zip_longest
from typing import TYPE_CHECKING

import httpx

from depannini_dashmap.demo.people_and_places import ALGIERS, DEMO_PASSWORD, DISPATCHERS, around
from depannini_dashmap.demo.simulator.world import Mover, Refused, World

if TYPE_CHECKING:
    from collections.abc import Iterator

ROAD_SPEED_KMH = 48.0
FASTEST = 1.2  # times ROAD_SPEED_KMH
TICK_S = 10.0
FARTHEST_KM = 0.7  # between two reports; much more at once and the server would flag the fix as implausible


async def run_fleet(world: World, vehicles: int) -> None:
    """Sign in as a dispatcher and drive up to `vehicles` of the company's vehicles until the day is over."""
    try:
        token = await _dispatcher_token(world)
        fleet = (await world.call("GET", "/api/vehicles/?is_active=true", token=token)).json()["results"]
        while len(fleet) < vehicles:
            fleet.append(await _buy_vehicle(world, token, len(fleet)))
        latest = (await world.call("GET", "/api/positions/latest/", token=token)).json()["results"]
        fleet = _of_each_company(fleet)
        places = {fix["vehicle_id"]: (float(fix["latitude"]), float(fix["longitude"])) for fix in latest}
    except (httpx.HTTPError, Refused) as error:
        world.tally.fail(f"fleet: {error if isinstance(error, Refused) else type(error).__name__}")
        return
    await asyncio.gather(*(_run_vehicle(world, token, vehicle, places.get(vehicle["id"])) for vehicle in fleet[:vehicles]))


def _of_each_company(fleet: list[dict]) -> list[dict]:
    """Take turns among the companies, so that a few vehicles are some of each."""
    by_company: dict[int, list[dict]] = {}
    for vehicle in fleet:
        by_company.setdefault(vehicle["company"], []).append(vehicle)
    rounds = zip_longest(*by_company.values())
    return [vehicle for turn in rounds for vehicle in turn if vehicle is not None]


def rhythm(speed_up: float) -> tuple[float, float]:
    """Return how many simulated seconds each report covers and how many real seconds lie between two.

    One report a second where that is enough; in a faster world more reports, rather than longer jumps.
    """
    step_s = min(max(TICK_S, speed_up), FARTHEST_KM / (FASTEST * ROAD_SPEED_KMH) * 3600)
    return step_s, step_s / speed_up


async def _dispatcher_token(world: World) -> str:
    """Return the token of the demo dispatcher, who is registered with a company when the demo was not seeded."""
    person = DISPATCHERS[0]
    login = {"username": person.login, "password": DEMO_PASSWORD}
    response = await world.call("POST", "/api/auth/login/", login, expected=(200, 401))
    if response.status_code == 401:
        first, last = person.name.split(" ", 1)
        body = {**login, "email": f"{person.login}@atlas.example", "first_name": first, "last_name": last}
        body |= {"company_name": "Atlas Transport", "company_address": "Alger"}
        await world.call("POST", "/api/auth/register/", body)
        response = await world.call("POST", "/api/auth/login/", login)
    return response.json()["token"]


async def _buy_vehicle(world: World, token: str, number: int) -> dict:
    plate = f"SIM-{world.random.randrange(10**6):06d}-{number}"
    body = {"license_plate": plate, "make": "Renault", "model": "Master", "year": 2022, "capacity": "1.50"}
    return (await world.call("POST", "/api/vehicles/", body, token=token)).json()


async def _run_vehicle(world: World, token: str, vehicle: dict, last_place: tuple[float, float] | None) -> None:
    """Drive one vehicle from its last reported position."""
    place = world.random.choice(ALGIERS)
    city = around(*last_place) if last_place else ALGIERS
    mover = Mover(*(last_place or (place.lat, place.lng)))
    while not world.is_over:
        try:
            trip = await _next_trip(world, token, vehicle)
            if trip is None:
                goal = world.random.choice(city)
                await _drive(world, token, vehicle["id"], mover, goal.lat, goal.lng)
            else:
                await _drive_trip(world, token, vehicle["id"], mover, trip)
        except (httpx.HTTPError, Refused) as error:
            world.tally.fail(f"vehicle: {error if isinstance(error, Refused) else type(error).__name__}")
            await world.pause(30)


async def _next_trip(world: World, token: str, vehicle: dict) -> dict | None:
    """Return the running trip, else start a planned one, else plan one from waiting orders of the vehicle's company."""
    trips = (await world.call("GET", f"/api/trips/?vehicle={vehicle['id']}", token=token)).json()["results"]
    by_status = {trip["status"]: trip for trip in reversed(trips)}
    if running := by_status.get("in_progress"):
        return running
    trip = by_status.get("planned")
    if trip is None:
        trip = await _plan_trip(world, token, vehicle)
    if trip is None:
        return None
    response = await world.call(
        "PUT", f"/api/trips/{trip['id']}/", {"status": "in_progress"}, token=token, expected=(200, 409, 400)
    )
    return response.json() if response.status_code == 200 else None


async def _plan_trip(world: World, token: str, vehicle: dict) -> dict | None:
    own = f"/api/orders/?available_for_trip=true&page_size=20&company={vehicle['company']}"
    waiting = (await world.call("GET", own, token=token)).json()["results"]
    located = [order for order in waiting if list(_points(order))]
    if not located:
        return None
    now = datetime.now(UTC)
    body = {
        "vehicle": vehicle["id"],
        "name": f"Tournée {now:%H:%M}",
        "planned_start_date": f"{now:%Y-%m-%d}",
        "planned_start_time": f"{now:%H:%M}",
    }
    trip = (await world.call("POST", "/api/trips/", body, token=token)).json()
    for order in world.random.sample(located, min(2, len(located))):
        await world.call(
            "POST", f"/api/trips/{trip['id']}/add-order/", {"order": order["id"]}, token=token, expected=(201, 409)
        )
    response = await world.call("PUT", f"/api/trips/{trip['id']}/", {"status": "planned"}, token=token)
    return response.json()


def _points(order: dict) -> Iterator[str]:
    for name in ("pickup_stop", "delivery_stop"):
        if order.get(name) and order[name].get("latitude") is not None:
            yield order[name]["latitude"]


async def _drive_trip(world: World, token: str, vehicle_id: int, mover: Mover, trip: dict) -> None:
    for stop in sorted(trip["trip_stops"], key=lambda each: each["sequence"]):
        if stop["is_completed"]:
            continue
        place = stop["stop"]
        if place.get("latitude") is not None:
            lat, lng = float(place["latitude"]), float(place["longitude"])
            if not await _drive(world, token, vehicle_id, mover, lat, lng):
                return
        await world.pause(30)
        path = f"/api/trip-stops/{stop['id']}/"
        await world.call("PUT", path, {"is_completed": True}, token=token, expected=(200, 409, 404))
        world.tally.counts["stops completed"] += 1
    done = await world.call(
        "PUT", f"/api/trips/{trip['id']}/", {"status": "completed"}, token=token, expected=(200, 409, 404)
    )
    world.tally.counts["trips completed"] += done.status_code == 200


async def _drive(world: World, token: str, vehicle_id: int, mover: Mover, lat: float, lng: float) -> bool:
    """Drive to a point and report a position once a tick; False when the day is over before."""
    step_s, every_s = rhythm(world.speed_up)
    while not world.is_over:
        started = time.monotonic()
        arrived = mover.step(lat, lng, world.random.uniform(0.7, FASTEST) * ROAD_SPEED_KMH, step_s)
        body = {
            "vehicle_id": vehicle_id,
            "latitude": f"{mover.lat:.7f}",
            "longitude": f"{mover.lng:.7f}",
            "speed": f"{mover.speed_kmh:.2f}",
            "heading": f"{mover.heading:.2f}",
            "engine_status": "idle" if arrived else "on",
        }
        await world.call("POST", "/api/positions/", body, token=token)
        world.tally.counts["positions"] += 1
        if arrived:
            return True
        await asyncio.sleep(max(0.05, every_s - (time.monotonic() - started)))
    return False
