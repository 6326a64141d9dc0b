"""D01, the authorization matrix: every operation of the URL table × eight actors, each cell an expected status.

The operations are walked out of Django's resolver, so that a new path is here before anybody has described it. Every
row is written out below: nothing gets one because of how its path begins, and a row that lost its operation fails too.
Requests are in order, so that a status tells who may, not what was wrong with the body.
"""

import inspect
import io
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import yaml
from PIL import Image

from adversarial.actors import PASSWORD, Actor, fleet_of, fresh_phone, new_trip, order_body
from adversarial.stage import ROOT

Cell = int | tuple[int, str]  # a status, with the code where two reasons share the status
Row = dict[str, Cell]

AT = {"lat": 50.0, "lng": 50.0}  # where the first client needs help and the first assistant is
AWAY = {"lat": -50.0, "lng": -50.0}


# --- The operations ---------------------------------------------------------------------------------------------------


def print_url_table():
    """Print the method and path of every operation; runs in a process of its own, for nothing here imports Django."""
    import json
    import re

    import django

    django.setup()
    from django.contrib.admindocs.views import simplify_regex
    from django.urls import get_resolver

    def walk(patterns, before=""):
        for entry in patterns:
            route = before + str(entry.pattern)
            if hasattr(entry, "url_patterns"):
                yield from walk(entry.url_patterns, route)
            else:
                yield route, entry.callback

    def methods(view):
        if hasattr(view, "actions"):
            return list(view.actions)
        kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
        if kind is None:
            return ["function"]  # names no methods
        return [method for method in kind.http_method_names if hasattr(kind, method)]

    table = []
    for route, view in walk(get_resolver().url_patterns):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", simplify_regex(route)).replace("\\", "").replace("{pk}", "{id}")
        path = path if path.endswith(("/", "}", ".csv", "admin")) else path + "/"
        table += [(method.upper(), path) for method in methods(view) if method not in ("options", "head")]
    print(json.dumps(table))


def url_table() -> list[tuple[str, str]]:
    """Return (method, path) of everything that the project serves; asks no database."""
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings", "ENV_FILE": os.devnull,
        "SECRET_KEY": "matrix-0123456789-abcdefghij-KLMNOPQRST", "DATABASE_URL": "sqlite:///:memory:", "REDIS_URL": "",
    }  # fmt: skip
    code = inspect.getsource(print_url_table) + "\nprint_url_table()\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return [tuple(operation) for operation in json.loads(done.stdout.splitlines()[-1])]


TABLE = url_table()
# The admin's pages share one guard and are asked about together, below; only its first page has a row.
ADMIN = sorted({path for _, path in TABLE if path.startswith("/admin/")})
FUNCTIONS = [path for method, path in TABLE if method == "FUNCTION"]
OPERATIONS = [
    f"{'GET' if method == 'FUNCTION' else method} {path}"
    for method, path in TABLE
    if path == "/admin/" or (path != "/admin" and not path.startswith("/admin/"))
]

NOT_IN_THE_SCHEMA = {
    "GET /", "GET /api/", "GET /healthz/", "GET /readyz/", "GET /metrics/", "GET /api/schema/", "GET /api/docs/",
    "GET /api/docs/sockets/", "GET /admin/", "GET /media/{path}",
}  # fmt: skip


# --- Who: the forms of rows -------------------------------------------------------------------------------------------


def everyone(status: Cell) -> Row:
    """Public: credentials, where there are any, change nothing."""
    people = ("anon", "client", "other_client", "assistant", "other_assistant", "dispatcher_a", "dispatcher_b", "staff")
    return dict.fromkeys(people, status)


def signed_in(status: Cell) -> Row:
    """Anyone with good credentials."""
    return {**everyone(status), "anon": 401}


def clients(status: Cell) -> Row:
    """ "Client only" in the documents: 403 for every other role, operators too."""
    return {**signed_in(403), "client": status, "other_client": status}


def assistants(status: Cell) -> Row:
    """ "Assistant only" in the documents."""
    return {**signed_in(403), "assistant": status, "other_assistant": status}


def fleet(status: Cell, **others: Cell) -> Row:
    """Dispatchers, each on what is their own, and staff."""
    return {**signed_in(403), **dict.fromkeys(("dispatcher_a", "dispatcher_b", "staff"), status), **others}


