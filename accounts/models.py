"""Users, and the models of the neighbouring modules; flows are in the services."""

from __future__ import annotations

from datetime import time
from functools import cached_property

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.code_models import CodeGuess, Notice, VerificationCode
from accounts.company_models import Company, Invitation, Membership
from accounts.invitation_link_models import InvitationLink
from accounts.keyed_hashes import spellings
from accounts.managers import (
    UserManager,
    normalise_email,
)
from accounts.push_models import PushDevice, PushNotice
from accounts.token_models import EndedToken, RefreshFamily
from depannini_dashmap.lib.db.prepared import PreparedRows

__all__ = [
    "OPERATORS",
    "ROADSIDE",
    "CodeGuess",
    "Company",
    "EndedToken",
    "Invitation",
    "InvitationLink",
    "Membership",
    "Notice",
    "PushDevice",
    "PushNotice",
    "RefreshFamily",
    "User",
    "VerificationCode",
]

OPERATORS = "Operators"
ROADSIDE = "Roadside"


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account: client, assistant, dispatcher or staff."""

    class Type(models.TextChoices):
        CLIENT = "client", _("Client")
        ASSISTANT = "assistant", _("Assistant")
        DISPATCHER = "dispatcher", _("Dispatcher")
        STAFF = "staff", _("Staff")

    username = models.CharField(_("username"), max_length=254, unique=True)
    email = models.EmailField(_("email"), null=True, blank=True)
    phone_number = models.CharField(_("phone number"), max_length=16, null=True, blank=True, unique=True, help_text=_("E.164"))
    caller_phone = models.CharField(
        _("caller phone"),
        max_length=16, null=True, blank=True, editable=False, help_text=_("E.164; of a caller without an account of their own")
    )
    name = models.CharField(_("name"), max_length=150, blank=True, default="")
    first_name = models.CharField(_("first name"), max_length=150, blank=True, default="")
    last_name = models.CharField(_("last name"), max_length=150, blank=True, default="")
    user_type = models.CharField(_("user type"), max_length=10, choices=Type.choices, default=Type.CLIENT)
    address = models.CharField(_("address"), max_length=500, blank=True, default="")
    profile_photo = models.ImageField(upload_to="photos", null=True, blank=True)
    current_lat = models.FloatField(null=True, blank=True)
    current_lng = models.FloatField(null=True, blank=True)
    email_verified = models.BooleanField(_("email verified"), default=False)
    phone_verified = models.BooleanField(_("phone verified"), default=False)
    email_suspended = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="names the account at sign-in and nothing else"
    )
    phone_suspended = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="names the account at sign-in and nothing else"
    )
    pending_email = models.EmailField(null=True, blank=True, editable=False, help_text="claimed, not yet proven")
    pending_phone_number = models.CharField(
        max_length=16, null=True, blank=True, editable=False, help_text="claimed, not yet proven"
    )
    quiet_from = models.TimeField(null=True, blank=True, editable=False, help_text="in DISPLAY_TIME_ZONE; until quiet_until no notification tells of chat")
    quiet_until = models.TimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField(_("is active"), default=True)
    is_staff = models.BooleanField(_("is staff"), default=False)
    token_version = models.PositiveIntegerField(default=0, editable=False)
    google_sub = models.CharField(max_length=255, null=True, blank=True, unique=True, editable=False)
    current_company = models.ForeignKey(
        Company, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("current company")
    )
    date_joined = models.DateTimeField(_("date joined"), default=timezone.now, db_index=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["-date_joined", "-id"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_unique"),
            models.UniqueConstraint(
                fields=["caller_phone"], condition=Q(caller_phone__isnull=False), name="user_caller_phone_unique"
            ),
            models.CheckConstraint(
                condition=Q(user_type__in=["client", "assistant", "dispatcher", "staff"]), name="user_type_known"
            ),
            models.CheckConstraint(
                condition=Q(phone_number__isnull=True) | Q(phone_number__startswith="+"), name="user_phone_e164"
            ),
            models.CheckConstraint(
                condition=Q(current_lat__isnull=True, current_lng__isnull=True)
                | Q(
                    current_lat__isnull=False,
                    current_lng__isnull=False,
                    current_lat__range=(-90, 90),
                    current_lng__range=(-180, 180),
                ),
                name="user_location_valid",
            ),
            models.CheckConstraint(
                condition=~Q(email_suspended=True, email_verified=True) & ~Q(phone_suspended=True, phone_verified=True),
                name="user_proven_is_not_suspended",
            ),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="user_quiet_hours_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    def clean(self) -> None:
        """Store the e-mail in its one spelling."""
        self.email = normalise_email(self.email)

    def set_password(self, raw_password: str | None) -> None:
        """Hash a password in NFC, so that the keyboard it was typed on does not matter."""
        super().set_password(raw_password and spellings(raw_password)[-1])
        if raw_password and self.pk is None and len(spellings(raw_password)) > 1:
            make_password(raw_password)  # sign-in asks this of no account for the time that a comparison takes

    def check_password(self, raw_password: str) -> bool:
        """Compare a password as it was typed, as hashes from before were made, and in NFC."""
        for spelling in spellings(raw_password):
            if super().check_password(spelling):
                self._hash_anew(spelling)
                return True
        return False

    def _hash_anew(self, password: str) -> None:
        canonical = spellings(password)[-1]
        if canonical == password:
            return
        before, self.password = self.password, make_password(canonical)
        User.objects.filter(pk=self.pk, password=before).update(password=self.password)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Bind the console's sessions to the token version too: what ends every token ends them."""
        bound = f"{self.token_version}:{self.password}"
        return salted_hmac("accounts.models.User", bound, secret=secret, algorithm="sha256").hexdigest()

    @property
    def display_name(self) -> str:
        """What others are shown: the name, else first and last name, else a chosen username, never an address."""
        full_name = self.name or f"{self.first_name} {self.last_name}".strip()
        if full_name:
            return full_name
        return self.username if self.user_type in (self.Type.DISPATCHER, self.Type.STAFF) else ""

    @property
    def reachable_phone(self) -> str | None:
        """The number to call: one's own, or the one that a caller without an account called from."""
        return self.phone_number or self.caller_phone

    @cached_property
    def is_operator(self) -> bool:
        """Whether this is the API's "staff", who see every company: superusers and the group Operators."""
        return self.is_active and (self.is_superuser or OPERATORS in self._group_names)

    @cached_property
    def is_roadside(self) -> bool:
        """Whether this person does on the roadside side what staff may: operators, and dispatchers of the group Roadside."""
        works = self.is_active and self.user_type == self.Type.DISPATCHER and ROADSIDE in self._group_names
        return self.is_operator or works

    @cached_property
    def _group_names(self) -> frozenset[str]:
        return frozenset(self.groups.values_list("name", flat=True))

    @cached_property
    def _companies(self) -> tuple[tuple[int, str], ...]:
        return tuple(_companies_of(None, self.pk))

    @property
    def _company_roles(self) -> tuple[str, ...]:
        return tuple(role for _, role in self._companies)

    @property
    def company_ids(self) -> tuple[int, ...]:
        """The companies that the user works for, as read once for this instance: for a request that only looks."""
        return tuple(company_id for company_id, _ in self._companies)

    @property
    def is_company_member(self) -> bool:
        """Whether the user belongs to any company, and so enters the admin."""
        return bool(self._company_roles)

    @property
    def works_here(self) -> bool:
        """Whether the console is for them: dispatchers with a company, operators, and who works the roadside."""
        return self.is_roadside or self.is_company_member

    @property
    def is_company_editor(self) -> bool:
        """Whether the user may change things in at least one company."""
        return Membership.Role.MEMBER in self._company_roles

    @property
    def sees_several_companies(self) -> bool:
        """Whether rows must say whose they are."""
        return self.is_operator or len(self._company_roles) > 1

    def is_quiet(self, clock: time) -> bool:
        """Return whether a time of day, in DISPLAY_TIME_ZONE, is within the hours in which the person wants quiet."""
        if self.quiet_from is None or self.quiet_until is None:
            return False
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= clock < self.quiet_until
        return clock >= self.quiet_from or clock < self.quiet_until

    def get_full_name(self) -> str:
        """Return the name for admin pages and mails."""
        return self.display_name

    def get_short_name(self) -> str:
        """Return the short name for admin pages."""
        return self.first_name or self.display_name


_companies_of = PreparedRows(
    lambda _, user_id: Membership.objects.filter(user_id=user_id).order_by("id").values_list("company_id", "role")
)
