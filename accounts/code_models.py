"""Codes that prove addresses, guesses at them, and notices; kept by `accounts.models`, which imports them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.managers import VerificationCodeQuerySet


class VerificationCode(models.Model):
    """A code of 6 digits, or of 8 where somebody guesses, for one address and purpose; neither the code nor the address can be read from the row.

    A row without user is a decoy for an address that no account has, so that asking costs the same.
    """

    class Channel(models.TextChoices):
        EMAIL = "email"
        PHONE = "phone"

    class Purpose(models.TextChoices):
        VERIFY = "verify"
        RESET = "reset"
        CLAIM = "claim", "verify an address that another account holds"
        HELP = "help", "ask for help under a number, without an account"
        SIGN_IN = "signin", "sign in on the assistants' page"

    SHORT, LONG = 6, 8  # digits
    MAX_TRIES = 20
    MAX_TRIES_PER_CALLER = 5
    MOST_OPEN = 3

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="codes", db_index=False)
    channel = models.CharField(max_length=5, choices=Channel.choices)
    purpose = models.CharField(max_length=6, choices=Purpose.choices)
    address_key = models.CharField(max_length=64, help_text="keyed hash of the address the code goes to")
    asked_by = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="keyed hash of the account or network that asked"
    )
    claimed_address = models.CharField(
        max_length=254, blank=True, default="", help_text="not yet the user's; emptied once the code has left"
    )
    code_hash = models.CharField(max_length=64, blank=True, default="")
    digits = models.PositiveSmallIntegerField(default=SHORT, db_default=SHORT)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = VerificationCodeQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["address_key", "created_at"], name="code_by_address"),
            models.Index(fields=["user", "created_at"], name="code_by_user"),
            models.Index(fields=["created_at"], name="code_by_age"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(tries__gte=0, tries__lte=20), name="code_tries_at_most_20"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.channel} code {self.pk}"


class CodeGuess(models.Model):
    """One wrong code of six digits that somebody entered for an address; kept for a day, over which guesses are bounded."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="code_guesses", db_index=False)
    address_key = models.CharField(max_length=64, help_text="keyed hash of the address")
    purpose = models.CharField(max_length=6, choices=VerificationCode.Purpose.choices)
    caller = models.CharField(max_length=64, help_text="keyed hash of the account or network that guessed")
    compared = models.PositiveSmallIntegerField(help_text="with how many codes")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "code guesses"
        indexes = [
            models.Index(fields=["address_key", "at"], name="guess_by_address"),
            models.Index(fields=["user", "at"], name="guess_by_user"),
            models.Index(fields=["at"], name="guess_by_age"),
        ]

    def __str__(self) -> str:
        return f"guess {self.pk}"


class Notice(models.Model):
    """A message to an address that the account may have lost by the time it is sent; deleted once it has left."""

    class Kind(models.TextChoices):
        ADDRESS_CHANGED = "address_changed"
        ADDRESS_TAKEN = "address_taken"
        GUESSED_AT = "guessed_at"
        PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    channel = models.CharField(max_length=5, choices=VerificationCode.Channel.choices)
    address = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.kind} notice {self.pk}"
