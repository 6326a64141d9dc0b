"""The authorization matrix: every operation of the schema × eight actors, each with an expected answer.

An operation without a row fails. `ok` stands for any answer that is neither 401, 403 nor 404: whether the body was
good is not this table's business. Ids in paths are of company A and of the first client's request.
"""

import pytest
import yaml

from adversarial.actors import Actor, fleet_of
from adversarial.stage import ROOT

ACTORS = ("anon", "client", "other_client", "assistant", "other_assistant", "dispatcher_a", "dispatcher_b", "staff")
OK, NO, WHO, NONE = "ok", 403, 401, 404

ALL = dict.fromkeys(ACTORS, OK)
SIGNED_IN = {**ALL, "anon": WHO}
FLEET_LIST = {"anon": WHO, "client": NO, "other_client": NO, "assistant": NO, "other_assistant": NO, "dispatcher_a": OK, "dispatcher_b": OK, "staff": OK}
FLEET_ROW = {**FLEET_LIST, "dispatcher_b": NONE}
ASSISTANT_ONLY = {"anon": WHO, "client": NO, "other_client": NO, "assistant": OK, "other_assistant": OK, "dispatcher_a": NO, "dispatcher_b": NO, "staff": NO}
CLIENT_ONLY = {"anon": WHO, "client": OK, "other_client": OK, "assistant": NO, "other_assistant": NO, "dispatcher_a": NO, "dispatcher_b": NO, "staff": NO}
PARTIES = {"anon": WHO, "client": OK, "other_client": NONE, "assistant": OK, "other_assistant": NONE, "dispatcher_a": NONE, "dispatcher_b": NONE, "staff": OK}


def expected(path, method):
    """Return the row of an operation, or None when nobody wrote one."""
    public = (
        "register", "login", "verify-email", "verify-phone", "password-reset", "resend-verification", "token/",
    )  # fmt: skip
    if path == "/api/auth/company/":
        return {**FLEET_LIST, "staff": NONE}  # the cast's operator belongs to no company
    if path.startswith("/api/auth/"):
        return ALL if path.removeprefix("/api/auth/").startswith(public) else SIGNED_IN
    if path in ("/", "/api/", "/api/schema/", "/api/docs/"):
        return ALL
    for prefix in ("companies", "vehicles", "orders", "trips", "trip-stops", "positions"):
        if path.startswith(f"/api/{prefix}/"):
            return FLEET_ROW if "{" in path else FLEET_LIST
    if path in ("/api/profile/user/", "/api/profile/update-location/", "/api/assistants/", "/api/assistance/view/"):
        return SIGNED_IN
    if path.startswith("/api/profile/"):
        return ASSISTANT_ONLY if "assistant" in path or "status" in path else SIGNED_IN
    if path == "/api/assistance/request/":
        return CLIENT_ONLY
    if path.startswith(("/api/assistance/view/", "/api/assistance/{")):
        return PARTIES
    if path.startswith("/api/assistance/"):
        return {}
    if path.startswith("/api/devices/"):
        return {}
    return None


def operations():
    """Yield every (method, path) of the committed schema."""
    schema = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    for path, methods in schema["paths"].items():
        for method in methods:
            if method in ("get", "post", "put", "patch", "delete"):
                yield method, path


@pytest.fixture(scope="module")
def company(cast, stage):
    """The eight actors and the ids of what the first ones own."""
    client, assistant = cast.client(), cast.assistant(lat=50.0, lng=50.0)
    number = client.post("/api/assistance/request/", {"pickup": {"lat": 50.0, "lng": 50.0}}).json()["assistance"]["id"]
    assert assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
    dispatcher = cast.dispatcher()
    ids = fleet_of(dispatcher)
    dispatcher.post(f"/api/trips/{ids['trip']}/add-order/", {"order": ids["order"]})
    ids["trip-stop"] = dispatcher.get(f"/api/trip-stops/?trip={ids['trip']}").json()["results"][0]["id"]
    position = dispatcher.post("/api/positions/", {"vehicle_id": ids["vehicle"], "latitude": 1, "longitude": 1, "speed": 1, "heading": 1})
    ids |= {"assistance": number, "position": position.json()["id"]}
    actors = {
        "anon": Actor(stage), "client": client, "other_client": cast.client(), "assistant": assistant,
        "other_assistant": cast.assistant(lat=-50.0, lng=-50.0), "dispatcher_a": dispatcher, "dispatcher_b": cast.dispatcher(),
        "staff": cast.staff(),
    }  # fmt: skip
    return actors, ids


def _concrete(path, ids):
    kinds = {"companies": "company", "vehicles": "vehicle", "orders": "order", "trips": "trip", "trip-stops": "trip-stop", "positions": "position", "assistance": "assistance"}
    head, _, rest = path.partition("{")
    kind = kinds[path.split("/")[2]]
    tail = rest.partition("}")[2]
    while "{" in tail:
        before, _, after = tail.partition("{")
        tail = before + "0" + after.partition("}")[2]
    return f"{head}{ids[kind]}{tail}"


def test_m01_every_operation_has_a_row():
    missing = [(method, path) for method, path in operations() if expected(path, method) is None]
    assert missing == []
    assert len(list(operations())) > 60


@pytest.mark.parametrize("operation", list(operations()), ids=lambda operation: " ".join(operation))
def test_m02_matrix(company, operation):
    method, path = operation
    actors, ids = company
    row = expected(path, method)
    # What would end the actors' own sessions or rows is tried with empty bodies only by those who may not.
    destructive = method == "delete" or path.endswith(("/logout/", "/revoke/"))
    for name, wanted in row.items():
        if wanted == OK and destructive:
            continue
        concrete = _concrete(path, ids) if "{" in path else path
        answer = actors[name].call(method.upper(), concrete, None if method in ("get", "delete") else {})
        if wanted == OK:
            assert answer.status_code not in (403, 404) or answer.json()["code"] not in ("forbidden", "not_found"), f"{name}: {answer.text}"
            if not path.startswith("/api/auth/"):
                assert answer.status_code != 401, name
        else:
            assert answer.status_code == wanted, f"{name}: {answer.status_code} {answer.text[:200]}"
