"""Fixtures of every test: users, companies and clients; tests that need PostgreSQL are skipped on SQLite."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import pytest
import pytest_django
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils import translation
from rest_framework.test import APIClient
from whitenoise.middleware import WhiteNoiseMiddleware

from testing.databases import commit_without_waiting
from testing.fixtures import database_url, server, session_server  # noqa: F401 - fixtures
from testing.roads import engine_files, engine_programs, engines, places_files, use_places, use_roads  # noqa: F401 - fixtures

PASSWORD = "correct-horse-battery"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs real row locks, or Redis, where the suite runs on SQLite."""
    if "sqlite" not in django_settings.DATABASES["default"]["ENGINE"]:
        return
    skip = pytest.mark.skip(reason="needs PostgreSQL and Redis: set DATABASE_URL and REDIS_URL")
    for item in items:
        if "postgres" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """Make PostgreSQL quick for tests: no commit waits for the disk, and tables are emptied by DELETE, as Django does on SQLite.

    A TRUNCATE makes the files of all tables and indexes anew: 0.6 to 2.5 s after each test with transactions of its own, where a
    DELETE of the few rows takes 0.01 s. Foreign keys are checked at the commit, so any order will do. It is tried once more
    after a deadlock: the worker of a test's server may still write.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        commit_without_waiting(database_url())  # of servers, too
        cursor.execute("SET synchronous_commit = off")
    operations = type(connection.ops)
    execute = operations.execute_sql_flush

    def delete(ops: BaseDatabaseOperations, style: Any, tables: list[str], *, reset_sequences: bool = False, allow_cascade: bool = False) -> list[str]:
        assert not reset_sequences
        return ["SET LOCAL dashmap.pruning = 'on'", *(f"DELETE FROM {ops.quote_name(table)}" for table in tables)]

    def execute_again(ops: BaseDatabaseOperations, statements: list[str]) -> None:
        try:
            execute(ops, statements)
        except OperationalError as error:
            if "deadlock detected" not in str(error):
                raise
            execute(ops, statements)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(operations, "sql_flush", delete)
        patched.setattr(operations, "execute_sql_flush", execute_again)
        yield


@pytest.fixture(autouse=True, scope="session")
def _static_files_are_found_once() -> Iterator[None]:
    """Look for static files once: the middleware starts anew with each test client, and finding 290 files was a quarter of the suite."""
    found: dict[str, dict[str, Any]] = {}
    find = WhiteNoiseMiddleware.add_files_from_finders

    def find_once(middleware: WhiteNoiseMiddleware) -> None:
        if middleware.static_prefix not in found:
            find(middleware)
            found[middleware.static_prefix] = dict(middleware.files)
        middleware.files.update(found[middleware.static_prefix])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(WhiteNoiseMiddleware, "add_files_from_finders", find_once)
        yield


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    from assistance.sign_throttle import forget_signs
    from assistance.steps.etas import forget_looks

    cache.clear()
    forget_signs()
    forget_looks()
    # A page leaves its language to the thread; the next request of a server chooses anew, a command in a test does not.
    translation.activate(django_settings.LANGUAGE_CODE)
    yield


@pytest.fixture(autouse=True)
def _default_tariffs(request: pytest.FixtureRequest) -> None:
    """Bring back the tariffs that a migration made: a test with transactions of its own leaves the tables empty."""
    if request.node.get_closest_marker("django_db") or {"db", "transactional_db"} & set(request.fixturenames):
        request.getfixturevalue("db")
        from assistance.models import Tariff

        if not Tariff.objects.exists():
            made = import_module("assistance.migrations.0006_tariff_of_the_apps")
            # In bulk, which leaves no version behind: nobody has touched them.
            Tariff.objects.bulk_create(
                Tariff(assistance_type="towing", vehicle_class=size, base=base, per_km=per_km, minimum=0, valid_from=made.SINCE)
                for size, (base, per_km) in made.OF_THE_APPS.items()
            )


@pytest.fixture
def company_a(db: None) -> Any:
    """The first haulier."""
    from accounts.models import Company

    return Company.objects.create(name="Atlas Transport", address="12 Rue Didouche Mourad, Alger")


@pytest.fixture
def company_b(db: None) -> Any:
    """A haulier who must never see anything of the first."""
    from accounts.models import Company

    return Company.objects.create(name="Sahel Logistique", address="3 Rue de Bab El Oued, Alger")


def _make_user(username: str, user_type: str, **fields: Any) -> Any:
    from accounts.models import User

    fields.setdefault("name", username.title())
    return User.objects.create_user(username, fields.pop("email", f"{username}@example.com"), PASSWORD, user_type=user_type, **fields)


@pytest.fixture
def client_user(db: None) -> Any:
    """A motorist."""
    return _make_user("+213555000001", "client", name="Amina Client", phone_number="+213555000001", email="amina@example.com")


@pytest.fixture
def other_client(db: None) -> Any:
    """Another motorist."""
    return _make_user("+213555000002", "client", name="Brahim Client", phone_number="+213555000002", email="brahim@example.com")


def _make_assistant(phone: str, name: str, service_type: str = "towing") -> Any:
    from accounts.signals import assistant_registered

    user = _make_user(phone, "assistant", name=name, phone_number=phone, email=f"{name.split()[0].lower()}@example.com")
    assistant_registered.send(
        sender=type(user),
        user=user,
        details={
            "service_type": service_type,
            "vehicle_type": "truck",
            "driving_license_cat": "c",
            "driving_license_num": "16/445566",
            "driving_license_expiry": date.today() + timedelta(days=900),
            "vehicle_registration_num": 123456789012,
            "current_lat": 36.7538,
            "current_lng": 3.0588,
        },
    )
    return user


@pytest.fixture
def assistant_user(db: None) -> Any:
    """A tow-truck driver near the centre of Algiers; not on duty yet."""
    return _make_assistant("+213555000011", "Karim Assistant")


@pytest.fixture
def other_assistant(db: None) -> Any:
    """Another tow-truck driver."""
    return _make_assistant("+213555000012", "Lila Assistant")


def _make_dispatcher(username: str, company: Any, role: str = "member") -> Any:
    from accounts.models import Membership

    first, last = username.split("_")[0].title(), "Dispatcher"
    user = _make_user(username, "dispatcher", first_name=first, last_name=last, current_company=company)
    membership = Membership(user=user, company=company)
    membership.full_role = role
    membership.save()
    return user


@pytest.fixture
def dispatcher(company_a: Any) -> Any:
    """A dispatcher, who owns the first company."""
    return _make_dispatcher("nadia", company_a, role="owner")


@pytest.fixture
def dispatcher_b(company_b: Any) -> Any:
    """A dispatcher, who owns the second company."""
    return _make_dispatcher("omar", company_b, role="owner")


@pytest.fixture
def colleague(company_a: Any) -> Any:
    """A dispatcher, who is a member of the first company."""
    return _make_dispatcher("samir", company_a)


@pytest.fixture
def viewer(company_a: Any) -> Any:
    """Somebody who may only look at the first company."""
    return _make_dispatcher("rym", company_a, role="viewer")


@pytest.fixture
def staff_user(db: None) -> Any:
    """An operator of the whole installation."""
    user = _make_user("salim", "staff", is_staff=True)
    user.groups.add(Group.objects.get_or_create(name="Operators")[0])
    return user


@pytest.fixture
def roadside_dispatcher(company_a: Any) -> Any:
    """A dispatcher of the first company who also works the roadside side."""
    user = _make_dispatcher("samira", company_a)
    user.groups.add(Group.objects.get_or_create(name="Roadside")[0])
    return user


@pytest.fixture
def password() -> str:
    """The password of all users of these fixtures."""
    return PASSWORD


@pytest.fixture
def api() -> Callable[..., APIClient]:
    """Give a client of the API: `api(user)` with a real Bearer token, `api()` without credentials."""

    def make(user: Any = None) -> APIClient:
        client = APIClient()
        if user is not None:
            from accounts.tokens import issue_pair

            client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_pair(user)['access']}")
        return client

    return make


@pytest.fixture
def run_tasks() -> Callable[..., int]:
    """Run the queued tasks that are due, and give their number; raises what a task raised."""

    def drain(limit: int = 200) -> int:
        from django_tasks_db.models import DBTaskResult

        done = 0
        while done < limit and (row := DBTaskResult.objects.ready().first()) is not None:
            row.claim("tests")
            result = row.task_result
            row.task.call(*result.args, **result.kwargs)
            row.set_successful(None)
            done += 1
        return done

    return drain


@pytest.fixture
def on_postgres() -> bool:
    """Tell whether this run has a PostgreSQL under it."""
    return connection.vendor == "postgresql"
