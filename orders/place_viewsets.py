"""REST: search for places, and what is at a point."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from depannini_dashmap.lib.api.viewsets import ApiViewSet
from orders import place_search
from orders import place_serializers as shapes


class PlaceViewSet(ApiViewSet):
    """Search for places, and describe a point.

    - `GET places/?q=&near=lat,lng&lang=` - `GET places/at/?lat=&lng=&lang=`

    Codes: 200, also where nothing is known; 400 `invalid_data`. Who: everybody who is signed in.
    """

    permission_classes = [IsAuthenticated]

    @extend_schema(summary="Search for places", parameters=[shapes.SearchSerializer], responses=shapes.SuggestionsShape)
    def search(self, request: Request) -> Response:
        """Places that a text may mean; stops and customers of the caller's companies come first.

        `notice` says what could not be read.
        """
        asked = self.read(shapes.SearchSerializer, request.query_params.dict()).validated_data
        return Response(place_search.suggestions(user=request.user, asked=asked))

    @extend_schema(summary="Say what is at a point", parameters=[shapes.PointSerializer], responses=shapes.DescriptionShape)
    def at(self, request: Request) -> Response:
        """The nearest street and town."""
        point = self.read(shapes.PointSerializer, request.query_params.dict()).validated_data
        found = place_search.describe_place(point["lat"], point["lng"], point.get("lang", ""))
        return Response({**found, "attribution": place_search.attribution()})
