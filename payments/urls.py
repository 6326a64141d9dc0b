"""Paths of this app, below `/api/`, each with and without its trailing slash."""

from depannini_dashmap.lib.api.routers import SlashlessRouter
from payments.viewsets import CashViewSet, PaymentViewSet

router = SlashlessRouter()
router.register("payments/cash", CashViewSet, basename="cash")  # before `payments/<id>/`
router.register("payments", PaymentViewSet, basename="payment")
urlpatterns = router.urls
