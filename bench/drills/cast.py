"""People for a drill, by the hundred: put straight into its database, as registering hashes a password for each.

`python -m bench.drills.cast PAIRS` in the environment of a rig prints them as JSON; `of` runs that and reads it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from bench.drills.rig import Rig

LAT, LNG = -60.0, -170.0  # far from one another, so that nobody is offered a neighbour's request


@dataclass(frozen=True)
class Room:
    """A client and the assistant who has accepted the request; `number` is 0 where there is no request yet."""

    number: int
    client: str
    assistant: str
    assistant_id: int
    lat: float
    lng: float

    @property
    def path(self) -> str:
        """The path of the request's socket."""
        return f"/ws/assistance/{self.number}/"


def of(rig: Rig, pairs: int, *, with_request: bool = True) -> list[Room]:
    """Make pairs of people in a rig's database, each with an accepted request if wished."""
    command = [sys.executable, "-m", "bench.drills.cast", str(pairs), *(["--bare"] if not with_request else [])]
    made = subprocess.run(command, cwd=rig.tree, env=rig.environment, capture_output=True, text=True)
    if made.returncode:
        raise SystemExit(made.stderr)
    return [Room(**row) for row in json.loads(made.stdout)]


def _make(pairs: int, *, with_request: bool) -> list[dict]:
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "depannini_dashmap.settings")
    django.setup()
    from django.utils import timezone

    from accounts.models import User
    from accounts.tokens import issue_pair
    from assistance.models import Assistance, AssistantProfile

    rooms, now = [], timezone.now()
    for index in range(pairs):
        lat, lng = LAT + index % 110, LNG + index // 110 * 3
        client = User.objects.create(username=f"crowd-c{index}", name=f"Amina {index}", user_type="client")
        helper = User.objects.create(username=f"crowd-a{index}", name=f"Karim {index}", user_type="assistant")
        profile = AssistantProfile(
            user=helper, service_type="towing", vehicle_type="truck", driving_license_cat="c", driving_license_num="1",
            driving_license_expiry=now.date().replace(year=now.year + 2, day=1), vehicle_registration_num=1,
            is_active=True, seen_at=now,
        )  # fmt: skip
        profile.place(lat, lng)
        profile.save(force_insert=True)
        number = 0
        if with_request:
            number = Assistance.objects.create(
                client=client, assistant=helper, status="accepted", pickup_lat=lat, pickup_lng=lng, distance_km=0,
                total_price=0, price_is_final=True, currency="DZD", wave=1, radius_km=10, accepted_at=now,
                created_at=now, updated_at=now, expires_at=now + timezone.timedelta(hours=12),
            ).pk  # fmt: skip
        tokens = {"client": issue_pair(client)["access"], "assistant": issue_pair(helper)["access"]}
        rooms.append({"number": number, "assistant_id": helper.pk, "lat": lat, "lng": lng, **tokens})
    return rooms


if __name__ == "__main__":
    print(json.dumps(_make(int(sys.argv[1]), with_request="--bare" not in sys.argv)))
