"""What a job would cost under figures that are still being typed."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from assistance import pricing
from depannini_dashmap.lib.numbers import written

EXAMPLE_KM = (0, 5, 10, 25, 60)
MOST = Decimal("99999999.99")


@require_safe
def example(request: HttpRequest) -> HttpResponse:
    """Return the price of a few distances for `base`, `per_km`, `minimum` and `currency`, as the page writes both."""
    if not request.user.is_roadside:
        raise PermissionDenied
    rates = pricing.Rates(*(_amount(request.GET.get(name, "")) for name in ("base", "per_km", "minimum")))
    currency = request.GET.get("currency", "")[:3] or settings.CURRENCY
    rows = [{"way": f"{km} {_('km')}", "price": f"{written(pricing.price(rates, pricing.kilometres(float(km))))} {currency}"} for km in EXAMPLE_KM]
    return JsonResponse({"rows": rows})


def _amount(text: str) -> Decimal:
    """Read an amount; anything else counts as zero."""
    try:
        amount = Decimal(text[:20].strip().replace(",", "."))
    except InvalidOperation:
        return pricing.ZERO
    return amount if amount.is_finite() and 0 <= amount <= MOST else pricing.ZERO
