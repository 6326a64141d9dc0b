"""The base of browsers that are notified of what one link opens, while its page is closed, as long as the link opens it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from depannini_dashmap.lib.outbound.push_messages import WEB_PUSH, PushAddress


class BrowserSubscription(models.Model):
    """A browser that follows a link. Subclasses have the foreign key `link`, unique together with `endpoint_key`."""

    MOST = 5  # of one link; the one that subscribed longest ago makes room

    link: Any

    endpoint = models.TextField()
    endpoint_key = models.CharField(max_length=64, help_text="keyed hash of the endpoint")
    p256dh = models.CharField(max_length=100)
    auth = models.CharField(max_length=32)
    language = models.CharField(max_length=2, choices=settings.LANGUAGES)
    seen = models.JSONField(default=dict, help_text="what the page showed as it subscribed, in the same words as `shown`")
    shown = models.JSONField(default=dict, help_text="what the browser shows: the content of each tag")
    subscribed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"subscription {self.pk}"

    @property
    def address(self) -> PushAddress:
        """Where messages to it go."""
        return PushAddress(WEB_PUSH, self.endpoint, self.p256dh, self.auth)
