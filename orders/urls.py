"""Paths of this app, below `/api/`."""

from depannini_dashmap.lib.api.routers import SlashlessRouter
from orders.viewsets import OrderViewSet

router = SlashlessRouter()
router.register("orders", OrderViewSet, basename="order")
urlpatterns = router.urls
