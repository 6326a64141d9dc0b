"""Vehicles over REST: the document's object, soft delete, plates, tenancy, filters, hostile input."""

import pytest

from fleet.models import PLANNING, Vehicle
from fleet.signals import vehicle_leaving

pytestmark = pytest.mark.django_db

FORD = {
    "license_plate": "ABC123",
    "make": "Ford",
    "model": "Transit",
    "year": 2023,
    "capacity": "2.50",
    "driver_name": "John Doe",
    "driver_email": "john@example.com",
    "driver_phone": "555-1234",
}


@pytest.fixture
def van(company_a):
    return Vehicle.objects.create(company=company_a, **FORD)


def test_create_answers_the_documented_object(api, dispatcher, company_a):
    answer = api(dispatcher).post("/api/vehicles/", {**FORD, "company": company_a.pk})
    assert answer.status_code == 201
    body = answer.json()
    assert list(body) == [
        "id", "company", "company_name", "license_plate", "make", "model", "year", "capacity", "driver_name",
        "driver_email", "driver_phone", "driver_language", "is_active", *PLANNING, "created_at", "updated_at",
    ]  # fmt: skip
    assert {name: body[name] for name in FORD} == FORD
    assert body["company"] == company_a.pk
    assert body["company_name"] == company_a.name
    assert body["is_active"] is True
    assert body["created_at"].endswith("Z") and len(body["created_at"]) == 20
    assert api(dispatcher).get(f"/api/vehicles/{body['id']}").json() == body


def test_company_defaults_to_the_current_one(api, dispatcher, company_a, staff_user):
    assert api(dispatcher).post("/api/vehicles", FORD).json()["company"] == company_a.pk
    answer = api(staff_user).post("/api/vehicles/", FORD)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["company"])


def test_put_takes_a_partial_body_and_the_whole_object(api, dispatcher, van):
    client = api(dispatcher)
    changed = client.put(f"/api/vehicles/{van.pk}/", {"make": "Iveco"}).json()
    assert (changed["make"], changed["model"]) == ("Iveco", "Transit")
    assert client.put(f"/api/vehicles/{van.pk}/", changed).json() == changed
    assert client.patch(f"/api/vehicles/{van.pk}/", {"is_active": False}).json()["is_active"] is False
    assert [row.history_user for row in van.history.all()] == [dispatcher, dispatcher, None]


