"""What the address fields of the console ask: the same search as the API's, for who is signed in to the console."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orders import places
from orders.place_views import PointSerializer, SearchSerializer, suggestions


@never_cache
@require_safe
def search(request: HttpRequest) -> JsonResponse:
    """Suggest places for `?q=&near=`, in the language of the page."""
    asked = SearchSerializer(data={**request.GET.dict(), "lang": _language()})
    if not asked.is_valid():
        return JsonResponse({"results": [], "attribution": None, "notice": None})
    return JsonResponse(suggestions(request.user, asked.validated_data))


@never_cache
@require_safe
def at(request: HttpRequest) -> JsonResponse:
    """Say what is at `?lat=&lng=`."""
    asked = PointSerializer(data={**request.GET.dict(), "lang": _language()})
    if not asked.is_valid():
        return JsonResponse({"name": "", "street": None, "place": None})
    point = asked.validated_data
    return JsonResponse(places.describe_place(point["lat"], point["lng"], point["lang"]))


def _language() -> str:
    return (get_language() or "en")[:2]
