"""The manager of models' histories: simple-history makes its class anew each time an object is saved, and this keeps it."""

from functools import cache
from typing import Any

from simple_history import manager


class HistoryManager(manager.HistoryManager):
    """simple-history's, of a class that is made once."""

    @classmethod
    @cache
    def from_queryset(cls, queryset_class: type, class_name: str | None = None) -> Any:
        """Return the class for a kind of QuerySet."""
        return super().from_queryset(queryset_class, class_name)
