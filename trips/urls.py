"""Paths of this app, below `/api/`."""

from depannini_dashmap.lib.api.routers import SlashlessRouter
from trips.plan_viewsets import TripPlanViewSet
from trips.viewsets import TripStopViewSet, TripViewSet

router = SlashlessRouter()
# Before the trips, whose ids it would be taken for.
router.register("trips/plans", TripPlanViewSet, basename="trip-plan")
router.register("trips", TripViewSet, basename="trip")
router.register("trip-stops", TripStopViewSet, basename="trip-stop")
urlpatterns = router.urls
