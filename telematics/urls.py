"""Paths of positions and devices, below `/api/`, with and without their slash."""

from django.urls import re_path

from depannini_dashmap.lib.api.routers import SlashlessRouter
from telematics.device_views import OsmandView, OwntracksView, TraccarView
from telematics.device_viewsets import DeviceViewSet, ForwarderViewSet
from telematics.viewsets import PositionViewSet

router = SlashlessRouter()
router.register("positions", PositionViewSet, basename="position")
router.register("devices", DeviceViewSet, basename="device")
router.register("forwarders", ForwarderViewSet, basename="forwarder")

urlpatterns = [
    re_path(r"^devices/osmand/?$", OsmandView.as_view(), name="device-osmand"),
    re_path(r"^devices/traccar/?$", TraccarView.as_view(), name="device-traccar"),
    re_path(r"^devices/owntracks/?$", OwntracksView.as_view(), name="device-owntracks"),
    *router.urls,
]
