"""QuerySets of orders and stops: which a user may see, and which wait for a trip."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.managers import TenantQuerySet
from depannini_dashmap.lib.db.secret_links import SecretLinkQuerySet
from orders.lifecycle import FINISHED, OPEN

LINK_AFTER_END = timedelta(days=3)
_NUMBER = re.compile(r"ORD-\d{4}(-\d{0,10})?", re.ASCII | re.IGNORECASE)

_WITHOUT_LOCATION = Q(pickup_stop__isnull=False, pickup_stop__latitude__isnull=True) | Q(
    delivery_stop__isnull=False, delivery_stop__latitude__isnull=True
)


class StopQuerySet(TenantQuerySet):
    """Places where something is loaded or unloaded."""


class OrderQuerySet(TenantQuerySet):
    """What must be carried."""

    def open(self) -> Self:
        """Keep those that are not over: a few, however long the history is."""
        return self.filter(status__in=OPEN)

    def numbered(self, text: str) -> Self | None:
        """Keep those whose number is, or begins with, the text; None if it is not an order number."""
        return self.filter(order_number__startswith=text.upper()) if _NUMBER.fullmatch(text) else None

    def available_for_trip(self) -> Self:
        """Keep those that are pending and that no trip carries."""
        return self.filter(status="pending", is_in_trip=False)

    def unavailable_for_trip(self) -> Self:
        """Keep those that cannot be put into a trip."""
        return self.exclude(status="pending", is_in_trip=False)

    def located(self) -> Self:
        """Keep those of whose stops every one has coordinates."""
        return self.exclude(_WITHOUT_LOCATION)

    def to_locate(self) -> Self:
        """Keep those that are still to be carried and have a stop that is not on the map."""
        return self.filter(_WITHOUT_LOCATION).exclude(status__in=("delivered", "cancelled"))

    def with_stops(self) -> Self:
        """Bring both stops in the same query."""
        return self.select_related("pickup_stop", "delivery_stop")


class OrderLinkQuerySet(SecretLinkQuerySet, TenantQuerySet):
    """Customers' links to orders."""

    company_path = "order__company"


class OrderSubscriptionQuerySet(models.QuerySet):
    """Browsers that follow one order each by its link."""

    def open(self) -> Self:
        """Keep those whose link was not ended and has not expired."""
        return self.filter(link__revoked_at=None, link__expires_at__gt=timezone.now())

    def over(self, before: datetime) -> Self:
        """Keep those whose link opened no more at an instant, or whose order had ended days before."""
        is_open = Q(link__revoked_at=None, link__expires_at__gt=before)
        has_ended = Q(link__order__status__in=FINISHED, link__order__updated_at__lt=before - LINK_AFTER_END, link__created_at__lt=before - LINK_AFTER_END)
        return self.filter(~is_open | has_ended)