def of_company_a(status: Cell) -> Row:
    """A row of company A: for the dispatcher of another company it does not exist."""
    return fleet(status, dispatcher_b=404)


def of_request(*, client: Cell, assistant: Cell, staff: Cell) -> Row:
    """A request for help: for who is neither its client nor its assistant it does not exist."""
    return {**signed_in(404), "client": client, "assistant": assistant, "staff": staff}


# --- On what: objects of a try's own ----------------------------------------------------------------------------------

Values = dict[str, Any]


class Scene:
    """The eight actors, and what the two companies own."""

    def __init__(self, stage: Any, cast: Any) -> None:
        self.stage, self.cast = stage, cast
        self.a, self.b = cast.dispatcher(), cast.dispatcher()
        self.email = f"matrix{os.getpid()}@example.com"
        self.client, self.assistant = cast.client(email=self.email), cast.assistant(**AT)
        self.actors = {
            "anon": Actor(stage), "client": self.client, "other_client": cast.client(), "assistant": self.assistant,
            "other_assistant": cast.assistant(**AWAY), "dispatcher_a": self.a, "dispatcher_b": self.b,
            "staff": cast.staff(),
        }  # fmt: skip
        self.of_a, self.of_b = self._company(self.a), self._company(self.b)
        self.newcomer = cast.dispatcher()

    def _company(self, dispatcher: Actor) -> Values:
        ids = fleet_of(dispatcher)
        assert dispatcher.post(f"/api/trips/{ids['trip']}/add-order/", {"order": ids["order"]}).status_code == 201
        ids["stops"] = [row["id"] for row in dispatcher.get(f"/api/trip-stops/?trip={ids['trip']}").json()["results"]]
        ids["position"] = made(dispatcher.post("/api/positions/", _fix(ids["vehicle"])))
        device = dispatcher.post("/api/devices/", {"vehicle_id": ids["vehicle"]}).json()
        self.stage.secrets.add(device["key"])
        return {**ids, "stop": ids["stops"][0], "device": device["id"], "key": device["key"]}

    def values(self, name: str) -> Values:
        """Return the ids of company A, and under `own_…` those that an actor may name in a body."""
        own = self.of_b if name == "dispatcher_b" else self.of_a
        known = {"phone": self.client.known["phone"], "email": self.email, "lasting": self.client.known["refresh"]}
        return {**self.of_a, **known, "username": self.a.known["username"], **{f"own_{key}": own[key] for key in own}}

    def session(self, name: str) -> Actor:
        """Sign an actor in once more."""
        actor = self.actors[name]
        if name == "anon":
            return actor
        if phone := actor.known.get("phone"):
            answer = self.cast.anyone.post(
                "/api/auth/login/phone/", {"phone_number": phone, "password": PASSWORD}
            ).json()
            return Actor(self.stage, header=f"Bearer {answer['access']}", refresh=answer["refresh"])
        login = {"username": actor.known["username"], "password": PASSWORD}
        answer = self.cast.anyone.post("/api/auth/login/", login).json()
        return Actor(self.stage, header=f"Token {answer['token']}")

    def double(self, name: str) -> Actor:
        """Make somebody of the same role, who may be spent."""
        if "assistant" in name:
            return self.cast.assistant(**AWAY)
        if name in ("anon", "staff"):
            return self.actors["anon"] if name == "anon" else self.cast.staff()
        return self.cast.client() if "client" in name else self.cast.dispatcher()


_turns = iter(range(1, 10**6))


def _fix(vehicle: int) -> Values:
    """Return a position at an instant that no other one has, so that none is a repeat."""
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=next(_turns))
    return {"vehicle_id": vehicle, "latitude": 1, "longitude": 1, "speed": 1, "heading": 1, "timestamp": at.isoformat()}


def made(answer: Any) -> int:
    """Return the id of what was just made."""
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def _vehicle(values: Values) -> Values:
    return {
        "company": values["own_company"],
        "license_plate": f"M{next(_turns)}",
        "make": "Ford",
        "model": "Transit",
        "year": 2023,
        "capacity": "2.50",
        "driver_email": "driver@example.com",
    }


def _trip(values: Values) -> Values:
    return {
        "vehicle": values["own_vehicle"],
        "name": "Morning",
        "planned_start_date": "2026-01-20",
        "planned_start_time": "08:00",
    }


