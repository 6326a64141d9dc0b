"""Devices that get notifications, and what they were shown; kept by `accounts.models`, which imports them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from depannini_dashmap.lib.outbound.push_messages import FCM, WEB_PUSH, PushAddress


class PushDeviceQuerySet(models.QuerySet["PushDevice"]):
    """Devices, as the account's sign-ins go."""

    def live(self) -> Self:
        """Keep those that were registered within the life of a sign-in: apps register at each start."""
        return self.filter(registered_at__gt=timezone.now() - settings.REFRESH_TOKEN_TTL)

    def lapsed(self, before: datetime) -> Self:
        """Keep those that have not been live since an instant."""
        return self.filter(registered_at__lt=before - settings.REFRESH_TOKEN_TTL)


class PushDevice(models.Model):
    """A phone's app or a browser that an account gets notifications on, until the sign-in that registered it ends."""

    class Kind(models.TextChoices):
        FCM = FCM, "Firebase Cloud Messaging"
        WEB_PUSH = WEB_PUSH, "Web Push"

    MOST = 10  # of one account; the one that registered longest ago makes room
    LONGEST_TOKEN = 4096

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="push_devices", db_index=False)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    token = models.TextField(help_text="FCM's token, or the endpoint of the browser's push service")
    token_key = models.CharField(max_length=64, unique=True, help_text="keyed hash of kind and token")
    p256dh = models.CharField(max_length=100, blank=True, default="")
    auth = models.CharField(max_length=32, blank=True, default="")
    session = models.CharField(max_length=64, help_text="the sign-in that registered it")
    language = models.CharField(max_length=2, choices=settings.LANGUAGES)
    registered_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = PushDeviceQuerySet.as_manager()

    class Meta:
        ordering = ["-registered_at", "-id"]
        indexes = [models.Index(fields=["user", "registered_at"], name="push_device_by_user")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=FCM, p256dh="", auth="") | (Q(kind=WEB_PUSH) & ~Q(p256dh="") & ~Q(auth="")),
                name="push_device_keys_of_browsers",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} device {self.pk}"

    @property
    def address(self) -> PushAddress:
        """Where messages to it go."""
        return PushAddress(self.kind, self.token, self.p256dh, self.auth)


class PushNotice(models.Model):
    """What an account's devices show of one thing: a second notification of the same tag takes the place of the first."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="push_notices")
    tag = models.CharField(max_length=40)
    content = models.CharField(max_length=60, help_text="which sentence, in words of the program")
    shown_at = models.DateTimeField(default=timezone.now, db_index=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "tag"], name="push_notice_once")]

    def __str__(self) -> str:
        return f"{self.tag} {self.content}"