def test_soft_delete_hides_and_restore_brings_back(api, dispatcher, van):
    client = api(dispatcher)
    assert client.delete(f"/api/vehicles/{van.pk}/").status_code == 204
    assert client.get("/api/vehicles/").json()["results"] == []
    for answer in (
        client.get(f"/api/vehicles/{van.pk}/"),
        client.put(f"/api/vehicles/{van.pk}/", {"make": "x"}),
        client.delete(f"/api/vehicles/{van.pk}/"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (404, "Vehicle not found")
    assert client.post(f"/api/vehicles/{van.pk}/restore/").json()["license_plate"] == "ABC123"
    assert client.post(f"/api/vehicles/{van.pk}/restore/").status_code == 200
    assert len(client.get("/api/vehicles/").json()["results"]) == 1


def test_plate_is_unique_among_the_living_of_a_company(api, dispatcher, dispatcher_b, van):
    client = api(dispatcher)
    for plate in ("ABC123", "abc123", " ABC123 "):
        answer = client.post("/api/vehicles/", {**FORD, "license_plate": plate})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["license_plate"])
    assert api(dispatcher_b).post("/api/vehicles/", FORD).status_code == 201
    client.delete(f"/api/vehicles/{van.pk}/")
    twin = client.post("/api/vehicles/", FORD)
    assert twin.status_code == 201
    refused = client.post(f"/api/vehicles/{van.pk}/restore/")
    assert (refused.status_code, refused.json()["code"]) == (409, "plate_taken")
    client.patch(f"/api/vehicles/{twin.json()['id']}/", {"license_plate": "NEW-1"})
    assert client.post(f"/api/vehicles/{van.pk}/restore/").status_code == 200
    assert client.put(f"/api/vehicles/{van.pk}/", {"license_plate": "new-1"}).status_code == 400


def test_a_trip_can_hold_a_vehicle_back(api, dispatcher, van):
    from depannini_dashmap.lib.errors import Conflict

    def refuse(vehicle, reason, **kwargs):
        raise Conflict(f"{vehicle.license_plate} {reason}", code="open_trips")

    vehicle_leaving.connect(refuse)
    try:
        answer = api(dispatcher).delete(f"/api/vehicles/{van.pk}/")
    finally:
        vehicle_leaving.disconnect(refuse)
    assert (answer.status_code, answer.json()["error"]) == (409, "ABC123 deleted")
    van.refresh_from_db()
    assert not van.is_deleted


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_d02_a_foreign_vehicle_is_a_missing_one(api, dispatcher_b, van, method):
    before = Vehicle.objects.values().get()
    answers = [getattr(api(dispatcher_b), method)(f"/api/vehicles/{pk}/", {"make": 5}) for pk in (van.pk, 987654)]
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert bodies[0] == bodies[1] == {"error": "Vehicle not found", "code": "not_found", "request_id": ""}
    assert Vehicle.objects.values().get() == before
    assert api(dispatcher_b).post(f"/api/vehicles/{van.pk}/restore/").status_code == 404


def test_d03_a_foreign_company_in_a_filter_is_an_empty_list(api, dispatcher_b, dispatcher, staff_user, van, company_a):
    url = f"/api/vehicles/?company={company_a.pk}"
    assert api(dispatcher_b).get(url).json() == {"results": [], "next": None, "previous": None}
    assert len(api(dispatcher).get(url).json()["results"]) == 1
    assert len(api(staff_user).get(url).json()["results"]) == 1


def test_d04_a_foreign_company_in_a_body_is_an_unknown_one(api, dispatcher_b, company_a, van, company_b):
    client = api(dispatcher_b)
    answers = [client.post("/api/vehicles/", {**FORD, "company": pk}) for pk in (company_a.pk, 987654)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json()["fields"] == answers[1].json()["fields"] == {"company": ["Unknown id."]}
    own = Vehicle.objects.create(company=company_b, **FORD)
    assert client.put(f"/api/vehicles/{own.pk}/", {"company": company_a.pk}).status_code == 400
    assert list(Vehicle.objects.order_by("pk").values_list("company", flat=True)) == [company_a.pk, company_b.pk]


def test_a_vehicle_moves_among_the_callers_companies(api, staff_user, van, company_b):
    answer = api(staff_user).put(f"/api/vehicles/{van.pk}/", {"company": company_b.pk})
    assert (answer.status_code, answer.json()["company_name"]) == (200, company_b.name)


def test_d08_a_company_with_deleted_vehicles_cannot_be_deleted(api, dispatcher, van, company_a):
    client = api(dispatcher)
    client.delete(f"/api/vehicles/{van.pk}/")
    assert client.delete(f"/api/companies/{company_a.pk}/").status_code == 409
    assert Vehicle.objects.count() == 1


def test_who_may(api, client_user, assistant_user, viewer, dispatcher, van):
    assert api().get("/api/vehicles/").status_code == 401
    for user in (client_user, assistant_user):
        for answer in (api(user).get("/api/vehicles/"), api(user).get(f"/api/vehicles/{van.pk}/")):
            assert answer.status_code == 403
        assert api(user).post("/api/vehicles/", FORD).status_code == 403
    assert api(viewer).get("/api/vehicles/").status_code == 200
    assert api(viewer).put(f"/api/vehicles/{van.pk}/", {"make": "x"}).status_code == 403
    assert api(viewer).delete(f"/api/vehicles/{van.pk}/").status_code == 403


def test_filters_and_ordering(api, dispatcher, company_a, van):
    other = Vehicle.objects.create(company=company_a, **{**FORD, "license_plate": "ZZ-9", "make": "Renault"})
    Vehicle.objects.filter(pk=other.pk).update(is_active=False)

    def plates(query):
        return [row["license_plate"] for row in api(dispatcher).get(f"/api/vehicles/?{query}").json()["results"]]

    assert plates("") == ["ZZ-9", "ABC123"]
    assert plates("is_active=true") == ["ABC123"]
    assert plates("is_active=0") == ["ZZ-9"]
    assert plates("search=renault") == ["ZZ-9"]
    assert plates("search=") == ["ZZ-9", "ABC123"]
    assert plates("ordering=license_plate") == ["ABC123", "ZZ-9"]
    assert plates("ordering=-license_plate") == ["ZZ-9", "ABC123"]
    assert plates("updated_since=2000-01-01T00:00:00Z") == ["ZZ-9", "ABC123"]
    assert plates("updated_since=2999-01-01T00:00:00+01:00") == []


@pytest.mark.parametrize(
    "query",
    ["company=abc", "company=%00", "company=", "company=9223372036854775808", "company=1.5", "company=%D9%A1",
     "is_active=maybe", "is_active=", "search=%00", f"search={'x' * 101}", "updated_since=yesterday",
     "updated_since=0000-01-01T00:00:00Z", "updated_since=10000-01-01T00:00:00Z", "updated_since=2024-01-01T25:00:00Z",
     "updated_since=0001-01-01T00:00:00%2B14:00", "ordering=password", "ordering=company__name", "cursor=nonsense"],
)  # fmt: skip
def test_g06_bad_filters(api, dispatcher, query):
    answer = api(dispatcher).get(f"/api/vehicles/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")
    assert list(answer.json()["fields"]) == [query.split("=")[0]]


@pytest.mark.parametrize("path", ["abc", "-1", "9223372036854775808", "1" * 120, "%00", "é", "1.0", "0"])
def test_g06_bad_path_ids(api, dispatcher, path):
    for method in ("get", "put", "delete"):
        assert getattr(api(dispatcher), method)(f"/api/vehicles/{path}/").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [("license_plate", ""), ("license_plate", "x" * 21), ("license_plate", "a\x00b"), ("license_plate", True),
     ("license_plate", None), ("make", "x" * 51), ("model", ["x"]), ("year", True), ("year", 1899), ("year", "20x3"),
     ("year", 2.5), ("year", "9" * 5000), ("capacity", True), ("capacity", "NaN"), ("capacity", "Infinity"),
     ("capacity", "1e400"), ("capacity", -1), ("capacity", "1000000"), ("capacity", "two"), ("driver_email", "nobody"),
     ("driver_phone", "1" * 21), ("driver_phone", "<b>1</b>"), ("driver_phone", "0/1"), ("is_active", "perhaps"),
     ("company", "abc"), ("company", True), ("company", {"id": 1}), ("company", 2**63)],
)  # fmt: skip
def test_g02_g03_wrong_values_change_nothing(api, dispatcher, van, field, value):
    before = Vehicle.objects.values().get()
    for answer in (
        api(dispatcher).post("/api/vehicles/", {**FORD, "license_plate": "NEW", field: value}),
        api(dispatcher).put(f"/api/vehicles/{van.pk}/", {field: value}),
    ):
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert Vehicle.objects.values().get() == before


@pytest.mark.parametrize("name", ["license_plate", "make", "model", "year", "capacity"])
def test_required_fields(api, dispatcher, name):
    body = {key: value for key, value in FORD.items() if key != name}
    assert list(api(dispatcher).post("/api/vehicles/", body).json()["fields"]) == [name]


def test_numbers_as_strings_are_fine_and_decimals_are_rounded(api, dispatcher):
    body = api(dispatcher).post("/api/vehicles/", {**FORD, "year": "2020", "capacity": "2.505"}).json()
    assert (body["year"], body["capacity"]) == (2020, "2.51")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("'; DROP TABLE fleet_vehicle;--", "'; DROP TABLE fleet_vehicle;--"),
        ("\u202ertl", "rtl"),
        ("e" + "\u0301" * 40, "\u00e9" + "\u0301" * 39),
        ("=1+1", "=1+1"),
        ("\u200fورشة", "ورشة"),
    ],
)
def test_g08_text_comes_back_in_nfc_without_invisible_ends(api, dispatcher, text, kept):
    body = api(dispatcher).post("/api/vehicles/", {**FORD, "driver_name": text}).json()
    assert body["driver_name"] == kept


