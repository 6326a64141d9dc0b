"""Transition table of a trip's statuses, and what a step does to its orders and stops; no database."""

from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.lifecycle import Lifecycle

DRAFT, PLANNED, IN_PROGRESS, COMPLETED, CANCELLED = "draft", "planned", "in_progress", "completed", "cancelled"
STATUSES = (DRAFT, PLANNED, IN_PROGRESS, COMPLETED, CANCELLED)
OPEN = (DRAFT, PLANNED, IN_PROGRESS)
CLOSED = (COMPLETED, CANCELLED)
# The status reported to orders whose stop failed in an open trip: they may leave it.
FAILED = "failed"

# A dispatcher takes every step; who is one is checked before.
STEPS = Lifecycle(
    {
        DRAFT: _("draft"),
        PLANNED: _("planned"),
        IN_PROGRESS: _("in_progress"),
        COMPLETED: _("completed"),
        CANCELLED: _("cancelled"),
    },
    {
        (DRAFT, PLANNED): ["dispatcher"],
        (PLANNED, DRAFT): ["dispatcher"],
        (DRAFT, IN_PROGRESS): ["dispatcher"],
        (PLANNED, IN_PROGRESS): ["dispatcher"],
        (IN_PROGRESS, COMPLETED): ["dispatcher"],
        (DRAFT, CANCELLED): ["dispatcher"],
        (PLANNED, CANCELLED): ["dispatcher"],
        (IN_PROGRESS, CANCELLED): ["dispatcher"],
    },
)

# A trip may only enter these with whole journeys.
NEEDS_WHOLE_ORDERS = frozenset({PLANNED, IN_PROGRESS})

# What an order that the trip carries goes back to when its delivery turns out not to have happened.
UNDELIVERED = {DRAFT: "assigned", PLANNED: "assigned", IN_PROGRESS: "in_transit"}
