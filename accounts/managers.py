"""QuerySets of users, companies, memberships, codes and tokens: which rows a user may see or change."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.contrib.auth.base_user import BaseUserManager
from django.db import models
from django.utils import timezone

from accounts.usernames import canonical_username
from depannini_dashmap.lib.text import NotAnEmail, canonical_email, clean

if TYPE_CHECKING:
    from accounts.models import User


class TenantQuerySet(models.QuerySet):
    """Rows that belong to a company through the lookup named in ``company_path``."""

    company_path = "company"

    def visible_to(self, user: User) -> Self:
        """Keep the rows of companies that the user is a member of; operators see all."""
        if user.is_operator:
            return self.all()
        return self.filter(**{f"{self.company_path}__in": _company_ids(user)})

    def listed_for(self, user: User) -> Self:
        """Keep what `visible_to` keeps, by the values of the company ids, which are read once for the user instance.

        For a list in a request that changes no membership: PostgreSQL reads rows in the order of an index that begins
        with the company only where the company is a value, and knows how many rows to expect.
        """
        return self if user.is_operator else self.filter(**{f"{self.company_path}__in": user.company_ids})

    def editable_by(self, user: User) -> Self:
        """Keep the rows that the user may change: a viewer of a company only reads."""
        if user.is_operator:
            return self.all()
        return self.filter(**{f"{self.company_path}__in": _company_ids(user, role="member")})


def _company_ids(user: User, **filters: Any) -> models.QuerySet:
    return apps.get_model("accounts", "Membership").objects.filter(user_id=user.pk, **filters).values("company_id")


class CompanyQuerySet(TenantQuerySet):
    """Companies; a company belongs to itself."""

    company_path = "pk"


class MembershipQuerySet(TenantQuerySet):
    """Who works for whom."""

    def of(self, user: User) -> Self:
        """Keep the user's own memberships."""
        return self.filter(user_id=user.pk)

    def editors(self) -> Self:
        """Keep the memberships that may change things; owners are among them."""
        return self.filter(role="member")

    def owners(self) -> Self:
        """Keep the memberships that decide who works for the company."""
        return self.filter(is_owner=True)


class InvitationQuerySet(TenantQuerySet):
    """Who is asked to work for whom."""

    def open(self) -> Self:
        """Keep those that can still be accepted."""
        return self.filter(outcome="", expires_at__gt=timezone.now())

    def revoke(self) -> int:
        """End those that nobody has answered; return how many."""
        return self.filter(outcome="").update(outcome="revoked", ended_at=timezone.now())

    def over_since(self, moment: datetime) -> Self:
        """Keep those that were answered, revoked or ran out before a moment."""
        ran_out = models.Q(outcome="", expires_at__lt=moment)
        return self.filter(ran_out | models.Q(ended_at__lt=moment))

    def addressed_to(self, user: User) -> Self:
        """Keep the user's own: an unproven e-mail names nobody."""
        mine = models.Q(user_id=user.pk)
        if user.email and user.email_verified:
            mine |= models.Q(email=normalise_email(user.email))
        return self.filter(mine)

    def offered_to(self, user: User) -> Self:
        """Keep the user's own that are open, to companies that they do not work for yet."""
        return self.open().addressed_to(user).exclude(company__in=_company_ids(user))


class UserQuerySet(models.QuerySet):
    """People."""

    def active(self) -> Self:
        """Keep those who may sign in."""
        return self.filter(is_active=True)

    def visible_to(self, user: User) -> Self:
        """Keep oneself and the colleagues in one's companies; operators see everybody."""
        if user.is_operator:
            return self.all()
        colleagues = models.Q(memberships__company_id__in=_company_ids(user))
        return self.filter(models.Q(pk__in=self.model.objects.filter(colleagues).values("pk")) | models.Q(pk=user.pk))

    def with_email(self, email: str) -> Self:
        """Keep the account of an e-mail, in any case of letters."""
        return self.filter(email=normalise_email(email))

    def spelled_otherwise(self) -> list[int]:
        """Return the ids of accounts whose e-mail or username is in a spelling that nothing is stored in any more.

        Another account has the canonical one; nobody but an operator can say whose it is.
        """
        perhaps = models.Q(email__regex=r'[^ -~]|xn--|"') | models.Q(username__regex=r"[^ -~]|^ | $")
        rows = self.filter(perhaps).order_by("pk").values_list("pk", "email", "username")
        return [
            pk
            for pk, email, username in rows
            if normalise_email(email) != email or ("@" not in username and canonical_username(username) != username)
        ]

    def with_username(self, typed: str) -> User | None:
        """Return the account of a username, typed on any keyboard; an exact match comes first."""
        found = {user.username: user for user in self.filter(username__in={typed, canonical_username(typed)})}
        return found.get(typed) or next(iter(found.values()), None)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Makes users; everything stored is normalised here or by the services."""

    def create_user(self, username: str, email: str | None = None, password: str | None = None, **fields: Any) -> User:
        """Save a new user with a hashed password."""
        if not username:
            raise ValueError("A username is needed")
        user = self.model(username=canonical_username(username), email=normalise_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> User:
        """Save a superuser, the first of the staff."""
        fields = {**fields, "is_staff": True, "is_superuser": True, "user_type": "staff"}
        return self.create_user(username, email, password, **fields)


class VerificationCodeQuerySet(models.QuerySet):
    """Codes on their way or waiting to be entered."""

    def open(self) -> Self:
        """Keep those neither used nor replaced."""
        return self.filter(ended_at__isnull=True)

    def enterable(self, now: datetime) -> Self:
        """Keep those that were made, have not expired and have a try left."""
        return self.open().filter(expires_at__gt=now, tries__lt=self.model.MAX_TRIES).exclude(code_hash="")


class EndedTokenQuerySet(models.QuerySet):
    """Ended tokens, kept until they would have expired anyway."""

    def expired(self, now: datetime) -> Self:
        """Keep the rows that are of no more use."""
        return self.filter(expires_at__lt=now)


def normalise_email(email: str | None) -> str | None:
    """Return the one spelling under which an e-mail is stored; nothing becomes None."""
    try:
        return canonical_email(email) if email else None
    except NotAnEmail:
        return clean(email or "").lower() or None
