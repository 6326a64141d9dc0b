"""Pages of a list that costs the same however long the history behind it is."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property


class BoundedPaginator(Paginator):
    """Pages of a table that may be too big to be counted: it counts, and shows, a hundred pages at most."""

    PAGES = 100

    @property
    def most(self) -> int:
        """The number of rows beyond which nobody counts."""
        return self.per_page * self.PAGES

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.most + 1].count())

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows than pages are shown of."""
        return self._counted > self.most

    @property
    def count(self) -> int:
        """The rows that pages are shown of."""
        return min(self._counted, self.most)
