"""Paths of this app, below `/api/`."""

from depannini_dashmap.lib.api.routers import SlashlessRouter
from trips.viewsets import TripStopViewSet, TripViewSet

router = SlashlessRouter()
router.register("trips", TripViewSet, basename="trip")
router.register("trip-stops", TripStopViewSet, basename="trip-stop")
urlpatterns = router.urls
