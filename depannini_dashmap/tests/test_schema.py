"""The committed schema is today's, complete, and its page loads nothing from other hosts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from depannini_dashmap.views import SchemaView

COMMITTED = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
# Documents about the API, not operations of it.
NOT_OPERATIONS = {"api/", "api/schema/", "api/docs/", "api/docs/sockets/"}


def test_the_committed_schema_is_todays(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(fresh), validate=True, fail_on_warn=True)
    assert fresh.read_text() == COMMITTED.read_text(), "run: make schema"


def routes(patterns: list, prefix: str = "") -> Iterator[str]:
    for entry in patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, path)
        elif isinstance(entry, URLPattern):
            yield path


def plain(route: str) -> str:
    """Write a pattern as the schema does: `{}` for each parameter, one trailing slash."""
    route = re.sub(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)|<[^>]+>", "{}", route)
    route = route.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\.", ".").replace("/?", "/")
    return route.rstrip("/") + "/"


def test_every_path_of_the_api_is_in_the_schema() -> None:
    documented = {re.sub(r"\{[^}]*\}", "{}", path).strip("/") + "/" for path in yaml.safe_load(COMMITTED.read_text())["paths"]}
    served = {plain(route) for route in routes(get_resolver().url_patterns) if route.lstrip("^").startswith("api/")}
    assert served - documented - NOT_OPERATIONS == set()
    assert documented - served == set()


def test_an_empty_text_never_fits_two_of_exactly_one() -> None:
    text = COMMITTED.read_text()
    assert re.findall(r"oneOf:\n(?:\s+.*\n){1,6}?\s+maxLength: 0\n", text) == []
    assert "maxLength: 0" in text


@pytest.mark.django_db
def test_the_page_loads_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    loaded = re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=["']([^"']+)""", text)
    assert loaded
    assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == []
    # The content security policy allows no inline script.
    assert re.findall(r"<script(?![^>]+src=)[^>]*>\s*\S", text) == []
    for address in loaded:
        found = client.get(address)
        assert found.status_code == 200, address
        b"".join(found) if found.streaming else found.content
        found.close()


# --- What generated clients stumble over ----------------------------------------------------------------------------------------
def test_nothing_is_sent_that_nobody_named() -> None:
    """A default is sent by generated clients, and a required field has to be."""
    document = yaml.safe_load(COMMITTED.read_text())
    schemas = document["components"]["schemas"]
    bodies = {name: schema for name, schema in schemas.items() if name.endswith("Request")}
    assert len(bodies) > 40
    assert [name for name, schema in bodies.items() for field in schema.get("properties", {}).values() if "default" in field] == []
    partial = [
        media["schema"]["$ref"].rpartition("/")[2]
        for operations in document["paths"].values()
        for media in operations.get("put", {}).get("requestBody", {}).get("content", {}).values()
    ]
    assert {name for name in partial if schemas[name].get("required")} <= {"DutyRequest"}


def test_equal_choices_have_one_name() -> None:
    schemas = yaml.safe_load(COMMITTED.read_text())["components"]["schemas"]
    choices = [frozenset(schema["enum"]) for schema in schemas.values() if "enum" in schema]
    assert len(choices) == len(set(choices)) > 10


def test_an_answer_holds_what_could_have_been_sent() -> None:
    schemas = yaml.safe_load(COMMITTED.read_text())["components"]["schemas"]
    twins = [name for name in schemas if {f"{name}Request", f"Patched{name}Request"} & schemas.keys()]
    optional = {name: set(schemas[name]["properties"]) - set(schemas[name].get("required", ())) for name in twins if "properties" in schemas[name]}
    assert {name: fields for name, fields in optional.items() if fields} == {"Profile": {"pending_email", "pending_phone_number"}}


def test_the_document_is_made_once_a_process(client, monkeypatch):
    """Whoever asks for it costs the server nothing worth mentioning after the first time."""
    SchemaView._kept.clear()
    made = []
    response_of = SchemaView._get_schema_response
    monkeypatch.setattr(SchemaView, "_get_schema_response", lambda view, request: made.append(1) or response_of(view, request))
    first, second = (client.get("/api/schema/", query) for query in ({}, {"lang": "fr", "version": "x"}))
    assert first.content == second.content and len(made) == 1
    assert first["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8" and first["Content-Disposition"].endswith('.yaml"')
