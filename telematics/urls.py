"""Paths of positions, below `/api/`, with and without their slash."""

from rest_framework.routers import SimpleRouter

from telematics.viewsets import PositionViewSet

router = SimpleRouter(trailing_slash="/?")
router.register("positions", PositionViewSet, basename="position")

urlpatterns = router.urls
