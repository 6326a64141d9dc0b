"""Records that belong to no domain: answered idempotency keys, the audit trail, and when daily chores were done."""

from datetime import date

from django.conf import settings
from django.db import models
from django.utils import timezone


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
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["target_type", "target_id"], name="audit_event_target")]

    def __str__(self) -> str:
        return f"{self.event} {self.target_type} {self.target_id}"


class ChoreQuerySet(models.QuerySet["Chore"]):
    """Who does what is to be done once a day."""

    def claim(self, name: str, today: date) -> bool:
        """Take up a chore for today; tell whether it is the caller's. One that was never heard of begins tomorrow."""
        self.bulk_create([Chore(name=name, taken_on=today)], ignore_conflicts=True)
        return self.filter(name=name, taken_on__lt=today).update(taken_on=today) == 1


class Chore(models.Model):
    """Something that the whole deployment does once a day, and the day on which somebody took it up last."""

    name = models.CharField(max_length=32, primary_key=True)
    taken_on = models.DateField()

    objects = ChoreQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} on {self.taken_on}"
