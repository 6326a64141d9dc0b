"""Two who pay at once: no order is paid twice, and no receipt number is lost or given twice."""

from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from assistance.tests.test_races import at_once
from depannini_dashmap.lib.errors import DomainError
from payments import services
from payments.models import CashHandIn, Payment

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def _outcome(action: Any) -> str:
    try:
        action()
    except DomainError as error:
        return error.code
    return "done"


def test_two_dispatchers_pay_the_same_order(dispatcher: Any, colleague: Any, order_of: Any) -> None:
    for _ in range(6):
        order = order_of(dispatcher)
        outcomes = at_once(
            *(partial(_outcome, partial(services.record_payment, actor=actor, order_id=order.pk, method="cash")) for actor in (dispatcher, colleague))
        )
        assert sorted(outcomes) == ["already_paid", "done"]
        order.refresh_from_db()
        assert order.paid == order.price and order.payments.count() == 1


def test_receipts_have_no_gaps_though_some_payments_fail(dispatcher: Any, colleague: Any, dispatcher_b: Any, order_of: Any) -> None:
    def try_to_pay(actor: Any, order_id: int, amount: str) -> Any:
        return partial(_outcome, partial(services.record_payment, actor=actor, order_id=order_id, amount=Decimal(amount), method="card"))

    for _ in range(4):
        orders = [order_of(dispatcher) for _ in range(3)]
        other = order_of(dispatcher_b)
        at_once(
            *(try_to_pay(actor, order.pk, amount) for order in orders for actor, amount in ((dispatcher, "1000"), (colleague, "900"))),
            try_to_pay(dispatcher_b, other.pk, "10"), try_to_pay(dispatcher_b, orders[0].pk, "1"),
        )  # fmt: skip
    numbers = sorted(Payment.objects.filter(company=dispatcher.current_company_id).values_list("number", flat=True))
    assert numbers == list(range(1, 13))
    assert sorted(Payment.objects.filter(company=dispatcher_b.current_company_id).values_list("number", flat=True)) == [1, 2, 3, 4]


def test_one_payment_is_taken_back_once_and_cash_handed_in_once(staff_user: Any, roadside_dispatcher: Any, assistant_user: Any, job_of: Any) -> None:
    people = (staff_user, roadside_dispatcher)
    for _ in range(4):
        paid = services.record_payment(actor=staff_user, assistance_id=job_of().pk, method="cash", taken_by=assistant_user.pk)
        handed = at_once(
            *(partial(_outcome, partial(services.hand_in_cash, actor=actor, assistant_id=assistant_user.pk, amount=Decimal("3000"))) for actor in people)
        )
        assert sorted(handed) == ["done", "more_than_in_hand"]
        [row] = CashHandIn.objects.filter(reverses=None, reversed_by=None)
        services.reverse_hand_in(actor=staff_user, row_id=row.pk, reason="again")
        back = at_once(*(partial(_outcome, partial(services.reverse_payment, actor=actor, payment_id=paid.pk, reason="x")) for actor in people))
        assert sorted(back) == ["already_reversed", "done"]


def test_a_form_that_is_sent_twice_pays_once_and_hands_in_once(staff_user: Any, dispatcher: Any, assistant_user: Any, order_of: Any, job_of: Any) -> None:
    for _ in range(4):
        order, key = order_of(dispatcher), uuid4()
        pay = partial(services.record_payment, actor=dispatcher, order_id=order.pk, amount=Decimal("500"), method="cash", form_key=key)
        first, again = at_once(pay, pay)
        assert first == again and order.payments.count() == 1
        services.record_payment(actor=staff_user, assistance_id=job_of().pk, method="cash", taken_by=assistant_user.pk)
        hand_in = partial(services.hand_in_cash, actor=staff_user, assistant_id=assistant_user.pk, amount=Decimal("1000"), form_key=uuid4())
        first, again = at_once(hand_in, hand_in)
        assert first == again
    assert CashHandIn.objects.count() == 4
