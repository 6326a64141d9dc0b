"""Clients and assistants by the hundred: inserted straight into a database, as registering hashes a password for each.

`python -m testing.client_assistant_pairs NUMBER` prints them as JSON; `pairs_in` runs that with an environment's variables and reads it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass

from testing.environments import Environment

LAT, LNG = -60.0, -170.0  # far from one another, so that nobody is offered another pair's request


@dataclass(frozen=True)
class Pair:
    """A client and the assistant who has accepted the request, by their tokens; `number` is 0 where there is no request yet."""

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

    @property
    def sockets(self) -> list[tuple[str, str]]:
        """Path and token of both sockets, the client's first."""
        return [(self.path, self.client), (self.path, self.assistant)]


def pairs_in(environment: Environment, count: int, *, with_request: bool = True) -> list[Pair]:
    """Make pairs in an environment's database, each with an accepted request if wished."""
    command = [sys.executable, "-m", "testing.client_assistant_pairs", str(count), *(["--bare"] if not with_request else [])]
    made = subprocess.run(command, cwd=environment.tree, env=environment.variables, capture_output=True, text=True)
    if made.returncode:
        raise SystemExit(made.stderr)
    return [Pair(**row) for row in json.loads(made.stdout)]


def make_pairs(count: int, *, with_request: bool = True) -> list[Pair]:
    """Make pairs in the database of this process, in which Django is loaded."""
    from django.utils import timezone

    from accounts.models import User
    from accounts.tokens import issue_pair
    from assistance.models import Assistance, AssistantProfile

    pairs, now = [], timezone.now()
    for index in range(count):
        lat, lng = LAT + index % 110, LNG + index // 110 * 3
        client = User.objects.create(username=f"crowd-c{index}", name=f"Amina {index}", user_type="client")
        assistant = User.objects.create(username=f"crowd-a{index}", name=f"Karim {index}", user_type="assistant")
        profile = AssistantProfile(
            user=assistant, service_type="towing", vehicle_type="truck", driving_license_cat="c", driving_license_num="1",
            driving_license_expiry=now.date().replace(year=now.year + 2, day=1), vehicle_registration_num=1,
            is_active=True, seen_at=now,
        )  # fmt: skip
        profile.place(lat, lng)
        profile.save(force_insert=True)
        number = 0
        if with_request:
            number = Assistance.objects.create(
                client=client, assistant=assistant, status="accepted", pickup_lat=lat, pickup_lng=lng, distance_km=0,
                total_price=0, price_is_final=True, currency="DZD", wave=1, radius_km=10, accepted_at=now,
                created_at=now, updated_at=now, expires_at=now + timezone.timedelta(hours=12),
            ).pk  # fmt: skip
        pairs.append(Pair(number, issue_pair(client)["access"], issue_pair(assistant)["access"], assistant.pk, lat, lng))
    return pairs


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "depannini_dashmap.settings")
    django.setup()
    print(json.dumps([asdict(pair) for pair in make_pairs(int(sys.argv[1]), with_request="--bare" not in sys.argv)]))
