"""Tasks of trips; a row holds an id only and is safe to run twice."""

from __future__ import annotations

from django_tasks import task

from depannini_dashmap.lib.ops.worker import LONG
from trips.services import customer_push, plans

PUSH_PRIORITY = 30  # after what the flows themselves wait for


@task(queue_name=LONG)
def solve_plan(plan_id: int) -> None:
    """Solve a plan that waits."""
    plans.solve(actor=None, plan_id=plan_id)


@task(priority=PUSH_PRIORITY)
def push_customer(subscription_id: int) -> None:
    """Show a browser that follows an order by its link how it stands."""
    customer_push.push_customer(actor=None, subscription_id=subscription_id)
