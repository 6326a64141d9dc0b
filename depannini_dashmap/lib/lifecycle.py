"""A table of states: which may follow which, and who may move it."""

from collections.abc import Iterable, Mapping

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from depannini_dashmap.lib.errors import Conflict, Forbidden


class Lifecycle:
    """Read-only transition table.

    `states` maps each state to its word in a sentence. `steps` maps (from, to) to the kinds of actors who may take the step. States without a step out are final.
    """

    def __init__(self, states: Mapping[str, StrOrPromise], steps: Mapping[tuple[str, str], Iterable[str]]) -> None:
        self.states = tuple(states)
        self._words = dict(states)
        self.steps = {pair: frozenset(actors) for pair, actors in steps.items()}
        unknown = {state for pair in self.steps for state in pair} - set(self.states)
        if unknown:
            raise ValueError(f"steps name unknown states: {sorted(unknown)}")

    def word(self, state: str) -> StrOrPromise:
        """Return the state as sentences name it, in the language of the page."""
        return self._words.get(state, state)

    def is_final(self, state: str) -> bool:
        """Return whether nothing can follow `state`."""
        return not any(source == state for source, _ in self.steps)

    def sources(self, target: str, actor: str | None = None) -> list[str]:
        """Return the states from which `target` may be reached (by `actor`, when given): for conditional updates."""
        return [
            source
            for (source, aim), actors in self.steps.items()
            if aim == target and (actor is None or actor in actors)
        ]

    def allows(self, source: str, target: str, actor: str | None = None) -> bool:
        """Return whether the step exists and `actor`, when given, may take it."""
        actors = self.steps.get((source, target))
        return actors is not None and (actor is None or actor in actors)

    def require(self, source: str, target: str, actor: str | None = None) -> None:
        """Let a legal step pass. Raises: Conflict (with the present status), Forbidden."""
        actors = self.steps.get((source, target))
        if actors is None:
            raise Conflict(
                format_lazy(_("Cannot go from {before} to {after}"), before=self.word(source), after=self.word(target)),
                code="invalid_transition",
                current_status=source,
            )
        if actor is not None and actor not in actors:
            raise Forbidden()
