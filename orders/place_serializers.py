"""What a search for places takes and answers, and what is at a point."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from depannini_dashmap.lib.api.fields import NumberField, TextField
from depannini_dashmap.lib.api.schema_serializers import AnswerSerializer
from depannini_dashmap.lib.numbers import NotANumber, read_float

LANGUAGES = [code for code, _ in settings.LANGUAGES]


class PointTextField(serializers.CharField):
    """`36.76,3.05`: latitude and longitude in degrees."""

    default_error_messages = {"invalid_point": "Expected latitude,longitude in degrees."}

    def to_internal_value(self, data: Any) -> Any:
        try:
            lat, lng = (read_float(part) for part in str(data).split(","))
        except (NotANumber, ValueError):
            self.fail("invalid_point")
        if abs(lat) > 90 or abs(lng) > 180:
            self.fail("invalid_point")
        return lat, lng


class SearchSerializer(serializers.Serializer):
    """A search: a name, an address, "36.76, 3.05", a plus code or a link of a map."""

    q = TextField(max_length=2000)
    near = PointTextField(required=False, max_length=80)
    lang = serializers.ChoiceField(choices=LANGUAGES, required=False)


class PointSerializer(serializers.Serializer):
    """A point in degrees."""

    lat = NumberField(min_value=-90, max_value=90)
    lng = NumberField(min_value=-180, max_value=180)
    lang = serializers.ChoiceField(choices=LANGUAGES, required=False)


class SuggestionShape(AnswerSerializer):
    """A place that may be meant."""

    source = serializers.ChoiceField(choices=["coordinates", "link", "plus_code", "stop", "map", "outside"])
    kind = serializers.CharField()
    name = serializers.CharField()
    context = TextField(allow_blank=True)
    address = TextField(allow_blank=True, help_text="what to write into an address field")
    lat = serializers.FloatField()
    lng = serializers.FloatField()
    distance_km = serializers.FloatField(allow_null=True)


class SuggestionsShape(AnswerSerializer):
    """Suggestions, the best first, all on one page."""

    results = SuggestionShape(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    attribution = serializers.CharField(allow_null=True)
    notice = serializers.CharField(allow_null=True)


class StreetShape(AnswerSerializer):
    """The nearest street, and its nearest point."""

    name = serializers.CharField()
    context = TextField(allow_blank=True)
    distance_m = serializers.IntegerField()
    lat = serializers.FloatField()
    lng = serializers.FloatField()


class NamedPlaceShape(AnswerSerializer):
    """A town, or a part of one."""

    kind = serializers.CharField()
    name = serializers.CharField()
    context = TextField(allow_blank=True)
    lat = serializers.FloatField()
    lng = serializers.FloatField()


class DescriptionShape(AnswerSerializer):
    """The nearest street and town of a point."""

    name = TextField(allow_blank=True)
    street = StreetShape(allow_null=True)
    place = NamedPlaceShape(allow_null=True)
    attribution = serializers.CharField(allow_null=True)