_STOP = {"name": "Depot", "address": "1 Rue Didouche"}


def double(*names: str):
    """Let somebody of the same role try, who may lose their account, or gain a company or an open request.

    `names` are those for whom it matters, because they are let in.
    """

    @contextmanager
    def held(scene: Scene, name: str):
        yield {"actor": scene.double(name)} if name in names else {}

    return held


@contextmanager
def session(scene: Scene, name: str):
    """Let the actor try from a session that may end."""
    yield {"actor": scene.session(name)}


@contextmanager
def refresh_token(scene: Scene, name: str):
    """Give a refresh token that may end: it is the only credential, whoever brings it."""
    yield {"refresh": scene.session("client").known["refresh"]}


def job(*steps: str):
    """Give a request of the first client's that its assistant has brought so far; it ends with the try."""

    @contextmanager
    def held(scene: Scene, name: str):
        client, assistant = scene.client, scene.assistant
        assert assistant.post("/api/profile/update-location/", AT).status_code == 200  # fresh, so that it is offered
        answer = client.post("/api/assistance/request/", {"pickup": AT})
        assert answer.status_code == 201, answer.text
        number = answer.json()["assistance"]["id"]
        try:
            for step in steps:
                moved = (
                    assistant.patch(f"/api/assistance/accept/{number}/")
                    if step == "accepted"
                    else assistant.patch(f"/api/assistance/update/{number}/", {"status": step})
                )
                assert moved.status_code == 200, moved.text
            yield {"assistance_id": number}
        finally:
            client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"})

    return held


def of_a(kind: str):
    """Put something lasting of company A into the path."""

    @contextmanager
    def held(scene: Scene, name: str):
        yield {"id": scene.of_a[kind], "company_id": scene.of_a["company"]}

    return held


@contextmanager
def new_company(scene: Scene, name: str):
    """Give a company without anything in it; it is gone after the try, so that A stays its dispatcher's current one."""
    number = made(scene.a.post("/api/companies/", {"name": "Empty"}))
    try:
        yield {"id": number}
    finally:
        scene.a.delete(f"/api/companies/{number}/")


@contextmanager
def outsider(scene: Scene, name: str):
    """Name a dispatcher whom company A does not have."""
    company = scene.of_a["company"]
    try:
        yield {"company_id": company, "username": scene.newcomer.known["username"]}
    finally:
        scene.a.delete(f"/api/companies/{company}/members/{scene.newcomer.id}/")


@contextmanager
def new_member(scene: Scene, name: str):
    """Name a member of company A whom it can spare."""
    company = scene.of_a["company"]
    answer = scene.a.post(f"/api/companies/{company}/members/", {"username": scene.newcomer.known["username"]})
    assert answer.status_code in (200, 201), answer.text
    yield {"company_id": company, "user_id": scene.newcomer.id}


@contextmanager
def new_vehicle(scene: Scene, name: str):
    """Give a vehicle of company A that nothing uses."""
    yield {"id": made(scene.a.post("/api/vehicles/", _vehicle(scene.values("dispatcher_a"))))}


@contextmanager
def deleted_vehicle(scene: Scene, name: str):
    """Give a vehicle that company A has deleted."""
    with new_vehicle(scene, name) as values:
        assert scene.a.delete(f"/api/vehicles/{values['id']}/").status_code == 204
        yield values


@contextmanager
def new_order(scene: Scene, name: str):
    """Give an order of company A that is in no trip."""
    yield {"id": made(scene.a.post("/api/orders/", order_body()))}


@contextmanager
def trip_and_order(scene: Scene, name: str):
    """Give a trip of company A without stops, and an order for it."""
    with new_order(scene, name) as values:
        yield {"id": new_trip(scene.a, scene.of_a["vehicle"]), "order": values["id"]}


@contextmanager
def new_stop(scene: Scene, name: str):
    """Give a stop of no order in a trip of company A."""
    trip = new_trip(scene.a, scene.of_a["vehicle"])
    yield {"id": made(scene.a.post("/api/trip-stops/", {"trip": trip, "stop": _STOP}))}


