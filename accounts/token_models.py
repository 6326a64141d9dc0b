"""What the database keeps of JWTs: those that were ended, and which refresh token is the live one."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.managers import (
    EndedTokenQuerySet,
)


class EndedToken(models.Model):
    """A JWT (its jti) or a whole family of refresh tokens (its id) that was ended before its expiry."""

    jti = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ended_tokens")
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(default=timezone.now)

    objects = EndedTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return self.jti


class RefreshFamily(models.Model):
    """Which generation of a refresh token is the live one; rows exist only once a token was rotated."""

    id = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="refresh_families")
    generation = models.PositiveIntegerField(default=0)
    rotated_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    objects = EndedTokenQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "refresh families"

    def __str__(self) -> str:
        return self.id
