"""Paths of this app, below `/api/`."""

from django.urls import re_path

from depannini_dashmap.lib.api.routers import SlashlessRouter
from orders.place_views import PlaceAtView, PlacesView
from orders.viewsets import OrderViewSet

router = SlashlessRouter()
router.register("orders", OrderViewSet, basename="order")
urlpatterns = [
    re_path(r"^places/?$", PlacesView.as_view(), name="places"),
    re_path(r"^places/at/?$", PlaceAtView.as_view(), name="place-at"),
    *router.urls,
]