@contextmanager
def new_device(scene: Scene, name: str):
    """Give a device of company A's vehicle."""
    answer = scene.a.post("/api/devices/", {"vehicle_id": scene.of_a["vehicle"]})
    scene.stage.secrets.add(answer.json()["key"])
    yield {"id": made(answer)}


@contextmanager
def photo(scene: Scene, name: str):
    """Name a photo that is served: whoever was shown its random name may fetch it."""
    answer = scene.client.call("POST", "/api/profile/photo/", files=_photo())
    assert answer.status_code == 200, answer.text
    yield {"path": answer.json()["profile_photo"].partition("/media/")[2]}


def _photo() -> Values:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(out, "PNG")
    return {"photo": ("x.png", out.getvalue(), "image/png")}


@contextmanager
def admin_session(scene: Scene, name: str):
    """Let the actor sign in by the admin's form first, which lets in whom the site is open to."""
    browser, actor = Actor(scene.stage), scene.actors[name]
    login = scene.stage.urls[0] + "/admin/login/"
    browser.http.get(login)
    form = {
        "username": actor.known.get("username") or actor.known.get("phone", "nobody"), "password": PASSWORD,
        "csrfmiddlewaretoken": browser.http.cookies.get("csrftoken", ""),
    }  # fmt: skip
    browser.http.post(f"{login}?next=/admin/", data=form, headers={"Referer": login})
    yield {"actor": browser}


@contextmanager
def metrics_server(scene: Scene, name: str):
    """Ask a server that has a METRICS_TOKEN."""
    if not hasattr(scene, "measured"):
        scene.measured = scene.stage.start(METRICS_TOKEN="metrics-token-of-the-matrix", TASK_WORKER="off")
    yield {"base": scene.measured}


# --- The table --------------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """A row, and the request that it is about."""

    row: Row
    body: Values | Callable[[Values], Values] | None = None
    on: Callable[[Scene, str], Any] = lambda scene, name: nullcontext({})
    options: Callable[[Values], Values] = lambda values: {}


WRONG_CODE = "000000"
FAKE_DATA_OFF = fleet(
    (403, "fake_data_off"),
    **dict.fromkeys(("client", "other_client", "assistant", "other_assistant"), (403, "forbidden")),
)
NEW_PASSWORDS = {
    "old_password": PASSWORD,
    "new_password": "another-horse-battery",
    "new_password_confirm": "another-horse-battery",
}

