"""Serializers of payments: validation of bodies, and the shape of answers in the schema."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from depannini_dashmap.lib.api.fields import (
    DecimalStringField,
    IsoDateField,
    StrictIntegerField,
    TextField,
    UtcDateTimeField,
)
from payments.models import LONGEST_NOTE, Payment


def _amount(**options: Any) -> DecimalStringField:
    return DecimalStringField(max_digits=12, decimal_places=2, **options)


class PaymentBodySerializer(serializers.Serializer):
    """A payment for an order or an assistance request; without an amount, all that is due."""

    order = StrictIntegerField(required=False, allow_null=True)
    assistance = StrictIntegerField(required=False, allow_null=True)
    amount = _amount(required=False, allow_null=True, min_value=Decimal("0.01"))
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    taken_by = StrictIntegerField(required=False, allow_null=True, help_text="who took it; empty: the caller")
    note = TextField(required=False, allow_blank=True, max_length=LONGEST_NOTE)

    def arguments(self) -> dict[str, Any]:
        """Return the body under the names of `services.record_payment`."""
        given = self.validated_data
        named = {name: given[name] for name in ("amount", "method", "taken_by", "note") if name in given}
        return {**named, "order_id": given.get("order"), "assistance_id": given.get("assistance")}


class ReversalSerializer(serializers.Serializer):
    """Why a payment, or cash handed in, is taken back."""

    reason = TextField(max_length=LONGEST_NOTE)


class HandInBodySerializer(serializers.Serializer):
    """Cash that an assistant hands in; without an amount, all that they hold."""

    assistant = StrictIntegerField()
    amount = _amount(required=False, allow_null=True, min_value=Decimal("0.01"))
    note = TextField(required=False, allow_blank=True, max_length=LONGEST_NOTE)


class BalanceOfSerializer(serializers.Serializer):
    """Whose balance: an order or an assistance request."""

    order = StrictIntegerField(required=False, help_text="id of an order")
    assistance = StrictIntegerField(required=False, help_text="id of an assistance request")


class UnpaidSerializer(serializers.Serializer):
    """From when on what is unpaid is listed."""

    since = IsoDateField(required=False, help_text="leaves out orders taken, and assistance requests ended, before that day")


class PaymentPersonSerializer(serializers.Serializer):
    """Somebody by id and name."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class PaymentSerializer(serializers.Serializer):
    """A payment as it is answered; below zero it takes another one back."""

    id = serializers.IntegerField()
    receipt_number = serializers.CharField()
    company = serializers.IntegerField(allow_null=True)
    order = serializers.IntegerField(allow_null=True)
    assistance = serializers.IntegerField(allow_null=True)
    amount = _amount()
    currency = serializers.CharField()
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    taken_by = PaymentPersonSerializer()
    recorded_by = PaymentPersonSerializer()
    note = serializers.CharField()
    reverses = serializers.IntegerField(allow_null=True)
    reversed_by = serializers.IntegerField(allow_null=True)
    created_at = UtcDateTimeField()


class BalanceSerializer(serializers.Serializer):
    """What something costs and what came in; the price has the VAT in it."""

    price = _amount(allow_null=True)
    vat_rate = DecimalStringField(max_digits=5, decimal_places=2)
    vat = _amount()
    paid = _amount()
    on_account = _amount()
    due = _amount()
    credit = _amount()
    currency = serializers.CharField()


class DebtSerializer(serializers.Serializer):
    """What one customer, or who pays instead of them, owes."""

    about = serializers.ChoiceField(choices=["orders", "jobs"])
    company = serializers.IntegerField(allow_null=True)
    customer = serializers.CharField()
    client_id = serializers.IntegerField(allow_null=True)
    billed_to = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()
    due = _amount()
    currency = serializers.CharField()
    oldest = UtcDateTimeField()


class CashSerializer(serializers.Serializer):
    """What one assistant took in cash, handed in and so holds."""

    assistant = PaymentPersonSerializer()
    taken = _amount()
    handed_in = _amount()
    in_hand = _amount()
    currency = serializers.CharField()


class HandInSerializer(serializers.Serializer):
    """Cash that was handed in; below zero it takes another row back."""

    id = serializers.IntegerField()
    assistant = PaymentPersonSerializer()
    amount = _amount()
    currency = serializers.CharField()
    received_by = PaymentPersonSerializer()
    note = serializers.CharField()
    reverses = serializers.IntegerField(allow_null=True)
    created_at = UtcDateTimeField()
