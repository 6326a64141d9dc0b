"""What a dispatcher does for a party of a request who cannot: take the job back, start it, complete it with its price."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from accounts.models import User
from assistance import lifecycle
from assistance.models import Assistance, ServiceType
from assistance.services import release, update_status


class PartyStep(NamedTuple):
    """What the page asks, what is then said, and the state that it leads to."""

    title: Promise
    effect: Promise
    done: Promise
    target: str


STEPS = {
    "take-back": PartyStep(
        gettext_lazy("Take back and offer again"),
        gettext_lazy("The assistant loses the job and is told; the request waits again and is offered to others around."),
        gettext_lazy("The request waits again and is offered to others."),
        lifecycle.REQUESTED,
    ),
    "start": PartyStep(
        gettext_lazy("Start for the assistant"),
        gettext_lazy("The assistant is with the client. Both are told at once, and the audit names you."),
        gettext_lazy("The job is under way."),
        lifecycle.ONGOING,
    ),
    "complete": PartyStep(
        gettext_lazy("Complete for the assistant"),
        gettext_lazy("The job ends as done, for good. Both are told at once, and the audit names you."),
        gettext_lazy("The job is completed."),
        lifecycle.COMPLETED,
    ),
}


def steps_open_to(job: Assistance) -> list[tuple[str, Promise]]:
    """Return the steps that staff may take now, each with its title."""
    allows = lifecycle.TRANSITIONS.allows
    return [
        (name, step.title)
        for name, step in STEPS.items()
        if job.status in lifecycle.WITH_ASSISTANT and allows(job.status, step.target, lifecycle.STAFF)
    ]


def wants_price(job: Assistance, name: str) -> bool:
    """Return whether a step needs a price: the end of a repair that nobody has priced."""
    return name == "complete" and job.assistance_type == ServiceType.REPAIR and not job.price_is_final


def act(staff: User, job: Assistance, name: str, price: Decimal | None) -> None:
    """Take a step for a party. Raises: as the services."""
    target = STEPS[name].target
    if target == lifecycle.REQUESTED:
        release(actor=staff, assistance_id=job.pk)
    else:
        update_status(actor=staff, assistance_id=job.pk, status=target, total_price=price)
