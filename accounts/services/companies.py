"""Companies: opening, changing, deleting; who works for them is in `memberships` and `invitations`."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils.translation import gettext_lazy as _

from accounts.depots import columns_of
from accounts.models import Company, Membership, User
from accounts.permissions import require_editor, require_owner
from accounts.steps import memberships
from depannini_dashmap.lib.errors import Conflict
from depannini_dashmap.lib.ops import audit

IN_USE = _("The company still has vehicles, orders or trips")


@transaction.atomic
def open_company(*, actor: User, **fields: Any) -> Company:
    """Make a company whose owner the actor is; it becomes their current one.

    Raises: Unauthenticated when the account was closed or switched off meanwhile.
    """
    company = Company.objects.create(**_columns(fields))
    memberships.lock_account(actor)
    Membership.objects.create(user_id=actor.pk, company=company, is_owner=True)
    memberships.make_current(actor, company)
    audit.record("company_opened", actor=actor, target=company)
    return company


@transaction.atomic
def change_company(*, actor: User, company: Company, **changes: Any) -> Company:
    """Store changed fields of a company. Raises: Forbidden for viewers."""
    require_editor(actor, company.pk)
    columns = _columns(changes)
    for name, value in columns.items():
        setattr(company, name, value)
    company.save(update_fields=[*columns, "updated_at"])
    return company


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of what was sent; a `depot` comes whole, or as None."""
    sent = dict(fields)
    return sent | columns_of(sent.pop("depot")) if "depot" in sent else sent


@transaction.atomic
def delete_company(*, actor: User, company: Company) -> None:
    """Delete an empty company. Raises: Forbidden for who does not own it; Conflict while anything is in it."""
    locked = memberships.lock_company(company.pk)
    require_owner(actor, locked.pk)
    if not memberships.is_empty(locked):
        raise Conflict(IN_USE, code="company_in_use")
    audit.record("company_deleted", actor=actor, target=locked)
    members = list(Membership.objects.filter(company=locked).values_list("user_id", flat=True))
    for member_id in members:
        memberships.leave_current(member_id, locked.pk)
    try:
        with transaction.atomic():
            locked.delete()
    except (ProtectedError, RestrictedError, IntegrityError) as error:
        raise Conflict(IN_USE, code="company_in_use") from error
