"""Profiles, places, duty, photos and the list of assistants, through REST."""

import io
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from assistance import services
from assistance.models import AssistantProfile

pytestmark = pytest.mark.django_db
DATA_MODEL = {
    "id", "email", "name", "phone_number", "profile_photo", "address", "current_lat", "current_lng", "user_type",
    "service_type", "vehicle_type", "is_active_assistant", "driving_license_cat", "driving_license_num",
    "driving_license_expiry", "vehicle_registration_num",
}  # fmt: skip


def test_a_client_sees_the_fields_of_the_data_model_twice(api: Any, client_user: Any) -> None:
    body = api(client_user).get("/api/profile/user/").json()
    nested = body.pop("user")
    assert nested == body
    assert set(body) >= DATA_MODEL
    assert (body["name"], body["email"], body["user_type"]) == ("Amina Client", "amina@example.com", "client")
    assert body["is_active_assistant"] is False
    assert body["service_type"] is body["driving_license_expiry"] is None
    assert "password" not in body


def test_an_assistant_sees_the_papers(api: Any, assistant_user: Any) -> None:
    AssistantProfile.objects.update(driving_license_expiry="2031-02-09")
    body = api(assistant_user).get("/api/profile/assistant/").json()
    nested = body.pop("assistant")
    assert nested == body
    assert set(body) >= DATA_MODEL
    assert body["driving_license_expiry"] == "09:02:31"
    assert body["vehicle_registration_num"] == 123456789012
    assert (body["service_type"], body["is_active_assistant"]) == ("towing", False)
    assert (body["current_lat"], body["current_lng"]) == (36.7538, 3.0588)


@pytest.mark.parametrize("who", ["client_user", "dispatcher", "staff_user"])
def test_the_assistant_profile_is_for_assistants(api: Any, request: Any, who: str) -> None:
    client = api(request.getfixturevalue(who))
    assert client.get("/api/profile/assistant/").status_code == 403
    assert client.post("/api/profile/assistant-status/", {"is_active": True}).status_code == 403
    assert client.get("/api/profile/user/").status_code == 200


@pytest.mark.parametrize("path", ["/api/profile/user/", "/api/profile/assistant/", "/api/assistants/"])
def test_without_credentials(api: Any, path: str) -> None:
    assert api().get(path).status_code == 401


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_changing_a_profile_takes_a_partial_body(api: Any, client_user: Any, verb: str) -> None:
    answer = getattr(api(client_user), verb)("/api/profile/user/", {"name": "Amina B.", "address": "Oran"})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["user"]["address"]) == ("Amina B.", "Oran")
    client_user.refresh_from_db()
    assert (client_user.name, client_user.email) == ("Amina B.", "amina@example.com")


@pytest.mark.parametrize("who", ["client_user", "assistant_user", "dispatcher"])
def test_a_whole_profile_may_be_sent_back(api: Any, request: Any, who: str) -> None:
    client = api(request.getfixturevalue(who))
    AssistantProfile.objects.update(driving_license_expiry="2020-01-01")
    client.post("/api/profile/photo/", {"photo": _picture()}, format="multipart")
    whole = client.get("/api/profile/user/").json()
    answer = client.put("/api/profile/user/", {**whole, "address": "Oran"})
    assert answer.status_code == 200, answer.json()
    assert answer.json()["user"] == {**whole["user"], "address": "Oran"}


@pytest.mark.parametrize("axis", ["current_lat", "current_lng"])
@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("client_user", "/api/profile/user/"),
        ("assistant_user", "/api/profile/user/"),
        ("assistant_user", "/api/profile/assistant/"),
    ],
)
def test_a_place_may_move_along_one_axis(api: Any, request: Any, who: str, path: str, axis: str) -> None:
    client = api(request.getfixturevalue(who))
    before = {"current_lat": 36.5, "current_lng": 3.25}
    assert client.put(path, before).status_code == 200
    answer = client.put(path, {**before, axis: 7.5})
    assert answer.status_code == 200, answer.json()
    now = client.get(path).json()
    assert {name: now[name] for name in before} == {**before, axis: 7.5}


