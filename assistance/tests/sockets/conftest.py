"""A request that is accepted and the sockets of its parties, over TCP against a running server."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.tokens import issue_pair
from assistance import services
from assistance.models import Tariff
from testing.clients import SocketClient
from testing.servers import Server

PICKUP = (36.7525, 3.0420)
PLACE = {"type": "location", "lat": 36.75, "lng": 3.05, "user_id": 999}


@pytest.fixture(autouse=True)
def _tariff(server: Server) -> None:
    if not Tariff.objects.exists():  # the flush between tests takes the default one
        Tariff.objects.create(
            assistance_type="towing", vehicle_class="light", base=2000, per_km=100, minimum=0,
            currency="DZD", valid_from=timezone.now() - timedelta(days=1),
        )  # fmt: skip


@pytest.fixture
def on_duty(assistant_user: Any) -> Any:
    """Put the assistant on duty, near the pickup."""
    services.set_duty(actor=assistant_user, is_active=True)
    return assistant_user


@pytest.fixture
def requested(client_user: Any) -> int:
    """Open a request."""
    return services.request_assistance(actor=client_user, pickup=PICKUP).job.pk


@pytest.fixture
def accepted(on_duty: Any, requested: int) -> int:
    """Open a request and have it accepted."""
    services.accept(actor=on_duty, assistance_id=requested)
    return requested


@pytest.fixture
def room(server: Server, client_user: Any, assistant_user: Any, accepted: int) -> Iterator[tuple[SocketClient, SocketClient]]:
    """Open the sockets of both parties, and read what they are shown first."""
    path = f"/ws/assistance/{accepted}/"
    with server.socket(path, token(client_user)) as one, server.socket(path, token(assistant_user)) as other:
        for client in (one, other):
            assert [client.receive()["type"] for _ in range(3)] == ["connection_established", "status", "location"]
        yield one, other


def token(user: Any) -> str:
    """Sign in."""
    return issue_pair(user)["access"]


def close_code(server: Server, path: str, raw: str = "", **options: Any) -> int:
    """Return how a socket that should not be let in ends; nothing may be said before."""
    with server.socket(path, raw, **options) as client:
        code = client.receive_close()
        assert client.received == []
        return code
