"""What plans of a day are asked with, and how the schema shows them."""

from __future__ import annotations

import datetime as dt

from rest_framework import serializers

from depannini_dashmap.lib.api.fields import ClockTimeField, IsoDateField, ModelSerializer, StrictIntegerField
from depannini_dashmap.lib.api.schema_serializers import AnswerSerializer
from trips.models import TripPlan
from trips.planning.problem import Engine, Objective
from trips.planning.reasons import Reason
from trips.services.plans import TIME_LIMITS

SOURCES = ["road", "straight_line"]
MOST_NAMED = 5000  # what a list may hold at all; how many are planned is the service's business


class PlanRequestSerializer(serializers.Serializer):
    """Orders and vehicles of one company and a day."""

    orders = serializers.ListField(child=StrictIntegerField(min_value=1), min_length=1, max_length=MOST_NAMED)
    vehicles = serializers.ListField(child=StrictIntegerField(min_value=1), min_length=1, max_length=MOST_NAMED)
    date = IsoDateField(source="day")
    start_time = ClockTimeField(source="starts_at", default=dt.time(8), help_text="when trips begin at the earliest")
    time_limit = serializers.ChoiceField(choices=TIME_LIMITS, default=10, help_text="seconds to search")
    objective = serializers.ChoiceField(choices=[name.value for name in Objective], default=Objective.TIME.value)


class PlanStopSerializer(serializers.Serializer):
    """A stop of a planned trip. Times are seconds that have passed since midnight of the plan's day where the company is."""

    kind = serializers.ChoiceField(choices=["pickup", "delivery", "break"])
    order = serializers.IntegerField(allow_null=True)
    order_number = serializers.CharField(allow_null=True)
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    arrival = serializers.IntegerField()
    wait = serializers.IntegerField()
    service = serializers.IntegerField()
    leg_seconds = serializers.IntegerField()
    leg_metres = serializers.IntegerField()
    kilograms = serializers.IntegerField(help_text="on board afterwards")
    litres = serializers.IntegerField(help_text="on board afterwards")


class ViolationSerializer(serializers.Serializer):
    """A promise that a sequence of stops breaks."""

    code = serializers.CharField()
    order = serializers.IntegerField(allow_null=True)
    by = serializers.IntegerField(help_text="seconds, kilograms, litres or stops")


class PlannedTripSerializer(serializers.Serializer):
    """What one vehicle would do."""

    vehicle = serializers.IntegerField()
    license_plate = serializers.CharField()
    starts = serializers.IntegerField()
    ends = serializers.IntegerField()
    seconds = serializers.IntegerField(help_text="of driving")
    metres = serializers.IntegerField()
    stops = PlanStopSerializer(many=True)
    violations = ViolationSerializer(many=True)


class LeftOutSerializer(serializers.Serializer):
    """An order that no trip serves, and why: docs/planning.md explains each code."""

    order = serializers.IntegerField()
    order_number = serializers.CharField()
    code = serializers.ChoiceField(choices=[name.value for name in Reason])
    numbers = serializers.JSONField()


class PlanTotalsSerializer(serializers.Serializer):
    """The plan in figures."""

    served = serializers.IntegerField()
    left_out = serializers.IntegerField()
    trips = serializers.IntegerField()
    seconds = serializers.IntegerField(help_text="from the start to the end of all trips")
    driving_seconds = serializers.IntegerField()
    metres = serializers.IntegerField()


class PlanResultSerializer(serializers.Serializer):
    """Trips, and what is left."""

    source = serializers.ChoiceField(choices=SOURCES, help_text="where times and distances come from")
    engine = serializers.ChoiceField(
        choices=[name.value for name in Engine], required=False, help_text="whose routes these are; plans from before have none"
    )
    trips = PlannedTripSerializer(many=True)
    left_out = LeftOutSerializer(many=True)
    totals = PlanTotalsSerializer()


class TripPlanSerializer(ModelSerializer):
    """A plan; `progress` is 0 to 1 of the time that is searched at most."""

    date = IsoDateField(source="planned_on")
    start_time = ClockTimeField(source="starts_at")
    orders = serializers.ListField(child=serializers.IntegerField(), source="order_ids")
    vehicles = serializers.ListField(child=serializers.IntegerField(), source="vehicle_ids")
    progress = serializers.FloatField()
    phase = serializers.ChoiceField(
        choices=["queued", "reading", "searching"], allow_null=True, help_text="as `plan_progress` has it; null unless the plan is being made"
    )
    seconds = serializers.IntegerField(allow_null=True, help_text="searched, of at most `time_limit`; null unless the plan is being made")
    result = PlanResultSerializer(allow_null=True)
    trips = serializers.ListField(child=serializers.IntegerField(), source="made_trips", help_text="made by `apply`")

    class Meta:
        model = TripPlan
        fields = [
            "id", "company", "status", "date", "start_time", "objective", "time_limit", "orders", "vehicles", "progress", "phase", "seconds", "result",
            "trips", "error", "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class UndoPlanSerializer(serializers.Serializer):
    """Whether trips are deleted although their drivers were notified of them; the dispatcher calls these."""

    although_told = serializers.BooleanField(default=False)


class ChoiceSerializer(serializers.Serializer):
    """What an order costs in its vehicle and in the next best one: seconds of driving that it adds."""

    order = serializers.IntegerField()
    vehicle = serializers.IntegerField()
    seconds = serializers.IntegerField()
    other = serializers.IntegerField(allow_null=True)
    other_seconds = serializers.IntegerField(allow_null=True)


class ResequenceSerializer(serializers.Serializer):
    """Whether the best order is only shown."""

    dry_run = serializers.BooleanField(default=False)


class EvaluateSerializer(serializers.Serializer):
    """Open stops of the trip in the order to look at; the others follow as they are."""

    stops = serializers.ListField(child=StrictIntegerField(), default=list, max_length=MOST_NAMED)


class EvaluatedStopSerializer(AnswerSerializer):
    """An open stop on the clock."""

    id = serializers.IntegerField(allow_null=True)
    kind = serializers.ChoiceField(choices=["pickup", "delivery", "break"])
    eta = serializers.DateTimeField()
    wait = serializers.IntegerField()
    service = serializers.IntegerField()
    leg_seconds = serializers.IntegerField()
    leg_metres = serializers.IntegerField()
    kilograms = serializers.IntegerField()
    litres = serializers.IntegerField()


class StopViolationSerializer(ViolationSerializer):
    """A promise that a sequence breaks, and at which stop."""

    stop = serializers.IntegerField(allow_null=True)


class EvaluationSerializer(AnswerSerializer):
    """A trip's open stops in an order, on the clock."""

    source = serializers.ChoiceField(choices=SOURCES)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    driving_seconds = serializers.IntegerField()
    metres = serializers.IntegerField()
    stops = EvaluatedStopSerializer(many=True)
    violations = StopViolationSerializer(many=True)
