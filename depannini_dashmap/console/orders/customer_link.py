"""The link by which a customer follows an order: make one to hand on, have it sent, or end it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.permissions import may_edit
from depannini_dashmap.console import action_pages
from orders.customer_links import address_for, channels_to
from orders.models import Order, OrderLink
from orders.services import make_link, revoke_link, send_link


class LinkForm(forms.Form):
    """What is wanted: a link to hand on, one that is sent, or none any more; and in which language the page is."""

    step = forms.ChoiceField(choices=[("make", ""), ("sms", ""), ("email", ""), ("revoke", "")])
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the page"),
        choices=[("", gettext_lazy("That of the customer's browser")), *settings.LANGUAGES],
        required=False,
    )


@never_cache
@action_pages.READ_AND_POST
def show(request: HttpRequest, order_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show how an order's link stands; whoever may change the order makes, sends or ends it. An address is shown once."""
    rows = Order.objects.visible_to(request.user).select_related("company", "delivery_stop")
    order = rows.filter(pk=action_pages.checked_id(order_id)).first()
    if order is None:
        raise Http404
    url = action_pages.made_once(request, partial(_act, request, order), reverse("admin:dispatch_order_link", args=[order.pk]))
    if not isinstance(url, str):
        return url
    page = {
        "title": _("Customer's link of %(order)s") % {"order": order.order_number},
        "order": order,
        "link": OrderLink.objects.filter(order=order).live().first(),
        "url": url,
        "form": LinkForm(initial={"language": ""}),
        "ways": [(channel, address_for(order, channel)) for channel in channels_to(order)],
        "is_editable": may_edit(request.user, order.company_id),
    }
    return TemplateResponse(request, "console/order_link.html", {**context, **page})


def _act(request: HttpRequest, order: Order) -> str:
    """Do what the form asks for, and return the address of a link that is to be handed on. Raises: DomainError."""
    form = LinkForm(request.POST)
    if not form.is_valid():
        raise Http404
    step, language = form.cleaned_data["step"], form.cleaned_data["language"]
    if step == "make":
        return make_link(actor=request.user, order_id=order.pk, language=language)[1]
    if step == "revoke":
        revoke_link(actor=request.user, order_id=order.pk)
        messages.success(request, _("The link opens nothing any more."))
        return ""
    # A message needs words now: without another wish they are those of who sends it.
    send_link(actor=request.user, order_id=order.pk, channel=step, language=language or (get_language() or "en")[:2])
    messages.success(request, _("The link is on its way to the customer."))
    return ""
