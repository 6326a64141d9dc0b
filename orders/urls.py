"""Paths of this app, below `/api/`."""

from django.urls import re_path

from depannini_dashmap.lib.api.routers import SlashlessRouter
from orders.place_viewsets import PlaceViewSet
from orders.viewsets import OrderViewSet

router = SlashlessRouter()
router.register("orders", OrderViewSet, basename="order")
urlpatterns = [
    re_path(r"^places/?$", PlaceViewSet.as_view({"get": "search"}), name="places"),
    re_path(r"^places/at/?$", PlaceViewSet.as_view({"get": "at"}), name="place-at"),
    *router.urls,
]
