"""Tasks of orders; a row holds an id only and is safe to run twice."""

from __future__ import annotations

from django_tasks import task

from orders import services


@task()
def deliver_link(link_id: int) -> None:
    """Send a customer the link to their order."""
    services.deliver_link(actor=None, link_id=link_id)
