"""Tasks of trips; a row holds an id only and is safe to run twice."""

from __future__ import annotations

from django_tasks import task

from depannini_dashmap.lib.ops.worker import LONG
from trips.services import plans


@task(queue_name=LONG)
def solve_plan(plan_id: int) -> None:
    """Solve a plan that waits."""
    plans.solve(actor=None, plan_id=plan_id)
