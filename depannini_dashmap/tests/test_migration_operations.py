"""A check comes to a table in use: new rows keep it at once, existing rows once they are corrected."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, migrations, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import CheckConstraint, Q, UniqueConstraint

from accounts.models import Company
from depannini_dashmap.lib.db import migration_operations
from depannini_dashmap.lib.db.migration_operations import (
    AddCheckForNewRows,
    AddUniqueWhileWritten,
    ChangeLabels,
    ProveCheck,
    in_batches,
)

CHECK = CheckConstraint(condition=~Q(phone="0"), name="company_phone_new")
NO_PHONE = {"name": "Atlas", "address": "Alger", "phone": "0"}


@pytest.fixture
def run(db: None) -> Callable[[migrations.operations.base.Operation], None]:
    """Run an operation on the companies' table, one after the other, each from the state that the last one left."""
    state = ProjectState()
    state.add_model(ModelState.from_model(Company))

    def forwards(operation: Any) -> None:
        nonlocal state
        after = state.clone()
        operation.state_forwards("accounts", after)
        connection.check_constraints()  # a table with triggers to come cannot be altered
        with connection.schema_editor(atomic=connection.vendor == "postgresql") as editor:
            operation.database_forwards("accounts", editor, state, after)
        state = after

    return forwards


@pytest.mark.postgres
def test_a_check_holds_for_new_rows_at_once_and_for_old_ones_once_they_are_mended(run: Any) -> None:
    before = Company.objects.create(**NO_PHONE)

    run(AddCheckForNewRows("company", CHECK))
    with pytest.raises(IntegrityError), transaction.atomic():
        Company.objects.create(**NO_PHONE)
    with pytest.raises(IntegrityError), transaction.atomic():
        run(ProveCheck("company", CHECK.name))
    in_batches(Company.objects.filter(phone="0"), phone="")
    run(ProveCheck("company", CHECK.name))

    before.refresh_from_db()
    assert before.phone == ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT convalidated FROM pg_constraint WHERE conname = %s", [CHECK.name])
        assert cursor.fetchall() == [(True,)]


def test_batches_reach_every_row_and_no_other(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration_operations, "BATCH", 2)
    for _ in range(5):
        Company.objects.create(**NO_PHONE)
    other = Company.objects.create(**{**NO_PHONE, "phone": "021"})

    in_batches(Company.objects.filter(phone="0"), phone="")

    assert list(Company.objects.exclude(phone="").values_list("pk", "phone")) == [(other.pk, "021")]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_unique_condition_replaces_what_an_attempt_has_left() -> None:
    once = UniqueConstraint(fields=["phone"], condition=~Q(phone=""), name="company_phone_once")
    before, after = ProjectState(), ProjectState()
    for state in (before, after):
        state.add_model(ModelState.from_model(Company))
    operation = AddUniqueWhileWritten("company", once)
    operation.state_forwards("accounts", after)
    twins = [Company.objects.create(**NO_PHONE) for _ in range(2)]

    def run() -> None:
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("accounts", editor, before, after)

    try:
        with pytest.raises(IntegrityError):
            run()  # on PostgreSQL this leaves an index that is not valid
        Company.objects.filter(pk=twins[0].pk).delete()
        run()
        with pytest.raises(IntegrityError):
            Company.objects.create(**NO_PHONE)
        Company.objects.create(**{**NO_PHONE, "phone": ""})
        Company.objects.create(**{**NO_PHONE, "phone": ""})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS company_phone_once")


# --- Labels alone ------------------------------------------------------------------------------------------------------------
LABELS = {"verbose_name", "verbose_name_plural", "help_text"}


def _but_labels(options: dict[str, Any]) -> dict[str, Any]:
    """Return what the database may know of; of choices the values."""
    kept = {name: value for name, value in options.items() if name not in LABELS}
    if "choices" in kept:
        kept["choices"] = [value for value, _label in kept["choices"]]
    return kept


def _substance(state: ProjectState, app_label: str, operation: Any) -> Any:
    """Return what an operation must leave as it is."""
    if isinstance(operation, migrations.AlterModelOptions):
        return _but_labels(state.models[app_label, operation.name_lower].options)
    assert isinstance(operation, migrations.AlterField), f"{operation} is no change of labels"
    _name, path, arguments, options = state.models[app_label, operation.model_name_lower].fields[operation.name].deconstruct()
    return path, arguments, _but_labels(options)


def test_what_changes_labels_changes_nothing_else() -> None:
    loader, checked = MigrationLoader(None), 0
    for key, migration in loader.disk_migrations.items():
        if not any(isinstance(one, ChangeLabels) for one in migration.operations):
            continue
        state = loader.project_state(key, at_end=False)
        for one in migration.operations:
            for operation in one.operations if isinstance(one, ChangeLabels) else []:
                before = _substance(state, key[0], operation)
                operation.state_forwards(key[0], state)
                assert _substance(state, key[0], operation) == before, f"{key}: {operation.describe()}"
                checked += 1
            one.state_forwards(key[0], state)
    assert checked > 100
