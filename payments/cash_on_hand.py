"""The cash that assistants hold: what they took, less what they handed in. Reads, changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import F, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from accounts.models import User as Account
from assistance.pricing import ZERO, money
from payments.models import CashCount, CashHandIn, Payment


class Cash(NamedTuple):
    """What one assistant took in cash, handed in and so holds."""

    assistant_id: int
    name: str
    taken: Decimal
    handed_in: Decimal
    currency: str

    @property
    def in_hand(self) -> Decimal:
        """What should be in their pocket."""
        return self.taken - self.handed_in


def cash_in_hand() -> list[Cash]:
    """Return what each assistant took in cash and handed in, the most in hand first: the last count and the rows since."""
    kind = F("holder__user_type")
    counts = list(CashCount.objects.annotate(kind=kind).values_list("holder_id", "currency", "taken", "handed_in", "kind", "last_payment", "last_hand_in"))
    last_payment, last_hand_in = counts[0][-2:] if counts else (0, 0)
    of_taken = {(row[0], row[1]): money(row[2]) for row in counts if row[4] == Account.Type.ASSISTANT}
    of_handed = {(row[0], row[1]): money(row[3]) for row in counts if row[4] == Account.Type.ASSISTANT}
    add_sums(of_taken, Payment.objects.in_cash(after=last_payment).filter(taken_by__user_type=Account.Type.ASSISTANT), "taken_by_id")
    add_sums(of_handed, CashHandIn.objects.filter(pk__gt=last_hand_in), "assistant_id")
    keys = of_taken.keys() | of_handed.keys()
    names = names_of(who for who, _ in keys)
    rows = [Cash(key[0], names[key[0]], of_taken.get(key, ZERO), of_handed.get(key, ZERO), key[1]) for key in keys]
    return sorted(rows, key=lambda row: (-row.in_hand, row.name, row.assistant_id))


def add_sums(sums: dict[tuple[int, str], Decimal], rows: QuerySet[Any], holder: str) -> None:
    """Add the amounts of rows to sums by person and currency; `holder` is the column that names the person."""
    for who, currency, amount in rows.order_by().values_list(holder, "currency").annotate(Sum("amount")):
        sums[who, currency] = sums.get((who, currency), ZERO) + money(amount)


def in_hand(assistant_id: int, currency: str) -> Decimal:
    """Return the cash that one assistant holds; of who was never counted all rows are summed."""
    count = CashCount.objects.filter(holder=assistant_id, currency=currency).first() or CashCount()
    taken = Payment.objects.in_cash(after=count.last_payment).filter(taken_by=assistant_id, currency=currency)
    handed = CashHandIn.objects.filter(assistant=assistant_id, currency=currency, pk__gt=count.last_hand_in)
    sums = [rows.aggregate(total=Coalesce(Sum("amount"), Value(ZERO)))["total"] for rows in (taken, handed)]
    return money(count.taken - count.handed_in + sums[0] - sums[1])


def names_of(user_ids: Iterable[int]) -> dict[int, str]:
    """Return what people are called; `#7` for who has no name, as after an account was closed."""
    people = Account.objects.filter(pk__in=set(user_ids)).only("name", "first_name", "last_name", "username", "user_type")
    return {person.pk: person.display_name or f"#{person.pk}" for person in people}

