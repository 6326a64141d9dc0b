"""Domain errors for broken constraints of the database, named by the models' fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import IntegrityError, OperationalError, models
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib import errors

_LOCK_NOT_AVAILABLE = "55P03"
_UNIQUE = "23505"
_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (?:index '(?P<index>\w+)'|(?P<columns>[\w., ]+))")


@dataclass(frozen=True, slots=True)
class Uniqueness:
    """What may occur once: the model and the names of its fields."""

    model: type[models.Model]
    fields: tuple[str, ...]

    def refusal(self) -> errors.DomainError:
        """Return the error for the user: a field of their own is wrong, or another request was faster."""
        name = self.model._meta.verbose_name
        own = [name for name in self.fields if not self.model._meta.get_field(name).is_relation]
        if own:
            return errors.InvalidData(fields={own[-1]: [format_lazy(_("Another {thing} has this already."), thing=name)]})
        return errors.Conflict(_("Somebody else was faster"), code="constraint_violated")


def uniqueness_of(error: IntegrityError) -> Uniqueness | None:
    """Return what would have occurred twice; None when another kind of rule was broken."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None:
        return _named(diagnosis.constraint_name or "") if getattr(error.__cause__, "pgcode", "") == _UNIQUE else None
    found = _SQLITE_UNIQUE.search(str(error))
    if found is None:
        return None
    return _named(found["index"]) if found["index"] else _of_columns(found["columns"])


def waited_too_long(error: OperationalError) -> bool:
    """Return whether the database lives, and somebody else held the rows for longer than anybody waits."""
    return getattr(error.__cause__, "pgcode", "") == _LOCK_NOT_AVAILABLE or "database is locked" in str(error)


def _named(name: str) -> Uniqueness | None:
    best: tuple[int, Uniqueness] | None = None
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if constraint.name == name and isinstance(constraint, models.UniqueConstraint):
                return Uniqueness(model, _fields(constraint))
        for field in model._meta.local_fields:
            begin = f"{model._meta.db_table}_{field.column}_"
            if field.unique and name.startswith(begin) and (best is None or len(begin) > best[0]):
                best = (len(begin), Uniqueness(model, (field.name,)))
    return best[1] if best else None


def _of_columns(text: str) -> Uniqueness | None:
    pairs = [part.strip().split(".") for part in text.split(",")]
    table, columns = pairs[0][0], {pair[-1] for pair in pairs}
    for model in apps.get_models():
        if model._meta.db_table == table:
            names = tuple(field.name for field in model._meta.local_fields if field.column in columns)
            return Uniqueness(model, names) if names else None
    return None


def _fields(constraint: models.UniqueConstraint) -> tuple[str, ...]:
    if constraint.fields:
        return tuple(constraint.fields)
    return tuple(name for expression in constraint.expressions for name in _names(expression))


def _names(expression: Any) -> list[str]:
    if isinstance(expression, models.F):
        return [str(expression.name)]  # type: ignore[attr-defined]
    return [name for part in expression.get_source_expressions() for name in _names(part)]
