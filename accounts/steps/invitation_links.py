"""Making links to an invitation, and finding what one opens."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import tasks
from accounts.models import Invitation, InvitationLink
from accounts.steps.memberships import lock_company
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.errors import Conflict, NotFound


def mail_link(invitation: Invitation, language: str = "") -> None:
    """Have a new link sent to the invited address, in a language of the pages, else in the present one."""
    link, _token = new_link(invitation, proves_mailbox=True, language=language)
    tasks.deliver_invitation_link.enqueue(link.pk)


def new_link(invitation: Invitation, *, proves_mailbox: bool, language: str = "") -> tuple[InvitationLink, str]:
    """Make a link that ends with its invitation, and return it with its token, which is not kept."""
    token, words = new_token(), (language or get_language() or "")[:2]
    link = InvitationLink.objects.create(
        invitation=invitation, proves_mailbox=proves_mailbox, token_hash=InvitationLink.hash_of(token), expires_at=invitation.expires_at,
        language=words if words in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE,
    )  # fmt: skip
    return link, token


def find_link(token: str) -> InvitationLink:
    """Return the link of a token, also of an invitation that has ended. Raises: NotFound (unknown, or replaced by a later link)."""
    rows = InvitationLink.objects.live().filter(token_hash=InvitationLink.hash_of(token))
    link = rows.select_related("invitation__company", "invitation__user").first()
    if link is None:
        raise NotFound(_("Invitation"))
    return link


def hold_invitation(token: str, *, proves_mailbox: bool) -> Invitation:
    """Lock the company of an open invitation and return it. Raises: NotFound for no such link; Conflict once it has ended."""
    link = find_link(token)
    if link.proves_mailbox != proves_mailbox:
        raise NotFound(_("Invitation"))
    ended = Conflict(_("The invitation has ended"), code="invitation_ended")
    if link.invitation is None:
        raise ended
    try:
        lock_company(link.invitation.company_id)
    except NotFound as error:
        raise ended from error
    invitation = Invitation.objects.open().select_related("company").filter(pk=link.invitation.pk).first()
    if invitation is None:
        raise ended
    return invitation
