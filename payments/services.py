"""Record payments and cash handed in, and take them back by further rows. Nothing here changes or deletes a row.

Locks, in the order of the house: the account of who holds the cash, the order or job, the counter of receipts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Model, QuerySet, Sum
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from accounts.models import Membership
from accounts.models import User as Account
from accounts.permissions import require_editor
from assistance.models import Assistance
from assistance.pricing import CENT, TOO_MUCH, ZERO, money
from depannini_dashmap.lib.db.advisory_locks import take_lock
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.numbers import written_lazy
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.text import clean
from fleet.events import board_changed, roadside_changed
from orders.models import Order
from payments.card_numbers import holds_card_number
from payments.cash_on_hand import add_sums, in_hand
from payments.models import LONGEST_NOTE, ROADSIDE, CashCount, CashHandIn, Payment
from payments.payable_balances import Balance, Payable, balance_of
from payments.receipts import take_receipt_number

if TYPE_CHECKING:
    from accounts.models import User

Method = Payment.Method
SETTLED = timedelta(hours=1)  # no transaction lives as long
Row = TypeVar("Row", bound=Model)
Made = TypeVar("Made", Payment, CashHandIn)


@transaction.atomic
def record_payment(
    *,
    actor: User,
    order_id: int | None = None,
    assistance_id: int | None = None,
    amount: Decimal | None = None,
    method: str,
    taken_by: int | None = None,
    note: str = "",
    form_key: UUID | None = None,
) -> Payment:
    """Write down money for one order or one job; without an amount, all that is due. `taken_by` is the actor, unless named.

    A page gives each of its forms a key: sent twice, by a double press or a reload, it is the payment of the first time.
    Effects: the next receipt number of the company, or of jobs; what is paid of the order or job; the audit names the actor.
    Raises: Forbidden (viewers), InvalidData (neither or both, one that is not the actor's to see, an amount that is none, a
    taker who cannot be it, a card's number in the note), Conflict `no_price`, `payment_canceled`, `already_paid`,
    `overpaid` with what is `due`, `form_sent_already`.
    """
    if (order_id is None) == (assistance_id is None):
        raise InvalidData(fields={"order": [_("Name an order or an assistance request.")]})
    if method not in Method.values:
        raise InvalidData(fields={"method": [_("Choose a method.")]})
    text = _checked_note(note)
    try:
        thing = _locked_order(actor, order_id) if order_id is not None else _locked_job(actor, assistance_id or 0)
    except NotFound as error:
        named = "order" if order_id is not None else "assistance"
        raise InvalidData(fields={named: [_("Unknown id.")]}) from error
    if form_key is not None and (made := Payment.objects.of(thing).filter(recorded_by=actor, form_key=form_key).first()):
        return _the_same(made, amount, method=method, taken_by_id=taken_by or actor.pk)
    taker = _taker(actor, thing, taken_by)
    balance = balance_of(thing)
    worth = _payable(balance, amount, method)
    fields: dict[str, Any] = {"method": method, "taken_by_id": taker, "note": text, "form_key": form_key}
    payment = _write(thing, actor, Payment(amount=worth, currency=balance.currency, **fields))
    audit.record("payment_recorded", actor=actor, target=thing, payment=payment.pk, amount=str(worth), method=method)
    return payment


@transaction.atomic
def reverse_payment(*, actor: User, payment_id: int, reason: str) -> Payment:
    """Take a payment back by a row of the same amount below zero, with a receipt number of its own.

    Raises: NotFound, Forbidden (viewers), InvalidData (no reason), Conflict `already_reversed`, `is_reversal`.
    """
    first = _visible(Payment.objects.visible_to(actor), payment_id, _("Payment"))
    text = _checked_note(reason)
    if not text:
        raise InvalidData(fields={"reason": [_("This field is required.")]})
    if first.method == Method.CASH:
        Account.objects.select_for_update(no_key=True).get(pk=first.taken_by_id)
    thing = _locked_order(actor, first.order_id) if first.order_id else _locked_job(actor, first.assistance_id or 0)
    if first.company_id:
        require_editor(actor, first.company_id)  # whose receipts these are: the order may have gone to another company since
    if first.reverses_id is not None:
        raise Conflict(_("This row takes another one back already"), code="is_reversal")
    if Payment.objects.filter(reverses=first).exists():
        raise Conflict(_("This payment was taken back already"), code="already_reversed")
    back = Payment(
        amount=-first.amount, method=first.method, taken_by_id=first.taken_by_id, note=text, currency=first.currency, reverses=first,
    )  # fmt: skip
    payment = _write(thing, actor, back, company_id=first.company_id)
    audit.record("payment_reversed", actor=actor, target=thing, payment=payment.pk, reverses=first.pk, reason=text)
    return payment


@transaction.atomic
def hand_in_cash(
    *, actor: User, assistant_id: int, amount: Decimal | None = None, currency: str = "", note: str = "", form_key: UUID | None = None
) -> CashHandIn:
    """Write down cash that an assistant gives to the office; without an amount, all that they hold. `form_key`: as record_payment.

    Raises: Forbidden (neither staff nor Roadside), InvalidData (no assistant, an amount that is none, a card's number),
    Conflict `more_than_in_hand` with what is `in_hand`, `form_sent_already`.
    """
    _require_roadside(actor)
    text, money_of = _checked_note(note), currency or settings.CURRENCY
    rows = Account.objects.filter(pk=assistant_id, user_type=Account.Type.ASSISTANT).select_for_update(no_key=True)
    if rows.first() is None:
        raise InvalidData(fields={"assistant": [_("Unknown id.")]})
    if form_key is not None and (made := CashHandIn.objects.filter(received_by=actor, assistant=assistant_id, form_key=form_key).first()):
        return _the_same(made, amount)
    held = in_hand(assistant_id, money_of)
    worth = _checked_amount(held if amount is None and held > 0 else amount)
    if worth > held:
        raise Conflict(
            format_lazy(_("They hold {amount} {currency}"), amount=written_lazy(held), currency=money_of), code="more_than_in_hand", in_hand=str(held)
        )
    row = CashHandIn.objects.create(
        assistant_id=assistant_id, amount=worth, currency=money_of, received_by=actor, note=text, form_key=form_key
    )
    audit.record("cash_handed_in", actor=actor, target=row.assistant, row=row.pk, amount=str(worth))
    return row


@transaction.atomic
def reverse_hand_in(*, actor: User, row_id: int, reason: str) -> CashHandIn:
    """Take back that cash was handed in. Raises: as reverse_payment, and Forbidden (neither staff nor Roadside)."""
    _require_roadside(actor)
    text = _checked_note(reason)
    if not text:
        raise InvalidData(fields={"reason": [_("This field is required.")]})
    first = _visible(CashHandIn.objects.visible_to(actor), row_id, _("Cash handed in"))
    Account.objects.select_for_update(no_key=True).get(pk=first.assistant_id)
    if first.reverses_id is not None:
        raise Conflict(_("This row takes another one back already"), code="is_reversal")
    if CashHandIn.objects.filter(reverses=first).exists():
        raise Conflict(_("This row was taken back already"), code="already_reversed")
    row = CashHandIn.objects.create(
        assistant_id=first.assistant_id, amount=-first.amount, currency=first.currency, received_by=actor, note=text, reverses=first
    )
    audit.record("cash_hand_in_reversed", actor=actor, target=row.assistant, row=row.pk, reverses=first.pk, reason=text)
    return row


@transaction.atomic
def count_cash(*, actor: None) -> int:
    """Count everybody's cash up to the rows of an hour ago, and return how many people's changed; a round calls, so no `actor`.

    Numbers are given before their rows are committed, in any order; after an hour none below the last can still come.
    """
    take_lock("cash count")
    counts = {(row.holder_id, row.currency): row for row in CashCount.objects.all()}
    first = next(iter(counts.values()), CashCount())
    last_payment = _settled(Payment.objects.all(), first.last_payment)
    last_hand_in = _settled(CashHandIn.objects.all(), first.last_hand_in)
    taken: dict[tuple[int, str], Decimal] = {}
    handed: dict[tuple[int, str], Decimal] = {}
    add_sums(taken, Payment.objects.in_cash(after=first.last_payment).filter(pk__lte=last_payment), "taken_by_id")
    add_sums(handed, CashHandIn.objects.filter(pk__gt=first.last_hand_in, pk__lte=last_hand_in), "assistant_id")
    changed = taken.keys() | handed.keys()
    if not changed:
        return 0
    for key in changed:
        row = counts.setdefault(key, CashCount(holder_id=key[0], currency=key[1]))
        row.taken += taken.get(key, ZERO)
        row.handed_in += handed.get(key, ZERO)
    for row in counts.values():
        row.last_payment, row.last_hand_in = last_payment, last_hand_in
    columns = ["taken", "handed_in", "last_payment", "last_hand_in"]
    CashCount.objects.bulk_create(counts.values(), update_conflicts=True, unique_fields=["holder", "currency"], update_fields=columns)
    return len(changed)


def _settled(rows: QuerySet[Any], counted: int) -> int:
    """Return the last row that none below it can follow any more, or the one that was counted last."""
    return max(counted, rows.filter(created_at__lt=timezone.now() - SETTLED).aggregate(last=Max("pk"))["last"] or 0)


def _locked_order(actor: User, order_id: int) -> Order:
    order = _visible(Order.objects.visible_to(actor).select_for_update(), order_id, _("Order"))
    require_editor(actor, order.company_id)
    return order


def _locked_job(actor: User, assistance_id: int) -> Assistance:
    rows = Assistance.objects.all() if actor.is_roadside else Assistance.objects.none()
    return _visible(rows.select_for_update(), assistance_id, _("Assistance"))


def _visible(rows: QuerySet[Row], pk: int, name: StrOrPromise) -> Row:
    row = rows.filter(pk=pk).first() if 0 < pk < 2**63 else None
    if row is None:
        raise NotFound(name)
    return row


def _taker(actor: User, thing: Payable, taken_by: int | None) -> int:
    """Return who took the money: the actor; a colleague with the order's company; of jobs an assistant or a dispatcher."""
    if taken_by is None or taken_by == actor.pk:
        return actor.pk
    people = Account.objects.active().filter(pk=taken_by)
    if isinstance(thing, Order):
        people = people.filter(pk__in=Membership.objects.filter(company_id=thing.company_id).values("user_id"))
    # An assistant's account is locked before the job in other services, and here not at all: a payment only adds.
    person = people.first()
    works_here = person is not None and (isinstance(thing, Order) or person.is_roadside or person.user_type == Account.Type.ASSISTANT)
    if not works_here:
        raise InvalidData(fields={"taken_by": [_("Unknown id.")]})
    return taken_by


def _payable(balance: Balance, amount: Decimal | None, method: str) -> Decimal:
    """Return the amount that may be paid."""
    if balance.is_canceled:
        raise Conflict(_("What was cancelled is not paid for"), code="payment_canceled")
    if balance.price is None:
        raise Conflict(_("It has no price yet"), code="no_price")
    # What was promised on account is not promised twice; money for it may come in any time.
    due = balance.due - (balance.on_account if method == Method.ACCOUNT else ZERO)
    if due <= 0:
        raise Conflict(_("It is paid already"), code="already_paid", due="0.00")
    worth = _checked_amount(due if amount is None else amount)
    if worth > due:
        sentence = format_lazy(_("Only {amount} {currency} are due"), amount=written_lazy(due), currency=balance.currency)
        raise Conflict(sentence, code="overpaid", due=str(due))
    return worth


def _checked_amount(amount: Decimal | None) -> Decimal:
    if amount is None or not amount.is_finite() or not 0 < amount < TOO_MUCH or money(amount) < CENT:
        raise InvalidData(fields={"amount": [_("An amount above zero.")]})
    return money(amount)


def _checked_note(note: str) -> str:
    text = clean(note)
    if len(text) > LONGEST_NOTE or "\x00" in text:
        raise InvalidData(fields={"note": [format_lazy(_("Use at most {count} characters."), count=LONGEST_NOTE)]})
    if holds_card_number(text):
        raise InvalidData(fields={"note": [_("This is a card's number: no data of cards is kept here.")]})
    return text


def _write(thing: Payable, actor: User, payment: Payment, *, company_id: int | None = None) -> Payment:
    """Number and store a payment of a locked order or job, and bring up to date what is paid of it."""
    now: datetime = timezone.now()
    payment.recorded_by, payment.created_at = actor, now
    if isinstance(thing, Order):
        payment.order, payment.company_id = thing, company_id or thing.company_id
    else:
        payment.assistance = thing
    payment.year, payment.number = take_receipt_number(payment.company_id or ROADSIDE, now)
    payment.save(force_insert=True)
    received = Payment.objects.of(thing).received().aggregate(total=Sum("amount"))["total"]
    thing.paid = money(received or ZERO)
    if isinstance(thing, Order):
        thing.save(update_fields=["paid", "updated_at"])
        board_changed(thing.company_id, "orders")
    else:
        thing.save(update_fields=["paid"])
        roadside_changed("assistance")
    return payment


def _the_same(made: Made, amount: Decimal | None, **fields: Any) -> Made:
    """Return what a form has made before. Raises: Conflict `form_sent_already` where it says something else by now."""
    changed = (amount is not None and money(amount) != made.amount) or any(getattr(made, name) != value for name, value in fields.items())
    if changed:
        raise Conflict(_("This page was sent already, with something else: look at the list before you send it again"), code="form_sent_already")
    return made


def _require_roadside(actor: User) -> None:
    if not actor.is_roadside:
        raise Forbidden()
