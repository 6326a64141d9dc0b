"""The nine actors of the authorization matrix, and what a try of theirs is about: each gets objects of its own."""

import io
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from adversarial.actors import PASSWORD, Actor, fleet_of, fresh_phone, new_trip, order_body
from adversarial.stage import wait_until

AT = {"lat": 50.0, "lng": 50.0}  # where the first client needs help and the first assistant is
AWAY = {"lat": -50.0, "lng": -50.0}
Values = dict[str, Any]


class Scene:
    """The nine actors, and what the two companies own."""

    def __init__(self, stage: Any, cast: Any) -> None:
        self.stage, self.cast = stage, cast
        self.a, self.b, self.roadside = cast.dispatcher(), cast.dispatcher(), cast.roadside()
        self.email = f"matrix{os.getpid()}@example.com"
        self.client, self.assistant = cast.client(email=self.email), cast.assistant(**AT)
        self.actors = {
            "anon": Actor(stage), "client": self.client, "other_client": cast.client(), "assistant": self.assistant,
            "other_assistant": cast.assistant(**AWAY), "dispatcher_a": self.a, "dispatcher_b": self.b,
            "roadside": self.roadside, "staff": cast.staff(),
        }  # fmt: skip
        self.own = {name: self._company(self.actors[name]) for name in ("dispatcher_a", "dispatcher_b", "roadside")}
        self.of_a = self.own["dispatcher_a"]
        self.newcomer = cast.dispatcher()

    def _company(self, dispatcher: Actor) -> Values:
        ids = fleet_of(dispatcher)
        assert dispatcher.post(f"/api/trips/{ids['trip']}/add-order/", {"order": ids["order"]}).status_code == 201
        ids["stops"] = [row["id"] for row in dispatcher.get(f"/api/trip-stops/?trip={ids['trip']}").json()["results"]]
        ids["position"] = made(dispatcher.post("/api/positions/", fix(ids["vehicle"])))
        device = dispatcher.post("/api/devices/", {"vehicle_id": ids["vehicle"]}).json()
        self.stage.secrets.add(device["key"])
        return {**ids, "stop": ids["stops"][0], "device": device["id"], "key": device["key"]}

    def values(self, name: str) -> Values:
        """Return the ids of company A, and under `own_…` those that an actor may name in a body."""
        own = self.own.get(name, self.of_a)
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
        if name == "roadside":
            return self.cast.roadside()
        return self.cast.client() if "client" in name else self.cast.dispatcher()


_turns = iter(range(1, 10**6))


def fix(vehicle: int) -> Values:
    """Return a position at an instant that no other one has, so that none is a repeat."""
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=next(_turns))
    return {"vehicle_id": vehicle, "latitude": 1, "longitude": 1, "speed": 1, "heading": 1, "timestamp": at.isoformat()}


def made(answer: Any) -> int:
    """Return the id of what was just made."""
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def vehicle_body(values: Values) -> Values:
    return {
        "company": values["own_company"],
        "license_plate": f"M{next(_turns)}",
        "make": "Ford",
        "model": "Transit",
        "year": 2023,
        "capacity": "2.50",
        "driver_email": "driver@example.com",
    }


def trip_body(values: Values) -> Values:
    return {
        "vehicle": values["own_vehicle"],
        "name": "Morning",
        "planned_start_date": "2026-01-20",
        "planned_start_time": "08:00",
    }


STOP = {"name": "Depot", "address": "1 Rue Didouche"}


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


def call_body(values: Values) -> Values:
    """Return a call that nobody has made yet."""
    return {"pickup": AWAY, "client": {"phone_number": fresh_phone(), "name": "Nabil"}}


@contextmanager
def scheduled(scene: Scene, name: str):
    """Give a request for a caller that is not due yet."""
    due = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    answer = scene.roadside.post("/api/assistance/request/", {**call_body({}), "scheduled_for": due})
    assert answer.status_code == 201, answer.text
    yield {"assistance_id": answer.json()["scheduled"]["id"]}


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
                if step == "accepted":
                    moved = assistant.patch(f"/api/assistance/accept/{number}/")
                elif step == "adjusted":
                    agreed = {"price": 900, "reason": "agreed by phone"}
                    moved = scene.actors["staff"].patch(f"/api/assistance/update/price/{number}/", agreed)
                else:
                    moved = assistant.patch(f"/api/assistance/update/{number}/", {"status": step})
                assert moved.status_code == 200, moved.text
            yield {"assistance_id": number, "helper": assistant.id}
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
    yield {"company_id": scene.of_a["company"], "username": scene.newcomer.known["username"]}


