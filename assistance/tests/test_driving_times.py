"""Driving times of the roadside: who is asked, what an offer says, when the assistant may be there, and when that is told."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assistance.dispatch_candidates import Ranked, by_driving_time
from assistance.models import Assistance, AssistantProfile, Offer
from assistance.nearby import Candidate
from assistance.services import store_locations_and_etas
from assistance.services.locations import PartyLocation
from assistance.steps import etas
from depannini_dashmap.lib.roads import osrm
from testing.roads import LIECHTENSTEIN

pytestmark = pytest.mark.django_db
VADUZ, SCHAAN, RUGGELL = (47.1393, 9.5228), (47.1650, 9.5100), (47.2400, 9.5270)


@pytest.fixture(autouse=True)
def _nothing_rests():
    osrm.forget()
    yield
    osrm.forget()


def _put(user, place):
    profile = AssistantProfile.objects.get(pk=user.pk)
    profile.place(*place)
    profile.is_active, profile.seen_at = True, timezone.now()
    profile.save()


def _request(api, client_user, pickup, **more):
    body = {"pickup": {"lat": pickup[0], "lng": pickup[1]}, "assistance_type": "towing", **more}
    answer = api(client_user).post("/api/assistance/request/", body)
    assert answer.status_code == 201, answer.json()
    return answer.json()["assistance"]["id"]


def test_who_is_there_first_is_asked_first_not_who_is_nearest_by_air(use_roads):
    use_roads(LIECHTENSTEIN)
    uphill, down_the_valley = Candidate(1, 1.9, 1.9, (47.1330, 9.5460)), Candidate(2, 2.9, 2.9, SCHAAN)
    chosen = etas.soonest(VADUZ, [uphill, down_the_valley], 2)
    assert [one.eta_s for one in chosen] == sorted(one.eta_s for one in chosen)
    assert all(one.eta_s > 60 for one in chosen)
    assert len(etas.soonest(VADUZ, [uphill, down_the_valley], 1)) == 1


def test_dispatchers_see_who_is_there_first(use_roads):
    use_roads(LIECHTENSTEIN)
    ranked = [Ranked(number, "", number, (), None, place=place) for number, place in enumerate([(47.1330, 9.5460), SCHAAN, RUGGELL])]
    found, is_by_road = by_driving_time(ranked, VADUZ)
    assert is_by_road and [one.drive_s for one in found] == sorted(one.drive_s for one in found)
    assert all(one.drive_min >= 1 for one in found) and found[-1].user_id == 2


def test_without_roads_the_nearest_are_asked_as_before():
    near = [Candidate(number, number, number, VADUZ) for number in range(30)]
    assert etas.soonest(SCHAAN, near, 10) == near[:10]
    assert etas.soonest(SCHAAN, [], 10) == []


def test_more_than_are_compared_are_asked_all_the_same(use_roads):
    use_roads(LIECHTENSTEIN)
    near = [Candidate(number, number, number, SCHAAN) for number in range(50)]
    assert len(etas.soonest(VADUZ, near, 40)) == 40
    assert len(etas.soonest(VADUZ, near, 60)) == 50


def test_an_offer_says_the_driving_time(api, client_user, assistant_user, frames, use_roads):
    use_roads(LIECHTENSTEIN)
    _put(assistant_user, SCHAAN)
    with frames() as told:
        _request(api, client_user, VADUZ)
    offer = Offer.objects.get()
    assert 120 < offer.eta_s < 1200
    said = [frame for _, frame in told if frame["type"] == "new_assistance_request"]
    assert [frame["eta_s"] for frame in said] == [offer.eta_s]


def test_an_offer_without_roads_says_none(api, client_user, assistant_user):
    _put(assistant_user, SCHAAN)
    _request(api, client_user, VADUZ)
    assert Offer.objects.get().eta_s is None


def test_the_client_sees_when_the_assistant_may_be_there(api, client_user, assistant_user, use_roads):
    use_roads(LIECHTENSTEIN)
    _put(assistant_user, SCHAAN)
    job = _request(api, client_user, VADUZ)
    path = f"/api/assistance/view/{job}/"
    assert api(client_user).get(path).json()["eta"] is None
    taken = api(assistant_user).patch(f"/api/assistance/accept/{job}/").json()
    seen = api(client_user).get(path).json()["eta"]
    assert seen == taken["eta"]
    assert seen["source"] == "road"
    assert seen["reckoned_at"] < seen["earliest"] <= seen["at"] < seen["latest"]
    api(assistant_user).post(f"/api/assistance/release/{job}/")
    assert api(client_user).get(path).json()["eta"] is None


def test_without_roads_it_is_an_estimate_that_says_so(api, client_user, assistant_user):
    _put(assistant_user, SCHAAN)
    job = _request(api, client_user, VADUZ)
    assert api(assistant_user).patch(f"/api/assistance/accept/{job}/").json()["eta"]["source"] == "straight_line"


def _at(job, user, place, *, later):
    """Report a place as the socket does, some seconds after the last look."""
    etas.forget_looks()
    Assistance.objects.filter(pk=job).update(eta_reckoned_at=timezone.now() - timedelta(seconds=later))
    store_locations_and_etas(actor=None, places=[PartyLocation(job, user.pk, *place)])


def test_a_change_of_more_than_a_minute_is_published_and_a_smaller_one_is_not(
    api, client_user, assistant_user, frames, use_roads, django_capture_on_commit_callbacks
):
    use_roads(LIECHTENSTEIN)
    _put(assistant_user, RUGGELL)
    job = _request(api, client_user, VADUZ)
    before = api(assistant_user).patch(f"/api/assistance/accept/{job}/").json()["eta"]["at"]
    with frames() as told:
        _at(job, assistant_user, (RUGGELL[0] - 0.0005, RUGGELL[1]), later=31)
    assert [frame for _, frame in told if frame["type"] == "eta"] == []
    with frames() as told:
        _at(job, assistant_user, SCHAAN, later=31)
    (event,) = [frame for group, frame in told if frame["type"] == "eta" and group == f"assistance.{job}"]
    now = api(client_user).get(f"/api/assistance/view/{job}/").json()
    assert event["eta"] == now["eta"]
    assert event["eta"]["at"] < before
    assert event["seq"] == now["seq"]


def test_it_is_published_every_thirty_seconds_at_most(api, client_user, assistant_user, frames):
    _put(assistant_user, RUGGELL)
    job = _request(api, client_user, VADUZ)
    api(assistant_user).patch(f"/api/assistance/accept/{job}/")
    with frames() as told:
        _at(job, assistant_user, SCHAAN, later=20)
        store_locations_and_etas(actor=None, places=[PartyLocation(job, assistant_user.pk, *VADUZ)])
    assert [frame for _, frame in told if frame["type"] == "eta"] == []


def test_places_that_follow_each_other_quickly_cost_no_query_more(api, client_user, assistant_user):
    _put(assistant_user, RUGGELL)
    job = _request(api, client_user, VADUZ)
    api(assistant_user).patch(f"/api/assistance/accept/{job}/")
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            store_locations_and_etas(actor=None, places=[PartyLocation(job, assistant_user.pk, *SCHAAN)])
        counts.append(len(queries))
    assert counts[0] == counts[1] + 1  # the first looks at the job


def test_on_the_way_to_the_dropoff_that_is_what_is_expected(api, client_user, assistant_user, frames):
    _put(assistant_user, SCHAAN)
    job = _request(api, client_user, VADUZ, dropoff={"lat": RUGGELL[0], "lng": RUGGELL[1]})
    for step in ("accept", "update"):
        answer = api(assistant_user).patch(f"/api/assistance/{step}/{job}/", {"status": "ongoing"})
        assert answer.status_code == 200
    assert answer.json()["eta"] is None
    etas.forget_looks()
    with frames() as told:
        store_locations_and_etas(actor=None, places=[PartyLocation(job, assistant_user.pk, *VADUZ)])
    (event,) = [frame for _, frame in told if frame["type"] == "eta"]
    assert event["eta"]["source"] == "straight_line"


def test_a_place_of_the_client_or_of_a_stranger_changes_nothing(api, client_user, other_client, assistant_user, frames):
    _put(assistant_user, RUGGELL)
    job = _request(api, client_user, VADUZ)
    api(assistant_user).patch(f"/api/assistance/accept/{job}/")
    with frames() as told:
        _at(job, client_user, SCHAAN, later=31)
        _at(job, other_client, SCHAAN, later=31)
    assert [frame for _, frame in told if frame["type"] == "eta"] == []


def test_a_location_over_rest_counts_too(api, client_user, assistant_user, frames, django_capture_on_commit_callbacks):
    _put(assistant_user, RUGGELL)
    job = _request(api, client_user, VADUZ)
    api(assistant_user).patch(f"/api/assistance/accept/{job}/")
    etas.forget_looks()
    Assistance.objects.filter(pk=job).update(eta_reckoned_at=timezone.now() - timedelta(seconds=31))
    with frames() as told, django_capture_on_commit_callbacks(execute=True):
        api(assistant_user).post("/api/profile/update-location/", {"latitude": SCHAAN[0], "longitude": SCHAAN[1]})
    assert "eta" in [frame["type"] for _, frame in told]
