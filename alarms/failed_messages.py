"""The tasks that hand a message to somebody's mail or phone: what an alarm about one is called, and whose it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from accounts.models import Invitation, InvitationLink
from orders.models import OrderLink


class Delivery(NamedTuple):
    """What a task delivers: the name of its alarms in the database, what people read, and the company of a row by its id."""

    name: str
    words: StrOrPromise
    company_of: Callable[[int], int | None] = lambda _row_id: None


def _company_of_invitation(row_id: int) -> int | None:
    return Invitation.objects.filter(pk=row_id).values_list("company_id", flat=True).first()


def _company_of_invitation_link(row_id: int) -> int | None:
    return InvitationLink.objects.filter(pk=row_id).values_list("invitation__company_id", flat=True).first()


def _company_of_order_link(row_id: int) -> int | None:
    return OrderLink.objects.filter(pk=row_id).values_list("order__company_id", flat=True).first()


DELIVERIES = {
    "accounts.tasks.deliver_code": Delivery("code", _("Code")),
    "accounts.tasks.deliver_notice": Delivery("notice", _("Notice")),
    "accounts.tasks.deliver_invitation": Delivery("invitation", _("Invitation"), _company_of_invitation),
    "accounts.tasks.deliver_invitation_link": Delivery("invitation", _("Invitation"), _company_of_invitation_link),
    "alarms.tasks.deliver_alarm": Delivery("alarm", _("Alarm")),
    "orders.tasks.deliver_link": Delivery("link", _("Customer's link"), _company_of_order_link),
    "assistance.tasks.send_link": Delivery("motorists_link", _("Link for the motorist")),
}
_WORDS = {delivery.name: delivery.words for delivery in DELIVERIES.values()}


def words_of(name: str) -> StrOrPromise:
    """Return what people read for the name of an alarm about a message."""
    return _WORDS.get(name, name)
