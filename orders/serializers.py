"""Serializers of orders and stops: validation of bodies, and their shape in the schema."""

from functools import cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Company
from depannini_dashmap.lib.api.fields import ModelSerializer, StrictIntegerField, VisibleRelatedField
from depannini_dashmap.lib.api.schema_serializers import AnswerSerializer
from depannini_dashmap.lib.numbers import NotANumber, read_integer
from fleet.skills import SkillsInput
from orders.field_names import CONTACT, CUSTOMER, GOODS, MONEY, PLACE, WANTED
from orders.models import Order, OrderLink, Stop
from orders.stops import StopInput
from orders.windows import WindowsInput


class StopSerializer(ModelSerializer):
    """A stop object; an `id` inside is ignored."""

    windows = WindowsInput()

    class Meta:
        model = Stop
        fields = ["id", *PLACE, "stop_type", *CONTACT]


@cache
def _stop_reader() -> StopSerializer:
    """Return the one serializer that reads all stops: it keeps nothing of what it reads, and its fields ask nothing of the request."""
    return StopSerializer(partial=True)


@extend_schema_field(StopSerializer)
class StopInputField(serializers.Field):
    """A stop object, the bare id of a stop that the caller may see, or null."""

    default_error_messages = {"invalid": "Expected a stop object or the id of a stop.", "unknown": _("Unknown id.")}

    def to_internal_value(self, data: Any) -> StopInput:
        if isinstance(data, dict):
            return StopInput(fields=self._content(data))
        try:
            number = read_integer(data)
        except NotANumber:
            self.fail("invalid")
        user = self.context["request"].user
        stop = Stop.objects.visible_to(user).filter(pk=number).first() if abs(number) < 2**63 else None
        if stop is None:
            self.fail("unknown")
        return StopInput(stop=stop)

    def _content(self, data: dict) -> dict[str, Any]:
        # The service reports missing fields, as it knows whether the order has the stop already.
        return _stop_reader().run_validation(data)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return StopInput(is_null=True) if data is None else super().run_validation(data)


class OrderSerializer(ModelSerializer):
    """The order object; `company` counts only for a new order and defaults to the current one."""

    company = VisibleRelatedField(queryset=Company.objects.all(), required=False, allow_null=True)
    pickup_stop = StopInputField(required=False, allow_null=True)
    delivery_stop = StopInputField(required=False, allow_null=True)
    required_skills = SkillsInput()

    class Meta:
        model = Order
        fields = [
            "id", "company", "order_number", *CUSTOMER, "pickup_stop", "delivery_stop", *GOODS, *MONEY, "paid", "status", "is_in_trip",
            *WANTED, "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["id", "order_number", "paid", "is_in_trip", "created_at", "updated_at"]


class OrderChangeSerializer(OrderSerializer):
    """The order object put back; an order keeps its company."""

    class Meta(OrderSerializer.Meta):
        fields = [name for name in OrderSerializer.Meta.fields if name != "company"]

    company = None


class FakeOrdersSerializer(serializers.Serializer):
    """How many orders to invent, for which company, and the seed that makes them the same again."""

    count = StrictIntegerField(min_value=1, max_value=1000, default=10)
    seed = StrictIntegerField(required=False, allow_null=True)
    company = VisibleRelatedField(queryset=Company.objects.all(), required=False, allow_null=True)


class FakeOrdersAnswerSerializer(AnswerSerializer):
    """The invented orders."""

    message = serializers.CharField()
    count = serializers.IntegerField()
    created_orders = OrderSerializer(many=True)


class NewOrderLinkSerializer(serializers.Serializer):
    """A customer's link that is wanted."""

    language = serializers.ChoiceField(
        choices=settings.LANGUAGES, required=False, allow_blank=True, help_text="of the page; left out: that of the customer's browser"
    )
    send = serializers.ChoiceField(
        choices=OrderLink.Channel.choices, required=False, allow_blank=True, help_text="how it goes to the customer; left out: not at all"
    )


class OrderLinkSerializer(ModelSerializer):
    """A customer's link; its address is told once, to who made it."""

    language = serializers.CharField(read_only=True, help_text="en, fr, ar; empty: that of the customer's browser")
    channel = serializers.CharField(read_only=True, help_text="sms, email; empty: handed on by people")
    url = serializers.CharField(allow_null=True, default=None, help_text="only in the answer that made it, and null where it is sent")

    class Meta:
        model = OrderLink
        fields = ["url", "language", "channel", "sent_at", "created_at", "expires_at"]
        read_only_fields = fields
