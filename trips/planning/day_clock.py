"""Clock times of a planned day as the seconds that have passed since its midnight, and back; plain values.

In a night in which the clocks change the two differ by an hour: routes are driven in real seconds, windows and shifts are clock times.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from depannini_dashmap.lib.time_zone import display_zone, instant_of


@dataclass(frozen=True, slots=True)
class DayClock:
    """The clock of a day from its midnight on, beyond the next one too. Units: whole seconds."""

    day: dt.date
    zone: dt.tzinfo

    def passed(self, clock_seconds: int) -> int:
        """Return how long after midnight the clock first shows a time, given as 24 * 3600 a day.

        A time that is skipped is when it is skipped; of one that comes twice it is the first.
        """
        if self.zone is dt.UTC:
            return clock_seconds
        shown = self._midnight + dt.timedelta(seconds=clock_seconds)
        return int((instant_of(shown, self.zone) - self.instant(0)).total_seconds())

    def wall(self, passed: int) -> dt.datetime:
        """Return what the clock shows `passed` seconds after midnight, without a zone."""
        if self.zone is dt.UTC:
            return self._midnight + dt.timedelta(seconds=passed)
        return self.instant(passed).astimezone(self.zone).replace(tzinfo=None, fold=0)

    def instant(self, passed: int) -> dt.datetime:
        """Return the moment `passed` seconds after midnight, in UTC."""
        return instant_of(self._midnight, self.zone) + dt.timedelta(seconds=passed)

    @property
    def _midnight(self) -> dt.datetime:
        return dt.datetime.combine(self.day, dt.time())


def clock_of(day: dt.date) -> DayClock:
    """Return the clock of a day where people are. At both ends of the calendar it is UTC, as no other zone has all their days."""
    return DayClock(day, dt.UTC if day.year in (dt.MINYEAR, dt.MAXYEAR) else display_zone())
