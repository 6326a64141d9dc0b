"""Browsers that are signed in to the console, and deployments beside the test run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from depannini_dashmap.tests.console_rows import signed_in
from depannini_dashmap.tests.deployments import Deployment, deployment_in
from testing.databases import commit_without_waiting, own_database
from testing.fixtures import database_url


@pytest.fixture
def nadia(dispatcher: Any) -> Client:
    """The browser of a dispatcher of the first company."""
    return signed_in(dispatcher)


@pytest.fixture
def salim(staff_user: Any) -> Client:
    """The browser of an operator."""
    return signed_in(staff_user)


@pytest.fixture(scope="session")
def migrated_database(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with all migrations, to be copied: migrating takes longer than most of these tests."""
    with own_database(database_url(), "migrated") as url:
        commit_without_waiting(url)
        deployment_in(tmp_path_factory.mktemp("migrated"), url).manage("migrate", "-v0")
        yield url


@pytest.fixture
def deployment(tmp_path: Path, migrated_database: str) -> Iterator[Deployment]:
    """A deployment with all migrations and nothing else."""
    with own_database(database_url(), "rehearsal", copy_of=migrated_database) as url:
        commit_without_waiting(url)
        yield deployment_in(tmp_path, url)