@pytest.mark.parametrize("size", [1, 3])
def test_the_list_takes_two_queries(api, dispatcher, company_a, django_assert_num_queries, size):
    Vehicle.objects.bulk_create(
        Vehicle(company=company_a, **{**FORD, "license_plate": f"P{number}"}) for number in range(size)
    )
    client = api(dispatcher)
    with django_assert_num_queries(2):  # who signs in; the vehicles with their companies
        assert len(client.get("/api/vehicles/").json()["results"]) == size


def test_pages_follow_each_other(api, dispatcher, company_a):
    for number in range(5):
        Vehicle.objects.create(company=company_a, **{**FORD, "license_plate": f"P{number}"})
    client, url, seen = api(dispatcher), "/api/vehicles/?page_size=2", []
    while url:
        page = client.get(url).json()
        seen += [row["license_plate"] for row in page["results"]]
        url = page["next"]
    assert seen == ["P4", "P3", "P2", "P1", "P0"]


PLANNED = {
    "volume_capacity": "9.50", "skills": ["refrigerated"], "shift_start": "07:00:00", "shift_end": "15:30:00", "break_earliest": "11:30:00",
    "break_latest": "13:00:00", "break_minutes": 30, "start_latitude": "36.753800", "start_longitude": "3.058800", "end_latitude": None,
    "end_longitude": None, "max_stops": 20, "cost_fixed": None, "cost_per_hour": "900.00", "cost_per_km": "35.00",
}  # fmt: skip


def test_planning_values_are_stored_and_returned(api, dispatcher):
    made = api(dispatcher).post("/api/vehicles/", {**FORD, **PLANNED})
    assert made.status_code == 201, made.content
    assert {name: made.json()[name] for name in PLANNED} == PLANNED


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"start_latitude": "36.7"}, "start_longitude"),
        ({"end_latitude": "91", "end_longitude": "3"}, "end_latitude"),
        ({"break_minutes": 30}, "break_earliest"),
        ({"break_minutes": 30, "break_earliest": "12:00"}, "break_latest"),
        ({"shift_start": "07:00"}, "shift_end"),
        ({"shift_start": "07:00", "shift_end": "07:00"}, "shift_end"),
        ({"max_stops": 0}, "max_stops"),
        ({"volume_capacity": -1}, "volume_capacity"),
        ({"skills": "x" * 41}, "skills"),
        ({"cost_per_km": "a lot"}, "cost_per_km"),
    ],
)
def test_half_a_plan_is_refused_by_its_field(api, dispatcher, sent, field):
    answer = api(dispatcher).post("/api/vehicles/", {**FORD, **sent})
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["fields"]) == [field]
