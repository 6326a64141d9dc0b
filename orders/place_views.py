"""REST: search for places, and what is at a point."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from depannini_dashmap.lib.api.answers import AnswerSerializer
from depannini_dashmap.lib.api.fields import NumberField, TextField
from depannini_dashmap.lib.api.viewsets import ApiMixin
from depannini_dashmap.lib.numbers import NotANumber, read_float
from depannini_dashmap.lib.roads import typed_coordinates
from orders import places

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
    """What is asked: a name, an address, "36.76, 3.05", a plus code or a link of a map."""

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
    """What is at a point."""

    name = TextField(allow_blank=True)
    street = StreetShape(allow_null=True)
    place = NamedPlaceShape(allow_null=True)
    attribution = serializers.CharField(allow_null=True)


SHORT_LINK = "A shortened link hides its place: open it in a browser and copy the long one, or the coordinates"


class PlacesView(ApiMixin, APIView):
    """`GET places/?q=&near=lat,lng&lang=`: places that a text may mean; one's own stops and customers come first.

    Codes: 200; 400 `invalid_data`. `notice` says what could not be read. Who: everybody who is signed in; stops are
    those of one's companies.
    """

    permission_classes = [IsAuthenticated]

    @extend_schema(summary="Search for places", parameters=[SearchSerializer], responses=SuggestionsShape)
    def get(self, request: Request) -> Response:
        asked = SearchSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        return Response(suggestions(request.user, asked.validated_data))


class PlaceAtView(ApiMixin, APIView):
    """`GET places/at/?lat=&lng=&lang=`: the nearest street and town.

    Codes: 200, also where nothing is known; 400 `invalid_data`. Who: everybody who is signed in.
    """

    permission_classes = [IsAuthenticated]

    @extend_schema(summary="Say what is at a point", parameters=[PointSerializer], responses=DescriptionShape)
    def get(self, request: Request) -> Response:
        asked = PointSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        point = asked.validated_data
        found = places.describe_place(point["lat"], point["lng"], point.get("lang", ""))
        return Response({**found, "attribution": places.attribution()})


def suggestions(user: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Answer a search, as the API and the console do."""
    text = asked["q"] if "://" in asked["q"] else asked["q"][: places.LONGEST]
    found = places.find_places(user=user, text=text, near=asked.get("near"), language=asked.get("lang", ""))
    notice = SHORT_LINK if typed_coordinates.is_short_link(text) else None
    return {"results": found, "next": None, "previous": None, "attribution": places.attribution(), "notice": notice}
