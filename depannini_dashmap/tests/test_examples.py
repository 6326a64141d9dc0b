"""Every operation of the schema has a summary, a description and examples; they fit their schemas, and are true when sent."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
import yaml
from django.conf import settings
from django.utils import timezone

from accounts.tests.conftest import codes, messages, sms_directory  # noqa: F401 - fixtures
from assistance.models import Assistance, RequestPhoto
from depannini_dashmap.lib.api.operation_texts import texts
from depannini_dashmap.tests.example_world import World

SCHEMA = yaml.safe_load((Path(settings.BASE_DIR) / "docs" / "openapi.yaml").read_text())
OPERATIONS = {
    f"{method.upper()} {path}": operation for path, operations in SCHEMA["paths"].items() for method, operation in operations.items()
}
# What cannot be sent as it is written: a file, and a token that only Google can sign.
FORM, FORMS = "application/x-www-form-urlencoded", {"OsmandReport"}
# Some take or return pictures, one calls Google.
NOT_SENT = {
    "POST /api/profile/photo/", "GET /api/trip-stops/{id}/proof/{kind}/", "GET /api/assistance/{assistance_id}/photos/{photo_id}/", "POST /api/auth/login/google/"
}  # fmt: skip
ID, JOB, PAYMENT = "{id}", "{assistance_id}", "{payment_id}"


def _bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the bodies that an operation takes and answers where it succeeds, each as its status or `request`, and its media type."""
    parts = {"request": operation.get("requestBody", {})}
    parts |= {status: response for status, response in operation["responses"].items() if status.startswith("2")}
    for where, part in parts.items():
        for media in part.get("content", {}).values():
            yield where, media


def _examples(media: dict[str, Any]) -> list[Any]:
    if "example" in media:
        return [media["example"]]
    names = [one["$ref"].rpartition("/")[2] for one in media.get("examples", {}).values()]
    return [SCHEMA["components"]["examples"][name]["value"] for name in names]


