"""Invite a person to a company, accept, decline and revoke. Answers never reveal whether the person exists.

The company is locked first, then the account, then the invitation is ended by one conditional step: of accepting,
declining and revoking at once, one wins.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import tasks
from accounts.limits import message_budget
from accounts.managers import normalise_email
from accounts.models import Company, Invitation, Membership, User
from accounts.permissions import require_editor
from accounts.steps.invitation_links import mail_link
from accounts.steps.memberships import lock_account, lock_company, make_current
from accounts.usernames import canonical_username
from depannini_dashmap.lib.errors import Conflict, NotFound
from depannini_dashmap.lib.ops import audit

MOST_OPEN = 200  # invitations of one company that wait at once
_Outcome = Invitation.Outcome


@transaction.atomic
def invite(*, actor: User, company: Company, person: dict[str, str], role: str | None = None) -> Invitation:
    """Ask a dispatcher, who may not exist, to work for a company; asked already, they keep the open invitation.

    Shape: `person` is one of `{"username"}`, `{"email"}`; `role` is member (for None) or viewer.
    Effects: a mail to who is asked, once an invitation, if the budget has room for it. Raises: Forbidden for viewers; Conflict beyond MOST_OPEN.
    """
    locked = lock_company(company.pk)
    require_editor(actor, locked.pk)
    name = _name(person)
    role = role or Membership.Role.MEMBER
    # Looked up in any case, so that the answer takes as long for a user who does not exist.
    user = User.objects.active().filter(user_type=User.Type.DISPATCHER).with_username(name["username"])
    now = timezone.now()
    pair = Invitation.objects.filter(company=locked, outcome="", **name)
    pair.filter(expires_at__lte=now).update(outcome=_Outcome.EXPIRED, ended_at=now)
    waiting = pair.first()
    if waiting is not None:
        waiting.role, waiting.user, waiting.invited_by = role, user, actor
        waiting.save(update_fields=["role", "user", "invited_by"])
        return waiting
    if Invitation.objects.open().filter(company=locked).count() >= MOST_OPEN:
        raise Conflict(_("The company has too many open invitations: end some first"), code="too_many_invitations")
    invitation = Invitation.objects.create(
        company=locked, role=role, user=user, invited_by=actor, created_at=now, expires_at=now + Invitation.LASTS, **name
    )
    # Who is not there has an address in the budget, too: asking for them costs the same.
    address = name["email"] or (user.email if user else None) or f"@{name['username']}"
    if message_budget.try_spend(message_budget.INVITATION, "email", address, asker=actor, holder=user, company_id=locked.pk):
        if invitation.email:
            mail_link(invitation)
        else:
            tasks.deliver_invitation.enqueue(invitation.pk)
    audit.record("member_invited", actor=actor, target=locked, invitation_id=invitation.pk, role=role)
    return invitation


@transaction.atomic
def revoke_invitation(*, actor: User, company: Company, invitation_id: int) -> None:
    """Take an open invitation back. Raises: Forbidden for viewers; NotFound."""
    locked = lock_company(company.pk)
    require_editor(actor, locked.pk)
    waiting = Invitation.objects.open().filter(pk=invitation_id, company=locked)
    if not waiting.update(outcome=_Outcome.REVOKED, ended_at=timezone.now()):
        raise NotFound(_("Invitation"))
    audit.record("invitation_revoked", actor=actor, target=locked, invitation_id=invitation_id)


@transaction.atomic
def accept_invitation(*, actor: User, invitation_id: int) -> Invitation:
    """Join a company, which becomes the current one. Who works there already keeps their role; repeating is harmless.

    Raises: NotFound for who was not invited, or by an e-mail that they have not proven; Conflict once it has ended.
    """
    invitation, account = _locked(actor, invitation_id)
    works_there = Membership.objects.of(account).filter(company=invitation.company_id).exists()
    if invitation.outcome == _Outcome.ACCEPTED and invitation.user_id == account.pk and works_there:
        return invitation
    _end(invitation, account, _Outcome.ACCEPTED)
    if not works_there:
        Membership.objects.create(user=account, company_id=invitation.company_id, role=invitation.role)
    make_current(actor, invitation.company)
    audit.record("invitation_accepted", actor=actor, target=invitation.company, invitation_id=invitation.pk)
    return invitation


@transaction.atomic
def decline_invitation(*, actor: User, invitation_id: int) -> Invitation:
    """Refuse to join a company; repeating is harmless. Raises: NotFound, Conflict, as `accept_invitation`."""
    invitation, account = _locked(actor, invitation_id)
    if invitation.outcome == _Outcome.DECLINED:
        return invitation
    _end(invitation, account, _Outcome.DECLINED)
    audit.record("invitation_declined", actor=actor, target=invitation.company, invitation_id=invitation.pk)
    return invitation


def _name(person: dict[str, str]) -> dict[str, str]:
    """Return both columns that name a person; a username with an @ is an e-mail, whose owner must have proven it."""
    username, email = person.get("username", ""), person.get("email", "")
    if "@" in username:
        username, email = "", normalise_email(username) or ""
    return {"username": canonical_username(username) if username else "", "email": email}


def _locked(user: User, invitation_id: int) -> tuple[Invitation, User]:
    """Lock the company and the account of somebody's own invitation. Raises: NotFound."""
    company_id = Invitation.objects.filter(pk=invitation_id).values_list("company_id", flat=True).first()
    if company_id is None or not Company.objects.select_for_update().filter(pk=company_id).values_list("pk"):
        raise NotFound(_("Invitation"))
    account = lock_account(user)
    mine = Invitation.objects.addressed_to(account).select_related("company")
    invitation = mine.filter(pk=invitation_id).first()
    if invitation is None or account.user_type != User.Type.DISPATCHER:
        raise NotFound(_("Invitation"))
    return invitation, account


def _end(invitation: Invitation, account: User, outcome: str) -> None:
    """End an open invitation as its owner's answer. Raises: Conflict when it has ended."""
    answered = Invitation.objects.open().filter(pk=invitation.pk)
    now = timezone.now()
    if not answered.update(outcome=outcome, ended_at=now, user=account):
        raise Conflict(_("The invitation has ended"), code="invitation_ended")
    invitation.outcome, invitation.ended_at, invitation.user = outcome, now, account
