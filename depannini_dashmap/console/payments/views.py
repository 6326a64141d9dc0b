"""What a job or an order has paid: its receipts, a further payment, and taking one back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from assistance.models import Assistance
from depannini_dashmap.console import action_pages
from depannini_dashmap.console.payments.forms import PayForm
from depannini_dashmap.lib.errors import Conflict, DomainError
from orders.models import Order
from payments.models import LONGEST_NOTE, Payment
from payments.payable_balances import Payable, balance_of
from payments.services import record_payment, reverse_payment


@action_pages.READ_AND_POST
def pay_order(request: HttpRequest, order_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show what an order owes and was paid, and take a payment."""
    orders = Order.objects.visible_to(request.user).select_related("company")
    return _pay(request, orders.filter(pk=action_pages.checked_id(order_id)).first(), context)


@action_pages.READ_AND_POST
@action_pages.for_roadside
def pay_job(request: HttpRequest, assistance_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show what a job owes and was paid, and take a payment."""
    jobs = Assistance.objects.visible_to(request.user).select_related("client", "assistant")
    return _pay(request, jobs.filter(pk=action_pages.checked_id(assistance_id)).first(), context)


def _pay(request: HttpRequest, thing: Payable | None, context: dict[str, Any]) -> HttpResponse:
    if thing is None:
        raise Http404
    balance = balance_of(thing)
    form = PayForm(request.user, thing, balance, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not may_pay(request, thing):
            raise PermissionDenied
        if form.is_valid() and (made := _recorded(request, thing, form)):
            messages.success(request, _("Paid: %(receipt)s") % {"receipt": made.receipt_number})
            return HttpResponseRedirect(reverse("admin:receipt", args=[made.pk]))
    payments = Payment.objects.of(thing).visible_to(request.user).select_related("taken_by", "reversed_by", "reverses")
    named = _("Request #%(id)s") % {"id": thing.pk} if isinstance(thing, Assistance) else str(thing)
    page = {
        "title": _("Payments of %(what)s") % {"what": named},
        "thing": thing,
        "is_job": isinstance(thing, Assistance),
        "balance": balance,
        "form": form,
        "may_pay": may_pay(request, thing),
        "payments": list(payments.order_by("created_at", "id")),
        "back": _page_of(thing),
    }
    return TemplateResponse(request, "console/payments.html", {**context, **page})


def _recorded(request: HttpRequest, thing: Payable, form: PayForm) -> Payment | None:
    """Record what the form says; None where that is refused, which the form then tells."""
    named = {"order_id": thing.pk} if isinstance(thing, Order) else {"assistance_id": thing.pk}
    try:
        return record_payment(actor=request.user, **named, **form.cleaned_data)
    except DomainError as error:
        form.add_error(None, error.for_page())
        if isinstance(error, Conflict) and error.code == "form_sent_already":
            form.renew_key()
        return None


def may_pay(request: HttpRequest, thing: Payable) -> bool:
    """Return whether the person records money for it: a viewer of its company only looks."""
    user: Any = request.user
    if isinstance(thing, Order):
        return user.is_operator or Order.objects.editable_by(user).filter(pk=thing.pk).exists()
    return bool(user.is_roadside)


def _page_of(thing: Payable) -> str:
    name = "admin:orders_order_change" if isinstance(thing, Order) else "admin:dispatch_request"
    return reverse(name, args=[thing.pk])


def visible_payment(request: HttpRequest, payment_id: int) -> Payment:
    """Return a payment with what its receipt shows. Raises: Http404."""
    rows = Payment.objects.visible_to(request.user).select_related(
        "company", "order", "assistance__client", "taken_by", "recorded_by", "reverses", "reversed_by"
    )
    payment = rows.filter(pk=action_pages.checked_id(payment_id)).first()
    if payment is None:
        raise Http404
    return payment


@require_safe
def show_receipt(request: HttpRequest, payment_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show a receipt, which can be printed."""
    payment = visible_payment(request, payment_id)
    thing = payment.order or payment.assistance
    page = {
        "title": payment.receipt_number,
        "payment": payment,
        "reversed_by": getattr(payment, "reversed_by", None),
        "balance": balance_of(thing),
        "can_reverse": may_pay(request, thing) and payment.reverses_id is None and not hasattr(payment, "reversed_by"),
        "back": _payments_of(payment),
    }
    return TemplateResponse(request, "console/receipt.html", {**context, **page})


def _payments_of(payment: Payment) -> str:
    if payment.order_id:
        return reverse("admin:pay_order", args=[payment.order_id])
    return reverse("admin:pay_job", args=[payment.assistance_id])


@action_pages.READ_AND_POST
def reverse_receipt(request: HttpRequest, payment_id: int, context: dict[str, Any]) -> HttpResponse:
    """Ask for the reason, then take a payment back."""
    payment = visible_payment(request, payment_id)
    if not may_pay(request, payment.order or payment.assistance):
        raise PermissionDenied
    note, problem = action_pages.given_note(request, longest=LONGEST_NOTE)
    if request.method == "POST" and not problem:
        try:
            back = reverse_payment(actor=request.user, payment_id=payment.pk, reason=note)
            messages.success(request, _("Taken back: %(receipt)s") % {"receipt": back.receipt_number})
            return HttpResponseRedirect(reverse("admin:receipt", args=[back.pk]))
        except DomainError as error:
            problem = error.for_page()
    page = {
        "title": _("Take %(receipt)s back") % {"receipt": payment.receipt_number},
        "payment": payment,
        "back": reverse("admin:receipt", args=[payment.pk]),
    }
    reason = {"note": note, "problem": problem, "longest": LONGEST_NOTE}
    return TemplateResponse(request, "console/reverse_receipt.html", {**context, **page, **reason})
