"""The tariff of a new database, and what an upgrade leaves alone."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from assistance.models import Tariff

pytestmark = pytest.mark.django_db
upgrade = import_module("assistance.migrations.0006_tariff_of_the_apps")
FORMER, OF_THE_APPS = [(2000, 100), (4000, 200)], [(1500, 50), (3000, 150)]


def _rates() -> list[tuple[Any, Any]]:
    return list(Tariff.objects.order_by("base").values_list("base", "per_km"))


def test_it_is_that_of_the_apps_and_the_way_back_is_open() -> None:
    assert _rates() == OF_THE_APPS
    upgrade.use_former_tariff(apps, None)
    assert _rates() == FORMER
    upgrade.use_tariff_of_the_apps(apps, None)
    assert _rates() == OF_THE_APPS


def test_prices_stay_where_jobs_were_priced(client_user: Any, ask: Any) -> None:
    upgrade.use_former_tariff(apps, None)
    assert ask(client_user).total_price == 2000
    upgrade.use_tariff_of_the_apps(apps, None)
    assert _rates() == FORMER


@pytest.mark.parametrize("touch", ["saved", "added", "changed", "removed"])
def test_what_an_operator_has_touched_stays(touch: str) -> None:
    upgrade.use_former_tariff(apps, None)
    light = Tariff.objects.get(vehicle_class="light")
    if touch == "saved":
        light.save()  # leaves a version: somebody looked at it and kept it
    elif touch == "added":
        Tariff.objects.filter(pk=light.pk).update(minimum=500)
    elif touch == "changed":
        Tariff.objects.filter(pk=light.pk).update(per_km=99)
    else:
        Tariff.objects.filter(pk=light.pk).delete()
    before = _rates()
    upgrade.use_tariff_of_the_apps(apps, None)
    assert _rates() == before
