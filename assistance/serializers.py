"""The shape of what comes in on `/api/assistance/`, and of what goes out for the schema; nothing here calls anything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.fields import PhoneField
from assistance.lifecycle import STATES
from assistance.models import Assistance, ChatMessage, RequestPhoto, ServiceType, VehicleClass
from assistance.services.calls import Caller
from depannini_dashmap.lib.api.fields import (
    DecimalStringField,
    NumberField,
    StrictIntegerField,
    TextField,
    UtcDateTimeField,
)
from depannini_dashmap.lib.api.schema_serializers import AnswerSerializer

NO_AMOUNT = Decimal("NaN")


class PointSerializer(serializers.Serializer):
    """A place in degrees."""

    lat = NumberField(min_value=-90, max_value=90)
    lng = NumberField(min_value=-180, max_value=180)


class OptionalChoiceField(serializers.ChoiceField):
    """One of a few words; absent, null and empty are the same."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        super().__init__(choices, allow_blank=True, allow_null=True, default="", **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class DropoffSerializer(PointSerializer):
    """A place, or none: absent, null, `{}` and a place of nulls are the same."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        is_none = isinstance(data, dict) and (
            all(value is None for value in data.values())
            or all(name in data and data[name] is None for name in ("lat", "lng"))
        )
        return None if is_none else super().run_validation(data)


class PriceField(DecimalStringField):
    """An amount from 0 to ASSISTANCE_MAX_PRICE, or null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, min_value=0, required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        value = super().to_internal_value(data)
        if value > settings.ASSISTANCE_MAX_PRICE:
            self.fail("max_value", max_value=settings.ASSISTANCE_MAX_PRICE)
        return value


class AnyAmountField(PriceField):
    """An amount with a step: anything else is read as NaN, as it only matters where the caller may set the price."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        try:
            return super().run_validation(data)
        except serializers.ValidationError:
            return NO_AMOUNT


class RequestSerializer(serializers.Serializer):
    """A call for help."""

    pickup = PointSerializer()
    dropoff = DropoffSerializer(required=False, allow_null=True)
    assistance_type = OptionalChoiceField(ServiceType.choices)
    vehicle_type = OptionalChoiceField(VehicleClass.choices)
    description = TextField(max_length=1000, required=False, allow_blank=True, allow_null=True, default="")

    def validated_arguments(self) -> dict[str, Any]:
        """Return the arguments of the service."""
        data = self.validated_data
        dropoff = data.get("dropoff")
        return {
            "pickup": (data["pickup"]["lat"], data["pickup"]["lng"]),
            "dropoff": (dropoff["lat"], dropoff["lng"]) if dropoff else None,
            "assistance_type": data["assistance_type"] or "",
            "vehicle_type": data["vehicle_type"] or "",
            "description": data["description"] or "",
        }


class CallerSerializer(serializers.Serializer):
    """Who calls."""

    phone_number = PhoneField()
    name = TextField(max_length=150)


class CallSerializer(RequestSerializer):
    """A request for help that staff or Roadside enter for a caller; clients, for themselves, send none of these keys."""

    client = CallerSerializer(help_text="by staff and Roadside: who calls")
    billed_to = TextField(
        max_length=200, required=False, allow_blank=True, allow_null=True, default="", help_text="a garage or an insurer"
    )
    scheduled_for = UtcDateTimeField(required=False, allow_null=True, help_text="made and offered then")

    def caller(self) -> Caller:
        """Return who calls, and whom to bill."""
        data = self.validated_data
        return Caller(data["client"]["phone_number"], data["client"]["name"], data["billed_to"] or "")

    def time_ahead(self) -> Any:
        """Return the time at which the request is to be made, None for now."""
        return self.validated_data.get("scheduled_for")


@extend_schema_serializer(component_name="Call")
class AnyCallSerializer(CallSerializer):
    """A request for help; `client`, `billed_to` and `scheduled_for` are for staff and Roadside who enter it for a caller.

    The schema's alone: which of the two others reads a body depends on who sends it.
    """

    client = CallerSerializer(required=False, help_text="by staff and Roadside: who calls")


class AssignSerializer(serializers.Serializer):
    """The assistant to assign a request to."""

    assistant = StrictIntegerField(min_value=1, max_value=2**63 - 1)


class StatusSerializer(serializers.Serializer):
    """The state that somebody asks for; a reason in words may go with a cancellation, a price with a completion."""

    status = serializers.ChoiceField(STATES)
    reason = TextField(max_length=500, required=False, allow_blank=True, allow_null=True, default="")
    total_price = AnyAmountField()


class EndSerializer(serializers.Serializer):
    """The end of a job, with the price of a repair."""

    total_price = AnyAmountField()


class PriceSerializer(serializers.Serializer):
    """A price, under either of its two names; staff say why."""

    price = PriceField()
    total_price = PriceField()

    reason = TextField(max_length=500, required=False, allow_blank=True, allow_null=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        amount = attrs.get("total_price") if attrs.get("total_price") is not None else attrs.get("price")
        if amount is None:
            raise serializers.ValidationError({"price": ["This field is required."]})
        return {"amount": amount, "reason": attrs["reason"] or ""}


class ConsentSerializer(serializers.Serializer):
    """What the client says to a price, and which one it was."""

    accept = serializers.BooleanField()
    total_price = DecimalStringField(
        max_digits=12,
        decimal_places=2,
        required=False,
        allow_null=True,
        default=None,
        help_text="the price that is answered; another one by now is a 409",
    )


class RatingSerializer(serializers.Serializer):
    """From 1, poor, to 5, excellent."""

    rating = StrictIntegerField(min_value=1, max_value=5)


class PostSerializer(serializers.Serializer):
    """A message, with the sender's own name for it."""

    message = TextField(max_length=ChatMessage.MAX_LENGTH)
    client_id = serializers.CharField(
        max_length=ChatMessage.MAX_CLIENT_ID,
        required=False,
        allow_blank=True,
        allow_null=True,
        trim_whitespace=False,
        default="",
        help_text="the same again stores nothing and answers the first message",
    )


