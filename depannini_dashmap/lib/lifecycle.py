"""A table of states: which may follow which, and who may move it."""

from collections.abc import Iterable, Mapping

from depannini_dashmap.lib.errors import Conflict, Forbidden


class Lifecycle:
    """Read-only transition table.

    `steps` maps (from, to) to the kinds of actors who may take the step. States without a step out are final.
    """

    def __init__(self, states: Iterable[str], steps: Mapping[tuple[str, str], Iterable[str]]) -> None:
        self.states = tuple(states)
        self.steps = {pair: frozenset(actors) for pair, actors in steps.items()}
        unknown = {state for pair in self.steps for state in pair} - set(self.states)
        if unknown:
            raise ValueError(f"steps name unknown states: {sorted(unknown)}")

    def is_final(self, state: str) -> bool:
        """Tell whether nothing can follow `state`."""
        return not any(source == state for source, _ in self.steps)

    def sources(self, target: str, actor: str | None = None) -> list[str]:
        """Return the states from which `target` may be reached (by `actor`, when given): for conditional updates."""
        return [
            source
            for (source, aim), actors in self.steps.items()
            if aim == target and (actor is None or actor in actors)
        ]

    def allows(self, source: str, target: str, actor: str | None = None) -> bool:
        """Tell whether the step exists and `actor`, when given, may take it."""
        actors = self.steps.get((source, target))
        return actors is not None and (actor is None or actor in actors)

    def require(self, source: str, target: str, actor: str | None = None) -> None:
        """Let a legal step pass. Raises: Conflict (with the present status), Forbidden."""
        actors = self.steps.get((source, target))
        if actors is None:
            raise Conflict(
                f"Cannot go from {source} to {target}", code="invalid_transition", current_status=source
            )
        if actor is not None and actor not in actors:
            raise Forbidden()
