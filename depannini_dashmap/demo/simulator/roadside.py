"""Motorists who break down and assistants who come: the roadside half of the simulated world."""

from __future__ import annotations

import time
from datetime import date, timedelta

import httpx
import websockets

from depannini_dashmap.demo.people_and_places import ALGIERS, Person
from depannini_dashmap.demo.simulator.world import Mover, Refused, Socket, World, sign_in

TOW_SPEED_KMH = 55.0
TICK_S = 10.0
FINAL = {"completed", "canceled"}
_TROUBLE = (httpx.HTTPError, websockets.WebSocketException, OSError, Refused)


async def run_client(world: World, person: Person) -> None:
    """Break down, wait, chat, rate; again until the day is over."""
    token = ""
    while not world.is_over:
        try:
            if not token:
                _, token = await sign_in(world, person.login, {"name": person.name, "user_type": "client"})
            await _one_breakdown(world, token)
        except _TROUBLE as error:
            world.tally.fail(f"client: {error if isinstance(error, Refused) else type(error).__name__}")
            await world.pause(30)
        await world.pause(world.random.uniform(20, 90))


async def _one_breakdown(world: World, token: str) -> None:
    start, goal = world.random.sample(ALGIERS[:15], 2)
    body: dict = {"pickup": {"lat": start.lat, "lng": start.lng}, "description": "Panne, voiture sur le bas-côté"}
    if world.random.random() < 0.7:
        body |= {"assistance_type": "towing", "dropoff": {"lat": goal.lat, "lng": goal.lng}}
    else:
        body["assistance_type"] = "repair"
    sent_at = time.monotonic()
    response = await world.call("POST", "/api/assistance/request/", body, token=token, expected=(201, 409))
    if response.status_code == 409:
        assistance_id = response.json()["assistance_id"]
    else:
        assistance_id = response.json()["assistance"]["id"]
        world.tally.counts["requests"] += 1
        world.requested_at[assistance_id] = sent_at
    async with world.socket(f"/ws/assistance/{assistance_id}/", token) as socket:
        status = await _wait_for_the_end(world, socket, sent_at)
    if status == "completed":
        stars = world.random.choice((3, 4, 5, 5))
        await world.call("PATCH", f"/api/assistance/rate/{assistance_id}/", {"rating": stars}, token=token, expected=(200, 409))
        world.tally.counts["rated"] += 1
    elif status not in FINAL:
        await world.call(
            "PATCH", f"/api/assistance/update/{assistance_id}/", {"status": "canceled"}, token=token, expected=(200, 409)
        )
        world.tally.counts["canceled"] += 1


async def _wait_for_the_end(world: World, socket: Socket, sent_at: float) -> str:
    status, accepted = "requested", False
    while not world.is_over and status not in FINAL:
        event = await socket.receive(2)
        if event is None:
            continue
        if event["type"] == "connection_established":
            status = (event.get("assistance") or {}).get("status", status)
        elif event["type"] == "status":
            status = event["status"]
        if status in {"accepted", "ongoing"} and not accepted:
            accepted = True
            world.tally.accept_s.append(time.monotonic() - sent_at)
            await socket.send({"type": "chat", "message": "Merci, je vous attends."})
            world.tally.counts["chat messages"] += 1
    return status


