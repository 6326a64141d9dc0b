"""Strangers learn where an assistant is to three decimals, however often and from wherever they ask."""

import random
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from assistance import dispatch_candidates
from assistance.cells import ROUNDED_BY_KM, public_place
from assistance.models import AssistantProfile, Offer
from assistance.nearby import Search, within
from depannini_dashmap.lib.geo import haversine_km

pytestmark = pytest.mark.django_db
# Inside a cell, across the borders of cells and degrees, at the 180th meridian and beside a pole.
PLACES = [(36.7538, 3.0588), (36.75, 3.05), (37.0, 3.0), (0.0, 0.0), (0.0, 180.0), (-17.12, -180.0), (89.97, 10.0)]


def _looking_alike(place: tuple[float, float], dice: random.Random) -> list[tuple[float, float]]:
    """Give exact places that strangers cannot tell apart, the corners among them."""
    half = 0.000499
    steps = [(0, 0), (half, half), (-half, -half), (half, -half), (-half, half)]
    steps += [(dice.uniform(-half, half), dice.uniform(-half, half)) for _ in range(5)]
    found = []
    for north, east in steps:
        shown = public_place(*place)
        lat, lng = shown[0] + north, max(-180.0, min(180.0, shown[1] + east))
        if public_place(lat, lng) == public_place(*place):
            found.append((lat, lng))
    assert len(found) > 4
    return found


def _move(user: Any, place: tuple[float, float]) -> None:
    profile = AssistantProfile.objects.get(pk=user.pk)
    profile.place(*place)
    profile.save()


@pytest.mark.parametrize("place", PLACES)
def test_places_that_look_alike_answer_alike(place: Any, make_assistant: Any, client_user: Any, api: Any) -> None:
    dice = random.Random(7)
    alike = _looking_alike(place, dice)
    user, client = make_assistant(1, *place), api(client_user)
    make_assistant(2, place[0] - 0.0004, place[1])  # somebody to stand before or behind
    askings = ["/api/assistants/"]
    for _ in range(6):
        lat, lng = max(-90, min(90, place[0] + dice.gauss(0, 0.01))), place[1] + dice.gauss(0, 0.01)
        lng = (lng + 180) % 360 - 180
        askings.append(f"/api/assistants/?lat={lat}&lng={lng}&page_size=1")
        for exact in alike[:3]:  # radii that end between the places
            radius = haversine_km(lat, lng, *exact)
            askings += [f"/api/assistants/?lat={lat}&lng={lng}&radius_km={radius + step}" for step in (-1e-9, 0, 1e-5)]
    answers: dict[str, list[Any]] = {asking: [] for asking in askings}
    for exact in alike:
        _move(user, exact)
        for asking in askings:
            answers[asking].append(client.get(asking).json()["results"])
    for asking, seen in answers.items():
        assert all(answer == seen[0] for answer in seen), asking


def test_requests_from_many_pickups_find_no_more(
    make_assistant: Any, client_user: Any, api: Any, settings: Any
) -> None:
    dice = random.Random(3)
    place = (36.7538, 3.0588)
    user, client = make_assistant(1, *place), api(client_user)
    make_assistant(2, 36.7536, 3.0588)
    for _ in range(3):
        lat, lng = place[0] + dice.gauss(0, 0.02), place[1] + dice.gauss(0, 0.02)
        settings.ASSISTANCE_RADIUS_KM = haversine_km(lat, lng, *place)  # the border runs through the place
        seen = []
        for exact in _looking_alike(place, dice):
            _move(user, exact)
            answer = client.post("/api/assistance/request/", {"pickup": {"lat": lat, "lng": lng}}).json()
            seen.append(answer["nearby_assistants"])
            url = f"/api/assistance/update/{answer['assistance']['id']}/"
            assert client.patch(url, {"status": "canceled"}).status_code == 200
        assert all(answer == seen[0] for answer in seen)


def test_bisection_by_radius_ends_at_the_rounded_place(make_assistant: Any, client_user: Any, api: Any) -> None:
    exact = (36.753849, 3.058749)
    make_assistant(1, *exact)
    client = api(client_user)
    for lat, lng in ((36.70, 3.0), (36.80, 3.0), (36.75, 3.2)):
        low, high = 0.0, 40.0
        for _ in range(40):
            middle = (low + high) / 2
            found = client.get(f"/api/assistants/?lat={lat}&lng={lng}&radius_km={middle!r}").json()["results"]
            low, high = (low, middle) if found else (middle, high)
        assert high == pytest.approx(haversine_km(lat, lng, *public_place(*exact)), abs=1e-6)


def test_who_is_shown_in_the_radius_is_found_though_the_exact_place_lies_outside(make_assistant: Any) -> None:
    here = (36.75, 3.05)
    user = make_assistant(1, 36.75, 3.0604999)  # in the next column of cells, shown as 3.060
    radius_km = haversine_km(*here, 36.75, 3.06) + 1e-9
    assert [one.user_id for one in within(*here, radius_km, Search("", timezone.now()))] == [user.pk]


def test_rounding_moves_a_place_no_further_than_the_search_reaches() -> None:
    dice = random.Random(5)
    for _ in range(2000):
        place = (dice.uniform(-90, 90), dice.uniform(-180, 180))
        assert haversine_km(*place, *public_place(*place)) < ROUNDED_BY_KM
    assert haversine_km(0.0004999, 0.0004999, 0.0, 0.0) < ROUNDED_BY_KM


def test_the_assistant_alone_receives_the_exact_distance(
    make_assistant: Any, client_user: Any, staff_user: Any, frames: Any, ask: Any
) -> None:
    exact = (36.753849, 3.058749)
    user = make_assistant(1, *exact)
    with frames() as heard:
        job = ask(client_user)
    way = round(haversine_km(job.pickup_lat, job.pickup_lng, *exact), 3)
    shown = round(haversine_km(job.pickup_lat, job.pickup_lng, *public_place(*exact)), 3)
    assert way != shown
    [offer] = [frame for group, frame in heard if frame["type"] == "new_assistance_request"]
    assert (offer["distance"], Offer.objects.get(assistance=job).distance_km) == (way, way)
    [candidate] = dispatch_candidates.ranked_candidates(job)
    assert (candidate.user_id, candidate.distance_km) == (user.pk, way)
    assert not any(str(way) in str(frame) for group, frame in heard if group == f"assistance.{job.pk}")


def test_widening_the_box_costs_no_radius(make_assistant: Any, client_user: Any, api: Any) -> None:
    lat = 36.7525 + (settings.ASSISTANCE_RADIUS_KM + ROUNDED_BY_KM / 2) / 111.195
    make_assistant(1, lat, 3.0420)
    body = {"pickup": {"lat": 36.7525, "lng": 3.0420}}
    assert api(client_user).post("/api/assistance/request/", body).json()["nearby_assistants"] == []
