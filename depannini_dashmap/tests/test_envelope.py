"""Every refusal has one form, from any layer."""

import threading

import pytest
from django.db import OperationalError
from django.test import Client

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.db import readiness
from depannini_dashmap.lib.realtime import inbound_frames

pytestmark = pytest.mark.django_db


def assert_envelope(response, status, code):
    assert response.status_code == status
    body = response.json()
    assert body["code"] == code
    assert body["error"] and isinstance(body["error"], str)
    assert body["request_id"] == response["X-Request-ID"]
    return body


def test_status_document(api):
    for path in ("/", "/api/", "/api"):
        assert api().get(path).json() == {"status": "ok", "message": "Welcome to Dashmap!"}


@pytest.mark.parametrize("path", ["/", "/api/", "/api/docs/sockets/", "/healthz", "/readyz", "/metrics", "/media/a.jpg"])
def test_plain_views_are_read_only(path):
    response = Client(enforce_csrf_checks=True).post(path, {})
    assert_envelope(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD"


def test_unknown_paths(api, dispatcher):
    for path in ("/nothing", "/api/nothing/", "//api/companies/", "/api/companies/%00/", "/api/companies/abc/"):
        assert_envelope(api(dispatcher).get(path), 404, "not_found")


def test_without_credentials(api):
    response = api().get("/api/companies/")
    body = assert_envelope(response, 401, "authentication_required")
    assert body["error"] == "Authentication required"
    assert response["WWW-Authenticate"]


def test_bad_credentials(api):
    response = api().get("/api/companies/", HTTP_AUTHORIZATION="Bearer x.y.z")
    assert assert_envelope(response, 401, "invalid_token")["error"] == "Invalid token"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"1", b"null", b'{"name": NaN}', b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'{"name": "\\ud800"}', b"[" * 100_000, b'{"a":' * 5000],
)
def test_bodies_that_are_not_a_json_object(api, dispatcher, body):
    response = api(dispatcher).generic("POST", "/api/companies/", body, content_type="application/json")
    assert assert_envelope(response, 400, "invalid_data")["error"] == "Invalid data"


def test_wrong_fields_are_named(api, dispatcher):
    body = assert_envelope(api(dispatcher).post("/api/companies/", {"email": "no"}), 400, "invalid_data")
    assert body["error"] == "Invalid data"
    assert set(body["fields"]) == {"name", "email"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"license_plate": ["Another vehicle of this company has it."]}, "License plate: another vehicle of this company has it"),
        ({"name": ["This field is required."]}, "Name: this field is required"),
        ({"pickup_stop.name": ["This field is required."]}, "Pickup stop, name: this field is required"),
        ({"stops.0.latitude": ["A valid number is required."]}, "Stops, 1, latitude: a valid number is required"),
        ({"company_id": ["Unknown id."]}, "Company: unknown id"),
        ({"dropoff.lat": ["Must be between -90 and 90."]}, "Dropoff, latitude: must be between -90 and 90"),
        ({"driver_email": ["Enter a valid email address."]}, "Driver e-mail: enter a valid email address"),
        ({"password": ["Too short.", "Too common."]}, "Password: too short. Too common"),
        ({"name": ["NUL is refused."]}, "Name: NUL is refused"),
        ({"status": ['"x" is not a valid choice.']}, 'Status: "x" is not a valid choice'),
        ({"non_field_errors": ["The passwords differ."]}, "The passwords differ"),
        ({"stop.non_field_errors": ["Half a place."]}, "Stop: half a place"),
        ({"a": ["No."], "b": ["No."]}, "Invalid data"),
        ({"a": [""]}, "Invalid data"),
        ({}, "Invalid data"),
        (None, "Invalid data"),
    ],
)
def test_one_wrong_field_is_named_in_a_complete_sentence(fields, said):
    error = errors.InvalidData(fields=fields)
    assert (error.message, error.code, error.fields) == (said, "invalid_data", fields)
    assert errors.InvalidData("Vehicle not found", fields=fields).message == "Vehicle not found"
    assert inbound_frames.BadFrame("invalid", fields=fields).error == said


def test_shipped_consoles_show_why_a_vehicle_is_refused(api, dispatcher):
    client = api(dispatcher)
    vehicle = {"license_plate": "16-1", "make": "Ford", "model": "Transit", "year": 2020, "capacity": "1"}
    assert client.post("/api/vehicles/", vehicle).status_code == 201
    body = assert_envelope(client.post("/api/vehicles/", vehicle), 400, "invalid_data")
    assert body["error"] == "License plate: another vehicle of this company has it"
    assert body["fields"] == {"license_plate": ["Another vehicle of this company has it."]}
    body = assert_envelope(client.post("/api/vehicles/", {**vehicle, "license_plate": "2", "year": True}), 400, "invalid_data")
    assert body["error"] == "Year: a valid integer is required"


