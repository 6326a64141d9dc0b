"""What trips do to orders."""

import pytest

from depannini_dashmap.lib.errors import Conflict, InvalidData
from orders.fake_orders import invent_orders
from orders.models import Order, Stop
from orders.steps.trip_assignment import (
    claim_for_trip,
    move_to_company,
    release_from_trip,
    set_status_from_trip,
    undo_delivery,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def orders(company_a):
    return invent_orders(company_id=company_a.pk, count=3, seed=1)


def _ids(orders):
    return [order.pk for order in orders]


def _states():
    return list(Order.objects.order_by("pk").values_list("status", "is_in_trip"))


def test_claim_takes_all_or_none(orders, dispatcher):
    claim_for_trip(_ids(orders[:1]), actor=dispatcher)
    with pytest.raises(Conflict, match="is already in a trip"):
        claim_for_trip(_ids(orders), actor=dispatcher)
    assert _states() == [("assigned", True), ("pending", False), ("pending", False)]
    assert orders[0].history.first().history_user == dispatcher
    assert orders[0].history.first().history_change_reason == "put into a trip"


def test_claim_refuses_the_gone_the_incomplete_and_the_not_pending(orders):
    with pytest.raises(InvalidData):
        claim_for_trip([orders[0].pk, 987654])
    Order.objects.filter(pk=orders[0].pk).update(delivery_stop=None)
    with pytest.raises(InvalidData, match="needs both"):
        claim_for_trip(_ids(orders))
    Order.objects.filter(pk=orders[0].pk).update(status="delivered")
    with pytest.raises(Conflict, match="is delivered"):
        claim_for_trip(_ids(orders))


def test_orders_follow_their_trip_and_are_released(orders):
    claim_for_trip(_ids(orders))
    assert set_status_from_trip(_ids(orders[:1]), "delivered") == _ids(orders[:1])
    assert set_status_from_trip(_ids(orders), "in_transit") == _ids(orders[1:])
    assert set_status_from_trip(_ids(orders), "in_transit") == []
    release_from_trip(_ids(orders))
    assert _states() == [("delivered", False), ("pending", False), ("pending", False)]
    assert set_status_from_trip(_ids(orders), "in_transit") == []


def test_a_delivery_can_be_taken_back(orders):
    claim_for_trip(_ids(orders))
    set_status_from_trip(_ids(orders[:2]), "delivered")
    assert undo_delivery(_ids(orders[:2]), "in_transit") == _ids(orders[:2])
    assert _states() == [("in_transit", True), ("in_transit", True), ("assigned", True)]


def test_move_to_company_takes_the_stops_along(orders, company_b):
    Order.objects.filter(pk=orders[0].pk).update(reference="A-1")
    Order.objects.create(
        company=company_b, order_number="ORD-X", reference="A-1", customer_name="x", goods_description="x"
    )
    move_to_company(_ids(orders[:1]), company_b.pk)
    moved = Order.objects.get(pk=orders[0].pk)
    assert (moved.company, moved.reference) == (company_b, "")
    assert set(Stop.objects.filter(company=company_b)) == {moved.pickup_stop, moved.delivery_stop}
    claim_for_trip(_ids(orders[1:]))
    with pytest.raises(Conflict):
        move_to_company(_ids(orders[1:]), company_b.pk)


@pytest.mark.parametrize("size", [1, 3])
def test_a_claim_costs_the_same_for_any_number(orders, django_assert_num_queries, size):
    with django_assert_num_queries(5):  # savepoint, lock, update, history, release
        claim_for_trip(_ids(orders[:size]))
