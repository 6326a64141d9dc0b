"""Many devices at once, on real connections."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Membership
from fleet.services import update_vehicle
from telematics.models import Device, LatestPosition, Position
from trips.models import TripStop

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

URL = "/api/positions/"
CONTENDERS = 16


def at_once(work: Callable[[int], Any], contenders: int = CONTENDERS) -> list[Any]:
    """Run `work(n)` in so many threads that start together; each closes its own connection."""
    barrier = Barrier(contenders)

    def run(number: int) -> Any:
        try:
            barrier.wait(10)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(contenders) as pool:
        return list(pool.map(run, range(contenders)))


def second(number: int) -> str:
    return f"2024-01-15T14:{number // 60:02}:{number % 60:02}Z"


def test_E18_equal_positions_are_one_row(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    for number in range(5):
        body = fix(van, timestamp=second(number))
        answers = at_once(lambda _, body=body: client.post(URL, body))
        assert sorted(answer.status_code for answer in answers) == [200] * (CONTENDERS - 1) + [201]
        assert len({answer.json()["id"] for answer in answers}) == 1
    assert Position.objects.count() == 5


def test_latest_is_the_maximum_in_any_order(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    numbers = list(range(160))
    random.Random(11).shuffle(numbers)

    def send(contender: int) -> list[int]:
        own = numbers[contender::CONTENDERS]
        return [client.post(URL, fix(van, timestamp=second(number))).status_code for number in own]

    statuses = [status for own in at_once(send) for status in own]
    assert statuses == [201] * 160
    latest, newest = LatestPosition.objects.get(), Position.objects.order_by("timestamp").last()
    assert (latest.position_id, latest.timestamp) == (newest.pk, newest.timestamp)


def test_overlapping_bulks_never_lose_a_row_nor_deadlock(
    api: Any, dispatcher: Any, company_a: Any, fix: Callable
) -> None:
    from telematics.tests.conftest import make_vehicle

    client = api(dispatcher)
    vans = [make_vehicle(company_a, f"V-{n}") for n in range(10)]
    rows = [fix(van, timestamp=second(number)) for van in vans for number in range(30)]

    def send(contender: int) -> dict:
        own = rows[:]
        random.Random(contender).shuffle(own)
        answer = client.post(f"{URL}bulk/", {"positions": own})
        assert answer.status_code == 200, answer.content
        return answer.json()

    results = at_once(send, 8)
    assert sum(result["accepted"] for result in results) == len(rows) == Position.objects.count()
    assert all(result["accepted"] + result["duplicates"] == len(rows) for result in results)
    assert LatestPosition.objects.filter(timestamp=Position.objects.latest("timestamp").timestamp).count() == len(vans)


def test_overlapping_lists_of_devices_on_trips_never_deadlock(api: Any, dispatcher: Any, company_a: Any) -> None:
    from telematics.tests.test_many_devices import make_fleet, of_every_kind

    secret = api(dispatcher).post("/api/forwarders/", {}).json()["secret"]
    ids = make_fleet(company_a, 12)

    def send(contender: int) -> None:
        own = ids[:]
        random.Random(contender).shuffle(own)
        for turn in range(3):
            body = [message for one in own for message in of_every_kind(one)[turn]]
            answer = api().post("/api/devices/traccar/", body, headers={"Authorization": f"Bearer {secret}"})
            assert answer.status_code == 200, answer.content

    at_once(send, 8)
    assert Position.objects.count() == len(ids) * 7
    left = TripStop.objects.filter(actual_departure_datetime__isnull=False, arrival_is_suggested=False)
    assert left.count() == len(ids)


def test_bulks_and_single_ones_together(api: Any, dispatcher: Any, van: Any, other_van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    rows = [fix(vehicle, timestamp=second(number)) for vehicle in (van, other_van) for number in range(20)]

    def send(contender: int) -> int:
        if contender % 2:
            return client.post(f"{URL}bulk/", {"positions": rows}).json()["accepted"]
        return sum(client.post(URL, row).status_code == 201 for row in rows[contender % len(rows) :: 4])

    assert sum(at_once(send, 8)) == len(rows) == Position.objects.count()


def test_a_key_made_while_the_vehicle_leaves_is_not_the_former_companys(
    api: Any, dispatcher: Any, company_a: Any, company_b: Any, van: Any
) -> None:
    Membership.objects.create(company=company_b, user=dispatcher)

    def make() -> None:
        try:
            assert api(dispatcher).post("/api/devices/", {"vehicle_id": van.pk}).status_code == 201
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            update_vehicle(actor=dispatcher, vehicle_id=van.pk, company=company_b)
            made = pool.submit(make)
            while not made.done() and not _somebody_waits():
                pass
        made.result(10)
    assert Device.objects.working().get().company_id == company_b.pk


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])
