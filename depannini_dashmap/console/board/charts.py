"""Bar charts as plain values: a template draws them as inline SVG with the same figures in a table. No queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from orders.lifecycle import OPEN

WIDTH, HEIGHT, BASE = 480, 120, 100
HOURS = 24
ACCEPT_MINUTES = ((0, 1), (1, 2), (2, 5), (5, 10), (10, None))


@dataclass(frozen=True)
class Bar:
    """One value and where its bar stands, in units of the drawing."""

    label: str
    value: int
    x: float
    y: float
    width: float
    height: float
    middle: float
    is_labelled: bool


@dataclass(frozen=True)
class Chart:
    """A titled row of bars; `key` makes the ids of the page unique."""

    key: str
    title: str
    unit: str
    head: str
    bars: Sequence[Bar]

    @property
    def total(self) -> int:
        """The sum of all bars."""
        return sum(bar.value for bar in self.bars)


def chart(key: str, title: str, head: str, unit: str, values: Sequence[tuple[str, int]], every: int = 1) -> Chart:
    """Lay out bars of equal width below the greatest value; every n-th is labelled."""
    top = max([value for _, value in values] or [0]) or 1
    step = WIDTH / max(len(values), 1)
    bars = []
    for index, (label, value) in enumerate(values):
        height = round(value / top * (BASE - 16), 1)
        x = round(index * step + step * 0.1, 1)
        width = round(step * 0.8, 1)
        bars.append(Bar(label, value, x, BASE - height, width, height, round(x + width / 2, 1), index % every == every // 2))
    return Chart(key, title, unit, head, bars)


def requests_per_hour(asked: Sequence[tuple[dt.datetime, dt.datetime | None]], now: dt.datetime, zone: dt.tzinfo) -> Chart:
    """Count requests in each of the last 24 hours."""
    counts = [0] * HOURS
    for created_at, _accepted in asked:
        hours_ago = int((now - created_at).total_seconds() // 3600)
        if 0 <= hours_ago < HOURS:
            counts[HOURS - 1 - hours_ago] += 1
    starts = [(now - dt.timedelta(hours=HOURS - index)).astimezone(zone) for index in range(HOURS)]
    values = [(f"{start:%H:%M}", count) for start, count in zip(starts, counts, strict=True)]
    return chart("hours", _("Requests per hour, last 24 hours"), _("From"), _("Requests"), values, every=4)


def time_to_accept(asked: Sequence[tuple[dt.datetime, dt.datetime | None]]) -> Chart:
    """Sort the accepted requests of the last 24 hours by how long they waited."""
    minutes = [(accepted - created).total_seconds() / 60 for created, accepted in asked if accepted is not None]
    values = []
    for low, high in ACCEPT_MINUTES:
        words = _("%(low)d–%(high)d min") if high is not None else _("> %(low)d min")
        label = words % {"low": low, "high": high}
        values.append((label, sum(low <= wait and (high is None or wait < high) for wait in minutes)))
    return chart("accept", _("Time to accept, last 24 hours"), _("Waited"), _("Requests"), values)


def orders_per_status(counts: Mapping[str, int], labels: Mapping[str, str]) -> Chart:
    """Show the orders that are not over yet by status."""
    values = [(label, counts.get(status, 0)) for status, label in labels.items() if status in OPEN]
    return chart("orders", _("Open orders by status"), _("Status"), _("Orders"), values)
