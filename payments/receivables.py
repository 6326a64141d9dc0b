"""What is unpaid, and by whom. Reads, changes nothing."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db.models import Count, F, Min, QuerySet, Sum

from assistance import lifecycle
from assistance.models import Assistance
from assistance.pricing import money
from depannini_dashmap.lib.time_zone import display_zone
from orders.models import Order
from payments.cash_on_hand import names_of

if TYPE_CHECKING:
    from accounts.models import User

MOST_GROUPS = 500
MOST_ROWS = 200
EARLIEST = date(2000, 1, 1)  # nothing here is older; the first days of the calendar have no instant in every zone


class Debtor(NamedTuple):
    """Who owes: a customer of a company, the client of jobs, or who pays for jobs instead of the client."""

    company_id: int | None = None
    customer_name: str = ""
    customer_company: str = ""
    client_id: int | None = None
    billed_to: str = ""


class Debt(NamedTuple):
    """What one debtor owes in one currency."""

    debtor: Debtor
    customer: str
    rows: int
    due: Decimal
    currency: str
    oldest: datetime

    @property
    def about(self) -> str:
        """What it is owed for: `orders` or `jobs`."""
        return "orders" if self.debtor.company_id else "jobs"


class DueRow(NamedTuple):
    """One unpaid order or job."""

    about: str
    pk: int
    label: str
    who: str
    at: datetime
    price: Decimal
    due: Decimal
    currency: str


def unpaid(user: User, *, since: date | None = None) -> list[Debt]:
    """Return what is owed for delivered orders and completed jobs that the user may see, the greatest debt first.

    Orders are grouped by company and customer; jobs by `billed_to` where somebody else pays, else by client. `since` leaves
    out orders taken and jobs ended before that day. Jobs that ended before payments were recorded never count.
    """
    orders, jobs = _unpaid(user, since)
    debts = _of_orders(orders) + (_of_jobs(jobs) if user.is_roadside else [])
    return sorted(debts, key=lambda debt: (-debt.due, debt.customer))


def unpaid_totals(user: User, *, since: date | None = None) -> dict[str, Decimal]:
    """Return all that is owed by currency, as `unpaid` lists it, also where that list is cut at MOST_GROUPS."""
    orders, jobs = _unpaid(user, since)
    of_orders = orders.aggregate(due=Sum(F("price") - F("paid")))["due"]
    totals = {settings.CURRENCY: money(of_orders)} if of_orders else {}
    if user.is_roadside:
        for currency, due in jobs.values_list("currency").annotate(due=Sum(F("total_price") - F("paid"))).order_by():
            totals[currency] = totals.get(currency, Decimal(0)) + money(due)
    return totals


def unpaid_rows(user: User, debtor: Debtor, *, since: date | None = None) -> list[DueRow]:
    """Return the unpaid orders or jobs of one debtor that the user may see, the oldest first, at most MOST_ROWS."""
    orders, jobs = _unpaid(user, since)
    if debtor.company_id:
        orders = orders.filter(company=debtor.company_id, customer_name=debtor.customer_name, customer_company=debtor.customer_company)
        return [
            DueRow(
                "orders", row.pk, row.order_number, row.customer_company or row.customer_name, row.created_at,
                row.price or Decimal(0), (row.price or Decimal(0)) - row.paid, settings.CURRENCY,
            )
            for row in orders.order_by("created_at", "pk")[:MOST_ROWS]
        ]  # fmt: skip
    if not user.is_roadside:
        return []
    of_one = {"billed_to": debtor.billed_to} if debtor.billed_to else {"billed_to": "", "client": debtor.client_id}
    found = jobs.filter(**of_one).select_related("client").order_by("ended_at", "pk")[:MOST_ROWS]
    return [
        DueRow(
            "jobs", row.pk, f"#{row.pk}", row.billed_to or row.client.display_name or f"#{row.client_id}", row.ended_at or row.created_at,
            row.total_price, row.total_price - (row.paid or Decimal(0)), row.currency,
        )
        for row in found
    ]  # fmt: skip


def _unpaid(user: User, since: date | None) -> tuple[QuerySet[Order], QuerySet[Assistance]]:
    orders = Order.objects.listed_for(user).filter(status="delivered", price__gt=F("paid"))
    jobs = Assistance.objects.filter(status=lifecycle.COMPLETED, total_price__gt=F("paid"))
    if since is not None and since > EARLIEST:
        start = datetime.combine(since, time(), display_zone())
        orders, jobs = orders.filter(created_at__gte=start), jobs.filter(ended_at__gte=start)
    return orders, jobs


def _of_orders(orders: QuerySet[Order]) -> list[Debt]:
    rows: Any = orders.values_list("company_id", "customer_name", "customer_company").annotate(
        count=Count("pk"), due=Sum(F("price") - F("paid")), oldest=Min("created_at")
    )
    return [
        Debt(Debtor(company, name, firm), firm or name, count, money(due), settings.CURRENCY, oldest)
        for company, name, firm, count, due, oldest in rows.order_by("-due")[:MOST_GROUPS]
    ]


def _of_jobs(jobs: QuerySet[Assistance]) -> list[Debt]:
    sums: dict[str, Any] = {"count": Count("pk"), "due": Sum(F("total_price") - F("paid")), "oldest": Min("ended_at")}
    billed: Any = jobs.exclude(billed_to="").values_list("billed_to", "currency")
    own: Any = jobs.filter(billed_to="").values_list("client_id", "currency")
    billed_rows, own_rows = (list(rows.annotate(**sums).order_by("-due")[:MOST_GROUPS]) for rows in (billed, own))
    names = names_of(client for client, *_ in own_rows)
    return [
        Debt(Debtor(billed_to=payer), payer, count, money(due), currency, oldest) for payer, currency, count, due, oldest in billed_rows
    ] + [
        Debt(Debtor(client_id=client), names[client], count, money(due), currency, oldest)
        for client, currency, count, due, oldest in own_rows
    ]