class AssistantsQuerySerializer(serializers.Serializer):
    """Which assistants to list: around a place, of a service."""

    lat = NumberField(min_value=-90, max_value=90, required=False)
    lng = NumberField(min_value=-180, max_value=180, required=False)
    radius_km = NumberField(min_value=0, max_value=20100, required=False)
    service_type = OptionalChoiceField(ServiceType.choices)
    page_size = StrictIntegerField(min_value=1, required=False, default=1000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for given, missing in (("lat", "lng"), ("lng", "lat"), ("radius_km", "lat")):
            if given in attrs and missing not in attrs:
                raise serializers.ValidationError({missing: ["This field is required."]})
        return attrs


# --- Answers, for the schema-------------------------------------------------------------------------------------
@extend_schema_serializer(component_name="Party")
class PersonSerializer(AnswerSerializer):
    """A party of a request; the phone number is null unless it may be seen."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    phone_number = serializers.CharField(allow_null=True)


class ExpectedSerializer(AnswerSerializer):
    """When somebody may be there: about then, mostly between those, by what, reckoned when."""

    at = UtcDateTimeField()
    earliest = UtcDateTimeField()
    latest = UtcDateTimeField()
    source = serializers.ChoiceField(["road", "straight_line"])
    reckoned_at = UtcDateTimeField()


class AssistanceSerializer(AnswerSerializer):
    """A request for help."""

    id = serializers.IntegerField()
    status = serializers.ChoiceField(STATES)
    client = PersonSerializer()
    assistant = PersonSerializer(allow_null=True)
    pickupLocation = PointSerializer()
    dropoffLocation = PointSerializer(allow_null=True)
    distance_km = serializers.FloatField(help_text="pickup to dropoff as the crow flies, 0 without dropoff")
    total_price = serializers.FloatField()
    currency = serializers.CharField()
    price_is_final = serializers.BooleanField(help_text="false until the assistant has priced a repair")
    price_consent = serializers.ChoiceField(
        Assistance.Consent.choices,
        allow_null=True,
        help_text="what the client says to a price that was named after the request; null when nothing was asked",
    )
    price_note = serializers.CharField(allow_null=True, help_text="why staff adjusted the price")
    assistance_type = serializers.ChoiceField(ServiceType.choices, allow_null=True)
    vehicle_type = serializers.ChoiceField(VehicleClass.choices, allow_null=True)
    description = serializers.CharField()
    rating = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(allow_null=True, help_text="why it was cancelled")
    createdAt = UtcDateTimeField()
    updatedAt = UtcDateTimeField()
    acceptedAt = UtcDateTimeField(allow_null=True)
    endedAt = UtcDateTimeField(allow_null=True)
    expires_at = UtcDateTimeField(help_text="when it ends unless somebody accepts")
    billed_to = serializers.CharField(allow_null=True, help_text="who pays instead; null for the client")
    stalled_since = UtcDateTimeField(
        allow_null=True, help_text="since when its assistant has been silent for ASSISTANCE_STALLED_AFTER"
    )
    eta = ExpectedSerializer(allow_null=True, help_text="when the assistant may be at the pickup, while the job is ongoing at the dropoff")
    seq = serializers.IntegerField(help_text="grows with every change; the same number as on the socket")


class NearbySerializer(AnswerSerializer):
    """An assistant near the pickup."""

    assistant_id = serializers.IntegerField()
    distance = serializers.FloatField(help_text="km")


class ScheduledSerializer(AnswerSerializer):
    """A request for a caller that is made later."""

    id = serializers.IntegerField()
    scheduled_for = UtcDateTimeField()
    client = PersonSerializer()
    pickupLocation = PointSerializer()
    dropoffLocation = PointSerializer(allow_null=True)
    assistance_type = serializers.ChoiceField(ServiceType.choices, allow_null=True)
    vehicle_type = serializers.ChoiceField(VehicleClass.choices, allow_null=True)
    description = serializers.CharField()
    billed_to = serializers.CharField(allow_null=True)
    refusal = serializers.CharField(allow_null=True, help_text="why it could not be made when it was due")
    createdAt = UtcDateTimeField()


class RequestedSerializer(AnswerSerializer):
    """The answer to a call for help."""

    assistance = AssistanceSerializer(allow_null=True)
    nearby_assistants = NearbySerializer(many=True)
    scheduled = ScheduledSerializer(required=False, help_text="instead, where it is made later")


@extend_schema_serializer(component_name="ChatMessage")
class MessageSerializer(AnswerSerializer):
    """A chat message of a request."""

    id = serializers.IntegerField()
    message = serializers.CharField()
    sender = serializers.CharField()
    sender_id = serializers.IntegerField()
    createdAt = UtcDateTimeField()
    client_id = serializers.CharField(allow_null=True)


@extend_schema_serializer(component_name="RequestPhoto")
class PhotoSerializer(AnswerSerializer):
    """A photo of a request."""

    id = serializers.IntegerField()
    role = serializers.ChoiceField(RequestPhoto.Role.choices, help_text="of who sent it")
    at = UtcDateTimeField()
    path = serializers.CharField(help_text="of the API; read it with the token")


class DeclinedSerializer(AnswerSerializer):
    """A declined offer."""

    message = serializers.CharField()
    assistance_id = serializers.IntegerField()


class ListedAssistantSerializer(AnswerSerializer):
    """An assistant on duty as strangers see them: positions to about a hundred metres, nothing private."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    service_type = serializers.ChoiceField(ServiceType.choices)
    vehicle_type = serializers.CharField()
    profile_photo = serializers.CharField(allow_null=True)
    is_active_assistant = serializers.BooleanField()
    current_lat = serializers.FloatField()
    current_lng = serializers.FloatField()
    distance = serializers.FloatField(allow_null=True, help_text="km from lat, lng; null without them")
