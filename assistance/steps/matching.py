"""Who is offered which of the requests that wait around a request; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from assistance import nearby, request_matching
from assistance.models import Assistance, Offer
from assistance.nearby import Candidate, Search
from assistance.steps.etas import MOST_COMPARED
from depannini_dashmap.lib import geo
from depannini_dashmap.lib.roads import routing

MOST_MATCHED = 10  # other requests, the nearest first
Shares = Mapping[int, int]  # the request of each assistant who is meant for one


def shares_around(assistance_id: int, radius_km: float, now: datetime) -> Shares:
    """Return for which request each assistant is meant, of those that wait within a radius; empty if only one waits.

    Asks the roads: no transaction may be open. The cost of a pair is the driving time, by air where no road is known.
    """
    job = Assistance.objects.waiting().filter(pk=assistance_id, expires_at__gt=now).first()
    if job is None:
        return {}
    jobs = [job, *_others(job, radius_km, now)]
    if len(jobs) == 1:
        return {}
    unwilling = _unwilling(jobs)
    near = {one.pk: [found for found in _near(one, radius_km, now) if (one.pk, found.user_id) not in unwilling] for one in jobs}
    everyone = {candidate.user_id: candidate.place for found in near.values() for candidate in found}
    if not everyone:
        return {}
    costs = _costs(jobs, near, everyone)
    assistants = list(everyone)
    return {assistants[column]: jobs[row].pk for row, column in request_matching.match(costs).items()}


def by_share(near: list[Candidate], assistance_id: int, shares: Shares) -> list[Candidate]:
    """Return candidates with those first who are meant for the request, and those last who are meant for another."""
    ranks = {assistance_id: 0}
    return sorted(near, key=lambda one: ranks.get(shares[one.user_id], 2) if one.user_id in shares else 1)


def _others(job: Assistance, radius_km: float, now: datetime) -> list[Assistance]:
    south, _, north, _ = geo.box_around(job.pickup_lat, job.pickup_lng, radius_km)
    waiting = Assistance.objects.waiting().filter(pickup_lat__range=(south, north), expires_at__gt=now).exclude(pk=job.pk)
    ranked = sorted((geo.haversine_km(job.pickup_lat, job.pickup_lng, one.pickup_lat, one.pickup_lng), one.pk, one) for one in waiting)
    return [one for distance, _pk, one in ranked if distance <= radius_km][:MOST_MATCHED]


def _near(job: Assistance, radius_km: float, now: datetime) -> list[Candidate]:
    """Return the nearest who fit, those with an open offer too: they may be meant for the request that they were asked about."""
    return nearby.nearest(job.pickup_lat, job.pickup_lng, MOST_COMPARED, radius_km, Search(job.assistance_type, now))


def _unwilling(jobs: list[Assistance]) -> set[tuple[int, int]]:
    """Return who said no to which request, or fell silent on it; whose offer another's yes has ended may be meant again."""
    closed = Offer.objects.filter(assistance_id__in=[job.pk for job in jobs], closed_at__isnull=False)
    unwilling = closed.lasting() | closed.filter(reason=Offer.Reason.STALLED)
    return set(unwilling.values_list("assistance_id", "assistant_id"))


def _costs(
    jobs: list[Assistance], near: Mapping[int, list[Candidate]], everyone: Mapping[int, tuple[float, float]]
) -> list[list[float | None]]:
    goals = [(job.pickup_lat, job.pickup_lng) for job in jobs]
    legs = routing.matrix(list(everyone.values()), goals)
    fits = {(job.pk, candidate.user_id) for job in jobs for candidate in near[job.pk]}
    return [
        [legs[column][row].duration_s if (job.pk, user_id) in fits else None for column, user_id in enumerate(everyone)]
        for row, job in enumerate(jobs)
    ]