# A remark in brackets tells several requests of one operation apart.
EXPECTED: dict[str, Case] = {
    # The process, the documents, files
    "GET /": Case(everyone(200)),
    "GET /api/": Case(everyone(200)),
    "GET /api/schema/": Case(everyone(200)),
    "GET /api/docs/": Case(everyone(200)),
    "GET /api/docs/sockets/": Case(everyone(200)),
    "GET /healthz/": Case(everyone(200)),
    "GET /readyz/": Case(everyone(200)),
    "GET /metrics/ (without METRICS_TOKEN)": Case(everyone(404)),
    "GET /metrics/ (with METRICS_TOKEN, which is nobody's)": Case(everyone(401), on=metrics_server),
    "GET /media/{path}": Case(everyone(200), on=photo),
    "GET /admin/ (by header)": Case(everyone(302)),
    "GET /admin/ (after its form)": Case(
        {**everyone(302), "dispatcher_a": 200, "dispatcher_b": 200, "staff": 200}, on=admin_session
    ),
    # Signing in
    "POST /api/auth/register/": Case(
        everyone(201), lambda values: {"phone_number": fresh_phone(), "name": "Amina", "password": PASSWORD}
    ),
    "POST /api/auth/login/": Case(everyone(200), lambda values: {"username": values["username"], "password": PASSWORD}),
    "POST /api/auth/login/email/": Case(everyone(200), lambda values: {"email": values["email"], "password": PASSWORD}),
    "POST /api/auth/login/phone/": Case(
        everyone(200), lambda values: {"phone_number": values["phone"], "password": PASSWORD}
    ),
    "POST /api/auth/login/google/": Case(everyone(400), {}),
    "POST /api/auth/logout/": Case(signed_in(200), {}, session),
    "POST /api/auth/token/refresh/": Case(everyone(200), lambda values: {"refresh": values["lasting"]}),
    "POST /api/auth/token/revoke/": Case(everyone(200), lambda values: {"refresh": values["refresh"]}, refresh_token),
    # Codes and passwords: a wrong code is a 400 to whoever may enter one
    "POST /api/auth/verify-email/ (with a code)": Case(
        everyone(400), {"email": "nobody@example.com", "code": WRONG_CODE}
    ),
    "POST /api/auth/verify-email/ (without a body)": Case(signed_in(200), {}),
    "POST /api/auth/verify-email/confirm/": Case(signed_in(400), {"code": WRONG_CODE}),
    "POST /api/auth/verify-phone/ (with a code)": Case(
        everyone(400), {"phone_number": "+213660000000", "code": WRONG_CODE}
    ),
    "POST /api/auth/verify-phone/ (without a body)": Case(signed_in(200), {}),
    "POST /api/auth/verify-phone/confirm/": Case(signed_in(400), {"code": WRONG_CODE}),
    "POST /api/auth/resend-verification/ (with an address)": Case(everyone(200), {"phone_number": "+213660000000"}),
    "POST /api/auth/resend-verification/ (without a body)": Case({**signed_in(200), "anon": 400}, {}),
    "POST /api/auth/password-reset/": Case(everyone(200), {"phone_number": "+213660000000"}),
    "POST /api/auth/password-reset/confirm/": Case(
        everyone(400),
        {
            "phone_number": "+213660000000",
            "code": WRONG_CODE,
            **{key: NEW_PASSWORDS[key] for key in ("new_password", "new_password_confirm")},
        },
    ),
    "POST /api/auth/password-change/": Case(signed_in(200), NEW_PASSWORDS, double(*signed_in(200))),
    # One's own account
    "GET /api/auth/profile/": Case(signed_in(200)),
    "PUT /api/auth/profile/": Case(signed_in(200), {"first_name": "Nadia"}),
    "PATCH /api/auth/profile/": Case(signed_in(200), {"first_name": "Nadia"}),
    # The cast's operator belongs to no company, so has no current one.
    "GET /api/auth/company/": Case(fleet(200, staff=404)),
    "PUT /api/auth/company/": Case(fleet(200, staff=404), {"company_phone": "555-9999"}),
    "PATCH /api/auth/company/": Case(fleet(200, staff=404), {"company_phone": "555-9999"}),
    "GET /api/profile/user/": Case(signed_in(200)),
    "PUT /api/profile/user/": Case(signed_in(200), {"address": "Alger"}),
    "PATCH /api/profile/user/": Case(signed_in(200), {"address": "Alger"}),
    "DELETE /api/profile/user/": Case(signed_in(204), None, double(*signed_in(204))),
    "GET /api/profile/assistant/": Case(assistants(200)),
    "PUT /api/profile/assistant/": Case(assistants(200), {"address": "Alger"}),
    "PATCH /api/profile/assistant/": Case(assistants(200), {"address": "Alger"}),
    "POST /api/profile/photo/": Case(signed_in(200), options=lambda values: {"files": _photo()}),
    "DELETE /api/profile/photo/": Case(signed_in(204)),
    "POST /api/profile/update-location/": Case(signed_in(200), AWAY),
    "PUT /api/profile/update-location/": Case(signed_in(200), AWAY),
    "POST /api/profile/assistant-status/": Case(assistants(200), {"is_active": True}),
    "PUT /api/profile/assistant-status/": Case(assistants(200), {"is_active": True}),
    "POST /api/profile/update-status/": Case(assistants(200), {"is_active": True}),
    "PUT /api/profile/update-status/": Case(assistants(200), {"is_active": True}),
    "GET /api/assistants/": Case(signed_in(200)),
    # Roadside help; each try has a request of its own, in the state in which most is allowed
    "POST /api/assistance/request/": Case(clients(201), {"pickup": AWAY}, double("client", "other_client")),
    "GET /api/assistance/view/": Case(signed_in(200)),
    "GET /api/assistance/view/{assistance_id}/ (waiting)": Case(
        of_request(client=200, assistant=200, staff=200), None, job()
    ),
    "GET /api/assistance/view/{assistance_id}/ (accepted)": Case(
        of_request(client=200, assistant=200, staff=200), None, job("accepted")
    ),
    # Any assistant on duty may take a request, offered or not.
    "PATCH /api/assistance/accept/{assistance_id}/": Case(assistants(200), {}, job()),
    # Only the first assistant was near enough to be asked.
    "POST /api/assistance/decline/{assistance_id}/": Case({**assistants(200), "other_assistant": 404}, {}, job()),
    "POST /api/assistance/release/{assistance_id}/": Case(
        of_request(client=403, assistant=200, staff=200), {}, job("accepted")
    ),
    "PATCH /api/assistance/update/{assistance_id}/ (canceled)": Case(
        of_request(client=200, assistant=200, staff=200), {"status": "canceled"}, job("accepted")
    ),
    "PATCH /api/assistance/update/{assistance_id}/ (ongoing)": Case(
        of_request(client=403, assistant=200, staff=403), {"status": "ongoing"}, job("accepted")
    ),
    "PATCH /api/assistance/update/{assistance_id}/ (completed)": Case(
        of_request(client=403, assistant=200, staff=403), {"status": "completed"}, job("accepted", "ongoing")
    ),
    "PATCH /api/assistance/update/status/{assistance_id}/ (canceled)": Case(
        of_request(client=200, assistant=200, staff=200), {"status": "canceled"}, job("accepted")
    ),
    "PATCH /api/assistance/update/status/{assistance_id}/ (ongoing)": Case(
        of_request(client=403, assistant=200, staff=403), {"status": "ongoing"}, job("accepted")
    ),
    "PATCH /api/assistance/update/end/{assistance_id}/": Case(
        of_request(client=403, assistant=200, staff=403), {}, job("accepted")
    ),
    "PATCH /api/assistance/update/price/{assistance_id}/": Case(
        of_request(client=403, assistant=200, staff=403), {"price": 900}, job("accepted")
    ),
    "PATCH /api/assistance/update/rating/{assistance_id}/": Case(
        of_request(client=200, assistant=403, staff=403), {"rating": 5}, job("accepted", "completed")
    ),
    "PATCH /api/assistance/rate/{assistance_id}/": Case(
        of_request(client=200, assistant=403, staff=403), {"rating": 5}, job("accepted", "completed")
    ),
    # Being offered a request is not yet being a party of its conversation.
    "GET /api/assistance/{assistance_id}/messages/ (waiting)": Case(
        of_request(client=200, assistant=404, staff=200), None, job()
    ),
    "GET /api/assistance/{assistance_id}/messages/ (accepted)": Case(
        of_request(client=200, assistant=200, staff=200), None, job("accepted")
    ),
    # Companies
    "GET /api/companies/": Case(fleet(200)),
    "POST /api/companies/": Case(fleet(201), {"name": "Another"}, double("dispatcher_a", "dispatcher_b", "staff")),
    "GET /api/companies/{id}/": Case(of_company_a(200), None, of_a("company")),
    "PUT /api/companies/{id}/": Case(of_company_a(200), {"phone": "555-9999"}, of_a("company")),
    "PATCH /api/companies/{id}/": Case(of_company_a(200), {"phone": "555-9999"}, of_a("company")),
    "DELETE /api/companies/{id}/": Case(of_company_a(204), None, new_company),
    "GET /api/companies/{company_id}/members/": Case(of_company_a(200), None, of_a("company")),
    "POST /api/companies/{company_id}/members/": Case(
        of_company_a(201), lambda values: {"username": values["username"]}, outsider
    ),
    "DELETE /api/companies/{company_id}/members/{user_id}/": Case(of_company_a(204), None, new_member),
    # Vehicles
    "GET /api/vehicles/": Case(fleet(200)),
    "POST /api/vehicles/": Case(fleet(201), _vehicle),
    "GET /api/vehicles/{id}/": Case(of_company_a(200), None, of_a("vehicle")),
    "PUT /api/vehicles/{id}/": Case(of_company_a(200), {"make": "Iveco"}, of_a("vehicle")),
    "PATCH /api/vehicles/{id}/": Case(of_company_a(200), {"make": "Iveco"}, of_a("vehicle")),
    "DELETE /api/vehicles/{id}/": Case(of_company_a(204), None, new_vehicle),
    "POST /api/vehicles/{id}/restore/": Case(of_company_a(200), {}, deleted_vehicle),
    # Orders
    "GET /api/orders/": Case(fleet(200)),
    "POST /api/orders/": Case(fleet(201), lambda values: order_body(company=values["own_company"])),
    "POST /api/orders/generate-fake/": Case(FAKE_DATA_OFF, {"count": 1}),
    "GET /api/orders/{id}/": Case(of_company_a(200), None, of_a("order")),
    "PUT /api/orders/{id}/": Case(of_company_a(200), {"customer_name": "Jane"}, of_a("order")),
    "PATCH /api/orders/{id}/": Case(of_company_a(200), {"customer_name": "Jane"}, of_a("order")),
    "DELETE /api/orders/{id}/": Case(of_company_a(204), None, new_order),
    # Trips and their stops
    "GET /api/trips/": Case(fleet(200)),
    "POST /api/trips/": Case(fleet(201), _trip),
    "GET /api/trips/{id}/": Case(of_company_a(200), None, of_a("trip")),
    "PUT /api/trips/{id}/": Case(of_company_a(200), {"notes": "x"}, of_a("trip")),
    "PATCH /api/trips/{id}/": Case(of_company_a(200), {"notes": "x"}, of_a("trip")),
    "DELETE /api/trips/{id}/": Case(of_company_a(204), None, trip_and_order),
    "POST /api/trips/{id}/add-order/": Case(
        of_company_a(201), lambda values: {"order": values["order"]}, trip_and_order
    ),
    "POST /api/trips/{id}/notify-driver/": Case(of_company_a(200), {}, trip_and_order),
    "POST /api/trips/{id}/reorder-stops/": Case(
        of_company_a(200),
        lambda values: {"orders": [{"id": stop, "sequence": place} for place, stop in enumerate(values["stops"], 1)]},
        of_a("trip"),
    ),
    "GET /api/trips/{id}/route.geojson/": Case(of_company_a(200), None, of_a("trip")),
    "GET /api/trip-stops/": Case(fleet(200)),
    "POST /api/trip-stops/": Case(fleet(201), lambda values: {"trip": values["own_trip"], "stop": _STOP}),
    "GET /api/trip-stops/{id}/": Case(of_company_a(200), None, of_a("stop")),
    "PUT /api/trip-stops/{id}/": Case(of_company_a(200), {"notes": "x"}, of_a("stop")),
    "PATCH /api/trip-stops/{id}/": Case(of_company_a(200), {"notes": "x"}, of_a("stop")),
    "DELETE /api/trip-stops/{id}/": Case(of_company_a(204), None, new_stop),
    # Positions
    "GET /api/positions/": Case(fleet(200)),
    "POST /api/positions/": Case(fleet(201), lambda values: _fix(values["own_vehicle"])),
    "POST /api/positions/bulk/": Case(fleet(200), lambda values: {"positions": [_fix(values["own_vehicle"])]}),
    "POST /api/positions/generate-fake/": Case(
        FAKE_DATA_OFF, lambda values: {"vehicle_id": values["own_vehicle"], "count": 1}
    ),
    "GET /api/positions/latest/": Case(fleet(200)),
    "GET /api/positions/track/": Case(
        fleet(200), options=lambda values: {"params": {"vehicle": values["own_vehicle"]}}
    ),
    "GET /api/positions/{id}/": Case(of_company_a(200), None, of_a("position")),
    # Devices: people make and end them; at a device's own doors its key is the only credential
    "GET /api/devices/": Case(fleet(200)),
    "POST /api/devices/": Case(fleet(201), lambda values: {"vehicle_id": values["own_vehicle"]}),
    "DELETE /api/devices/{id}/": Case(of_company_a(204), None, new_device),
    "GET /api/devices/osmand/ (with a key)": Case(
        everyone(200), options=lambda values: {"params": {"id": values["key"], "lat": 1, "lon": 1}}
    ),
    "GET /api/devices/osmand/ (without)": Case(everyone(401), options=lambda values: {"params": {"lat": 1, "lon": 1}}),
    "POST /api/devices/osmand/ (with a key)": Case(
        everyone(200), options=lambda values: {"data": {"id": values["key"], "lat": "1", "lon": "1"}}
    ),
    "POST /api/devices/osmand/ (without)": Case(
        everyone(401), options=lambda values: {"data": {"lat": "1", "lon": "1"}}
    ),
    "POST /api/devices/traccar/ (with a key)": Case(everyone(200), lambda values: {"device_id": values["key"]}),
    "POST /api/devices/traccar/ (without)": Case(everyone(401), {}),
    "POST /api/devices/owntracks/ (with a key)": Case(
        everyone(200), {}, options=lambda values: {"headers": {"Authorization": _basic(values["key"])}}
    ),
    "POST /api/devices/owntracks/ (without)": Case(everyone(401), {}),
}


