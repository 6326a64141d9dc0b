"""Transition table of an order's statuses, and who may take each step; no database."""

from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.lifecycle import Lifecycle

PENDING, ASSIGNED, IN_TRANSIT, DELIVERED, CANCELLED = "pending", "assigned", "in_transit", "delivered", "cancelled"
STATUSES = (PENDING, ASSIGNED, IN_TRANSIT, DELIVERED, CANCELLED)
JOURNEY = (PENDING, ASSIGNED, IN_TRANSIT, DELIVERED)
FINISHED = frozenset({DELIVERED, CANCELLED})
OPEN = (PENDING, ASSIGNED, IN_TRANSIT)
# Statuses by which an order leaves a trip in which one of its stops failed.
LEAVES_FAILED = frozenset({PENDING, CANCELLED})

# What a trip does to the orders that it holds. "undo" takes back a delivery stop that was completed by mistake.
JOURNEY_STEPS = Lifecycle(
    {
        PENDING: _("pending"),
        ASSIGNED: _("assigned"),
        IN_TRANSIT: _("in_transit"),
        DELIVERED: _("delivered"),
        CANCELLED: _("cancelled"),
    },
    {
        (PENDING, ASSIGNED): ["claim"],
        (ASSIGNED, IN_TRANSIT): ["trip"],
        (ASSIGNED, DELIVERED): ["trip"],
        (IN_TRANSIT, DELIVERED): ["trip"],
        (ASSIGNED, PENDING): ["release"],
        (IN_TRANSIT, PENDING): ["release"],
        (IN_TRANSIT, ASSIGNED): ["undo"],
        (DELIVERED, IN_TRANSIT): ["undo"],
        (DELIVERED, ASSIGNED): ["undo"],
    },
)


def may_request(present: str, wanted: str, *, trip_status: str | None) -> bool:
    """Return whether a dispatcher's PUT may set `wanted`; `trip_status` is None for an order outside any trip.

    Without a trip any status goes; in a planned or running trip any step forward; in a draft only `assigned`; where one
    of its stops `failed`, `pending` and `cancelled`, by which it leaves the trip; the present status always.
    """
    if wanted == present:
        return True
    if trip_status is None:
        return wanted in STATUSES
    if trip_status == "failed":
        return wanted in LEAVES_FAILED
    if trip_status == "draft":
        return wanted == ASSIGNED
    if trip_status not in ("planned", "in_progress") or wanted not in JOURNEY or present not in JOURNEY:
        return False
    return JOURNEY.index(wanted) > JOURNEY.index(present)
