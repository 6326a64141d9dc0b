"""A sent order, and trips that hold orders."""

import pytest

from orders.signals import order_status_requested
from orders.tests.order_bodies import PRODUCE


@pytest.fixture
def produce(api, dispatcher):
    return api(dispatcher).post("/api/orders/", PRODUCE).json()


@pytest.fixture
def trip_is():
    """Let a trip of the given status hold the orders."""
    receivers = []

    def hold(status):
        def answer(**kwargs):
            return status

        receivers.append(answer)
        order_status_requested.connect(answer)

    yield hold
    for receiver in receivers:
        order_status_requested.disconnect(receiver)
