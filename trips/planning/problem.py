"""What a planner is given and what it answers, as plain values that go through JSON to the solver's process.

Times are whole seconds that have passed since midnight of the planned day (`day_clock.py`); distances whole metres; amounts
whole kilograms and whole litres. A place is an index into the matrices.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

Window = tuple[int, int]
A_DAY = 24 * 60 * 60
# A trip may end the next day; nothing is planned further ahead.
HORIZON = 2 * A_DAY


class Objective(StrEnum):
    """What a plan makes small once as many orders as possible are served."""

    TIME = "time"
    DISTANCE = "distance"
    VEHICLES = "vehicles"
    COST = "cost"


class Engine(StrEnum):
    """Whose routes a solution has."""

    VROOM = "vroom"
    PYVRP = "pyvrp"


@dataclass(frozen=True, slots=True)
class Half:
    """One end of an order: where, when it may begin (no window: at any time) and how long it takes."""

    place: int | None
    windows: tuple[Window, ...] = ()
    service: int = 0


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """An order to carry. Without a pickup its goods are on board of `vehicle` already, which alone may deliver them."""

    id: int
    pickup: Half | None
    delivery: Half
    kilograms: int = 0
    litres: int = 0
    skills: frozenset[str] = frozenset()
    priority: int = 0
    vehicle: int | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """A pause that begins between `opens` and `closes`; it may be taken on the way between two stops."""

    opens: int
    closes: int
    seconds: int


@dataclass(frozen=True, slots=True)
class PlanVehicle:
    """A vehicle of the day. None as `start` or `end`: the trip begins at its first, ends at its last stop.

    `kilograms` and `litres` are None where nothing limits them. Costs are in the company's currency.
    """

    id: int
    start: int | None = None
    end: int | None = None
    shift: Window = (0, HORIZON)
    rest: Break | None = None
    kilograms: int | None = None
    litres: int | None = None
    skills: frozenset[str] = frozenset()
    most_stops: int | None = None
    cost_fixed: int = 0
    cost_per_hour: int = 0
    cost_per_km: int = 0


@dataclass(frozen=True)
class Problem:
    """Orders, vehicles and the way between all places: `seconds[i][j]`, `metres[i][j]`; None where there is no way."""

    orders: tuple[PlanOrder, ...]
    vehicles: tuple[PlanVehicle, ...]
    seconds: tuple[tuple[int | None, ...], ...]
    metres: tuple[tuple[int | None, ...], ...]
    objective: Objective = Objective.TIME
    time_limit: float = 10.0

    @cached_property
    def order(self) -> dict[int, PlanOrder]:
        """The orders by id."""
        return {row.id: row for row in self.orders}

    @cached_property
    def vehicle(self) -> dict[int, PlanVehicle]:
        """The vehicles by id."""
        return {row.id: row for row in self.vehicles}

    def as_json(self) -> dict[str, Any]:
        """Return the problem as values that JSON holds."""
        return asdict(self, dict_factory=_plain)

    @classmethod
    def from_json(cls, sent: dict[str, Any]) -> Problem:
        """Return the problem that `as_json` made."""
        return cls(
            orders=tuple(_order(row) for row in sent["orders"]),
            vehicles=tuple(_vehicle(row) for row in sent["vehicles"]),
            seconds=tuple(map(tuple, sent["seconds"])),
            metres=tuple(map(tuple, sent["metres"])),
            objective=Objective(sent["objective"]),
            time_limit=float(sent["time_limit"]),
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """A step of a route: an order's pickup or delivery, or the pause (`order` None)."""

    kind: str  # "pickup", "delivery" or "break"
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """What one vehicle does, in order."""

    vehicle: int
    visits: tuple[Visit, ...]

    @property
    def orders(self) -> set[int]:
        """The orders that the route serves."""
        return {visit.order for visit in self.visits if visit.order is not None}


@dataclass(frozen=True, slots=True)
class Solution:
    """Routes of the vehicles that are used, and the orders that none of them serves."""

    routes: tuple[Route, ...] = ()
    unassigned: tuple[int, ...] = field(default=())
    engine: Engine = Engine.VROOM

    def as_json(self) -> dict[str, Any]:
        """Return the solution as values that JSON holds."""
        return asdict(self, dict_factory=_plain)

    @classmethod
    def from_json(cls, sent: dict[str, Any]) -> Solution:
        """Return the solution that `as_json` made."""
        routes = (
            Route(row["vehicle"], tuple(Visit(step["kind"], step["order"]) for step in row["visits"])) for row in sent["routes"]
        )
        return cls(tuple(routes), tuple(sent["unassigned"]), Engine(sent["engine"]))


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in pairs}


def _half(row: dict[str, Any] | None) -> Half | None:
    if row is None:
        return None
    return Half(row["place"], tuple((opens, closes) for opens, closes in row["windows"]), row["service"])


def _order(row: dict[str, Any]) -> PlanOrder:
    delivery = _half(row["delivery"])
    assert delivery is not None
    return PlanOrder(**{**row, "pickup": _half(row["pickup"]), "delivery": delivery, "skills": frozenset(row["skills"])})


def _vehicle(row: dict[str, Any]) -> PlanVehicle:
    rest = Break(**row["rest"]) if row["rest"] else None
    return PlanVehicle(**{**row, "shift": tuple(row["shift"]), "rest": rest, "skills": frozenset(row["skills"])})
