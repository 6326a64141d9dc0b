"""Cash that people hold is counted from time to time, so that reading it does not take the whole history; the sums stay the same."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from assistance.tests.test_races import at_once
from depannini_dashmap.operations import periodic_jobs
from payments import services
from payments.cash_on_hand import cash_in_hand, in_hand
from payments.models import CashCount, CashHandIn, Payment


def take(actor: Any, holder: Any, job_of: Callable[..., Any], amount: str = "3000") -> Payment:
    return services.record_payment(actor=actor, assistance_id=job_of().pk, method="cash", amount=Decimal(amount), taken_by=holder.pk)


def an_hour_passes() -> None:
    for model in (Payment, CashHandIn):
        model.objects.update(created_at=F("created_at") - timedelta(hours=1, seconds=1))


def held() -> dict[int, tuple[Decimal, Decimal]]:
    return {row.assistant_id: (row.taken, row.handed_in) for row in cash_in_hand()}


@pytest.mark.django_db
def test_counted_or_not_the_cash_is_the_same(staff_user: Any, assistant_user: Any, job_of: Any, dispatcher: Any, order_of: Any) -> None:
    second = User.objects.create_user("+213555000078", None, "x", phone_number="+213555000078", user_type="assistant", name="Farid")
    first_paid, handed = take(staff_user, assistant_user, job_of), None
    services.record_payment(actor=dispatcher, order_id=order_of(dispatcher).pk, method="cash")  # a dispatcher's own is counted and shown nowhere
    steps: list[Callable[[], Any]] = [
        lambda: services.hand_in_cash(actor=staff_user, assistant_id=assistant_user.pk, amount=Decimal(500)),
        lambda: take(staff_user, second, job_of, "0.10"),
        lambda: services.reverse_payment(actor=staff_user, payment_id=first_paid.pk, reason="refund"),
        lambda: services.reverse_hand_in(actor=staff_user, row_id=handed.pk, reason="miscounted"),
        lambda: take(staff_user, assistant_user, job_of, "20"),
    ]
    expected = [
        {assistant_user.pk: (3000, 500)},
        {assistant_user.pk: (3000, 500), second.pk: (Decimal("0.10"), 0)},
        {assistant_user.pk: (0, 500), second.pk: (Decimal("0.10"), 0)},
        {assistant_user.pk: (0, 0), second.pk: (Decimal("0.10"), 0)},
        {assistant_user.pk: (20, 0), second.pk: (Decimal("0.10"), 0)},
    ]
    for step, sums in zip(steps, expected, strict=True):
        done = step()
        handed = handed or done
        assert held() == sums
        services.count_cash(actor=None)  # what is younger than an hour waits
        assert held() == sums
        an_hour_passes()
        assert services.count_cash(actor=None) == 1 + (sums == expected[0])
        assert services.count_cash(actor=None) == 0
        assert held() == sums
        assert {pk: in_hand(pk, "DZD") for pk in sums} == {pk: taken - back for pk, (taken, back) in sums.items()}
    assert CashCount.objects.count() == 3


@pytest.mark.django_db
def test_a_row_that_may_still_be_overtaken_is_not_counted(staff_user: Any, assistant_user: Any, job_of: Any) -> None:
    old = take(staff_user, assistant_user, job_of)
    an_hour_passes()
    young = take(staff_user, assistant_user, job_of)
    services.count_cash(actor=None)
    [count] = CashCount.objects.all()
    assert (count.taken, count.last_payment) == (3000, old.pk) and young.pk > old.pk
    assert held() == {assistant_user.pk: (6000, 0)}


@pytest.mark.django_db
def test_the_round_counts_once_for_all_processes(staff_user: Any, assistant_user: Any, job_of: Any) -> None:
    take(staff_user, assistant_user, job_of)
    an_hour_passes()
    assert [periodic_jobs.count_cash(), periodic_jobs.count_cash()] == [True, False]
    assert CashCount.objects.get().taken == 3000


@pytest.mark.django_db
def test_reading_asks_only_for_rows_since_the_count(staff_user: Any, assistant_user: Any, job_of: Any) -> None:
    take(staff_user, assistant_user, job_of)
    an_hour_passes()
    services.count_cash(actor=None)
    [count] = CashCount.objects.all()
    with CaptureQueriesContext(connection) as queries:
        cash_in_hand()
    assert len(queries) == 4  # the counts, payments and cash handed in since, names
    assert f'"payments_payment"."id" > {count.last_payment}' in queries[1]["sql"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_counting_while_people_pay_hand_in_and_look(staff_user: Any, roadside_dispatcher: Any, assistant_user: Any, job_of: Any) -> None:
    other = User.objects.create_user("+213555000078", None, "x", phone_number="+213555000078", user_type="assistant", name="Farid")
    take(staff_user, other, job_of, "700")
    for turn in range(5):
        paid, jobs = take(staff_user, assistant_user, job_of), [job_of(), job_of()]
        an_hour_passes()
        count = partial(services.count_cash, actor=None)
        pay = [partial(services.record_payment, actor=staff_user, assistance_id=job.pk, method="cash", taken_by=assistant_user.pk) for job in jobs]
        looks = at_once(
            count, count, held, *pay, held,
            partial(services.hand_in_cash, actor=roadside_dispatcher, assistant_id=assistant_user.pk, amount=Decimal(100)),
            partial(services.reverse_payment, actor=staff_user, payment_id=paid.pk, reason="x"), held,
        )  # fmt: skip
        assert {look[other.pk] for look in looks if isinstance(look, dict)} == {(Decimal(700), Decimal(0))}
        assert held()[assistant_user.pk] == (Decimal(6000) * (turn + 1), Decimal(100) * (turn + 1))
    an_hour_passes()
    services.count_cash(actor=None)
    assert held() == {assistant_user.pk: (Decimal(30000), Decimal(500)), other.pk: (Decimal(700), Decimal(0))}
