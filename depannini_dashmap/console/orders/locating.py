"""Stops that are not on the map: a best guess for each, and one click to accept it. Nothing is guessed without that click."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from depannini_dashmap.console import action_pages
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.numbers import NotANumber, read_decimal
from orders import place_search
from orders.models import Order, Stop
from orders.services import update_order
from orders.stops import StopInput

ON_A_PAGE = 25
ENDS = ("pickup", "delivery")


@dataclass(frozen=True)
class Unlocated:
    """A stop without coordinates, the order that it belongs to, and where it may be."""

    order: Order
    end: str
    stop: Stop
    guess: dict[str, Any] | None


@action_pages.READ_AND_POST
@action_pages.for_editors
def show(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """List stops to locate with their guesses; a POST of `order`, `end`, `lat` and `lng` accepts one."""
    if request.method == "POST":
        _accept(request)
        return HttpResponseRedirect(reverse("admin:dispatch_locate"))
    orders = Order.objects.visible_to(request.user).to_locate().with_stops().order_by("-created_at", "-id")
    rows = [
        Unlocated(order, end, stop, _guess(request, stop))
        for order in orders[:ON_A_PAGE]
        for end in ENDS
        if (stop := getattr(order, f"{end}_stop")) is not None and stop.latitude is None
    ]
    page = {"title": _("Not on the map"), "rows": rows, "attribution": place_search.attribution(), "total": orders.count()}
    return TemplateResponse(request, "console/locate.html", {**context, **page})


def _guess(request: HttpRequest, stop: Stop) -> dict[str, Any] | None:
    """Take the first suggestion for the address, else for the name."""
    language = (get_language() or "en")[:2]
    for text in (stop.address, stop.name):
        if found := place_search.find_places(user=request.user, text=text[: place_search.LONGEST], language=language):
            return found[0]
    return None


def _accept(request: HttpRequest) -> None:
    end = request.POST.get("end", "")
    try:
        order_id, lat, lng = int(request.POST.get("order", "")), _degrees(request, "lat"), _degrees(request, "lng")
        if end not in ENDS:
            raise NotANumber(end)
        order = Order.objects.visible_to(request.user).get(pk=order_id)
        update_order(actor=request.user, order_id=order.pk, **{f"{end}_stop": StopInput(fields={"latitude": lat, "longitude": lng})})
    except (ValueError, OverflowError, Order.DoesNotExist):
        messages.error(request, _("This place could not be read."))
    except DomainError as error:
        messages.error(request, str(error.message))
    else:
        messages.success(request, _("%(order)s is on the map now.") % {"order": order.order_number})


def _degrees(request: HttpRequest, name: str) -> Decimal:
    value = read_decimal(request.POST.get(name, ""))
    if abs(value) > (90 if name == "lat" else 180):
        raise NotANumber(value)
    return value.quantize(Decimal("0.000001"))
