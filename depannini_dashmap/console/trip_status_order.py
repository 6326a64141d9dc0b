"""The order in which lists of trips show their states: what is under way first."""

from django.db.models import Case, Value, When

from trips.lifecycle import DRAFT, IN_PROGRESS, PLANNED

_RANKS = {IN_PROGRESS: 0, PLANNED: 1, DRAFT: 2}
URGENCY = Case(*(When(status=status, then=Value(rank)) for status, rank in _RANKS.items()), default=Value(3))
