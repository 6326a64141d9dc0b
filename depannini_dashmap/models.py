"""Records that belong to no domain: answered idempotency keys, the audit trail, sheets on their way in, daily chores."""

from datetime import date

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.sheet_models import SheetFile, SheetHeading, SheetImport, SheetRefusal

__all__ = [
    "AuditEvent",
    "BudgetedMessage",
    "Chore",
    "FailedTry",
    "IdempotentRequest",
    "SheetFile",
    "SheetHeading",
    "SheetImport",
    "SheetRefusal",
]


class IdempotentRequest(models.Model):
    """One `Idempotency-Key` of one user on one path, and the answer that a repetition gets."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.BinaryField(null=True)
    started_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "path", "key"], name="idempotent_request_once_per_user_and_path")
        ]

    def __str__(self) -> str:
        return f"{self.path} {self.key}"


class AuditEvent(models.Model):
    """Who did what to whom, from where; rows are only ever added (a trigger refuses the rest)."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    event = models.CharField(max_length=64, db_index=True)
    actor_id = models.BigIntegerField(null=True)
    target_type = models.CharField(max_length=64, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["target_type", "target_id"], name="audit_event_target")]

    def __str__(self) -> str:
        return f"{self.event} {self.target_type} {self.target_id}"


class ChoreQuerySet(models.QuerySet["Chore"]):
    """Who does what is to be done once a day."""

    def claim(self, name: str, today: date) -> bool:
        """Claim a chore for today; return whether the caller has it. A chore without a row begins tomorrow."""
        self.bulk_create([Chore(name=name, taken_on=today)], ignore_conflicts=True)
        return self.filter(name=name, taken_on__lt=today).update(taken_on=today) == 1


class Chore(models.Model):
    """Something that the whole deployment does once a day, and the day on which somebody took it up last."""

    name = models.CharField(max_length=32, primary_key=True)
    taken_on = models.DateField()

    objects = ChoreQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} on {self.taken_on}"


class BudgetedMessage(models.Model):
    """One mail or SMS that the budget let through, or one that would have been sent if the account existed.

    Whom it goes to and where it was asked from are keyed hashes; the row says nothing to who reads it.
    """

    kind = models.CharField(max_length=12)
    address_key = models.CharField(max_length=64)
    asker_id = models.BigIntegerField(null=True)
    network_key = models.CharField(max_length=64, blank=True)
    company_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["address_key", "at"], name="message_by_address"),
            models.Index(fields=["network_key", "at"], name="message_by_network"),
            models.Index(fields=["asker_id", "at"], condition=models.Q(asker_id__isnull=False), name="message_by_asker"),
            models.Index(fields=["company_id", "at"], condition=models.Q(company_id__isnull=False), name="message_by_company"),
            models.Index(fields=["at"], name="message_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class FailedTry(models.Model):
    """One wrong password, code or token, and the network that it came from."""

    network_key = models.CharField(max_length=64)
    account_key = models.CharField(max_length=64, blank=True, help_text="keyed hash of the name, of a sign-in alone")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "failed tries"
        indexes = [
            models.Index(fields=["network_key", "at"], name="failed_try_by_network"),
            models.Index(fields=["account_key", "at"], condition=~models.Q(account_key=""), name="failed_try_by_account"),
            models.Index(fields=["at"], name="failed_try_by_age"),
        ]

    def __str__(self) -> str:
        return f"failed try {self.pk}"
