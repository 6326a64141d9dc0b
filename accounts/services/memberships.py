"""Change roles in a company, leave it, remove members. The company is locked first, then the account.

Of two owners who go at once the lock lets one be first; the other is then the last.
"""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Company, Invitation, Membership, User
from accounts.permissions import require_owner
from accounts.steps.memberships import ensure_owner, is_empty, leave_current, lock_account, lock_company
from depannini_dashmap.lib.api import idempotency
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.ops import audit

LAST_OWNER = _("The last owner of a company that has other members or anything in it cannot leave: name another owner first")


@transaction.atomic
def add_member(*, actor: User, company: Company, person: dict[str, str], role: str) -> Membership:
    """Make a dispatcher a member without asking them, as an operator; everybody else invites.

    Their current company stays what it was. Raises: Forbidden; InvalidData for who is no dispatcher; Conflict for who
    is a member.
    """
    if not actor.is_operator:
        raise Forbidden()
    locked = lock_company(company.pk)
    user = User.objects.active().filter(user_type=User.Type.DISPATCHER, **person).first()
    if user is None:
        raise InvalidData(fields={name: [_("There is no such dispatcher.")] for name in person})
    lock_account(user)
    membership = Membership(user=user, company=locked)
    membership.full_role = role
    if Membership.objects.of(user).filter(company=locked).exists():
        raise Conflict(_("This person works for the company already"), code="already_member")
    membership.save()
    audit.record("member_added", actor=actor, target=locked, user_id=user.pk, role=role)
    return membership


@transaction.atomic
def change_role(*, actor: User, company: Company, user_id: int, role: str) -> Membership:
    """Change the role of a member, the actor included.

    Raises: Forbidden for who does not own the company; NotFound; Conflict for its last owner.
    """
    locked = lock_company(company.pk)
    require_owner(actor, locked.pk)
    membership = _membership(locked, user_id)
    if membership.full_role == role:
        return membership
    if membership.is_owner and not _has_other_owner(locked, user_id):
        raise Conflict(LAST_OWNER, code="last_owner")
    membership.full_role = role
    membership.save(update_fields=["role", "is_owner"])
    if role == Membership.Role.VIEWER:
        _end_what_they_began(user_id, locked)
    audit.record("member_role_changed", actor=actor, target=locked, user_id=user_id, role=role)
    return membership


@transaction.atomic
def remove_member(*, actor: User, company: Company, user_id: int) -> None:
    """End a membership; one's own everybody may end. With the last one an empty company goes.

    Raises: Forbidden for who does not own the company; NotFound; Conflict for the last owner.
    """
    locked = lock_company(company.pk)
    if actor.pk != user_id:
        require_owner(actor, locked.pk)
    membership = _membership(locked, user_id)
    _require_may_go(membership, locked)
    membership.delete()
    leave_current(user_id, locked.pk)
    _end_what_they_began(user_id, locked)
    audit.record("member_removed", actor=actor, target=locked, user_id=user_id)
    _delete_if_deserted(locked)


def leave_all(*, actor: User | None, user: User) -> None:
    """End every membership of a user whose account is closed, as the `actor` or a command asked; empty companies without members go too.

    Raises: Conflict for the last owner of a company that has other members or anything in it.
    """
    ids = list(Membership.objects.of(user).values_list("company_id", flat=True))
    for company in Company.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
        ensure_owner(company)
        own = company.memberships.of(user).first()
        if own is None:
            continue
        _require_may_go(own, company)
        own.delete()
        _end_what_they_began(user.pk, company)
        _delete_if_deserted(company)


# --- What the flows share ------------------------------------------------------------------------------------------------


def _membership(company: Company, user_id: int) -> Membership:
    membership = Membership.objects.select_related("user").filter(company=company, user_id=user_id).first()
    if membership is None:
        raise NotFound(_("Member"))
    return membership


def _has_other_owner(company: Company, user_id: int) -> bool:
    return company.memberships.owners().filter(user__is_active=True).exclude(user_id=user_id).exists()


def _require_may_go(membership: Membership, company: Company) -> None:
    """Keep the last owner of a company with anybody or anything else in it. Raises: Conflict."""
    if not membership.is_owner or _has_other_owner(company, membership.user_id):
        return
    has_others = company.memberships.exclude(pk=membership.pk).exists()
    if has_others or not is_empty(company):
        raise Conflict(LAST_OWNER, code="last_owner")


def _delete_if_deserted(company: Company) -> None:
    if not company.memberships.exists() and is_empty(company):
        company.delete()


def _end_what_they_began(user_id: int, company: Company) -> None:
    """End the open invitations of who may no longer invite, and the answers that are kept for their repeated requests."""
    Invitation.objects.filter(company=company, invited_by_id=user_id).revoke()
    idempotency.withdraw_answers(user_id)
