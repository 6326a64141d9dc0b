"""What the contract says of every answer, asked of every operation that the schema names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

pytestmark = pytest.mark.django_db
SCHEMA = yaml.safe_load((Path(settings.BASE_DIR) / "docs" / "openapi.yaml").read_text())
METHODS = {"get", "post", "put", "patch", "delete"}
PATHS = sorted(path for path in SCHEMA["paths"] if path.startswith("/api/"))


def _concrete(path: str) -> str:
    return re.sub(r"\{\w+\}", "999999", path)


def _operations(*methods: str) -> Iterator[tuple[str, str, dict]]:
    for path in PATHS:
        for method, operation in SCHEMA["paths"][path].items():
            if method in methods:
                yield path, method, operation


@pytest.fixture
def people(api: Any, dispatcher: Any, client_user: Any, assistant_user: Any, staff_user: Any) -> list[Any]:
    """Somebody of every kind."""
    return [api(user) for user in (dispatcher, client_user, assistant_user, staff_user)]


def test_other_methods_are_405_with_those_that_there_are(people: list[Any]) -> None:
    """Authorisation is checked before fields, so a permitted user is needed."""
    wrong = []
    for path in PATHS:
        there = METHODS & SCHEMA["paths"][path].keys()
        for method in [*sorted(METHODS - there), "trace", "link"]:
            for client in people:
                answer = client.generic(method.upper(), _concrete(path), b"{}", content_type="application/json")
                if answer.status_code != 403:
                    break
            allowed = {name.strip().lower() for name in answer.headers.get("Allow", "").split(",")}
            if answer.status_code != 405 or not there <= allowed or answer.json()["code"] != "method_not_allowed":
                wrong.append((path, method, answer.status_code, allowed))
    assert wrong == []


def test_bodies_of_another_kind_are_415_and_broken_ones_400(people: list[Any]) -> None:
    wrong = []
    for path, method, _ in _operations("post", "put", "patch"):
        # Devices say any kind of body, or none: there the body alone decides.
        other_kinds = {400, 415} if path.startswith("/api/devices/") else {415}
        for client in people:
            for body, kind, statuses in (
                (b"a=b", "text/plain", other_kinds),
                (b"<a/>", "application/xml", other_kinds),
                (b"[1]", "application/json", {200} if "bulk" in path else {400}),
                (b'{"a":', "application/json", {400}),
                (b"\xff\xfe", "application/json", {400}),
            ):
                answer = client.generic(method.upper(), _concrete(path), body, content_type=kind)
                # 403 and 404 may come before errors of fields.
                if answer.status_code not in statuses | {401, 403, 404, 409, 415, 429}:
                    if answer.status_code == 200 and "requestBody" not in SCHEMA["paths"][path][method]:
                        continue
                    wrong.append((path, method, kind, body, answer.status_code))
    assert wrong == []


def test_one_wrong_field_is_named_wherever_it_is(people: list[Any]) -> None:
    """Every refusal of exactly one field names it in `error`, or has a sentence that the documents give."""
    wrong, told = [], 0
    for path, method, operation in _operations("post", "put", "patch"):
        reference = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
        names = SCHEMA["components"]["schemas"].get(reference.rpartition("/")[2], {}).get("properties", {})
        for client in people:
            for body in [{}, *({name: value} for name in names for value in (True, [], "\x00"))]:
                answer = getattr(client, method)(_concrete(path), body)
                assert answer.status_code < 500, (path, method, body)
                if answer.status_code != 400:
                    continue
                said = answer.json()
                fields = said.get("fields", {})
                if len(fields) == 1:
                    told += 1
                if (said["error"] == "Invalid data") == (len(fields) == 1):
                    wrong.append((path, method, body, said))
    assert wrong == []
    assert told > 50


def test_lists_have_one_form(people: list[Any]) -> None:
    wrong, seen = [], 0
    for path, _, operation in _operations("get"):
        if "{" in path or not any(parameter["name"] == "cursor" for parameter in operation.get("parameters", [])):
            continue
        for client in people:
            answer = client.get(path)
            if answer.status_code == 403:
                continue
            seen += 1
            if answer.status_code != 200 or answer.json().keys() != {"results", "next", "previous"}:
                wrong.append((path, answer.status_code, answer.content[:80]))
            for query in ("ordering=nonsense", "ordering=" + ",".join(["id"] * 500), "cursor=x", "page_size=0", "page_size=" + "9" * 500, "page_size=-1"):
                status = client.get(f"{path}?{query}").status_code
                if status not in (200, 400):
                    wrong.append((path, query[:30], status))
    assert wrong == []
    assert seen > 10


def test_a_search_is_bound(api: Any, dispatcher: Any) -> None:
    for kind in ("vehicles", "orders", "trips", "companies"):
        answer = api(dispatcher).get(f"/api/{kind}/", {"search": "word " * 1500})
        assert answer.status_code in (200, 400)
        if answer.status_code == 400:
            assert answer.json()["error"].startswith("Search: ")


@pytest.mark.parametrize("count", [2, 500])
def test_a_field_orders_once(count: int, api: Any, dispatcher: Any) -> None:
    answer = api(dispatcher).get("/api/vehicles/?ordering=" + ",".join(["created_at"] * count))
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Ordering: ")


def test_a_deletion_answers_nothing(api: Any, dispatcher: Any) -> None:
    client = api(dispatcher)
    made = client.post("/api/companies/", {"name": "Gone soon"}).json()["id"]
    answer = client.delete(f"/api/companies/{made}/")
    assert (answer.status_code, answer.content) == (204, b"")


def test_read_only_and_unknown_keys_are_ignored_and_a_put_is_partial(api: Any, dispatcher: Any) -> None:
    client = api(dispatcher)
    vehicle = client.post("/api/vehicles/", {"license_plate": "1", "make": "a", "model": "b", "year": "2020", "capacity": 2.555, "id": 7, "nonsense": {}}).json()
    assert (vehicle["capacity"], vehicle["year"]) == ("2.56", 2020)
    for method in (client.put, client.patch):
        answer = method(f"/api/vehicles/{vehicle['id']}/", {"make": "c", "id": 1, "created_at": "2000-01-01", "company_name": "x"})
        assert answer.status_code == 200
        kept = {name: value for name, value in answer.json().items() if name not in ("make", "updated_at")}
        assert kept == {name: value for name, value in vehicle.items() if name not in ("make", "updated_at")}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", vehicle["created_at"])


@pytest.mark.parametrize(("path", "method", "operation"), list(_operations("post", "put", "patch")))
def test_the_schema_says_where_a_key_counts(path: str, method: str, operation: dict) -> None:
    named = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
    needs_somebody = any(operation.get("security", ()))
    assert named == (needs_somebody and not path.startswith("/api/auth/"))
    assert named == ("422" in operation["responses"])
