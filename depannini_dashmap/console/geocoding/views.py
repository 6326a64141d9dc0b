"""Suggestions for a typed place, and the name of a clicked one, for the console's sessions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from orders import place_search
from orders.place_serializers import PointSerializer, SearchSerializer


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Return the places that `?q=&near=lat,lng&lang=` may mean, as the API does."""
    asked = SearchSerializer(data=request.GET.dict())
    if not asked.is_valid():
        return JsonResponse({"fields": asked.errors}, status=400)
    return JsonResponse(place_search.suggestions(user=request.user, asked=asked.validated_data))


@require_safe
def name(request: HttpRequest) -> HttpResponse:
    """Return the name of the place at `?lat=&lng=&lang=`; empty where nothing is known."""
    asked = PointSerializer(data=request.GET.dict())
    if not asked.is_valid():
        return JsonResponse({"fields": asked.errors}, status=400)
    point = asked.validated_data
    return JsonResponse({"name": place_search.describe_place(point["lat"], point["lng"], point.get("lang", ""))["name"]})
