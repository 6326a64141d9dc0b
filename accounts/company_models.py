"""Companies, who works for them, and who is invited to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.depots import PARTS, depot_faults
from accounts.managers import CompanyQuerySet, InvitationQuerySet, MembershipQuerySet
from depannini_dashmap.lib.db.phone_fields import PhoneTextField


class Company(models.Model):
    """A haulier or fleet owner; the tenant that vehicles, orders and trips belong to."""

    name = models.CharField(_("name"), max_length=200)
    address = models.CharField(_("address"), max_length=500, blank=True, default="")
    phone = PhoneTextField(_("phone"), blank=True, default="")
    email = models.EmailField(_("email"), blank=True, default="")
    depot_name = models.CharField(
        _("depot name"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("empty: the name of the company"),
    )
    depot_address = models.CharField(
        _("depot address"),
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text=_("the pickup of sheets' rows that give only a delivery"),
    )
    depot_latitude = models.DecimalField(
        _("depot latitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )
    depot_longitude = models.DecimalField(
        _("depot longitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = CompanyQuerySet.as_manager()

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(depot_latitude__isnull=True, depot_longitude__isnull=True)
                | Q(
                    depot_latitude__isnull=False, depot_longitude__isnull=False,
                    depot_latitude__range=(-90, 90), depot_longitude__range=(-180, 180),
                ),
                name="company_depot_location",
            ),
            models.CheckConstraint(
                condition=~Q(depot_address="") | Q(depot_name="", depot_latitude__isnull=True), name="company_depot_has_address"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a depot without an address, and half a location."""
        if faults := depot_faults({part: getattr(self, f"depot_{part}") for part in PARTS}):
            raise ValidationError({f"depot_{part}": texts for part, texts in faults.items()})

    @property
    def depot(self) -> dict[str, Any] | None:
        """The place where the company's goods wait, None without an address."""
        if not self.depot_address:
            return None
        place = {part: getattr(self, f"depot_{part}") for part in PARTS}
        return {**place, "name": self.depot_name or self.name}


class Membership(models.Model):
    """A user works for a company; viewers read, members also change, owners also decide who else does.

    An owner's `role` is that of a member, next to `is_owner`, so that an older release without owners reads it correctly.
    """

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        MEMBER = "member", _("Member")
        VIEWER = "viewer", _("Viewer")

    INVITED = [(Role.MEMBER.value, Role.MEMBER.label), (Role.VIEWER.value, Role.VIEWER.label)]

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="memberships", verbose_name=_("user"))
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("company"))
    role = models.CharField(_("role"), max_length=10, choices=INVITED, default=Role.MEMBER)
    is_owner = models.BooleanField(_("is owner"), default=False, db_default=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "company"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=["member", "viewer"]), name="membership_role_known"),
            models.CheckConstraint(condition=Q(is_owner=False) | Q(role="member"), name="membership_owner_edits"),
        ]

    def __str__(self) -> str:
        return gettext("member %(user)s of company %(company)s") % {"user": self.user_id, "company": self.company_id}

    @property
    def full_role(self) -> str:
        """The role as people see and assign it: owner, member or viewer."""
        return self.Role.OWNER if self.is_owner else self.role

    @full_role.setter
    def full_role(self, given: str) -> None:
        self.is_owner = given == self.Role.OWNER
        self.role = self.Role.MEMBER if self.is_owner else given


class Invitation(models.Model):
    """Somebody is asked to work for a company, by their username or e-mail; nothing of theirs changes before they agree.

    There is a row, and it looks the same, also where nobody answers to the name. One by username is for the account that
    had it then; one by e-mail for the user who has proven the address at that time.
    """

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")
        REVOKED = "revoked"
        EXPIRED = "expired"

    LASTS = timedelta(days=14)

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("company"))
    role = models.CharField(_("role"), max_length=10, choices=Membership.INVITED, default=Membership.Role.MEMBER)
    username = models.CharField(_("username"), max_length=254, blank=True, default="")
    email = models.EmailField(_("email"), blank=True, default="")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, null=True, related_name="invitations", verbose_name=_("user"))
    invited_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires at"), db_index=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True, default="", help_text=_("empty while open"))
    ended_at = models.DateTimeField(_("ended at"), null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["email"], condition=~Q(email=""), name="invitation_by_email")]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "username", "email"], condition=Q(outcome=""), name="invitation_open_once"
            ),
            models.CheckConstraint(
                condition=(Q(email="") & ~Q(username="")) | (Q(username="") & ~Q(email="")), name="invitation_one_name"
            ),
            models.CheckConstraint(condition=Q(role__in=["member", "viewer"]), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.company_id}"

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        return not self.outcome and self.expires_at > timezone.now()
