"""Browsers that are signed in to the console."""

from typing import Any

import pytest
from django.test import Client

from depannini_dashmap.tests.console_rows import signed_in


@pytest.fixture
def nadia(dispatcher: Any) -> Client:
    """The browser of a dispatcher of the first company."""
    return signed_in(dispatcher)


@pytest.fixture
def salim(staff_user: Any) -> Client:
    """The browser of an operator."""
    return signed_in(staff_user)
