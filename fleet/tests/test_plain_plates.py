"""One plate is one vehicle, however it was written: in existing data, and in the database itself."""

from contextlib import contextmanager
from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from depannini_dashmap.lib.text import plain_plate
from fleet.models import Vehicle

spell = import_module("fleet.migrations.0006_plain_plates").spell
ODD = ["00123\u2011116\u201116", "\u200e00123-116-16", "00123\xa0116", "٠٠١٢٣", "\ufeffA", "A\u202fB", "\uff11"]
REST = {"make": "F", "model": "T", "year": 2020, "capacity": 1}


@pytest.mark.django_db
@pytest.mark.parametrize("plate", ODD)
def test_the_database_holds_plain_plates_only(company_a, plate):
    with pytest.raises(IntegrityError, match="vehicle_plate_is_plain"), transaction.atomic():
        Vehicle.objects.create(company=company_a, license_plate=plate, **REST)
    Vehicle.objects.create(company=company_a, license_plate=plain_plate(plate), **REST)


@pytest.mark.django_db
@pytest.mark.parametrize("plate", ODD)
def test_the_api_takes_every_spelling(api, dispatcher, plate):
    answer = api(dispatcher).post("/api/vehicles/", {"license_plate": plate, **REST})
    assert (answer.status_code, answer.json()["license_plate"]) == (201, plain_plate(plate))


@pytest.mark.parametrize("text", ["\ufdfa\xa0\ufdfa", "\ufb01" * 20, "\u2460" * 20])
def test_a_plain_plate_is_never_longer(text):
    assert len(plain_plate(text)) <= len(text)


@contextmanager
def without_the_check():
    """Write as before the check; on PostgreSQL it is proven again at the end."""
    table, name = "fleet_vehicle", "vehicle_plate_is_plain"
    constraint = next(one for one in Vehicle._meta.constraints if one.name == name)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            yield
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
            return
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield
        with connection.schema_editor() as editor:
            editor.add_constraint(Vehicle, constraint)


@pytest.mark.django_db(transaction=True)
def test_plates_of_before_are_spelt_anew_and_none_is_lost(company_a, company_b):
    with without_the_check():
        for plate in ("00123-116-16", *ODD[:2], "X  1", "\u200e"):
            Vehicle.objects.create(company=company_a, license_plate=plate, **REST)
        Vehicle.objects.create(company=company_b, license_plate=ODD[0], **REST)
        spell(apps, None)
    mine = list(Vehicle.objects.filter(company=company_a).order_by("pk").values_list("license_plate", flat=True))
    assert mine[:4] == ["00123-116-16", "00123-116-16 (2)", "00123-116-16 (3)", "X 1"]
    assert mine[4].startswith("? ")
    assert Vehicle.objects.get(company=company_b).license_plate == "00123-116-16"
