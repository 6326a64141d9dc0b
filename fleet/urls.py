"""Paths of this app, below `/api/`."""

from depannini_dashmap.lib.api.routers import SlashlessRouter
from fleet.viewsets import VehicleViewSet

router = SlashlessRouter()
router.register("vehicles", VehicleViewSet, basename="vehicle")
urlpatterns = router.urls
