"""The shapes of what comes in and goes out; positions themselves are checked by readings.py, row by row."""

from __future__ import annotations

from rest_framework import serializers

from depannini_dashmap.lib.api.fields import DecimalStringField, NumberField, StrictIntegerField, UtcDateTimeField
from depannini_dashmap.lib.api.schema_serializers import AnswerSerializer
from telematics.models import EngineStatus
from telematics.services.positions import MAX_FAKE_ROWS, MAX_ROWS


class PositionShape(serializers.Serializer):
    """The position object, for the schema."""

    id = serializers.IntegerField(read_only=True)
    vehicle_id = StrictIntegerField()
    vehicle_license_plate = serializers.CharField(read_only=True)
    vehicle_make_model = serializers.CharField(read_only=True)
    latitude = DecimalStringField(max_digits=9, decimal_places=7, min_value=-90, max_value=90)
    longitude = DecimalStringField(max_digits=10, decimal_places=7, min_value=-180, max_value=180)
    speed = DecimalStringField(max_digits=5, decimal_places=2, min_value=0, help_text="km/h, below 1000")
    heading = DecimalStringField(max_digits=5, decimal_places=2, min_value=0, max_value=360)
    altitude = DecimalStringField(max_digits=8, decimal_places=2, required=False, allow_null=True, help_text="m")
    timestamp = UtcDateTimeField(required=False, help_text="default: now; at most 5 minutes ahead")
    odometer = DecimalStringField(
        max_digits=10, decimal_places=2, min_value=0, required=False, allow_null=True, help_text="km"
    )
    fuel_level = DecimalStringField(
        max_digits=5, decimal_places=2, min_value=0, max_value=100, required=False, allow_null=True, help_text="percent"
    )
    engine_status = serializers.ChoiceField(choices=EngineStatus.choices, required=False)
    created_at = UtcDateTimeField(read_only=True)
    implausible = serializers.BooleanField(read_only=True, help_text="no road vehicle could have got there in time")


class LatestShape(AnswerSerializer):
    """One page with the latest position of each vehicle."""

    results = PositionShape(many=True)
    next = serializers.URLField(allow_null=True, help_text="always null")
    previous = serializers.URLField(allow_null=True, help_text="always null")


class BulkShape(serializers.Serializer):
    """Many positions at once; a bare list is fine too."""

    positions = PositionShape(many=True, help_text=f"at most {MAX_ROWS}")


class RowErrorShape(AnswerSerializer):
    """Why one row of many was not taken."""

    index = serializers.IntegerField(help_text="place in the request, from 0")
    error = serializers.CharField()
    code = serializers.CharField()
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


class BulkResultShape(AnswerSerializer):
    """What became of many positions."""

    accepted = serializers.IntegerField(help_text="new rows")
    duplicates = serializers.IntegerField(help_text="rows that were there already, or twice in the request")
    errors = RowErrorShape(many=True)  # type: ignore[assignment]


class FakeDriveRequest(serializers.Serializer):
    """What drive to make up."""

    vehicle_id = StrictIntegerField()
    count = StrictIntegerField(default=10, min_value=1, max_value=MAX_FAKE_ROWS)
    base_latitude = NumberField(required=False, allow_null=True, min_value=-90, max_value=90)
    base_longitude = NumberField(required=False, allow_null=True, min_value=-180, max_value=180)


class FakeDriveShape(AnswerSerializer):
    """The drive that was made up."""

    message = serializers.CharField()
    count = serializers.IntegerField()
    created_positions = PositionShape(many=True)


class TrackShape(AnswerSerializer):
    """A GeoJSON FeatureCollection with the vehicle's line, or empty."""

    type = serializers.ChoiceField(choices=["FeatureCollection"])
    features = serializers.ListField(child=serializers.DictField())
