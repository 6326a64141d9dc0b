import math
import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from assistance import nearby
from assistance.cells import public_place
from assistance.models import Assistance, AssistantProfile
from assistance.nearby import Search, nearest, within
from depannini_dashmap.lib.geo import haversine_km

pytestmark = pytest.mark.django_db
HERE = (36.7525, 3.0420)


def _search(service: str = "", **options: Any) -> Search:
    return Search(service, timezone.now(), **options)


def test_only_the_fresh_active_fitting_and_free_are_found(
    make_assistant: Any, client_user: Any, job_in: Any, other_assistant: Any
) -> None:
    good = make_assistant(1)
    make_assistant(2, is_active=False)
    make_assistant(3, seen_at=timezone.now() - timedelta(seconds=301))
    make_assistant(4, service_type="repair")
    make_assistant(5, lat=37.9)
    job_in("accepted", client_user, other_assistant)
    assert [found.user_id for found in within(*HERE, 10.0, _search("towing"))] == [good.pk]


def test_a_search_without_service_finds_both(make_assistant: Any) -> None:
    near, far = make_assistant(1, 36.7530, 3.0420), make_assistant(2, 36.7600, 3.0420, "repair")
    found = within(*HERE, 10.0, _search())
    assert [one.user_id for one in found] == [near.pk, far.pk]
    assert found[0].distance_km == pytest.approx(haversine_km(*HERE, 36.7530, 3.0420))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ((0.0, 179.995), (0.0, -179.995)),
        ((0.0, -180.0), (0.0, 179.99)),
        ((89.99, 0.0), (89.99, 180.0)),
        ((-90.0, 50.0), (-89.98, -120.0)),
        ((60.0, 180.0), (60.0, -179.95)),
    ],
)
def test_the_180th_meridian_and_the_poles_are_no_walls(make_assistant: Any, here: Any, there: Any) -> None:
    user = make_assistant(1, *there)
    assert [one.user_id for one in within(*here, 10.0, _search())] == [user.pk]
    assert [one.user_id for one in nearest(*here, 5, 10.0, _search())] == [user.pk]


def test_nearest_gives_the_same_as_sorting_everybody(make_assistant: Any) -> None:
    dice = random.Random(11)
    places = {}
    for number in range(60):
        lat, lng = HERE[0] + dice.gauss(0, 0.2), HERE[1] + dice.gauss(0, 0.2)
        places[make_assistant(number, lat, lng).pk] = haversine_km(*HERE, *public_place(lat, lng))
    expected = sorted((km, pk) for pk, km in places.items() if km <= 50)
    for count in (1, 3, 10, 100):
        assert [one.user_id for one in nearest(*HERE, count, 50.0, _search())] == [pk for _, pk in expected[:count]]


def test_a_search_begins_where_the_last_one_ended_and_finds_the_same(
    make_assistant: Any, monkeypatch: Any, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(nearby, "_density", {})
    for number in range(3):
        make_assistant(number, lat=36.85 + number / 100)
    first = nearest(*HERE, 2, 50.0, _search())
    with django_assert_num_queries(1):  # wide enough at once
        assert nearest(*HERE, 2, 50.0, _search()) == first
    # Where the crowd was, nobody is left: the next one still looks as far as it may.
    AssistantProfile.objects.filter(pk__in=[one.user_id for one in first]).update(is_active=False)
    assert len(nearest(*HERE, 2, 50.0, _search())) == 1
    AssistantProfile.objects.update(is_active=False)
    assert nearest(*HERE, 2, 50.0, _search()) == []
    AssistantProfile.objects.update(is_active=True)
    assert nearest(*HERE, 2, 50.0, _search()) == first


def test_the_search_reads_no_row_outside_of_its_box(make_assistant: Any, monkeypatch: Any) -> None:
    make_assistant(1)
    make_assistant(2, lat=36.7538, lng=5.0)
    read: list[int] = []
    rows_in = nearby._rows_in
    monkeypatch.setattr(nearby, "_rows_in", lambda *a, **k: read.extend(rows := rows_in(*a, **k)) or rows)
    within(*HERE, 10.0, _search())
    assert len(read) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("service", ["towing", ""])
def test_the_plan_uses_the_index_for_exactly_the_box(service: str) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User
    from assistance.cells import box_around, column_of, row_of

    dice = random.Random(3)
    users = User.objects.bulk_create(User(username=f"u{n}", password="!", user_type="assistant") for n in range(20000))
    rows = []
    for user in users:
        lat, lng = dice.uniform(30, 37), dice.uniform(-2, 8)
        rows.append(
            AssistantProfile(
                user=user, service_type="towing", is_active=True, lat=lat, lng=lng, cell_y=row_of(lat),
                cell_x=column_of(lng), seen_at=timezone.now(), vehicle_type="truck", driving_license_cat="c",
            )
        )  # fmt: skip
    AssistantProfile.objects.bulk_create(rows)
    box = box_around(*HERE, 10.0)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE assistance_assistantprofile")
    with CaptureQueriesContext(connection) as captured:
        within(*HERE, 10.0, _search(service))
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + captured[0]["sql"])
        plan = cursor.fetchone()[0][0]["Plan"]
    inside = sum(box.holds(row.lat, row.lng) for row in rows)
    nodes = [plan, *plan.get("Plans", [])]
    assert "assistant_nearby" in {node.get("Index Name") for node in nodes}
    assert plan["Actual Rows"] == inside
    assert sum(node.get("Rows Removed by Filter", 0) for node in nodes) == 0


@pytest.mark.parametrize("here", [HERE, (0.0, 179.99), (-71.0, -180.0), (89.95, 20.0), (-89.99, -60.0)])
def test_requests_reach_who_is_in_their_circle_the_nearest_first(client_user: Any, here: tuple[float, float]) -> None:
    dice = random.Random(7)
    rows = []
    for _ in range(300):
        lat = min(max(here[0] + dice.uniform(-0.4, 0.4), -90.0), 90.0)
        lng = (here[1] + dice.uniform(-0.4, 0.4) / max(math.cos(math.radians(lat)), 0.003) + 180) % 360 - 180
        radius_km = dice.choice([5.0, 10.0, 40.0])
        rows.append(Assistance(client=client_user, is_one_of_many=True, pickup_lat=lat, pickup_lng=lng, radius_km=radius_km, expires_at=timezone.now()))
    made = Assistance.objects.bulk_create(rows)
    away = {row.pk: haversine_km(*here, row.pickup_lat, row.pickup_lng) for row in made}
    expected = {row.pk for row in made if away[row.pk] <= row.radius_km}
    assert 5 < len(expected) < 250
    found = list(Assistance.objects.reaching(*here).values_list("pk", flat=True))
    assert set(found) == expected
    assert [away[pk] for pk in found] == pytest.approx(sorted(away[pk] for pk in found))
