"""The tariff of a new database, and what an upgrade does to prices and leaves alone."""

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from assistance import services
from assistance.models import Assistance, Tariff
from depannini_dashmap.lib.errors import Conflict

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


def test_a_repairer_under_way_without_a_type_goes_on_pricing(
    client_user: Any, other_client: Any, make_assistant: Any, assistant_user: Any, ask: Any, duty: Any
) -> None:
    repairer, tower = make_assistant(1, service_type="repair"), duty(assistant_user)
    jobs = {}
    for client, helper in ((client_user, repairer), (other_client, tower)):
        jobs[helper] = ask(client)
        services.accept(actor=helper, assistance_id=jobs[helper].pk)
    # as the release before left them: no type, the tariff's price, nobody noted
    former = {"assistance_type": "", "total_price": 1500, "price_is_final": True, "price_source": ""}
    Assistance.objects.update(**former)
    import_module("assistance.migrations.0011_repairs_under_way").name_repairs(apps, None)
    assert services.set_price(actor=repairer, assistance_id=jobs[repairer].pk, amount=Decimal(900)).assistance_type == "repair"
    with pytest.raises(Conflict):
        services.set_price(actor=tower, assistance_id=jobs[tower].pk, amount=Decimal(900))
