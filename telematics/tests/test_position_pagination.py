"""Pages of many vehicles' history on PostgreSQL: read by a few index reads, yet exactly the newest."""

import datetime as dt
import random
from typing import Any

import pytest
from django.utils import timezone

from telematics.ingest import Row, store
from telematics.models import Position
from telematics.position_pagination import narrowed
from telematics.tests.conftest import make_vehicle

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]
START = dt.datetime(2024, 1, 15, tzinfo=dt.UTC)


@pytest.fixture
def uneven(company_a: Any) -> list[int]:
    """Vehicles with very different histories: one chatterer, many that speak seldom, some silent."""
    chance = random.Random(5)
    ids = [make_vehicle(company_a, f"V-{n}").pk for n in range(30)]
    seconds = {ids[0]: range(3000), ids[1]: range(5000, 5400)}
    for vehicle_id in ids[2:25]:
        seconds[vehicle_id] = sorted(chance.sample(range(0, 6000, 10), chance.randrange(1, 40)))
    now = timezone.now()
    rows = [
        Row(vehicle_id, START + dt.timedelta(seconds=at), 36.0, 3.0, 1.0, 1.0, None, None, None, "on", False, now)
        for vehicle_id, own in seconds.items()
        for at in own
    ]
    store(rows)
    return ids


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("size", [1, 2, 10, 101, 1001, 5000])
@pytest.mark.parametrize("span", [(None, None), (1000, None), (None, 2500), (1000, 2500), (5900, 5950)])
def test_narrowing_keeps_the_page(uneven: list[int], newest_first: bool, size: int, span: tuple) -> None:
    start, end = (None if at is None else START + dt.timedelta(seconds=at) for at in span)
    order = ("-timestamp", "-id") if newest_first else ("timestamp", "id")
    rows = Position.objects.filter(vehicle_id__in=uneven).between(start, end).order_by(*order)
    kept = narrowed(rows, uneven, (start, end), newest_first=newest_first, size=size)
    instants = list(kept.values_list("timestamp", flat=True)[:size])
    assert instants == list(rows.values_list("timestamp", flat=True)[:size])


def test_walking_all_pages_sees_every_row_once(api: Any, dispatcher: Any, uneven: list[int]) -> None:
    client, seen, url, pages = api(dispatcher), [], "/api/positions/?page_size=300", []
    while url:
        page = client.get(url).json()
        pages.append(page)
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert len(seen) == len(set(seen)) == Position.objects.count()
    back, url = [], pages[-1]["previous"]
    while url:
        page = client.get(url).json()
        back.append(page["results"])
        url = page["previous"]
    assert back == [page["results"] for page in reversed(pages[:-1])]