def test_wrong_content_type(api, dispatcher):
    response = api(dispatcher).generic("POST", "/api/companies/", b"name=x", content_type="text/plain")
    assert_envelope(response, 415, "unsupported_media_type")


def test_a_body_over_the_limit(api, dispatcher):
    body = b'{"name": "' + b"x" * 2_700_000 + b'"}'
    response = api(dispatcher).generic("POST", "/api/companies/", body, content_type="application/json")
    assert_envelope(response, 413, "body_too_large")


def test_wrong_method(api, dispatcher):
    response = api(dispatcher).patch("/api/companies/", {})
    assert_envelope(response, 405, "method_not_allowed")
    assert "POST" in response["Allow"]


def test_options_and_override_headers_reveal_nothing(api, dispatcher, company_a):
    assert_envelope(api(dispatcher).options("/api/companies/"), 405, "method_not_allowed")
    response = api(dispatcher).post(f"/api/companies/{company_a.pk}/", {}, HTTP_X_HTTP_METHOD_OVERRIDE="DELETE")
    assert_envelope(response, 405, "method_not_allowed")


def test_whatever_is_accepted_json_comes(api, dispatcher):
    for accept in ("text/html", "application/xml", "*/*", "nonsense"):
        response = api(dispatcher).get("/api/companies/?format=api", HTTP_ACCEPT=accept)
        assert response["Content-Type"] == "application/json; charset=utf-8"
        assert response.status_code == 200


def test_a_bug_reveals_nothing(api, dispatcher, monkeypatch):
    from accounts.models import Company

    monkeypatch.setattr(Company.objects.__class__, "visible_to", lambda *_: 1 / 0)
    client = api(dispatcher)
    client.raise_request_exception = False
    body = assert_envelope(client.get("/api/companies/"), 500, "internal_error")
    assert "division" not in str(body)


def test_an_absent_database_is_503(api, dispatcher, monkeypatch):
    from accounts.models import Company

    def away(*_):
        raise OperationalError("connection refused at 10.0.0.1")

    monkeypatch.setattr(Company.objects.__class__, "visible_to", away)
    response = api(dispatcher).get("/api/companies/")
    body = assert_envelope(response, 503, "database_unavailable")
    assert response["Retry-After"]
    assert "10.0.0.1" not in str(body)


def test_request_ids_of_callers_are_kept_when_plain(api):
    assert api().get("/healthz", HTTP_X_REQUEST_ID="abc-12345678")["X-Request-ID"] == "abc-12345678"
    for odd in ("x", "a" * 65, "a b c d e f g", "<script>alert</script>"):
        assert api().get("/healthz", HTTP_X_REQUEST_ID=odd)["X-Request-ID"] != odd


def test_security_headers(api):
    response = api().get("/api/")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert "script-src 'self'" in response["Content-Security-Policy"]
    assert "Server" not in response


def test_health_and_readiness(api):
    assert api().get("/healthz").json() == {"status": "ok"}
    assert api().get("/readyz").json()["status"] == "ok"


def test_a_foreign_host_is_refused(api):
    assert_envelope(api().get("/api/", HTTP_HOST="evil.example"), 400, "bad_request")


def test_cors_is_closed_by_default(api):
    response = api().get("/api/", HTTP_ORIGIN="https://evil.example")
    assert "Access-Control-Allow-Origin" not in response


def test_pages(api, dispatcher):
    client = api(dispatcher)
    for number in range(5):
        assert client.post("/api/companies/", {"name": f"C{number}"}).status_code == 201
    seen, url = [], "/api/companies/?page_size=2"
    while url:
        page = client.get(url).json()
        assert set(page) == {"results", "next", "previous"}
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert len(seen) == 6
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=cD0lMDA%3D", "ordering=password", "ordering=company__name"])
def test_bad_paging_is_a_400(api, dispatcher, query):
    assert_envelope(api(dispatcher).get(f"/api/companies/?{query}"), 400, "invalid_data")


@pytest.mark.parametrize("query", ["page_size=-1", "page_size=1000000000", "page_size=x", "page_size="])
def test_odd_page_sizes_are_capped(api, dispatcher, query):
    assert api(dispatcher).get(f"/api/companies/?{query}").status_code == 200


def test_a_silent_database_is_not_ready(api, monkeypatch):
    """Every request is answered in time, however long the database takes."""
    release = threading.Event()
    monkeypatch.setattr(readiness, "_ask", lambda: release.wait(30))
    monkeypatch.setattr(readiness.database_answers, "__defaults__", (0.01,))
    try:
        assert_envelope(api().get("/readyz"), 503, "database_unavailable")
        assert api().get("/healthz").status_code == 200
    finally:
        release.set()
