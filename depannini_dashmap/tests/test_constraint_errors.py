"""No check of any table says neither yes nor no: a database lets a row pass whose check compares with NULL."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.db.models import BooleanField, CheckConstraint, ExpressionWrapper, F, Q, Value
from django.db.models.sql import Query
from django.utils import timezone

# Nobody to compare with: the check is meant to let it pass.
MAY_BE_UNKNOWN = {"assistance_two_people"}
OURS = ("depannini_dashmap", "accounts", "fleet", "orders", "trips", "telematics", "assistance", "payments", "alarms")


def _checks() -> Iterator[Any]:
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if (
                model._meta.app_label in OURS
                and isinstance(constraint, CheckConstraint)
                and constraint.name not in MAY_BE_UNKNOWN
            ):
                yield pytest.param(model, constraint.condition, id=constraint.name)


def _columns(condition: Any) -> set[str]:
    if isinstance(condition, Q):
        return set().union(*(_columns(child) for child in condition.children))
    name, value = condition
    return {name.split("__")[0]} | ({value.name} if isinstance(value, F) else set())


def _values(field: Any) -> list[Any]:
    """Return what a row may hold there: each choice, or one ordinary value; and nothing, where that is allowed."""
    if field.choices:
        values = [value for value, _ in field.flatchoices]
    elif isinstance(field, models.BooleanField):
        values = [False, True]
    elif isinstance(field, models.DateTimeField):
        values = [timezone.now()]
    elif isinstance(field, models.TimeField):
        values = [timezone.now().time()]
    elif isinstance(field, models.CharField):
        values = ["", "+213555000001"]
    else:
        values = [1]
    return [*values, None] if field.null else values


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "condition"), list(_checks()))
def test_a_check_is_kept_or_broken_and_never_unknown(model: Any, condition: Q) -> None:
    fields = [model._meta.get_field(name) for name in sorted(_columns(condition))]
    unknown = []
    for row in product(*map(_values, fields)):
        query = Query(None)
        for field, value in zip(fields, row, strict=True):
            kind = field.target_field.__class__() if field.is_relation else field
            query.add_annotation(Value(value, kind), field.name, select=False)
        query.add_annotation(ExpressionWrapper(condition, BooleanField()), "held")
        held = query.get_compiler("default").execute_sql("single")
        if held[0] is None:
            unknown.append(row)
    assert unknown == []
