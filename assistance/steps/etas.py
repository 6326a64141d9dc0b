"""When an assistant may be there: on acceptance, and again as they come nearer; told only when it changed."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from assistance import events, lifecycle, representation, task_queueing
from assistance.models import Assistance
from assistance.nearby import Candidate
from assistance.notifications import is_near
from assistance.steps import state
from depannini_dashmap.lib.roads import routing

TELL_EVERY = dt.timedelta(seconds=30)
WORTH_TELLING = dt.timedelta(minutes=1)  # of change
MOST_COMPARED = 20  # the nearest by air, among whom those are chosen who are there first
_LONGEST_MEMORY = 10_000
_looked_at: dict[int, float] = {}
Place = tuple[float, float]
_COLUMNS = (
    "pk",
    "version",
    "status",
    "pickup_lat",
    "pickup_lng",
    "dropoff_lat",
    "dropoff_lng",
    "eta_at",
    "eta_reckoned_at",
)


def soonest(pickup: Place, near: list[Candidate], count: int) -> list[Candidate]:
    """Choose who is there first, of the nearest by air, by one question about roads; the nearest where those are not known.

    Their `eta_s` is the driving time in seconds, None where no road leads there or nobody knows.
    """
    compared, farther = near[: max(count, MOST_COMPARED)], near[max(count, MOST_COMPARED) :]
    if not compared:
        return []
    legs = [row[0] for row in routing.matrix([one.place for one in compared], [pickup])]
    if not any(leg.source == routing.ROAD for leg in legs):
        return near[:count]
    timed = [one._replace(eta_s=_seconds(leg)) for one, leg in zip(compared, legs, strict=True)]
    ordered = sorted(
        zip(timed, legs, strict=True),
        key=lambda pair: (pair[1].duration_s is None, pair[1].duration_s or 0, pair[0].distance_km),
    )
    return [one for one, _ in ordered][:count] + farther[: max(0, count - len(compared))]


def drives_to(start: Place, goals: list[Place]) -> list[int | None]:
    """Return the driving time by road to each of several places, by one question; None as in `soonest`."""
    return [_seconds(leg) for leg in routing.matrix([start], goals)[0]] if goals else []


def _seconds(leg: routing.Leg) -> int | None:
    return round(leg.duration_s) if leg.source == routing.ROAD and leg.duration_s is not None else None


def on_the_way(
    job: Assistance, status: str, place: tuple[float | None, float | None], now: dt.datetime
) -> dict[str, Any]:
    """Return what a request in a status stores about its arrival, for the statement that moves it there."""
    lat, lng = place
    goal = _goal(status, job.pickup_lat, job.pickup_lng, job.dropoff_lat, job.dropoff_lng)
    if lat is None or lng is None or goal is None:
        return state.NOT_EXPECTED
    return _reckoned((lat, lng), goal, now)


def update_for_locations(places: Iterable[tuple[int, int, float, float]]) -> None:
    """Reckon anew when assistants arrive who were just somewhere: (request, assistant, latitude, longitude).

    Effects: a request is looked at every TELL_EVERY at most; where its arrival changed by more than WORTH_TELLING it is
    stored, and an `eta` event goes to its room. No transaction may be open, as roads are asked.
    """
    due = [place for place in places if _is_due(place[0])]
    if not due:
        return
    now = timezone.now()
    by_job = {place[0]: place for place in due}
    rows = Assistance.objects.filter(pk__in=by_job, status__in=lifecycle.WITH_ASSISTANT)
    for pk, version, status, *ends, eta_at, reckoned_at in rows.filter(
        assistant_id__in=[place[1] for place in due]
    ).values_list(*_COLUMNS):
        goal = _goal(status, *ends)
        if goal is None or (reckoned_at is not None and now - reckoned_at < TELL_EVERY):
            continue
        changes = _reckoned(by_job[pk][2:], goal, now)
        if not _is_worth_telling(eta_at, changes["eta_at"]):
            continue
        # Another process may have been faster.
        if Assistance.objects.filter(pk=pk, status=status, eta_reckoned_at=reckoned_at).update(**changes):
            events.publish_to_room(
                pk, events.eta(assistance_id=pk, eta=representation.eta_of(status, **changes), seq=version)
            )
            if status == lifecycle.ACCEPTED and is_near(changes["eta_at"], now):
                task_queueing.queue_push_of_job(pk)


def _is_due(assistance_id: int) -> bool:
    here = time.monotonic()
    if here - _looked_at.get(assistance_id, float("-inf")) < TELL_EVERY.total_seconds():
        return False
    if len(_looked_at) > _LONGEST_MEMORY:
        _looked_at.clear()
    _looked_at[assistance_id] = here
    return True


def forget_looks() -> None:
    """Look at every request again; for tests, whose requests have the same ids."""
    _looked_at.clear()


def _goal(
    status: str, pickup_lat: float, pickup_lng: float, dropoff_lat: float | None, dropoff_lng: float | None
) -> Place | None:
    if status == lifecycle.ACCEPTED:
        return pickup_lat, pickup_lng
    if status == lifecycle.ONGOING and dropoff_lat is not None and dropoff_lng is not None:
        return dropoff_lat, dropoff_lng
    return None


def _reckoned(start: Place, goal: Place, now: dt.datetime) -> dict[str, Any]:
    leg = routing.matrix([start], [goal])[0][0]
    if leg.duration_s is None:
        return {**state.NOT_EXPECTED, "eta_reckoned_at": now}
    return {
        "eta_at": now + dt.timedelta(seconds=round(leg.duration_s)),
        "eta_source": leg.source,
        "eta_reckoned_at": now,
    }


def _is_worth_telling(before: dt.datetime | None, after: dt.datetime | None) -> bool:
    if before is None or after is None:
        return before != after
    return abs(after - before) > WORTH_TELLING