async def run_assistant(world: World, person: Person) -> None:
    """Go on duty, take what is offered, drive there, finish; again until the day is over."""
    place = world.random.choice(ALGIERS[:15])
    mover = Mover(place.lat, place.lng)
    registration = {
        "name": person.name,
        "user_type": "assistant",
        "service_type": person.service_type,
        "vehicle_type": "truck",
        "driving_license_cat": "c",
        "driving_license_num": f"16/{person.login[-6:]}",
        "driving_license_expiry": (date.today() + timedelta(days=700)).strftime("%d:%m:%y"),
        "vehicle_registration_num": int(person.login[-9:]),
        "current_lat": mover.lat,
        "current_lng": mover.lng,
    }
    while not world.is_over:
        try:
            user_id, token = await sign_in(world, person.login, registration)
            await world.call("POST", "/api/profile/assistant-status/", {"is_active": True}, token=token)
            if left_over := await _left_over(world, token):
                await _do_job(world, left_over, mover, token, person.service_type)
            async with world.socket(f"/ws/assistant/{user_id}/", token) as socket:
                await _on_duty(world, socket, mover, token, person.service_type)
        except _TROUBLE as error:
            world.tally.fail(f"assistant: {error if isinstance(error, Refused) else type(error).__name__}")
            await world.pause(30)


async def _left_over(world: World, token: str) -> dict | None:
    """Return the job that an earlier simulation left open: its assistant would never be free for another."""
    rows = (await world.call("GET", "/api/assistance/view/", token=token)).json()["results"]
    return next((row for row in rows if row["status"] in {"accepted", "ongoing"}), None)


async def _on_duty(world: World, socket: Socket, mover: Mover, token: str, service_type: str) -> None:
    told_at = 0.0
    while not world.is_over:
        if time.monotonic() - told_at > 20:
            await _tell_location(world, mover, token)
            told_at = time.monotonic()
        event = await socket.receive(1)
        if event is None or event["type"] != "new_assistance_request":
            continue
        assistance_id = event["assistance_id"]
        if (sent_at := world.requested_at.pop(assistance_id, None)) is not None:
            world.tally.first_offer_s.append(time.monotonic() - sent_at)
        await world.pause(world.random.uniform(2, 15))
        response = await world.call(
            "PATCH", f"/api/assistance/accept/{assistance_id}/", token=token, expected=(200, 409, 404)
        )
        if response.status_code != 200:
            world.tally.counts["lost races"] += 1
            continue
        world.tally.counts["accepted"] += 1
        await _do_job(world, response.json(), mover, token, service_type)
        told_at = 0.0


async def _tell_location(world: World, mover: Mover, token: str) -> None:
    here = {"latitude": mover.lat, "longitude": mover.lng}
    await world.call("POST", "/api/profile/update-location/", here, token=token)


async def _do_job(world: World, job: dict, mover: Mover, token: str, service_type: str) -> None:
    path = f"/api/assistance/update/{job['id']}/"
    async with world.socket(f"/ws/assistance/{job['id']}/", token) as socket:
        await socket.send({"type": "chat", "message": "J'arrive."})
        world.tally.counts["chat messages"] += 1
        if not await _drive(world, socket, mover, job["pickupLocation"]):
            return
        response = await world.call("PATCH", path, {"status": "ongoing"}, token=token, expected=(200, 409))
        if response.status_code != 200:
            return
        await world.pause(20)
        if job.get("dropoffLocation") and not await _drive(world, socket, mover, job["dropoffLocation"]):
            return
        done: dict = {"status": "completed"}
        if service_type == "repair" or job.get("assistance_type") == "repair":
            done["total_price"] = world.random.choice((1500, 2500, 4000))
        response = await world.call("PATCH", path, done, token=token, expected=(200, 409))
        world.tally.counts["completed"] += response.status_code == 200


async def _drive(world: World, socket: Socket, mover: Mover, goal: dict) -> bool:
    """Drive to a point and say so once a tick; False when the job ended or the day is over."""
    while not world.is_over:
        arrived = mover.step(goal["lat"], goal["lng"], TOW_SPEED_KMH, TICK_S)
        await socket.send({"type": "location", "lat": mover.lat, "lng": mover.lng})
        if arrived:
            return True
        deadline = time.monotonic() + max(0.3, TICK_S / world.speed_up)
        while (left := deadline - time.monotonic()) > 0:
            event = await socket.receive(left)
            if event and event["type"] == "status" and event["status"] in FINAL:
                return False
    return False