def _basic(key: str) -> str:
    return "Basic " + b64encode(f"tracker:{key}".encode()).decode()


# --- The cases --------------------------------------------------------------------------------------------------------

WRITTEN = {name.partition(" (")[0] for name in EXPECTED}
UNWRITTEN = [operation for operation in OPERATIONS if operation not in WRITTEN]


@pytest.fixture(scope="module")
def scene(cast, stage):
    """The eight actors and what the first ones own."""
    return Scene(stage, cast)


def test_d01_the_table_and_the_rows_name_the_same():
    assert len(OPERATIONS) == len(set(OPERATIONS)) > 100
    assert UNWRITTEN == [], "operations for which nobody wrote who may"
    assert sorted(WRITTEN - set(OPERATIONS)) == [], "rows whose operation is gone"
    assert {len(case.row) for case in EXPECTED.values()} == {8}


def test_d01_the_schema_describes_what_is_served():
    paths = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())["paths"]
    verbs = ("get", "post", "put", "patch", "delete")
    described = {f"{verb.upper()} {path}" for path in paths for verb in paths[path] if verb in verbs}
    assert set(OPERATIONS) - described == NOT_IN_THE_SCHEMA
    assert described - set(OPERATIONS) == set()


@pytest.mark.parametrize("operation", [*EXPECTED, *UNWRITTEN])
def test_d01_matrix(scene, operation):
    assert operation in EXPECTED, f"{operation}: nobody wrote who may"
    case = EXPECTED[operation]
    method, path = operation.partition(" (")[0].split(" ")
    wrong = {}
    for name, cell in case.row.items():
        with case.on(scene, name) as own:
            values = {**scene.values(name), **own}
            actor = values.pop("actor", scene.actors[name])
            body = case.body(values) if callable(case.body) else case.body
            place = path.format_map(values)
            if "base" in values:
                answer = actor.http.request(
                    method, values["base"] + place, headers={"Authorization": actor.header} if actor.header else {}
                )
            else:
                answer = actor.call(method, place, body, **case.options(values))
            got = (answer.status_code, answer.json()["code"]) if isinstance(cell, tuple) else answer.status_code
        if got != cell:
            wrong[name] = f"{got}, not {cell}: {answer.text[:200]}"
    assert wrong == {}


