"""Paths of positions, below `/api/`, with and without their slash."""

from depannini_dashmap.lib.paths import SlashlessRouter
from telematics.viewsets import PositionViewSet

router = SlashlessRouter()
router.register("positions", PositionViewSet, basename="position")

urlpatterns = router.urls
