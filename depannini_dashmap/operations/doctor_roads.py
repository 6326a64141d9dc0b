"""What doctor looks at of the roads data: which build is in use, how old it is, what it covers, and whether its engine answers."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from depannini_dashmap.lib.roads import data, osrm
from depannini_dashmap.operations.doctor_findings import Broken, Doubtful, examination
from orders.models import Stop

OLD_AFTER = dt.timedelta(days=365)
LOOKED_AT = 5000  # of the newest stops
MOST_OUTSIDE = 0.2  # of them
BUILD = "make roads FILE=<an extract of your country, from download.geofabrik.de>"


@examination
def roads() -> str:
    """Say what is in use; without data everything works, on estimates."""
    build = data.current()
    if build is None:
        if (data.root() / data.POINTER).is_symlink():
            raise Broken("The roads data in use cannot be read.", BUILD)
        raise Doubtful("None: no streets, no place search, driving times estimated from straight lines.", BUILD)
    said = [f"{build.source.get('file', 'data')} of {build.source.get('data_of', 'unknown age')[:10]}"]
    missing = [name for name in (data.PLACES, data.STREETS, data.ENGINE_FILES) if build.file(name) is None]
    if missing:
        raise Doubtful(f"The build {build.name} has no {', '.join(missing)}.", f"{BUILD} says why a part is left out.")
    said.append(_engine(build))
    outside, looked_at = _stops_outside(build)
    if looked_at and outside / looked_at > MOST_OUTSIDE:
        raise Doubtful(f"{outside} of the newest {looked_at} stops lie outside of {said[0]}.", BUILD)
    age = parse_datetime(build.source.get("data_of", ""))
    if age is not None and timezone.now() - age > OLD_AFTER:
        raise Doubtful(f"The roads data is old: {said[0]}.", BUILD)
    return f"{', '.join(said)}, {outside} of the newest {looked_at} stops outside"


def _engine(build: data.Build) -> str:
    """Ask for the road that is nearest to the middle of the data, on an engine that a server keeps or ROUTING_URL names."""
    if settings.ROUTING_URL == "off":
        return "driving times switched off (ROUTING_URL)"
    south, west, north, east = build.box
    try:
        osrm.ask("nearest", [((south + north) / 2, (west + east) / 2)], within=2.0, number="1")
    except osrm.Refused:
        pass  # it answered
    except osrm.NoAnswer:
        where = settings.ROUTING_URL or "this host"
        raise Doubtful(
            f"The road engine of {where} does not answer: driving times are estimates.",
            "Correct ROUTING_URL." if settings.ROUTING_URL else "A running server keeps it: start one, and look at its log.",
        ) from None
    return "engine answers"


def _stops_outside(build: data.Build) -> tuple[int, int]:
    places = Stop.objects.filter(latitude__isnull=False).order_by("-id").values_list("latitude", "longitude")[:LOOKED_AT]
    covered = [build.covers(float(lat), float(lng)) for lat, lng in places if lat is not None and lng is not None]
    return covered.count(False), len(covered)
