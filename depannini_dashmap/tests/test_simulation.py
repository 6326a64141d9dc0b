"""The simulated world against a real server: it goes on without a fault and nobody in it breaks physics."""

import re
from typing import Any

import pytest
from django.core.management import call_command

from telematics.models import Position
from testing.fixtures import server, session_server
from testing.servers import Server

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
