"""Constraints of the data: each refuses its row on both databases."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("lat", "lng"), [(36.75, None), (None, 3.05), (90.1, 3.05), (36.75, -180.1), (91, None), (None, 181)]
)
def test_a_location_is_whole_and_on_earth_or_absent(client_user: Any, lat: float | None, lng: float | None) -> None:
    people = User.objects.filter(pk=client_user.pk)
    assert people.update(current_lat=-90, current_lng=180) == 1
    with pytest.raises(IntegrityError, match="user_location_valid"), transaction.atomic():
        people.update(current_lat=lat, current_lng=lng)
    assert people.update(current_lat=None, current_lng=None) == 1


@pytest.fixture
def unchecked(db: None) -> Iterator[None]:
    """Let any location be written, as an older release did."""
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute(
            "PRAGMA ignore_check_constraints = ON"
            if is_sqlite
            else "ALTER TABLE accounts_user DROP CONSTRAINT user_location_valid"
        )
        yield
        if is_sqlite:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def test_halves_of_an_older_release_are_forgotten(unchecked: None, client_user: Any, other_client: Any) -> None:
    User.objects.filter(pk=client_user.pk).update(current_lat=36.75, current_lng=None)
    User.objects.filter(pk=other_client.pk).update(current_lat=36.75, current_lng=3.05)

    import_module("accounts.migrations.0002_whole_locations").forget_halves(apps, None)

    places = User.objects.order_by("pk").values_list("current_lat", "current_lng")
    assert list(places) == [(None, None), (36.75, 3.05)]
