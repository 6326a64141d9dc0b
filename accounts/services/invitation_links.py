"""What the links of an invitation do: hand one on, have the real one sent to the mailbox, and join by that one.

The company is locked first, then accounts, then the invitation is ended by one conditional step, as in `invitations`.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.limits import message_budget
from accounts.models import Company, Invitation, InvitationLink, User
from accounts.permissions import require_editor
from accounts.services.invitations import accept_invitation
from accounts.services.registration import register_dispatcher
from accounts.steps.address_claims import take_address
from accounts.steps.addresses import EMAIL, end_codes
from accounts.steps.invitation_links import find_link, hold_invitation, mail_link, new_link
from accounts.steps.memberships import lock_account, lock_company
from depannini_dashmap.lib.errors import Conflict, NotFound
from depannini_dashmap.lib.ops import audit


@transaction.atomic
def hand_on_link(*, actor: User, company: Company, invitation_id: int) -> str:
    """Make the link that an inviter hands on, which ends the one of before, and return its address, which is not kept.

    Raises: Forbidden for viewers; NotFound, also for an invitation by username.
    """
    locked = lock_company(company.pk)
    require_editor(actor, locked.pk)
    invitation = Invitation.objects.open().filter(pk=invitation_id, company=locked).exclude(email="").first()
    if invitation is None:
        raise NotFound(_("Invitation"))
    InvitationLink.objects.filter(invitation=invitation, proves_mailbox=False).revoke()
    _link, token = new_link(invitation, proves_mailbox=False)
    audit.record("invitation_link_made", actor=actor, target=locked, invitation_id=invitation.pk)
    return InvitationLink.address_of(token)


@transaction.atomic
def send_invitation_link(*, actor: User | None, token: str) -> None:
    """Have the link that proves the mailbox sent there, for who has the one that is handed on: the signed-in `actor`, or nobody.

    Effects: a mail, if the budget has room for it; silently none otherwise. Raises: NotFound, Conflict once it has ended.
    """
    invitation = hold_invitation(token, proves_mailbox=False)
    holder = User.objects.active().with_email(invitation.email).first()
    budget = {"asker": actor, "holder": holder, "company_id": invitation.company_id}
    if message_budget.try_spend(message_budget.INVITATION, "email", invitation.email, **budget):
        mail_link(invitation)


def join_by_link(*, actor: None, token: str, name: str, password: str) -> User:
    """Make an account for who has no account at the invited address, which the link proves, and let it join; all of it or nothing.

    Shape: no `actor` yet; the e-mail is the username. Effects: who held the address unproven loses it, as to any proof.
    Raises: NotFound; Conflict once the invitation has ended (`invitation_ended`), or where an account has proven the
    address (`address_taken`); InvalidData for a weak password.
    """
    try:
        with transaction.atomic():
            return _join(token, name, password)
    except IntegrityError as error:  # somebody registered the address at the same moment
        raise Conflict(_("Something has changed meanwhile: try again"), code="try_again") from error


def _join(token: str, name: str, password: str) -> User:
    invitation = hold_invitation(token, proves_mailbox=True)
    for holder in User.objects.select_for_update(no_key=True).filter(email=invitation.email):
        take_address(holder, EMAIL)
    user = register_dispatcher(
        actor=None, password=password, username=invitation.email, email=invitation.email, name=name, email_verified=True
    )
    audit.record("address_verified", actor=user, target=user, channel=EMAIL, by="invitation")
    accept_invitation(actor=user, invitation_id=invitation.pk)
    return user


@transaction.atomic
def accept_by_link(*, actor: User, token: str) -> Invitation:
    """Accept as the signed-in account of the invited address, which the link proves where the account had not yet.

    Raises: NotFound for another account, or one that is no dispatcher; Conflict once it has ended.
    """
    invitation = hold_invitation(token, proves_mailbox=True)
    account = lock_account(actor)
    if account.email != invitation.email or account.user_type != User.Type.DISPATCHER:
        raise NotFound(_("Invitation"))
    if not account.email_verified:
        account.email_verified, account.email_suspended = True, False
        account.save(update_fields=["email_verified", "email_suspended"])
        end_codes(account.pk, EMAIL)
        audit.record("address_verified", actor=account, target=account, channel=EMAIL, by="invitation")
    return accept_invitation(actor=actor, invitation_id=invitation.pk)


@transaction.atomic
def decline_by_link(*, actor: User | None, token: str) -> Invitation:
    """Decline for the invited mailbox, whose owner may have no account; `actor` is who is signed in, or nobody. Repeating is harmless.

    Raises: NotFound for a link that does not prove the mailbox; Conflict once it has ended otherwise.
    """
    link = find_link(token)
    if link.proves_mailbox and link.invitation is not None and link.invitation.outcome == Invitation.Outcome.DECLINED:
        return link.invitation
    invitation = hold_invitation(token, proves_mailbox=True)
    if not Invitation.objects.open().filter(pk=invitation.pk).update(outcome=Invitation.Outcome.DECLINED, ended_at=timezone.now()):
        raise Conflict(_("The invitation has ended"), code="invitation_ended")
    audit.record("invitation_declined", actor=actor, target=invitation.company, invitation_id=invitation.pk, by="link")
    return invitation
