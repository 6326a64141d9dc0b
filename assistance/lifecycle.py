"""Transition table of a request's states, and who may take each step; storing a step does not belong here."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.lifecycle import Lifecycle

REQUESTED = "requested"
ACCEPTED = "accepted"
ONGOING = "ongoing"
COMPLETED = "completed"
CANCELED = "canceled"

STATES = (REQUESTED, ACCEPTED, ONGOING, COMPLETED, CANCELED)
OPEN = (REQUESTED, ACCEPTED, ONGOING)
WITH_ASSISTANT = (ACCEPTED, ONGOING)
FINAL = (COMPLETED, CANCELED)

CLIENT = "client"
ASSISTANT = "assistant"  # of the job; for accepted, the one who takes it
STAFF = "staff"  # and the group Roadside
SYSTEM = "system"

TRANSITIONS = Lifecycle(
    {
        REQUESTED: _("requested"),
        ACCEPTED: _("accepted"),
        ONGOING: _("ongoing"),
        COMPLETED: _("completed"),
        CANCELED: _("canceled"),  # as the API writes it: apps find the status in the sentence
    },
    {
        (REQUESTED, ACCEPTED): {ASSISTANT, STAFF},
        (REQUESTED, CANCELED): {CLIENT, STAFF, SYSTEM},
        (ACCEPTED, ONGOING): {ASSISTANT, STAFF},
        (ACCEPTED, COMPLETED): {ASSISTANT, STAFF},
        (ACCEPTED, REQUESTED): {CLIENT, ASSISTANT, STAFF, SYSTEM},  # the client once it has stalled
        (ACCEPTED, CANCELED): {CLIENT, ASSISTANT, STAFF, SYSTEM},
        (ONGOING, COMPLETED): {ASSISTANT, STAFF},
        (ONGOING, REQUESTED): {STAFF},
        (ONGOING, CANCELED): {CLIENT, ASSISTANT, STAFF, SYSTEM},
    },
)

# The states that each may request by `update`, from any present state.
ASKABLE: dict[str, frozenset[str]] = {
    CLIENT: frozenset({CANCELED}),
    STAFF: frozenset({ONGOING, COMPLETED, CANCELED}),
    ASSISTANT: frozenset({ACCEPTED, ONGOING, COMPLETED, CANCELED}),
}


def may_ask(role: str, target: str) -> bool:
    """Return whether a role may ever ask for this state."""
    return target in ASKABLE.get(role, frozenset())


def is_repeat(state: str, target: str) -> bool:
    """Return whether asking for the present state again is a harmless retry: of a final state it never is."""
    return state == target and state in WITH_ASSISTANT
