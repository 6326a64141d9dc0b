"""Locks of companies and accounts, and which company is the current one."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.models import Company, Membership, User
from depannini_dashmap.lib.errors import NotFound, Unauthenticated


def lock_company(company_id: int) -> Company:
    """Lock a company, which has an owner from then on if anybody may change it. Raises: NotFound."""
    company = Company.objects.select_for_update().filter(pk=company_id).first()
    if company is None:
        raise NotFound(_("Company"))
    ensure_owner(company)
    return company


def lock_account(user: User) -> User:
    """Lock an account, after its company. Raises: Unauthenticated when it was closed or switched off meanwhile."""
    account = User.objects.select_for_update(no_key=True).active().filter(pk=user.pk, closed_at=None).first()
    if account is None:
        raise Unauthenticated()
    return account


def is_empty(company: Company) -> bool:
    """Return whether nothing but its members belongs to the company; rows marked as deleted count."""
    owned = (
        relation
        for relation in Company._meta.related_objects
        if relation.related_model._meta.app_label != Company._meta.app_label
    )
    return not any(
        relation.related_model._base_manager.filter(**{relation.field.name: company.pk}).exists() for relation in owned
    )


def make_current(user: User, company: Company) -> None:
    """Let the user, by an act of their own, work for this company from now on."""
    User.objects.filter(pk=user.pk).update(current_company=company)
    user.current_company = company


def leave_current(user_id: int, company_id: int) -> None:
    """Set the current company of its former members to the one that they joined last, or to none."""
    others = Membership.objects.filter(user_id=user_id).exclude(company_id=company_id)
    latest = others.values_list("company_id", flat=True).first()
    User.objects.filter(pk=user_id, current_company_id=company_id).update(current_company_id=latest)


def ensure_owner(company: Company) -> None:
    """Let the oldest member own a company that a release without owners has made, or left without one."""
    if company.memberships.owners().exists():
        return
    oldest = company.memberships.editors().order_by("-user__is_active", "created_at", "pk").first()
    if oldest is not None:
        company.memberships.filter(pk=oldest.pk).update(is_owner=True)
