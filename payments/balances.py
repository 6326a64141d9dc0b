"""What a job or an order owes, what is unpaid by whom, and the cash that assistants hold. Reads, changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db.models import Count, F, Min, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from accounts.models import User as Account
from assistance import lifecycle
from assistance.models import Assistance
from assistance.pricing import ZERO, money, vat_in
from depannini_dashmap.lib.time_zone import display_zone
from orders.models import Order
from payments.models import CashHandIn, Payment

if TYPE_CHECKING:
    from accounts.models import User

MOST_GROUPS = 500
Payable = Order | Assistance


class Balance(NamedTuple):
    """What something costs and what has come in for it; `on_account` is the part of `due` that is to be billed."""

    price: Decimal | None
    paid: Decimal
    on_account: Decimal
    currency: str
    vat_rate: Decimal
    is_canceled: bool

    @property
    def due(self) -> Decimal:
        """What is still owed; nothing for what was canceled."""
        return ZERO if self.is_canceled or self.price is None else max(self.price - self.paid, ZERO)

    @property
    def credit(self) -> Decimal:
        """What came in beyond the price, and may have to be given back."""
        owed = ZERO if self.is_canceled or self.price is None else self.price
        return max(self.paid - owed, ZERO)

    @property
    def vat(self) -> Decimal:
        """The VAT that the price has in it."""
        return ZERO if self.price is None else vat_in(self.price, self.vat_rate)


class Debt(NamedTuple):
    """What one customer, or who pays instead of them, owes in one currency."""

    about: str
    company_id: int | None
    customer: str
    client_id: int | None
    billed_to: str
    rows: int
    due: Decimal
    currency: str
    oldest: datetime


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


def balance_of(thing: Payable) -> Balance:
    """Return what a job or an order costs, and what came in."""
    sums = _of(thing).aggregate(
        received=Coalesce(Sum("amount", filter=~Q(method=Payment.Method.ACCOUNT)), Value(ZERO)),
        promised=Coalesce(Sum("amount", filter=Q(method=Payment.Method.ACCOUNT)), Value(ZERO)),
    )
    received, promised = money(sums["received"]), money(sums["promised"])
    if isinstance(thing, Order):
        found = Balance(thing.price, received, promised, settings.CURRENCY, ZERO, thing.status == "cancelled")
    else:
        has_price = thing.price_is_final or thing.total_price > 0
        price = thing.total_price if has_price else None
        found = Balance(price, received, promised, thing.currency, thing.vat_rate, thing.status == lifecycle.CANCELED)
    return found._replace(on_account=min(found.on_account, found.due))


def unpaid(user: User, *, since: date | None = None) -> list[Debt]:
    """Return what is owed for delivered orders and completed jobs that the user may see, the greatest debt first.

    Orders are grouped by company and customer; jobs by `billed_to` where somebody else pays, else by client. `since` leaves
    out orders taken and jobs ended before that day. Jobs that ended before payments were recorded never count.
    """
    orders = Order.objects.listed_for(user).filter(status="delivered", price__gt=F("paid"))
    jobs = Assistance.objects.filter(status=lifecycle.COMPLETED, total_price__gt=F("paid"))
    if since is not None:
        start = datetime.combine(since, time(), display_zone())
        orders, jobs = orders.filter(created_at__gte=start), jobs.filter(ended_at__gte=start)
    debts = _of_orders(orders) + (_of_jobs(jobs) if user.is_roadside else [])
    return sorted(debts, key=lambda debt: (-debt.due, debt.customer))[:MOST_GROUPS]


def _of_orders(orders: QuerySet[Order]) -> list[Debt]:
    rows = orders.values("company_id", "customer_name", "customer_company").annotate(
        count=Count("pk"), due=Sum(F("price") - F("paid")), oldest=Min("created_at")
    )
    return [
        Debt(
            "orders", row["company_id"], row["customer_company"] or row["customer_name"], None, "", row["count"], money(row["due"]),
            settings.CURRENCY, row["oldest"],
        )
        for row in rows.order_by("-due")[:MOST_GROUPS]
    ]  # fmt: skip


def _of_jobs(jobs: QuerySet[Assistance]) -> list[Debt]:
    sums: dict[str, Any] = {"count": Count("pk"), "due": Sum(F("total_price") - F("paid")), "oldest": Min("ended_at")}
    billed: Any = jobs.exclude(billed_to="").values("billed_to", "currency")
    own: Any = jobs.filter(billed_to="").values("client_id", "currency")
    billed_rows, own_rows = (list(rows.annotate(**sums).order_by("-due")[:MOST_GROUPS]) for rows in (billed, own))
    names = names_of(row["client_id"] for row in own_rows)
    return [
        Debt("jobs", None, row["billed_to"], None, row["billed_to"], row["count"], money(row["due"]), row["currency"], row["oldest"])
        for row in billed_rows
    ] + [
        Debt("jobs", None, names[row["client_id"]], row["client_id"], "", row["count"], money(row["due"]), row["currency"], row["oldest"])
        for row in own_rows
    ]


def cash_in_hand() -> list[Cash]:
    """Return what each assistant took in cash and handed in, the most in hand first."""
    by_assistant = {"taken_by__user_type": Account.Type.ASSISTANT, "method": Payment.Method.CASH}
    taken = Payment.objects.filter(**by_assistant).values_list("taken_by_id", "currency").annotate(Sum("amount")).order_by()
    handed = CashHandIn.objects.values_list("assistant_id", "currency").annotate(Sum("amount")).order_by()
    of_taken = {(who, currency): money(amount) for who, currency, amount in taken}
    of_handed = {(who, currency): money(amount) for who, currency, amount in handed}
    keys = of_taken.keys() | of_handed.keys()
    names = names_of(who for who, _ in keys)
    rows = [Cash(key[0], names[key[0]], of_taken.get(key, ZERO), of_handed.get(key, ZERO), key[1]) for key in keys]
    return sorted(rows, key=lambda row: (-row.in_hand, row.name, row.assistant_id))


def in_hand(assistant_id: int, currency: str) -> Decimal:
    """Return the cash that one assistant holds."""
    taken = Payment.objects.filter(taken_by=assistant_id, method=Payment.Method.CASH, currency=currency)
    handed = CashHandIn.objects.filter(assistant=assistant_id, currency=currency)
    sums = [rows.aggregate(total=Coalesce(Sum("amount"), Value(ZERO)))["total"] for rows in (taken, handed)]
    return money(sums[0] - sums[1])


def names_of(user_ids: Iterable[int]) -> dict[int, str]:
    """Return what people are called; `#7` for who has no name, as after an account was closed."""
    people = Account.objects.filter(pk__in=set(user_ids)).only("name", "first_name", "last_name", "username", "user_type")
    return {person.pk: person.display_name or f"#{person.pk}" for person in people}


def _of(thing: Payable) -> QuerySet[Payment]:
    return Payment.objects.filter(order=thing) if isinstance(thing, Order) else Payment.objects.filter(assistance=thing)
