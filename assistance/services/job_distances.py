"""How far completed jobs went by road, asked once; their price stays that of the straight line."""

from __future__ import annotations

from assistance.models import Assistance
from depannini_dashmap.lib.roads import routing

MEASURED_AT_ONCE = 20
_Source = Assistance.WaySource


def measure_jobs(*, actor: None) -> int:
    """Ask the way of some completed jobs, also of old ones, and return of how many; a round calls, so no `actor`.

    Where roads cannot be asked now, the jobs wait. Effects: `way_km` and `way_source`, straight where no road leads there.
    """
    if not routing.is_known():
        return 0
    measured = 0
    for job in Assistance.objects.to_measure()[:MEASURED_AT_ONCE]:
        if job.dropoff_lat is None or job.dropoff_lng is None:  # `to_measure` has none of these
            continue
        found = routing.route([(job.pickup_lat, job.pickup_lng), (job.dropoff_lat, job.dropoff_lng)], with_line=False)
        if found.source == routing.ROAD and found.distance_m is not None:
            way = {"way_km": round(found.distance_m / 1000, 3), "way_source": _Source.ROAD}
        elif routing.is_known():
            way = {"way_km": float(job.distance_km), "way_source": _Source.STRAIGHT}
        else:  # the engine has stopped answering
            break
        measured += Assistance.objects.filter(pk=job.pk, way_source="").update(**way)
    return measured
