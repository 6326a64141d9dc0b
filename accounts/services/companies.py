"""Companies and who works for them: opening, changing, deleting, joining, leaving."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, RestrictedError

from accounts.models import Company, Membership, User
from accounts.permissions import require_editor
from depannini_dashmap.lib import audit
from depannini_dashmap.lib.errors import Conflict, InvalidData, NotFound


@transaction.atomic
def open_company(user: User, **fields: Any) -> Company:
    """Make a company whose first member the user is; it becomes their current one."""
    company = Company.objects.create(**fields)
    Membership.objects.create(user_id=user.pk, company=company)
    _make_current(user, company)
    audit.record("company_opened", actor=user, target=company)
    return company


@transaction.atomic
def change_company(user: User, company: Company, **changes: Any) -> Company:
    """Store changed fields of a company. Raises: Forbidden for viewers."""
    require_editor(user, company.pk)
    for name, value in changes.items():
        setattr(company, name, value)
    company.save(update_fields=[*changes, "updated_at"])
    return company


@transaction.atomic
def delete_company(user: User, company: Company) -> None:
    """Delete an empty company. Raises: Forbidden for viewers; Conflict while it has vehicles, orders or trips."""
    require_editor(user, company.pk)
    locked = Company.objects.select_for_update().filter(pk=company.pk).first()
    if locked is None:
        raise NotFound("Company")
    if not is_empty(locked):
        raise Conflict("The company still has vehicles, orders or trips", code="company_in_use")
    audit.record("company_deleted", actor=user, target=locked)
    members = list(Membership.objects.filter(company=locked).values_list("user_id", flat=True))
    try:
        with transaction.atomic():
            locked.delete()
    except (ProtectedError, RestrictedError, IntegrityError) as error:
        raise Conflict("The company still has vehicles, orders or trips", code="company_in_use") from error
    for member_id in members:
        _leave_current(member_id, company.pk)


def is_empty(company: Company) -> bool:
    """Tell whether nothing but its memberships belongs to the company; rows marked as deleted count."""
    owned = (
        relation
        for relation in Company._meta.related_objects
        if relation.related_model._meta.app_label != Company._meta.app_label
    )
    return not any(
        relation.related_model._base_manager.filter(**{relation.field.name: company.pk}).exists() for relation in owned
    )


@transaction.atomic
def add_member(
    actor: User, company: Company, *, person: dict[str, str], role: str | None = None
) -> tuple[Membership, bool]:
    """Make a dispatcher a member, who has the company as current one from now on; True when they were none before.

    Shape: `person` is one of `{"username"}`, `{"email"}`. Raises: Forbidden for viewers; InvalidData for who is no
    dispatcher, exactly as for who does not exist.
    """
    require_editor(actor, company.pk)
    user = User.objects.active().filter(user_type=User.Type.DISPATCHER, **person).first()
    if user is None:
        raise InvalidData(fields={name: ["There is no such dispatcher."] for name in person})
    locked = _locked(company.pk)
    membership, is_new = Membership.objects.get_or_create(
        user=user, company=locked, defaults={"role": role or Membership.Role.MEMBER}
    )
    if is_new:
        _make_current(user, locked)
        audit.record("member_added", actor=actor, target=locked, user_id=user.pk, role=membership.role)
    elif role is not None and membership.role != role:
        if role == Membership.Role.VIEWER:
            _require_other_editor(locked, user.pk)
        membership.role = role
        membership.save(update_fields=["role"])
        audit.record("member_role_changed", actor=actor, target=locked, user_id=user.pk, role=role)
    return membership, is_new


@transaction.atomic
def remove_member(actor: User, company: Company, user_id: int) -> None:
    """End a membership, one's own too.

    Raises: Forbidden for viewers; NotFound; Conflict for the last member of a company that is not empty.
    """
    if actor.pk != user_id:
        require_editor(actor, company.pk)
    locked = _locked(company.pk)
    membership = Membership.objects.filter(company=locked, user_id=user_id).first()
    if membership is None:
        raise NotFound("Member")
    if membership.role == Membership.Role.MEMBER:
        _require_other_editor(locked, user_id)
    membership.delete()
    _leave_current(user_id, locked.pk)
    audit.record("member_removed", actor=actor, target=locked, user_id=user_id)


def leave_all(user: User) -> None:
    """End every membership of a user who closes their account; empty companies without members go too.

    Raises: Conflict when the user is the last member of a company that is not empty.
    """
    ids = Membership.objects.of(user).order_by("company_id").values_list("company_id", flat=True)
    for company in Company.objects.select_for_update().filter(pk__in=list(ids)).order_by("pk"):
        own = company.memberships.filter(user_id=user.pk)
        if own.editors().exists():
            _require_other_editor(company, user.pk)
        own.delete()
        if not company.memberships.exists():
            company.delete()


def _locked(company_id: int) -> Company:
    company = Company.objects.select_for_update().filter(pk=company_id).first()
    if company is None:
        raise NotFound("Company")
    return company


def _require_other_editor(company: Company, user_id: int) -> None:
    others = company.memberships.editors().filter(user__is_active=True).exclude(user_id=user_id)
    if not others.exists() and not is_empty(company):
        raise Conflict("The last member of a company that is not empty cannot leave", code="last_member")


def _make_current(user: User, company: Company) -> None:
    User.objects.filter(pk=user.pk).update(current_company=company)
    user.current_company = company


def _leave_current(user_id: int, company_id: int) -> None:
    """Give who had this company as current one the company that they joined last, or none."""
    latest = Membership.objects.filter(user_id=user_id).values_list("company_id", flat=True).first()
    gone = User.objects.filter(pk=user_id)
    gone.filter(current_company_id=company_id).update(current_company_id=latest)
    gone.filter(current_company_id=None).update(current_company_id=latest)