# Functions name no methods to the table, so whatever is not their row must be refused.
OPEN_FUNCTIONS = [path for path in FUNCTIONS if not path.startswith("/admin/") and "{" not in path]


@pytest.mark.parametrize("path", OPEN_FUNCTIONS)
def test_d01_functions_only_read(scene, path):
    for actor in (scene.actors["anon"], scene.actors["staff"]):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = actor.http.request(method, scene.stage.urls[0] + path, headers={"Authorization": actor.header})
            assert answer.status_code in (403, 405), method


@pytest.mark.parametrize("path", OPEN_FUNCTIONS)
def test_d01_functions_refuse_in_the_contracts_form(scene, path):
    answer = scene.actors["anon"].http.post(scene.stage.urls[0] + path)
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD"
    assert answer.json()["code"] == "method_not_allowed"


# Before there is a session; the last two only lead elsewhere.
OPEN_IN_THE_ADMIN = {"/admin/login/", "/admin/language/", "/admin/logout/"}


def test_d01_admin_pages_want_a_session(scene):
    assert len(ADMIN) > 100 and set(ADMIN) > OPEN_IN_THE_ADMIN
    answers = {}
    for path in ADMIN:
        concrete = path.format_map(_Ones(app_label="fleet"))
        for name in ("anon", "dispatcher_a", "staff"):
            answer = scene.actors[name].call("GET", concrete, server=0)
            if answer.status_code != 302 or "/admin/login/" not in answer.headers["Location"]:
                answers.setdefault(path, []).append((name, answer.status_code))
    assert set(answers) <= OPEN_IN_THE_ADMIN, answers


class _Ones(dict):
    def __missing__(self, key: str) -> str:
        return "1"
