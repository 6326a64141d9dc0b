"""Representation of payments, balances, debts and cash in answers; amounts are strings, as exact as they are stored."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from depannini_dashmap.lib.time_zone import format_utc
from payments.cash_on_hand import Cash
from payments.models import CashHandIn, Payment
from payments.payable_balances import Balance
from payments.receivables import Debt


def payment_document(payment: Payment) -> dict[str, Any]:
    """Return the payment object; its people are loaded."""
    back = getattr(payment, "reversed_by", None)
    return {
        "id": payment.pk,
        "receipt_number": payment.receipt_number,
        "company": payment.company_id,
        "order": payment.order_id,
        "assistance": payment.assistance_id,
        "amount": f"{payment.amount:.2f}",
        "currency": payment.currency,
        "method": payment.method,
        "taken_by": _person(payment.taken_by),
        "recorded_by": _person(payment.recorded_by),
        "note": payment.note,
        "reverses": payment.reverses_id,
        "reversed_by": back.pk if back else None,
        "created_at": format_utc(payment.created_at),
    }


def balance_document(balance: Balance) -> dict[str, Any]:
    """Return what something costs and what came in."""
    return {
        "price": None if balance.price is None else f"{balance.price:.2f}",
        "vat_rate": f"{balance.vat_rate:.2f}",
        "vat": f"{balance.vat:.2f}",
        "paid": f"{balance.paid:.2f}",
        "on_account": f"{balance.on_account:.2f}",
        "due": f"{balance.due:.2f}",
        "credit": f"{balance.credit:.2f}",
        "currency": balance.currency,
    }


def debt_document(debt: Debt) -> dict[str, Any]:
    """Return what one customer owes."""
    return {
        "about": debt.about,
        "company": debt.debtor.company_id,
        "customer": debt.customer,
        "client_id": debt.debtor.client_id,
        "billed_to": debt.debtor.billed_to or None,
        "count": debt.rows,
        "due": f"{debt.due:.2f}",
        "currency": debt.currency,
        "oldest": format_utc(debt.oldest),
    }


def cash_document(cash: Cash) -> dict[str, Any]:
    """Return the cash that one assistant holds."""
    return {
        "assistant": {"id": cash.assistant_id, "name": cash.name},
        "taken": f"{cash.taken:.2f}",
        "handed_in": f"{cash.handed_in:.2f}",
        "in_hand": f"{cash.in_hand:.2f}",
        "currency": cash.currency,
    }


def hand_in_document(row: CashHandIn) -> dict[str, Any]:
    """Return a row of cash handed in; its people are loaded."""
    return {
        "id": row.pk,
        "assistant": _person(row.assistant),
        "amount": f"{row.amount:.2f}",
        "currency": row.currency,
        "received_by": _person(row.received_by),
        "note": row.note,
        "reverses": row.reverses_id,
        "created_at": format_utc(row.created_at),
    }


def _person(user: User) -> dict[str, Any]:
    return {"id": user.pk, "name": user.display_name}
