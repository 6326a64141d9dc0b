"""For migrations that add a check, a unique condition or an index to a table in use: no lock of a scan's length, and no gap for the release before.

First fill the rows that break it (`in_batches`), then let the check hold for what is written from now on
(`AddCheckForNewRows`, a moment's lock), and in a migration of its own fill what was written in between and prove the
rest (`ProveCheck`, which scans while people write). SQLite has one writer and no such half-way: it adds the check at once.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db.migrations.operations import AddConstraint, AddIndex
from django.db.migrations.operations.base import Operation
from django.db.models import QuerySet

BATCH = 1000


class AddCheckForNewRows(AddConstraintNotValid):
    """Add a check that is not yet validated for existing rows."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Add it, on PostgreSQL without looking at the rows."""
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            AddConstraint.database_forwards(self, app_label, schema_editor, from_state, to_state)


class ProveCheck(ValidateConstraint):
    """Validate existing rows without blocking writers; a check that is valid already is not validated again."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Prove it where `AddCheckForNewRows` has not. Raises: IntegrityError for a row that breaks it."""
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class AddUniqueWhileWritten(AddConstraint):
    """Add a unique constraint with a condition while people write; wants a migration that is not atomic.

    An attempt that was cut off leaves an index that holds nothing: the next one replaces it.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Build its index, on PostgreSQL without keeping anybody from writing."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            name = schema_editor.quote_name(self.constraint.name)
            statement = str(self.constraint.create_sql(model, schema_editor))
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            schema_editor.execute(statement.replace("UNIQUE INDEX", "UNIQUE INDEX CONCURRENTLY", 1))


class AddIndexWhileWritten(AddIndex):
    """Add an index while people write; wants a migration that is not atomic.

    An attempt that was cut off leaves an index that serves nobody: the next one replaces it.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Build it, on PostgreSQL without keeping anybody from writing."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
            schema_editor.execute(self.index.create_sql(model, schema_editor, concurrently=True))


def in_batches(rows: QuerySet[Any], **values: Any) -> None:
    """Set columns of all rows of a query, a thousand in a statement; wants a migration that is not atomic."""
    last = 0
    while found := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        rows.filter(pk__in=found).update(**values)
        last = found[-1]


class ChangeLabels(Operation):
    """Change what people read of many fields and models, and nothing in the database, without a new state of all models for each.

    Every `AlterField` draws up all related models anew: 360 labels took half the time of `migrate` on an empty database.
    Dropping the drawn-up models first leaves that to the next operation that needs them, once.
    """

    def __init__(self, operations: list[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change the state of each."""
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave the database as it is."""

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave the database as it is."""

    def describe(self) -> str:
        """Say what it does, for `migrate --plan`."""
        return f"Change labels of {len(self.operations)} fields and models"
