"""The simulated world against a real server: it goes on without a fault and nobody in it breaks physics."""

import re
from typing import Any

import pytest
from django.core.management import call_command

from orders.models import Order
from telematics.models import Position
from testing.fixtures import server, session_server
from testing.servers import Server
from trips.models import TripOrder

pytestmark = pytest.mark.slow
__all__ = ["server", "session_server"]


def test_a_short_fast_day(server: Server, capsys: Any) -> None:
    small = {"vehicles": 2, "assistants": 1, "clients": 1}
    for seed in (1, 2):
        call_command("simulate", base_url=server.url, speed_up=60, duration=5, seed=seed, **small)
    said = capsys.readouterr()
    assert said.err == ""
    assert re.search(r"^errors +0$", said.out, re.MULTILINE)
    assert Position.objects.exists()
    assert not Position.objects.filter(is_implausible=True).exists()


def test_no_order_changes_its_company(server: Server) -> None:
    """The first dispatcher works for both companies, in two cities: their vehicles carry what their own company has."""
    call_command("seed_demo", force=True)
    before = dict(Order.objects.values_list("pk", "company_id"))
    call_command("simulate", base_url=server.url, speed_up=60, duration=5, seed=3, vehicles=12, assistants=0, clients=0)
    assert TripOrder.objects.filter(trip__name__regex=r"[0-9]{2}:[0-9]{2}$").exists()
    assert dict(Order.objects.filter(pk__in=before).values_list("pk", "company_id")) == before