def _as_json_schema(node: Any) -> Any:
    """Write OpenAPI 3.0's `nullable` as JSON Schema does."""
    if isinstance(node, list):
        return [_as_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _as_json_schema(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


COMPONENTS = _as_json_schema({"schemas": SCHEMA["components"]["schemas"]})


def _validate(value: Any, schema: dict[str, Any]) -> None:
    checked = jsonschema.Draft202012Validator(
        {**_as_json_schema(schema), "components": COMPONENTS}, format_checker=jsonschema.FormatChecker()
    )
    checked.validate(value)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_a_summary_a_description_and_examples(name: str) -> None:
    operation = OPERATIONS[name]
    summary, description = operation.get("summary", ""), operation.get("description", "")
    assert summary[:1].isupper() and len(summary) < 80 and not summary.endswith(".")
    assert len(description) >= 10 and description != summary
    for where, media in _bodies(operation):
        assert _examples(media) or media["schema"].get("format") == "binary", f"{where} has no example"
        for one in _examples(media):
            _validate(one, media["schema"])


def test_the_table_names_nothing_that_is_not_there() -> None:
    used = {name for operation in OPERATIONS.values() for _, media in _bodies(operation) for name in media.get("examples", {})}
    rows = {name.removeprefix("Paginated").removesuffix("List") for name in used} | {name.removeprefix("Patched") for name in used}
    assert texts()["examples"].keys() - used - rows == set()


def test_summaries_and_names_of_operations_are_unique() -> None:
    for part in ("summary", "operationId"):
        values = [operation[part] for operation in OPERATIONS.values()]
        assert sorted(values) == sorted(set(values))
    assert all(operation["operationId"].isidentifier() for operation in OPERATIONS.values())


# --- Sent as they are written -----------------------------------------------------------------------------------------------------
class Situation:
    """Who sends an example, where to, and by which ids and secrets its own are exchanged."""

    def __init__(self, user: Any = None, ids: dict[str, Any] | None = None, headers: dict[str, str] | None = None, query: str = "", **values: Any):
        self.user, self.ids, self.headers, self.query, self.values = user, ids or {}, headers or {}, query, values

    def fill(self, body: Any) -> Any:
        """Return the body with the values of this situation."""
        if isinstance(body, list):
            return [self.fill(one) for one in body]
        if not isinstance(body, dict):
            return body
        return {key: self.values[key] if key in self.values else self.fill(value) for key, value in body.items()}


def _trip_action(world: World, order: int | None = None) -> Situation:
    trip = world.trip()
    return Situation(world.dispatcher, {ID: trip["id"]}, order=order)


def _reorder(world: World) -> Situation:
    trip = world.trip()
    first, second, third = trip["stops"]
    moved = [{"id": third, "sequence": 1}, {"id": first, "sequence": 2}, {"id": second, "sequence": 3}]
    return Situation(world.dispatcher, {ID: trip["id"]}, orders=moved)


def _deleted_vehicle(world: World) -> Situation:
    vehicle = world.vehicle()
    world.fleet.delete(f"/api/vehicles/{vehicle}/")
    return Situation(world.dispatcher, {ID: vehicle})


def _invitation(world: World, user: Any) -> Situation:
    return Situation(user, {"{company_id}": world.company, "{invitation_id}": world.invitation()})


def _forwarded(world: World) -> Situation:
    world.device(external_id="356307042441013")
    return Situation(headers={"Authorization": f"Bearer {world.forwarder()['secret']}"})


def _osmand(key: str) -> Situation:
    return Situation(id=key, device_id=key)


def _owntracks(world: World) -> Situation:
    key = base64.b64encode(f"ali:{world.device()['key']}".encode()).decode()
    return Situation(headers={"Authorization": f"Basic {key}"})


def _after(row: Any, user: Any, **values: Any) -> Situation:
    """Have made the row that a list shows first."""
    assert row
    return Situation(user, **values)


def _unproven(world: World) -> Any:
    user = world.client_user
    user.email_verified = user.phone_verified = False
    user.save()
    return user


def _verification(world: World, field: str, *, signed_in: bool) -> Situation:
    user = _unproven(world)
    address = {"email": user.email, "phone_number": user.phone_number}[field]
    assert world.api().post("/api/auth/resend-verification/", {field: address}).status_code == 200
    [code] = world.codes(address)
    return Situation(user if signed_in else None, code=code)


def _reset(world: World) -> Situation:
    return Situation(code=world.code("/api/auth/password-reset/", {"email": world.client_user.email}))


SITUATIONS: dict[str, Callable[[World], Situation]] = {
    "GET /api/assistance/{assistance_id}/messages/": lambda w: _with_message(w),
    "GET /api/assistance/{assistance_id}/photos/": lambda w: _with_photo(w),
    "POST /api/assistance/{assistance_id}/messages/": lambda w: Situation(w.client_user, {JOB: w.job("accepted")}),
    "PATCH /api/assistance/accept/{assistance_id}/": lambda w: Situation(w.assistant_user, {JOB: w.job("requested")}),
    "POST /api/assistance/assign/{assistance_id}/": lambda w: Situation(w.staff_user, {JOB: w.job("requested")}, assistant=w.assistant_user.pk),
    "POST /api/assistance/decline/{assistance_id}/": lambda w: Situation(w.assistant_user, {JOB: w.job("requested")}),
    "POST /api/assistance/price/{assistance_id}/": lambda w: Situation(w.client_user, {JOB: w.priced_repair()}),
    "PATCH /api/assistance/rate/{assistance_id}/": lambda w: Situation(w.client_user, {JOB: w.job("completed")}),
    "PATCH /api/assistance/update/rating/{assistance_id}/": lambda w: Situation(w.client_user, {JOB: w.job("completed")}),
    "POST /api/assistance/release/{assistance_id}/": lambda w: Situation(w.assistant_user, {JOB: w.job("accepted")}),
    "POST /api/assistance/request/": lambda w: _after(w.on_duty(), w.client_user),
    "GET /api/assistance/scheduled/": lambda w: _after(w.scheduled(), w.staff_user),
    "DELETE /api/assistance/scheduled/{assistance_id}/": lambda w: Situation(w.staff_user, {JOB: w.scheduled()}),
    "PATCH /api/assistance/update/{assistance_id}/": lambda w: Situation(w.assistant_user, {JOB: w.job("accepted")}),
    "PATCH /api/assistance/update/status/{assistance_id}/": lambda w: Situation(w.assistant_user, {JOB: w.job("accepted")}),
    "PATCH /api/assistance/update/end/{assistance_id}/": lambda w: Situation(w.assistant_user, {JOB: w.job("ongoing", "repair")}),
    "PATCH /api/assistance/update/price/{assistance_id}/": lambda w: Situation(w.assistant_user, {JOB: w.job("accepted", "repair")}),
    "GET /api/assistance/view/": lambda w: _after(w.job("requested"), w.client_user),
    "GET /api/assistance/view/{assistance_id}/": lambda w: Situation(w.client_user, {JOB: w.job("accepted")}),
    "GET /api/assistants/": lambda w: _after(w.job("completed"), w.client_user, query="?lat=36.75&lng=3.05"),
    "POST /api/auth/logout/": lambda w: Situation(w.client_user, refresh=w.refresh()),
    "POST /api/auth/password-change/": lambda w: Situation(w.client_user),
    "POST /api/auth/password-reset/confirm/": _reset,
    "POST /api/auth/token/refresh/": lambda w: Situation(refresh=w.refresh()),
    "POST /api/auth/token/revoke/": lambda w: Situation(refresh=w.refresh()),
    "POST /api/auth/verify-email/": lambda w: _verification(w, "email", signed_in=False),
    "POST /api/auth/verify-email/confirm/": lambda w: _verification(w, "email", signed_in=True),
    "POST /api/auth/verify-phone/": lambda w: _verification(w, "phone_number", signed_in=False),
    "POST /api/auth/verify-phone/confirm/": lambda w: _verification(w, "phone_number", signed_in=True),
    "GET /api/companies/{company_id}/invitations/": lambda w: _invitation(w, w.dispatcher),
    "DELETE /api/companies/{company_id}/invitations/{invitation_id}/": lambda w: _invitation(w, w.dispatcher),
    "POST /api/invitations/{invitation_id}/accept/": lambda w: _invitation(w, w.dispatcher_b),
    "POST /api/invitations/{invitation_id}/decline/": lambda w: _invitation(w, w.dispatcher_b),
    "GET /api/invitations/": lambda w: _invitation(w, w.dispatcher_b),
    "DELETE /api/companies/{id}/": lambda w: Situation(w.dispatcher, {ID: w.fleet.post("/api/companies/", {"name": "Empty"}).json()["id"]}),
    "GET /api/devices/push/": lambda w: Situation(w.client_user),
    "POST /api/devices/push/": lambda w: Situation(w.client_user),
    "PUT /api/devices/push/": lambda w: Situation(w.client_user),
    "PATCH /api/devices/push/": lambda w: Situation(w.client_user),
    "DELETE /api/devices/push/": lambda w: Situation(w.client_user),
    "GET /api/devices/": lambda w: _after(w.device(), w.dispatcher),
    "POST /api/devices/": lambda w: Situation(w.dispatcher, vehicle_id=w.vehicle()),
    "DELETE /api/devices/{id}/": lambda w: Situation(w.dispatcher, {ID: w.device()["id"]}),
    "GET /api/devices/osmand/": lambda w: Situation(query=f"?id={w.device()['key']}&lat=36.7538&lon=3.0588&timestamp=1795857300"),
    "POST /api/devices/osmand/": lambda w: _osmand(w.device()["key"]),
    "POST /api/devices/owntracks/": _owntracks,
    "POST /api/devices/traccar/": lambda w: Situation(device_id=w.device()["key"]),
    "GET /api/forwarders/": lambda w: _after(w.forwarder(), w.dispatcher),
    "DELETE /api/forwarders/{id}/": lambda w: Situation(w.dispatcher, {ID: w.forwarder()["id"]}),
    "GET /api/orders/": lambda w: _after(w.order(), w.dispatcher),
    "GET /api/payments/": lambda w: _after(w.payment(), w.dispatcher),
    "POST /api/payments/": lambda w: Situation(w.dispatcher, order=w.priced_order()),
    "GET /api/payments/{payment_id}/": lambda w: Situation(w.dispatcher, {PAYMENT: w.payment()}),
    "POST /api/payments/{payment_id}/reverse/": lambda w: Situation(w.dispatcher, {PAYMENT: w.payment()}),
    "GET /api/payments/balance/": lambda w: Situation(w.dispatcher, query=f"?order={w.priced_order()}"),
    "GET /api/payments/unpaid/": lambda w: _after(w.job("completed"), w.staff_user),
    "GET /api/payments/cash/": lambda w: _after(w.cash(), w.staff_user),
    "POST /api/payments/cash/": lambda w: _after(w.cash(), w.staff_user, assistant=w.assistant_user.pk),
    "POST /api/payments/cash/{payment_id}/reverse/": lambda w: Situation(w.staff_user, {PAYMENT: w.hand_in()}),
    "GET /api/orders/{id}/link/": lambda w: Situation(w.dispatcher, {ID: w.linked_order()}),
    "DELETE /api/orders/{id}/link/": lambda w: Situation(w.dispatcher, {ID: w.linked_order()}),
    "DELETE /api/trips/{id}/driver-link/": lambda w: Situation(w.dispatcher, {ID: w.linked_trip()}),
    "GET /api/places/": lambda w: _after(w.order(), w.dispatcher, query="?q=port"),
    "GET /api/places/at/": lambda w: Situation(w.dispatcher, query="?lat=43.735&lng=7.42"),
    "POST /api/positions/": lambda w: Situation(w.dispatcher, vehicle_id=w.vehicle()),
    "POST /api/positions/bulk/": lambda w: Situation(w.dispatcher, vehicle_id=w.vehicle()),
    "POST /api/positions/generate-fake/": lambda w: Situation(w.dispatcher, vehicle_id=w.vehicle()),
    "GET /api/positions/": lambda w: _after(w.position(), w.dispatcher),
    "GET /api/positions/latest/": lambda w: _after(w.position(), w.dispatcher),
    "GET /api/positions/track/": lambda w: Situation(w.dispatcher, query=f"?vehicle={w.position()['vehicle']}&from=2026-11-28T00:00:00Z&to=2026-11-29T00:00:00Z"),
    "GET /api/positions/{id}/": lambda w: Situation(w.dispatcher, {ID: w.position()["id"]}),
    "DELETE /api/profile/user/": lambda w: Situation(w.client_user),
    "DELETE /api/profile/photo/": lambda w: Situation(w.client_user),
    "GET /api/trip-stops/": lambda w: _after(w.trip(), w.dispatcher),
    "POST /api/trip-stops/": lambda w: Situation(w.dispatcher, trip=w.trip()["id"]),
    "GET /api/trips/plans/": lambda w: _after(w.plan(), w.dispatcher),
    "POST /api/trips/plans/": lambda w: Situation(w.dispatcher, orders=[w.order()], vehicles=[w.vehicle()]),
    "GET /api/trips/plans/{id}/": lambda w: Situation(w.dispatcher, {ID: w.plan()["id"]}),
    "POST /api/trips/plans/{id}/cancel/": lambda w: Situation(w.dispatcher, {ID: w.plan()["id"]}),
    "POST /api/trips/plans/{id}/apply/": lambda w: Situation(w.dispatcher, {ID: w.plan()["id"]}),
    "POST /api/trips/plans/{id}/undo/": lambda w: Situation(w.dispatcher, {ID: w.plan("apply")["id"]}),
    "GET /api/trips/plans/{id}/why/": lambda w: _why(w, w.plan()),
    "GET /api/trips/": lambda w: _after(w.trip(), w.dispatcher),
    "POST /api/trips/": lambda w: Situation(w.dispatcher, vehicle=w.vehicle()),
    "POST /api/trips/{id}/add-order/": lambda w: _trip_action(w, w.order()),
    "POST /api/trips/{id}/reorder-stops/": _reorder,
    "POST /api/vehicles/{id}/restore/": _deleted_vehicle,
    "GET /api/vehicles/": lambda w: _after(w.vehicle(), w.dispatcher),
}  # fmt: skip
# Further examples of one operation, by their names.
OTHERS: dict[str, Callable[[World], Situation]] = {
    "HelpForCallerRequest": lambda w: Situation(w.staff_user),
    "PaymentForJobRequest": lambda w: Situation(w.staff_user, assistance=w.job("completed")),
    "TraccarServerReport": _forwarded,
}
ROWS: dict[str, Callable[[World], int]] = {
    "orders": World.order,
    "trips": lambda world: world.trip()["id"],
    "trip-stops": lambda world: world.trip()["stops"][0],
    "vehicles": World.vehicle,
}


def _with_photo(world: World) -> Situation:
    job = Assistance.objects.get(pk=world.job("accepted"))
    RequestPhoto.objects.create(assistance=job, sender_id=job.client_id, role="client", number=1, photo="requests/a.jpg", at=timezone.now())
    return Situation(world.client_user, {JOB: job.pk})


def _with_message(world: World) -> Situation:
    job = world.job("accepted")
    assert world.api(world.client_user).post(f"/api/assistance/{job}/messages/", {"message": "Hello"}).status_code == 201
    return Situation(world.client_user, {JOB: job})


def _why(world: World, plan: dict[str, Any]) -> Situation:
    return Situation(world.dispatcher, {ID: plan["id"]}, query=f"?order={plan['orders'][0]}")


def _situation(world: World, name: str, example: str) -> Situation:
    if example in OTHERS:
        return OTHERS[example](world)
    if name in SITUATIONS:
        situation = SITUATIONS[name](world)
    else:
        area = name.split("/")[2]
        if area == "profile":
            return Situation(world.assistant_user)
        ids = {ID: ROWS[area](world)} if area in ROWS and ID in name else {ID: world.company, "{company_id}": world.company, "{user_id}": world.colleague.pk}
        anybody = area == "auth" and not any(OPERATIONS[name].get("security", ()))
        situation = Situation(None if anybody else world.dispatcher, ids)
    return situation


def _sent() -> Iterator[tuple[str, str]]:
    """Return each operation with the name of each of its request's examples, or None."""
    for name, operation in OPERATIONS.items():
        names = {one for where, media in _bodies(operation) if where == "request" for one in media.get("examples", {})}
        for example in sorted(names) or [""]:
            if name not in NOT_SENT:
                yield name, example


def _same_form(told: Any, real: Any) -> bool:
    """Return whether an example has the keys of a real answer, down to the rows of its lists; null and no row may stand for anything."""
    if isinstance(told, dict) and isinstance(real, dict):
        return told.keys() == real.keys() and all(_same_form(told[key], real[key]) for key in told if key not in OPEN_KEYS)
    if isinstance(told, list) and isinstance(real, list):
        return all(_same_form(one, other) for one, other in zip(told[:1], real[:1], strict=False))
    return told is None or real is None or isinstance(told, type(real)) or {type(told), type(real)} == {int, float}


OPEN_KEYS = {"unknown_ids", "numbers", "properties", "urls"}


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "example"), list(_sent()))
def test_what_the_examples_say_is_so(request: pytest.FixtureRequest, name: str, example: str) -> None:
    world = World(request)
    situation = _situation(world, name, example)
    situation.values.setdefault("company", world.company)
    method, path = name.split()
    for part, value in situation.ids.items():
        path = path.replace(part, str(value))
    assert "{" not in path
    operation = OPERATIONS[name]
    body = situation.fill(SCHEMA["components"]["examples"][example]["value"]) if example else None
    options: dict[str, Any] = {"headers": situation.headers}
    if body is not None:
        options |= {"data": urlencode(body), "content_type": FORM} if example in FORMS else {"data": body, "format": "json"}
    answer = getattr(world.api(situation.user), method.lower())(path + situation.query, **options)
    assert 200 <= answer.status_code < 300, answer.content
    assert str(answer.status_code) in operation["responses"]
    [media] = operation["responses"][str(answer.status_code)].get("content", {}).values() or [None]
    if media is None:
        assert answer.content == b""
        return
    real = answer.json()
    _validate(real, media["schema"])
    assert _agree(media, real, name), f"the answer has another form than its example in operations.yaml: {real}"


def _agree(media: dict[str, Any], real: Any, name: str) -> bool:
    """Return whether one of the examples of an answer has the form of the real one, and its sentence."""
    return any(
        _same_form(told, real) and (not isinstance(told, dict) or name.startswith("POST /api/trips") or told.get("message") == real.get("message"))
        for told in _examples(media)
    )