def invite(company: int, owner: Actor, person: Actor, **body: Any) -> int:
    """Have a company ask for a dispatcher; returns the invitation's id."""
    answer = owner.post(f"/api/companies/{company}/members/", {"username": person.known["username"], **body})
    assert answer.status_code == 202, answer.text
    return answer.json()["invitation"]["id"]


@contextmanager
def invitation(scene: Scene, name: str):
    """Give an open invitation of company A to somebody else."""
    yield {"company_id": scene.of_a["company"], "invitation_id": invite(scene.of_a["company"], scene.a, scene.newcomer)}


@contextmanager
def invitation_of_b(scene: Scene, name: str):
    """Give an open invitation to the dispatcher of company B, of a company that goes after the try."""
    company = made(scene.a.post("/api/companies/", {"name": "Asks"}))
    try:
        yield {"invitation_id": invite(company, scene.a, scene.b)}
    finally:
        assert scene.a.delete(f"/api/companies/{company}/").status_code == 204
        scene.b.put("/api/auth/profile/", {"company_id": scene.own["dispatcher_b"]["company"]})


@contextmanager
def new_member(scene: Scene, name: str):
    """Name a member of company A whom it can spare."""
    company, person = scene.of_a["company"], scene.newcomer
    number = invite(company, scene.a, person)
    assert person.post(f"/api/invitations/{number}/accept/").status_code == 200
    yield {"company_id": company, "user_id": person.id}
    scene.a.delete(f"/api/companies/{company}/members/{person.id}/")


@contextmanager
def new_vehicle(scene: Scene, name: str):
    """Give a vehicle of company A that nothing uses."""
    yield {"id": made(scene.a.post("/api/vehicles/", vehicle_body(scene.values("dispatcher_a"))))}


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
def own_order(scene: Scene, name: str):
    """Give an order that waits for a trip, of the company that an actor may name in a body."""
    maker = scene.actors[name] if name in scene.own else scene.a
    yield {"waiting": made(maker.post("/api/orders/", order_body(company=scene.values(name)["own_company"])))}


def plan(*, applied: bool = False):
    """Put a plan of company A that is ready, or applied, into the path."""

    @contextmanager
    def made_ready(scene: Scene, name: str):
        if name not in ("dispatcher_a", "staff") and hasattr(scene, "any_plan"):
            yield scene.any_plan
            return
        order = made(scene.a.post("/api/orders/", order_body()))
        asked = {"orders": [order], "vehicles": [scene.of_a["vehicle"]], "date": "2026-12-01", "time_limit": 2}
        number = scene.a.post("/api/trips/plans/", asked).json()["id"]
        wait_until(lambda: scene.a.get(f"/api/trips/plans/{number}/").json()["status"] == "ready", 60)
        if applied:
            assert scene.a.post(f"/api/trips/plans/{number}/apply/").status_code == 200
        scene.any_plan = {"id": number, "planned": order}
        yield scene.any_plan

    return made_ready


@contextmanager
def unknown_link(scene: Scene, name: str):
    """Put a link that nobody has into the path."""
    yield {"token": "x" * 32}


@contextmanager
def unknown_tile(scene: Scene, name: str):
    """Put a tile of a build that is not there into the path."""
    yield {"build": "2020-01-01", "z": 1, "x": 1, "y": 1}


@contextmanager
def new_stop(scene: Scene, name: str):
    """Give a stop of no order in a trip of company A."""
    trip = new_trip(scene.a, scene.of_a["vehicle"])
    yield {"id": made(scene.a.post("/api/trip-stops/", {"trip": trip, "stop": STOP}))}


@contextmanager
def new_device(scene: Scene, name: str):
    """Give a device of company A's vehicle."""
    answer = scene.a.post("/api/devices/", {"vehicle_id": scene.of_a["vehicle"]})
    scene.stage.secrets.add(answer.json()["key"])
    yield {"id": made(answer)}


@contextmanager
def new_forwarder(scene: Scene, name: str):
    """Give a forwarder of company A."""
    answer = scene.a.post("/api/forwarders/", {"name": "Traccar"})
    scene.stage.secrets.add(answer.json()["secret"])
    yield {"id": made(answer)}


@contextmanager
def photo(scene: Scene, name: str):
    """Name a photo that is served: whoever was shown its random name may fetch it."""
    answer = scene.client.call("POST", "/api/profile/photo/", files=photo_file())
    assert answer.status_code == 200, answer.text
    yield {"path": answer.json()["profile_photo"].partition("/media/")[2]}


def photo_file() -> Values:
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
