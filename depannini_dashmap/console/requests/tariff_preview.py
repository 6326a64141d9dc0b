"""What a job would cost under figures that are still being typed."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from assistance import pricing

EXAMPLE_KM = (0, 5, 10, 25, 60)
MOST = Decimal("99999999.99")


@require_safe
def example(request: HttpRequest) -> HttpResponse:
    """Return the price of a few distances for `base`, `per_km` and `minimum`."""
    if not request.user.is_roadside:
        raise PermissionDenied
    rates = pricing.Rates(*(_amount(request.GET.get(name, "")) for name in ("base", "per_km", "minimum")))
    rows = [{"km": km, "price": str(pricing.price(rates, pricing.kilometres(float(km))))} for km in EXAMPLE_KM]
    return JsonResponse({"currency": request.GET.get("currency", "")[:3] or settings.CURRENCY, "rows": rows})


def _amount(text: str) -> Decimal:
    """Read an amount; anything else counts as zero."""
    try:
        amount = Decimal(text[:20].strip().replace(",", "."))
    except InvalidOperation:
        return pricing.ZERO
    return amount if amount.is_finite() and 0 <= amount <= MOST else pricing.ZERO
