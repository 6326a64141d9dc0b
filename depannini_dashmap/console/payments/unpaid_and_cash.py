"""What is unpaid, by who owes it, and the cash that assistants hold."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Company
from depannini_dashmap.console import action_pages
from depannini_dashmap.console.payments.forms import HandInForm
from depannini_dashmap.console.query_ids import given_id
from depannini_dashmap.lib.errors import Conflict, DomainError
from depannini_dashmap.lib.numbers import written
from payments import receivables
from payments.cash_on_hand import cash_in_hand
from payments.models import LONGEST_NOTE, CashHandIn
from payments.services import hand_in_cash, reverse_hand_in

HANDED_IN_SHOWN = 50


@require_safe
def show_unpaid(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """List who owes what for delivered orders and completed jobs; `?since=` leaves out what is older."""
    since = _since(request)
    owed = receivables.unpaid(request.user, since=since)
    is_cut = len(owed) >= receivables.MOST_GROUPS
    totals: dict[str, Any] = receivables.unpaid_totals(request.user, since=since) if is_cut else {}
    for debt in () if is_cut else owed:
        totals[debt.currency] = totals.get(debt.currency, 0) + debt.due
    companies = _names_of_companies(owed) if request.user.sees_several_companies else {}
    page = {
        "title": _("Unpaid"),
        "since": since,
        "debts": [(debt, companies.get(debt.debtor.company_id)) for debt in owed],
        "totals": totals.items(),
        "most": receivables.MOST_GROUPS if is_cut else 0,
        "is_roadside": request.user.is_roadside,
    }
    return TemplateResponse(request, "console/unpaid.html", {**context, **page})


def _names_of_companies(owed: list[receivables.Debt]) -> dict[int | None, str]:
    ids = {debt.debtor.company_id for debt in owed if debt.debtor.company_id}
    return dict(Company.objects.filter(pk__in=ids).values_list("pk", "name"))


@require_safe
def show_debts(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """List the unpaid orders or jobs of one who owes, the oldest first, each with its page to pay."""
    since = _since(request)
    of_one = receivables.Debtor(
        company_id=given_id(request, "company"),
        customer_name=request.GET.get("name", ""),
        customer_company=request.GET.get("firm", ""),
        client_id=given_id(request, "client"),
        billed_to=request.GET.get("billed_to", ""),
    )
    rows = receivables.unpaid_rows(request.user, of_one, since=since)
    page = {
        "title": _("Unpaid by %(who)s") % {"who": rows[0].who if rows else _("nobody")},
        "rows": rows,
        "most": receivables.MOST_ROWS if len(rows) >= receivables.MOST_ROWS else 0,
    }
    return TemplateResponse(request, "console/debts.html", {**context, **page})


def _since(request: HttpRequest) -> dt.date | None:
    try:
        return parse_date(request.GET.get("since", "")[:10])
    except ValueError:  # 31 February
        return None


@action_pages.READ_AND_POST
@action_pages.for_roadside
def show_cash(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the cash that each assistant took and holds; POST: one of them hands some over."""
    form = HandInForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        try:
            made = hand_in_cash(actor=request.user, assistant_id=given.pop("assistant"), **given)
            messages.success(request, _("Handed over: %(amount)s %(currency)s") % {"amount": written(made.amount), "currency": made.currency})
            return HttpResponseRedirect(reverse("admin:cash"))
        except DomainError as error:
            form.add_error("amount", error.for_page())
            if isinstance(error, Conflict) and error.code == "form_sent_already":
                form.renew_key()
    refused = form.data.get("assistant", "") if form.errors else ""
    rows = [
        {
            "cash": row,
            "typed": form.data.get("amount", "") if str(row.assistant_id) == refused else number_format(row.in_hand, 2),
            "errors": form.errors.get("amount", form.errors.get("form_key", ())) if str(row.assistant_id) == refused else (),
            "key": form.data.get("form_key", "") if str(row.assistant_id) == refused and "form_key" not in form.errors else uuid4(),
        }
        for row in cash_in_hand()
    ]
    handed = CashHandIn.objects.select_related("assistant", "received_by", "reverses", "reversed_by").order_by("-created_at", "-id")
    page = {"title": _("Cash in hand"), "rows": rows, "handed_in": list(handed[:HANDED_IN_SHOWN])}
    return TemplateResponse(request, "console/cash.html", {**context, **page})


@action_pages.READ_AND_POST
@action_pages.for_roadside
def reverse_cash(request: HttpRequest, row_id: int, context: dict[str, Any]) -> HttpResponse:
    """Ask for the reason, then take back that cash was handed over."""
    rows = CashHandIn.objects.visible_to(request.user).select_related("assistant")
    row = rows.filter(pk=action_pages.checked_id(row_id)).first()
    if row is None:
        raise Http404
    back = reverse("admin:cash")
    note, problem = action_pages.given_note(request, longest=LONGEST_NOTE)
    if request.method == "POST" and not problem:
        try:
            reverse_hand_in(actor=request.user, row_id=row.pk, reason=note)
            messages.success(request, _("Taken back."))
            return HttpResponseRedirect(back)
        except DomainError as error:
            problem = error.for_page()
    page = {"title": _("Take back that cash was handed over"), "row": row, "back": back}
    reason = {"note": note, "problem": problem, "longest": LONGEST_NOTE}
    return TemplateResponse(request, "console/reverse_cash.html", {**context, **page, **reason})
