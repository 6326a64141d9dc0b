"""Serializers of trips and trip stops: validation of bodies, and their shape in the schema."""

from __future__ import annotations

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from depannini_dashmap.lib.api.fields import (
    ClockTimeField,
    IsoDateField,
    ModelSerializer,
    StrictIntegerField,
    TextField,
    VisibleRelatedField,
)
from depannini_dashmap.lib.api.schema_serializers import AnswerSerializer
from fleet.models import Vehicle
from orders.models import Order
from orders.serializers import StopInputField, StopSerializer
from trips.models import Trip, TripStop

MAX_SEQUENCE = 2**31 - 1
NOTES_LENGTH = 5000


class OptionalTimeField(ClockTimeField):
    """A time of day; null and the empty text of a blank form field both mean none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> dt.time | None:
        return super().run_validation(None if data == "" else data)


class OptionalDateField(IsoDateField):
    """The day of a time of day on a trip longer than a day; null and the empty text both mean none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> dt.date | None:
        return super().run_validation(None if data == "" else data)


@extend_schema_field(serializers.IntegerField(help_text="1…n; absent or beyond the end: at the end"))
class SequenceField(StrictIntegerField):
    """A wanted place; consoles that count from 0 mean the first place by it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=MAX_SEQUENCE, required=False, allow_null=True, **kwargs)


class LinkedOrderSerializer(serializers.Serializer):
    """The order whose pickup or delivery a stop is."""

    id = serializers.IntegerField()
    order_number = serializers.CharField()
    customer_name = serializers.CharField()


_SOURCE = {"type": "string", "enum": ["road", "straight_line"]}
_INSTANT = {"type": "string", "format": "date-time"}


def _object_or_none(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "nullable": True, "properties": properties, "required": list(properties)}


@extend_schema_field(_object_or_none(at=_INSTANT, earliest=_INSTANT, latest=_INSTANT, source=_SOURCE, fix_age_s={"type": "integer"}))
class ArrivalField(serializers.ReadOnlyField):
    """When a vehicle may be at a stop ahead: about then, mostly between those, by what, from a fix of which age."""


@extend_schema_field(_object_or_none(distance_km={"type": "number"}, driving_minutes={"type": "integer"}, source=_SOURCE))
class RoadField(serializers.ReadOnlyField):
    """How far and how long the way through the stops is, in their order, without the time spent at them."""


class ProofSerializer(serializers.Serializer):
    """What shows that a stop was done, or why it failed: given by the driver. `photo` and `signature` are paths, or null."""

    at = serializers.DateTimeField()
    receiver = serializers.CharField()
    note = serializers.CharField()
    photo = serializers.CharField(allow_null=True)
    signature = serializers.CharField(allow_null=True)


class TripStopSerializer(ModelSerializer):
    """The trip stop object; `eta` where one trip is asked for, null in lists of several."""

    late_min = serializers.IntegerField(
        help_text="the threshold of RUNNING_LATE_AFTER by which this stop of a running trip is expected late, in minutes; 0: none"
    )
    eta = ArrivalField()
    stop = StopSerializer()
    linked_order = LinkedOrderSerializer(allow_null=True)
    proof = ProofSerializer(allow_null=True, read_only=True)

    class Meta:
        model = TripStop
        fields = [
            "id",
            "trip",
            "stop",
            "sequence",
            "planned_arrival_time",
            "planned_arrival_date",
            "actual_arrival_datetime",
            "actual_departure_datetime",
            "arrival_is_suggested",
            "notes",
            "is_completed",
            "failed",
            "failure_reason",
            "linked_order",
            "late_min",
            "proof",
            "eta",
        ]
        read_only_fields = fields


class TripSerializer(ModelSerializer):
    """The trip object with its stops."""

    vehicle = VisibleRelatedField(queryset=Vehicle.objects.alive())
    vehicle_license_plate = serializers.CharField(source="vehicle.license_plate", read_only=True)
    dispatcher = StrictIntegerField(required=False, allow_null=True)
    dispatcher_name = serializers.CharField(read_only=True, allow_null=True)
    status = serializers.ChoiceField(choices=Trip.Status.choices, required=False)
    notes = TextField(required=False, allow_blank=True, max_length=NOTES_LENGTH)
    trip_stops = TripStopSerializer(many=True, read_only=True)
    incomplete_orders = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="numbers of orders of which only one stop is left"
    )
    total_distance_km = serializers.FloatField(read_only=True, help_text="great-circle legs between the stops")
    road = RoadField()
    planned_duration_minutes = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="planned start to the last planned arrival"
    )

    class Meta:
        model = Trip
        fields = [
            "id",
            "company",
            "vehicle",
            "vehicle_license_plate",
            "dispatcher",
            "dispatcher_name",
            "name",
            "status",
            "planned_start_date",
            "planned_start_time",
            "actual_start_datetime",
            "actual_end_datetime",
            "notes",
            "driver_notified",
            "trip_stops",
            "incomplete_orders",
            "total_distance_km",
            "planned_duration_minutes",
            "road",
            "created_at",
            "updated_at",
        ]
        read_only_fields = [
            "id",
            "company",
            "actual_start_datetime",
            "actual_end_datetime",
            "driver_notified",
            "created_at",
            "updated_at",
        ]
        # One running trip a vehicle is the service's business, which answers 409.
        validators: list = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "dispatcher" in attrs:
            attrs["dispatcher_id"] = attrs.pop("dispatcher")
        return attrs


class AddStopSerializer(serializers.Serializer):
    """A stop to add to a trip: the id of one, or a new one as an object."""

    trip = VisibleRelatedField(queryset=Trip.objects.all())
    stop = StopInputField()
    sequence = SequenceField()
    planned_arrival_time = OptionalTimeField()
    planned_arrival_date = OptionalDateField()
    notes = TextField(required=False, allow_blank=True, max_length=NOTES_LENGTH)

    def validate_stop(self, stop: Any) -> Any:
        if stop.is_null:
            raise serializers.ValidationError("This field may not be null.")
        return stop


class ChangeStopSerializer(AddStopSerializer):
    """What may be changed of a stop in its trip."""

    is_completed = serializers.BooleanField(required=False)
    failed = serializers.BooleanField(required=False, help_text="closed without being done; it delivers nothing")
    failure_reason = TextField(required=False, allow_blank=True, max_length=500)


class AddOrderSerializer(serializers.Serializer):
    """An order to put into a trip, as `order` or `order_id`."""

    order = VisibleRelatedField(queryset=Order.objects.all(), required=False, allow_null=True)
    order_id = VisibleRelatedField(queryset=Order.objects.all(), required=False, allow_null=True)
    sequence = SequenceField()
    pickup_time = OptionalTimeField()
    pickup_date = OptionalDateField()
    delivery_time = OptionalTimeField()
    delivery_date = OptionalDateField()
    notes = TextField(required=False, allow_blank=True, max_length=NOTES_LENGTH)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        order_id = attrs.pop("order_id", None)
        attrs["order"] = attrs.get("order") or order_id
        if attrs["order"] is None:
            raise serializers.ValidationError({"order": ["This field is required."]})
        return attrs


class AddOrderAnswerSerializer(AnswerSerializer):
    """The added stops."""

    message = serializers.CharField()
    pickup_trip_stop = TripStopSerializer()
    delivery_trip_stop = TripStopSerializer()


class PlacementSerializer(serializers.Serializer):
    """A trip stop and the number that sorts it."""

    id = StrictIntegerField()
    sequence = StrictIntegerField(min_value=-MAX_SEQUENCE, max_value=MAX_SEQUENCE)


class ReorderSerializer(serializers.Serializer):
    """The placements, under `orders` or `sequences`."""

    orders = PlacementSerializer(many=True, required=False, allow_empty=False, max_length=5000)
    sequences = PlacementSerializer(many=True, required=False, allow_empty=False, max_length=5000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        placements = attrs.get("orders") or attrs.get("sequences")
        if placements is None:
            raise serializers.ValidationError({"orders": ["This field is required."]})
        return {"numbers": [(row["id"], row["sequence"]) for row in placements]}


class TripStopsAnswerSerializer(AnswerSerializer):
    """All stops of a trip in their sequence."""

    results = TripStopSerializer(many=True)


class DriverLinkSerializer(AnswerSerializer):
    """The address of the driver's page, which is told once."""

    url = serializers.URLField()


@extend_schema_serializer(component_name="TripMessage")
class MessageSerializer(AnswerSerializer):
    """A sentence."""

    message = serializers.CharField()