def test_what_is_not_ones_to_change_stays(api: Any, client_user: Any) -> None:
    sent = {
        "id": 1, "user_type": "assistant", "is_staff": True, "password": "x", "email_verified": True,
        "is_active_assistant": True, "company_id": 1, "service_type": "towing", "rating": 5,
    }  # fmt: skip
    assert api(client_user).put("/api/profile/user/", sent).status_code == 200
    before = client_user.password
    client_user.refresh_from_db()
    assert (client_user.user_type, client_user.is_staff, client_user.password) == ("client", False, before)
    assert not AssistantProfile.objects.filter(pk=client_user.pk).exists()


def test_an_assistant_changes_papers(api: Any, assistant_user: Any) -> None:
    sent = {"service_type": "repair", "driving_license_expiry": "31:12:40", "vehicle_type": "van", "name": "Karim A."}
    body = api(assistant_user).patch("/api/profile/assistant/", sent).json()
    assert (body["service_type"], body["driving_license_expiry"]) == ("repair", "31:12:40")
    assert (body["vehicle_type"], body["name"]) == ("van", "Karim A.")
    assert body["driving_license_num"] == "16/445566"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"driving_license_expiry": "01:01:20"}, "driving_license_expiry"),
        ({"driving_license_expiry": None}, "driving_license_expiry"),
        ({"service_type": "flying"}, "service_type"),
        ({"driving_license_cat": "d"}, "driving_license_cat"),
        ({"vehicle_registration_num": "abc"}, "vehicle_registration_num"),
        ({"vehicle_type": "x" * 101}, "vehicle_type"),
        ({"name": ""}, "name"),
        ({"email": "nonsense"}, "email"),
        ({"phone_number": "12"}, "phone_number"),
        ({"current_lat": 3}, "current_lng"),
        ({"profile_photo": "text"}, "profile_photo"),
    ],
)
def test_bad_changes_are_named(api: Any, assistant_user: Any, sent: Any, field: str) -> None:
    answer = api(assistant_user).patch("/api/profile/assistant/", sent)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


def test_today_is_the_local_one_for_a_licence(api: Any, assistant_user: Any) -> None:
    with time_machine.travel("2030-05-01T23:30:00Z", tick=False):  # already the 2nd in Algiers
        client = api(assistant_user)
        assert client.patch("/api/profile/assistant/", {"driving_license_expiry": "02:05:30"}).status_code == 400
        assert client.patch("/api/profile/assistant/", {"driving_license_expiry": "03:05:30"}).status_code == 200


def test_the_address_of_somebody_else_is_refused(api: Any, client_user: Any, other_client: Any) -> None:
    type(other_client).objects.filter(pk=other_client.pk).update(email_verified=True)
    answer = api(client_user).patch("/api/profile/user/", {"email": "BRAHIM@example.com"})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["email"])


@pytest.mark.parametrize("verb", ["post", "put"])
@pytest.mark.parametrize("names", [("latitude", "longitude"), ("lat", "lng")])
def test_locations_under_both_names_and_verbs(
    api: Any, client_user: Any, assistant_user: Any, verb: str, names: Any
) -> None:
    for user in (client_user, assistant_user):
        body = dict(zip(names, (36.5, "3.25"), strict=True))
        assert getattr(api(user), verb)("/api/profile/update-location/", body).status_code == 200
        profile = api(user).get("/api/profile/user/").json()
        assert (profile["current_lat"], profile["current_lng"]) == (36.5, 3.25)


