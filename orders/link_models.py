"""The links by which customers see one order each, without an account."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.link_subscriptions import BrowserSubscription
from depannini_dashmap.lib.db.secret_links import SecretLink
from orders.managers import OrderLinkQuerySet, OrderSubscriptionQuerySet


class OrderLink(SecretLink):
    """A customer's link to one order; it only shows. `channel` says how it was sent, empty where people hand it on themselves.

    The token of one that is sent is made by the task that sends it; until then the hash is that of a token that nobody has.
    """

    page_path = "/o/"
    hash_salt = "orders.link"

    class Channel(models.TextChoices):
        SMS = "sms", _("SMS")
        EMAIL = "email", _("E-mail")

    order = models.ForeignKey("orders.Order", on_delete=models.CASCADE, related_name="links", verbose_name=_("order"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    language = models.CharField(
        _("language"), max_length=2, choices=settings.LANGUAGES, blank=True, default="", help_text=_("empty: that of the browser")
    )
    channel = models.CharField(max_length=5, choices=Channel.choices, blank=True, default="", editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OrderLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer's link")
        verbose_name_plural = _("customers' links")
        constraints = [
            models.UniqueConstraint(fields=["order"], condition=Q(revoked_at__isnull=True), name="order_one_live_link"),
            models.CheckConstraint(condition=Q(channel__in=["", "sms", "email"]), name="order_link_channel_known"),
        ]


class OrderSubscription(BrowserSubscription):
    """A browser that is notified of the order of a customer's link."""

    link = models.ForeignKey(OrderLink, on_delete=models.CASCADE, related_name="subscriptions", db_index=False)
    asked = models.JSONField(default=dict, help_text="what a task was queued to show last, in the same words as `shown`")
    looked_at = models.DateTimeField(default=timezone.now, db_index=True, help_text="when it was last compared with the order")

    objects = OrderSubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "endpoint_key"], name="order_subscription_once")]
