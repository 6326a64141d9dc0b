"""Notifications by a customer's link: what a browser is told while the page is closed, for how long, and what it never holds."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.steps.notifications import PushFailed
from assistance.tests.test_link_push import ENDPOINT, letters, subscription  # noqa: F401
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.operations.retention import RULES
from orders.models import Order, OrderLink, OrderSubscription
from trips.services.customer_push import look_after_customers, push_customer
from trips.tests.test_customer_link import FAR, VINCENNES, finish, link_of, report, started
from trips.tests.test_failed_stops import fail
from trips.tests.world import make_order, stops_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


def follow(path, **changed):
    return Client().post(f"{path}push/", subscription(**changed), headers={"accept": "application/json"})


@pytest.fixture
def followed(client):
    """A trip under way with two orders, the link of the second one, and a browser that follows it."""
    trip, [first, second] = started(client, 2)
    path = link_of(client, second)
    assert follow(path).status_code == 200
    return trip, first, second, path


@pytest.fixture
def look(run_tasks):
    """Let a round look, and its tasks run."""

    def after():
        queued = look_after_customers(actor=None)
        run_tasks()
        return queued

    return after


def test_a_customer_is_told_as_it_comes_and_once_of_each(followed, client, look, letters):  # noqa: F811
    trip, _, order, path = followed
    tag = f"order-{order['order_number']}"
    assert look() == 0 and letters.new() == []
    for stop in stops_of(client, trip)[:-1]:
        finish(client, stop)
    look()
    address, message = letters[0]
    assert (address.token, message.data) == (ENDPOINT, {"type": "order", "order_number": order["order_number"]})
    assert path.split("/")[2] not in repr(message) and "Ali" not in repr(message)
    assert letters.new() == [(tag, "On the way to you")]
    report(client, trip, (VINCENNES[0] - 0.005, VINCENNES[1]), timezone.now() + timedelta(seconds=1))
    look()
    assert letters.new() == [(tag, "About 10 minutes away")]
    assert look() == 0 and letters.new() == []
    finish(client, stops_of(client, trip)[-1])
    look()
    assert letters.new() == [(tag, "Delivered")]
    assert look() == 0 and letters.new() == []


def test_what_is_over_is_taken_away_and_a_failure_is_told(followed, client, look, letters):  # noqa: F811
    trip, _, order, _ = followed
    *before, delivery = stops_of(client, trip)
    for stop in before:
        finish(client, stop)
    report(client, trip, FAR, timezone.now() + timedelta(seconds=1))
    look()
    tag = f"order-{order['order_number']}"
    assert letters.new() == [(tag, "On the way to you")], "by the estimate it is further than ten minutes"
    finish(client, before[-1], is_completed=False)
    look()
    assert letters.new() == [(tag, None)], "somebody else is next again"
    finish(client, before[-1])
    look()
    letters.new()
    fail(client, delivery)
    look()
    assert letters.new() == [(tag, "The delivery did not succeed")]


@pytest.mark.parametrize("end", ["revoked", "renewed", "expired", "over"])
def test_it_ends_with_the_link(followed, client, look, letters, end):  # noqa: F811
    trip, _, order, _ = followed
    for stop in stops_of(client, trip)[:-1]:
        finish(client, stop)
    if end == "revoked":
        assert client.delete(f"/api/orders/{order['id']}/link/").status_code == 204
        assert not OrderSubscription.objects.exists()
    elif end == "renewed":
        link_of(client, order)
        assert not OrderSubscription.objects.exists()
    elif end == "expired":
        OrderLink.objects.update(expires_at=timezone.now())
    else:
        Order.objects.update(status="cancelled")
        Order.history.update(history_date=timezone.now() - timedelta(days=4))
        OrderLink.objects.update(created_at=timezone.now() - timedelta(days=9))
        Order.objects.update(updated_at=timezone.now() - timedelta(days=4))
    look()
    for pk in OrderSubscription.objects.values_list("pk", flat=True):
        push_customer(actor=None, subscription_id=pk)
    assert letters.new() == [] and not OrderSubscription.objects.exists()


def test_a_browser_that_is_gone_is_forgotten_and_one_that_is_away_is_tried_again(followed, client, letters):  # noqa: F811
    for stop in stops_of(client, followed[0])[:-1]:
        finish(client, stop)
    row = OrderSubscription.objects.get()
    letters.outcome = "later"
    with pytest.raises(PushFailed):
        push_customer(actor=None, subscription_id=row.pk)
    assert look_after_customers(actor=None) == 1
    assert look_after_customers(actor=None) == 0, "the task tries again, the round queues no second one"
    letters.outcome = "gone"
    push_customer(actor=None, subscription_id=row.pk)
    assert not OrderSubscription.objects.exists()


def test_the_other_order_of_the_trip_is_told_nothing(followed, client, look, letters):  # noqa: F811
    trip, first, second, _ = followed
    other = link_of(client, first)
    assert follow(other, endpoint=f"{ENDPOINT}-other").status_code == 200
    for stop in stops_of(client, trip):
        if stop["linked_order"]["id"] == second["id"] or stop["stop"]["stop_type"] == "pickup":
            finish(client, stop)
    letters.new()
    look()
    told = {address.token: message.tag for address, message in letters}
    assert told == {ENDPOINT: f"order-{second['order_number']}", f"{ENDPOINT}-other": f"order-{first['order_number']}"}


def test_nothing_else_opens_it_and_a_link_has_five_browsers(client, settings):
    path = link_of(client, make_order(client), language="ar")
    for number in (1, 2, 3, 4, 5, 6, 6):
        assert follow(path, endpoint=f"{ENDPOINT}-{number}").status_code == 200
    assert set(OrderSubscription.objects.values_list("endpoint", "language")) == {(f"{ENDPOINT}-{number}", "ar") for number in (2, 3, 4, 5, 6)}
    assert Client().get(f"{path}push/").status_code == 405
    assert follow(f"/o/{new_token()}/").status_code == 404
    assert follow(path, endpoint="https://evil.example/x").status_code == 400
    (rule,) = [rule for rule in RULES if rule.name == "browsers that followed an order"]
    assert not rule.expired(timezone.now()).exists()
    OrderLink.objects.update(expires_at=timezone.now())
    assert rule.expired(timezone.now()).count() == 5
    settings.PUSH_URL, settings.VAPID_PRIVATE_KEY = "services:", ""
    assert follow(path).status_code == 404, "the link is over"
    OrderLink.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert follow(path).status_code == 503


def test_a_round_reads_a_fixed_number_of_rows(followed, client, django_assert_max_num_queries):
    with django_assert_max_num_queries(2 + 4 + 1):
        look_after_customers(actor=None)