@pytest.mark.parametrize(
    "sent",
    [
        {"latitude": None, "longitude": None, "lat": 36.5, "lng": 3.25},
        {"latitude": 36.5, "longitude": 3.25, "lat": None, "lng": None},
        {"latitude": 1, "lat": 36.5, "lng": 3.25},
    ],
)
def test_a_pair_counts_whole(api: Any, client_user: Any, sent: Any) -> None:
    answer = api(client_user).put("/api/profile/update-location/", sent)
    assert (answer.status_code, answer.json()["latitude"], answer.json()["longitude"]) == (200, 36.5, 3.25)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "latitude"),
        ({"latitude": 1}, "longitude"),
        ({"latitude": 90.01, "longitude": 0}, "latitude"),
        ({"lat": 0, "lng": 180.01}, "lng"),
        ({"latitude": True, "longitude": 0}, "latitude"),
        ({"latitude": "Infinity", "longitude": 0}, "latitude"),
        ({"latitude": None, "longitude": 0}, "latitude"),
        ({"lat": 1}, "lng"),
        ({"lat": 1, "lng": None}, "lng"),
        ({"latitude": 1, "lng": 2}, "longitude"),
    ],
)
def test_bad_locations(api: Any, client_user: Any, sent: Any, field: str) -> None:
    answer = api(client_user).post("/api/profile/update-location/", sent)
    assert answer.status_code == 400
    assert field in answer.json()["fields"]


def test_a_location_over_rest_is_the_event_of_the_socket(
    api: Any, client_user: Any, assistant_user: Any, job_in: Any, frames: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user)
    for user in (client_user, assistant_user):
        with frames() as heard:
            api(user).post("/api/profile/update-location/", {"latitude": 36.76, "longitude": 3.05})
        [(group, frame)] = heard
        assert group == f"assistance.{job.pk}"
        assert {name: frame[name] for name in ("type", "lat", "lng", "user_id")} == {
            "type": "location", "lat": 36.76, "lng": 3.05, "user_id": user.pk,
        }  # fmt: skip
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    with frames() as heard:
        api(assistant_user).post("/api/profile/update-location/", {"latitude": 36.77, "longitude": 3.05})
    assert heard == []


@pytest.mark.parametrize(
    ("lat", "lng"), [(float("nan"), 0), (91, 0), (0, -181), ("36.7", 3), (True, 0), (None, 0), ({}, 0)]
)
def test_the_service_refuses_what_is_no_place(client_user: Any, ask: Any, lat: Any, lng: Any) -> None:
    from depannini_dashmap.lib.errors import InvalidData

    job = ask(client_user)
    with pytest.raises(InvalidData):
        services.report_location(actor=client_user, lat=lat, lng=lng, assistance_id=job.pk)


def test_a_room_takes_places_of_its_parties_while_open(
    client_user: Any, other_client: Any, assistant_user: Any, job_in: Any
) -> None:
    from depannini_dashmap.lib.errors import Conflict, NotFound

    job = job_in("completed", client_user, assistant_user)
    with pytest.raises(Conflict):
        services.report_location(actor=client_user, lat=1.0, lng=1.0, assistance_id=job.pk)
    with pytest.raises(NotFound):
        services.report_location(actor=other_client, lat=1.0, lng=1.0, assistance_id=job.pk)
    client_user.refresh_from_db()
    assert client_user.current_lat is None


@pytest.mark.parametrize("sent", [{}, {"is_active": None}, {"is_active": "maybe"}])
def test_bad_duty(api: Any, assistant_user: Any, sent: Any) -> None:
    assert api(assistant_user).post("/api/profile/assistant-status/", sent).status_code == 400


# --- Photos ---------------------------------------------------------------------------------------------------------------
def _picture() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "PNG")
    return SimpleUploadedFile("../../me.png", out.getvalue(), "image/png")


