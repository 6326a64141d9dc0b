"""The links of invitations: those that are mailed to the invited address alone, and those that an inviter hands on."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from depannini_dashmap.lib.db.secret_links import SecretLink, SecretLinkQuerySet


class InvitationLink(SecretLink):
    """A link to one invitation by e-mail. What it opens is the invitation's business: it says so in words once that has ended.

    One that was mailed proves the mailbox, as nobody else has its token: the task that sends it makes the token, and until
    then the hash is that of a token that nobody has. One that is handed on proves nothing. A closed company leaves links
    without an invitation.
    """

    page_path = "/i/"
    hash_salt = "accounts.invitation_link"

    invitation = models.ForeignKey("accounts.Invitation", on_delete=models.SET_NULL, null=True, related_name="links")
    proves_mailbox = models.BooleanField()
    language = models.CharField(max_length=2, choices=settings.LANGUAGES)
    sent_at = models.DateTimeField(null=True)

    objects = SecretLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invitation"], condition=Q(proves_mailbox=False, revoked_at__isnull=True), name="invitation_one_link_to_hand_on"
            ),
        ]
