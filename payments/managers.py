"""QuerySets of payments and of cash handed in: who sees which rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from accounts.models import Membership

if TYPE_CHECKING:
    from accounts.models import User
    from assistance.models import Assistance
    from orders.models import Order

NOT_MONEY = "account"  # the method by which nothing has come in yet


class PaymentQuerySet(models.QuerySet):
    """Payments of a company's orders, and those of jobs, which belong to no company."""

    def visible_to(self, user: User) -> Self:
        """Keep those of one's companies, for Roadside those of jobs too; operators see all."""
        if user.is_operator:
            return self.all()
        own = Q(company__in=Membership.objects.of(user).values("company_id"))
        return self.filter(own | Q(company__isnull=True) if user.is_roadside else own)

    def of(self, thing: Order | Assistance) -> Self:
        """Keep those of one order or job."""
        return self.filter(**{str(thing._meta.model_name): thing})

    def received(self) -> Self:
        """Keep what has come in: all but what is to be billed on account."""
        return self.exclude(method=NOT_MONEY)

    def in_cash(self, *, after: int = 0) -> Self:
        """Keep cash, taken and given back, of the rows that were written after one."""
        return self.filter(method="cash", pk__gt=after)


class CashHandInQuerySet(models.QuerySet):
    """Cash that assistants handed in."""

    def visible_to(self, user: User) -> Self:
        """Keep all for staff and Roadside; nobody else sees any."""
        return self.all() if user.is_roadside else self.none()