@pytest.mark.parametrize(
    ("verb", "path", "name"),
    [
        ("post", "/api/profile/photo/", "profile_photo"),
        ("post", "/api/profile/photo/", "photo"),
        ("put", "/api/profile/user/", "profile_photo"),
        ("patch", "/api/profile/assistant/", "profile_photo"),
    ],
)
def test_a_photo_is_stored_under_a_random_name(api: Any, assistant_user: Any, verb: str, path: str, name: str) -> None:
    client = api(assistant_user)
    answer = getattr(client, verb)(path, {name: _picture()}, format="multipart")
    assert answer.status_code == 200, answer.json()
    url = answer.json()["profile_photo"]
    assert (
        url.startswith("/media/photos/") and url.endswith(".png") and "me" not in url.rsplit("/")[-1].split(".")[0][:2]
    )
    assert client.delete("/api/profile/photo/").status_code == 204
    assert client.get("/api/profile/user/").json()["profile_photo"] is None


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"<html>", b"", b"GIF89a" + b"\0" * 50])
def test_what_is_no_picture(api: Any, client_user: Any, content: bytes) -> None:
    upload = SimpleUploadedFile("a.jpg", content, "image/jpeg")
    answer = api(client_user).post("/api/profile/photo/", {"photo": upload}, format="multipart")
    assert answer.status_code == 400
    assert api(client_user).post("/api/profile/photo/", {}, format="multipart").status_code == 400


# --- The list -------------------------------------------------------------------------------------------------------------
def test_only_the_fresh_on_duty_are_listed_and_nothing_private(
    api: Any, client_user: Any, assistant_user: Any, other_assistant: Any, make_assistant: Any, duty: Any
) -> None:
    duty(assistant_user, 36.75381, 3.05889)
    make_assistant(1, seen_at=timezone.now() - timedelta(seconds=301))
    make_assistant(2, is_active=False)
    answer = api(client_user).get("/api/assistants/")
    assert set(answer.json()) == {"results", "next", "previous"}
    [listed] = answer.json()["results"]
    assert (listed["id"], listed["name"]) == (assistant_user.pk, "Karim Assistant")
    assert (listed["current_lat"], listed["current_lng"]) == (36.754, 3.059)
    for private in ("+213", "@example.com", "16/445566", "123456789012"):
        assert private not in answer.content.decode()


def test_nearest_first_with_the_distance(api: Any, client_user: Any, make_assistant: Any) -> None:
    far, near, repairer = (
        make_assistant(1, 36.90),
        make_assistant(2, 36.76),
        make_assistant(3, 36.80, service_type="repair"),
    )
    other_side = make_assistant(4, -36.0, 170.0)
    client = api(client_user)

    def listed(query: str) -> list[int]:
        return [one["id"] for one in client.get(f"/api/assistants/?{query}").json()["results"]]

    assert listed("lat=36.75&lng=3.05") == [near.pk, repairer.pk, far.pk, other_side.pk]
    assert listed("lat=36.75&lng=3.05&radius_km=10") == [near.pk, repairer.pk]
    assert listed("lat=36.75&lng=3.05&service_type=towing&page_size=2") == [near.pk, far.pk]
    assert listed("service_type=repair") == [repairer.pk]
    first = client.get("/api/assistants/?lat=36.75&lng=3.05").json()["results"][0]
    assert first["distance"] == pytest.approx(1.366, abs=0.01)


@pytest.mark.parametrize(
    "query", ["lat=1", "lng=1", "radius_km=5", "lat=91&lng=0", "lat=x&lng=0", "lat=nan&lng=0", "service_type=flying",
              "lat=0&lng=0&radius_km=-1", "lat=0&lng=0&page_size=0", "lat=%00&lng=1"]
)  # fmt: skip
def test_bad_queries(api: Any, client_user: Any, query: str) -> None:
    assert api(client_user).get(f"/api/assistants/?{query}").status_code == 400


@pytest.mark.parametrize("rows", [1, 3])
def test_fixed_numbers_of_queries(
    rows: int, api: Any, client_user: Any, assistant_user: Any, make_assistant: Any, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        make_assistant(number, lat=36.75 + number)
    client, assistant = api(client_user), api(assistant_user)
    with django_assert_num_queries(2):  # who asks, the page
        client.get("/api/assistants/")
    with django_assert_num_queries(3):  # who asks, who is in the circle, their names
        client.get("/api/assistants/?lat=36.75&lng=3.05&radius_km=40")
    with django_assert_num_queries(2):  # who asks, the profile with its papers
        assistant.get("/api/profile/assistant/")
