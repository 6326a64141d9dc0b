"""What a route costs by the objective of its plan: the one measure by which two searches are compared; plain values."""

from __future__ import annotations

from dataclasses import dataclass

from trips.planning.problem import HORIZON, Objective, PlanVehicle, Problem, Route, Solution
from trips.planning.schedule import driven

# A vehicle costs as much as two days of driving: one more is used only where an order would be left otherwise.
ONE_MORE_VEHICLE = 2 * HORIZON


@dataclass(frozen=True, slots=True)
class Rates:
    """What a vehicle costs: once, by the hour of driving and by the kilometre."""

    fixed: int = 0
    per_hour: int = 3600
    per_km: int = 0

    def leg(self, seconds: int, metres: int) -> int:
        """Return what a leg costs, in units of which `UNITS` are one second of the default."""
        return seconds * self.per_hour + metres * self.per_km * 36 // 10


# One second of driving at the default rates: an hour costs 3600.
UNITS = 3600


def rates_of(objective: Objective, vehicle: PlanVehicle) -> Rates:
    """Return what a vehicle costs under an objective."""
    if objective is Objective.DISTANCE:
        return Rates(per_hour=0, per_km=1000)
    if objective is Objective.VEHICLES:
        return Rates(fixed=ONE_MORE_VEHICLE)
    if objective is Objective.COST and (vehicle.cost_fixed or vehicle.cost_per_hour or vehicle.cost_per_km):
        return Rates(vehicle.cost_fixed, vehicle.cost_per_hour, vehicle.cost_per_km)
    return Rates()


def route_cost(problem: Problem, route: Route) -> int:
    """Return what a route costs, in the units of `Rates.leg`."""
    rates = rates_of(problem.objective, problem.vehicle[route.vehicle])
    return rates.fixed * UNITS + rates.leg(*driven(problem, route))


def cost(problem: Problem, solution: Solution) -> int:
    """Return what all routes cost."""
    return sum(route_cost(problem, route) for route in solution.routes)
