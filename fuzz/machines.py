"""Random histories held against models: a request for help, and a trip with its orders."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adversarial.environment import AttackedEnvironment
from testing.samples import ALGIERS, fleet_of, new_trip, order_body
from testing.users import Caller, Users

OPEN = ("requested", "accepted", "ongoing")


def machines_for(environment: AttackedEnvironment, users: Users) -> list[type[RuleBasedStateMachine]]:
    """Return the machines, bound to a running environment; actors are reused from history to history."""
    client, helpers = users.client(), [users.assistant(), users.assistant()]
    dispatcher = users.dispatcher()
    vehicle = fleet_of(dispatcher)["vehicle"]

    class AssistanceMachine(RuleBasedStateMachine):
        """One client and two assistants do anything at any time."""

        number = 0
        status = "none"
        holder: Caller | None = None
        rated = False

        @initialize()
        def begin(self) -> None:
            """Start without an open request."""
            for row in client.get("/api/assistance/view/").json()["results"]:
                if row["status"] in OPEN:
                    client.patch(f"/api/assistance/update/{row['id']}/", {"status": "canceled"})
            self.status, self.holder, self.rated = "none", None, False

        @rule()
        def ask(self) -> None:
            """Ask for help."""
            answer = client.post("/api/assistance/request/", {"pickup": ALGIERS})
            if self.status in OPEN:
                assert answer.status_code == 409 and answer.json()["assistance_id"] == self.number
            else:
                assert answer.status_code == 201
                self.number, self.status = answer.json()["assistance"]["id"], "requested"
                self.holder, self.rated = None, False

        @rule(who=st.integers(0, 1))
        def accept(self, who: int) -> None:
            """Accept a request of any client."""
            if not self.number:
                return
            answer = helpers[who].patch(f"/api/assistance/accept/{self.number}/")
            if self.status == "requested":
                assert answer.status_code == 200
                self.status, self.holder = "accepted", helpers[who]
            elif self.holder is helpers[who] and self.status in ("accepted", "ongoing"):
                assert answer.status_code == 200
            else:
                assert answer.status_code in (404, 409)

        @rule(who=st.integers(0, 1), goal=st.sampled_from(["ongoing", "completed", "canceled"]))
        def update(self, who: int, goal: str) -> None:
            """An assistant moves it."""
            if not self.number:
                return
            answer = helpers[who].patch(f"/api/assistance/update/{self.number}/", {"status": goal})
            if self.holder is helpers[who] and (
                self.status in ("accepted", "ongoing") or (self.status == goal == "ongoing")
            ):
                assert answer.status_code == 200
                self.status = goal
            else:
                assert answer.status_code in (403, 404, 409)

        @rule()
        def cancel(self) -> None:
            """The client cancels."""
            if not self.number:
                return
            answer = client.patch(f"/api/assistance/update/{self.number}/", {"status": "canceled"})
            if self.status in OPEN:
                assert answer.status_code == 200
                self.status = "canceled"
            else:
                assert answer.status_code == 409

        @rule(who=st.integers(0, 1))
        def release(self, who: int) -> None:
            """An assistant releases it."""
            if not self.number:
                return
            answer = helpers[who].post(f"/api/assistance/release/{self.number}/")
            if self.holder is helpers[who] and self.status == "accepted":
                assert answer.status_code == 200
                self.status, self.holder = "requested", None
            else:
                assert answer.status_code in (403, 404, 409)

        @rule(stars=st.integers(0, 6))
        def rate(self, stars: int) -> None:
            """The client rates."""
            if not self.number:
                return
            answer = client.patch(f"/api/assistance/rate/{self.number}/", {"rating": stars})
            if not 1 <= stars <= 5:
                assert answer.status_code == 400
            elif self.status == "completed" and not self.rated:
                assert answer.status_code == 200
                self.rated = True
            else:
                assert answer.status_code == 409

        @invariant()
        def it_is_what_the_model_says(self) -> None:
            """The server and the model agree."""
            if self.number and self.status != "none":
                got = client.get(f"/api/assistance/view/{self.number}/").json()
                assert got["status"] == self.status
                assert (got["assistant"] or {}).get("id") == (self.holder.id if self.holder else None) or self.status == "canceled"

    class TripMachine(RuleBasedStateMachine):
        """A dispatcher does anything to one trip."""

        trip = 0
        stops: list[tuple[int, int | None, str]]
        orders: dict[int, str]

        @initialize()
        def begin(self) -> None:
            """Start with an empty draft."""
            for row in dispatcher.get(f"/api/trips/?vehicle={vehicle}&status=in_progress").json()["results"]:
                dispatcher.put(f"/api/trips/{row['id']}/", {"status": "cancelled"})
            self.trip, self.stops, self.orders = new_trip(dispatcher, vehicle), [], {}

        def _rows(self) -> list[dict[str, Any]]:
            return dispatcher.get(f"/api/trip-stops/?trip={self.trip}").json()["results"]

        def _status(self) -> str:
            return dispatcher.get(f"/api/trips/{self.trip}/").json()["status"]

        @rule(place=st.integers(-1, 12))
        def add_order(self, place: int) -> None:
            """Add a whole order somewhere."""
            order = dispatcher.post("/api/orders/", order_body()).json()["id"]
            body = {"order": order} | ({"sequence": place} if place > 0 else {})
            answer = dispatcher.post(f"/api/trips/{self.trip}/add-order/", body)
            assert answer.status_code == (409 if self._status() in ("completed", "cancelled") else 201)
            if answer.status_code == 201:
                self.orders[order] = "held"

        @rule(place=st.integers(1, 12))
        def add_loose_stop(self, place: int) -> None:
            """Add a stop of its own somewhere."""
            body = {"trip": self.trip, "stop": {"name": "Fuel", "address": "R5"}, "sequence": place}
            answer = dispatcher.post("/api/trip-stops/", body)
            assert answer.status_code == (409 if self._status() in ("completed", "cancelled") else 201)

        @rule(data=st.data())
        def delete_stop(self, data: st.DataObject) -> None:
            """Delete any stop."""
            rows = self._rows()
            if rows:
                row = data.draw(st.sampled_from(rows))
                answer = dispatcher.delete(f"/api/trip-stops/{row['id']}/")
                assert answer.status_code == (409 if self._status() in ("completed", "cancelled") else 204)

        @rule(data=st.data())
        def reorder(self, data: st.DataObject) -> None:
            """Put the stops into any order."""
            rows = self._rows()
            if len(rows) < 2:
                return
            wanted = data.draw(st.permutations([row["id"] for row in rows]))
            body = {"orders": [{"id": stop, "sequence": place} for place, stop in enumerate(wanted)]}
            answer = dispatcher.post(f"/api/trips/{self.trip}/reorder-stops/", body)
            assert answer.status_code in (200, 400, 409)
            after = [row["id"] for row in self._rows()]
            assert after == (list(wanted) if answer.status_code == 200 else [row["id"] for row in rows])

        @rule(goal=st.sampled_from(["draft", "planned", "in_progress", "completed", "cancelled"]))
        def move(self, goal: str) -> None:
            """Ask for any status."""
            before = self._status()
            answer = dispatcher.put(f"/api/trips/{self.trip}/", {"status": goal})
            assert answer.status_code in (200, 400, 409)
            assert self._status() == (goal if answer.status_code == 200 else before)

        @rule(data=st.data(), done=st.booleans())
        def complete_stop(self, data: st.DataObject, done: bool) -> None:
            """Tick or untick a stop."""
            rows = self._rows()
            if rows:
                row = data.draw(st.sampled_from(rows))
                answer = dispatcher.put(f"/api/trip-stops/{row['id']}/", {"is_completed": done})
                assert answer.status_code in (200, 409)

        @invariant()
        def the_trip_is_sound(self) -> None:
            """Sequences are whole, pickups come first, and orders say what their trip does."""
            if not self.trip:
                return
            rows = self._rows()
            assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
            seen: dict[int, list[str]] = {}
            for row in rows:
                if row["linked_order"]:
                    seen.setdefault(row["linked_order"]["id"], []).append(row["stop"]["stop_type"])
            for halves in seen.values():
                assert halves in (["pickup", "delivery"], ["pickup"], ["delivery"])
            assert environment.rows("SELECT 1 FROM orders_order WHERE is_in_trip AND status = 'pending'") == []

    return [AssistanceMachine, TripMachine]
