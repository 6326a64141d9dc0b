"""Links that open one thing for whoever has them, without an account: what such a row holds, and how its token finds it."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

TOKEN_BYTES = 24


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class SecretLinkQuerySet(models.QuerySet):
    """Links of one kind."""

    def live(self) -> Self:
        """Keep those that were not ended; they may have expired."""
        return self.filter(revoked_at=None)

    def open(self) -> Self:
        """Keep those that were neither ended nor have expired."""
        return self.live().filter(expires_at__gt=timezone.now())

    def opened_by(self, token: str) -> Self:
        """Keep the link of a token, if it is open."""
        return self.open().filter(token_hash=self._hash_of(token))

    def is_known(self, token: str) -> bool:
        """Return whether a token was ever given, so that an old link does not count as a guess."""
        return self.filter(token_hash=self._hash_of(token)).exists()

    def revoke(self) -> int:
        """End those that were not ended yet, and return how many these were."""
        return self.live().update(revoked_at=timezone.now())

    def _hash_of(self, token: str) -> str:
        kind: Any = self.model
        return str(kind.hash_of(token))


class SecretLink(models.Model):
    """A link to one thing; its address holds the token, this row the token's keyed hash alone."""

    page_path: ClassVar[str]  # where the pages of its kind are: `/t/`
    hash_salt: ClassVar[str]

    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"

    @classmethod
    def hash_of(cls, token: str) -> str:
        """Return the keyed hash by which a token is found."""
        return salted_hmac(cls.hash_salt, token, algorithm="sha256").hexdigest()

    @classmethod
    def address_of(cls, token: str) -> str:
        """Return the address of the page that a token opens."""
        return f"{settings.BASE_URL.rstrip('/')}{cls.page_path}{token}/"
