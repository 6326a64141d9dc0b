"""What the pages about money ask for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Membership, User
from depannini_dashmap.console.amounts import read_amount
from depannini_dashmap.lib.admin.tenancy import TextFormField
from orders.models import Order
from payments.models import LONGEST_NOTE, Payment
from payments.payable_balances import Balance, Payable


class AmountField(TextFormField):
    """An amount of money as people type it; what they typed stays in the page."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "dir": "ltr", "size": 12, "autocomplete": "off"})

    def clean(self, value: Any) -> Decimal | None:
        """Return the amount. Raises: ValidationError for what is none."""
        text = super().clean(value)
        if not text:
            return None
        amount = read_amount(text)
        if not amount.is_finite() or amount <= 0:
            raise forms.ValidationError(_("Write an amount above zero, as 1500 or 1500,50."))
        return amount


class KeyedForm(forms.Form):
    """A form that is itself once: sent twice, by a double press or a reload, it does nothing twice."""

    form_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, use_required_attribute=False, **kwargs)
        self.fields["form_key"].initial = uuid4

    def add_error(self, field: str | None, error: Any) -> None:
        """Note an error; a key that is none is exchanged for a new one, so that the form can be sent again."""
        super().add_error(field, error)
        if field == "form_key":
            self.renew_key()

    def renew_key(self) -> None:
        """Let the form be sent anew after it was refused."""
        self.data = self.data.copy()
        self.data["form_key"] = str(uuid4())  # type: ignore[index]


class PayForm(KeyedForm):
    """How much, how, and who took it."""

    amount = AmountField(max_length=40, label=gettext_lazy("Amount"))
    method = forms.ChoiceField(label=gettext_lazy("How"), choices=Payment.Method.choices, initial=Payment.Method.CASH, widget=forms.RadioSelect)
    taken_by = forms.TypedChoiceField(label=gettext_lazy("Taken by"), coerce=int)
    note = TextFormField(label=gettext_lazy("Note"), max_length=LONGEST_NOTE, required=False)

    def __init__(self, user: User, thing: Payable, balance: Balance, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].initial = number_format(balance.due, 2)
        self.fields["taken_by"].choices = _takers(user, thing)  # type: ignore[attr-defined]
        job_of = None if isinstance(thing, Order) else thing.assistant
        self.fields["taken_by"].initial = job_of.pk if job_of is not None and job_of.is_active else user.pk


class HandInForm(KeyedForm):
    """How much cash an assistant hands over."""

    assistant = forms.IntegerField(min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
    amount = AmountField(max_length=40, label=gettext_lazy("Amount"))


def _takers(user: User, thing: Payable) -> list[tuple[int, str]]:
    """Return who may have taken the money: oneself, and colleagues of the order's company, or the assistant of the job."""
    if isinstance(thing, Order):
        members = Membership.objects.filter(company_id=thing.company_id, user__is_active=True).select_related("user")
        people = [row.user for row in members.order_by("user__name", "user_id")]
    else:
        people = [thing.assistant] if thing.assistant is not None and thing.assistant.is_active else []
    others = [(one.pk, one.display_name) for one in people if one.pk != user.pk]
    return [(user.pk, _("%(name)s (you)") % {"name": user.display_name}), *others]
