"""What became of each row that a dispatcher chose: done, or skipped and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import ngettext

from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.realtime import layer


@dataclass(frozen=True)
class Row:
    """One chosen thing and what became of it."""

    label: str
    is_done: bool
    message: str
    url: str = ""


@dataclass
class Results:
    """All of them, in the order in which they were done."""

    rows: list[Row] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many succeeded."""
        return sum(row.is_done for row in self.rows)

    @property
    def skipped(self) -> int:
        """How many did not."""
        return len(self.rows) - self.done

    @property
    def summary(self) -> str:
        """The one sentence on top."""
        done = ngettext("%(count)d done", "%(count)d done", self.done) % {"count": self.done}
        if not self.skipped:
            return done
        skipped = ngettext("%(count)d skipped", "%(count)d skipped", self.skipped) % {"count": self.skipped}
        return f"{done}, {skipped}"


def run_each(things: Iterable[Any], act: Callable[[Any], str], url_of: Callable[[Any], str] = lambda thing: "") -> Results:
    """Do something to one after the other; a refusal spoils only itself. `act` returns what it did, in words."""
    results = Results()
    with layer.coalesced_refreshes():
        for thing in things:
            try:
                row = Row(str(thing), True, act(thing), url_of(thing))
            except DomainError as error:
                row = Row(str(thing), False, error.for_page(), url_of(thing))
            results.rows.append(row)
    return results
