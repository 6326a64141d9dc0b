"""The links by which motorists follow one request each, without an account, and the browsers that are notified by them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.link_subscriptions import BrowserSubscription
from assistance.managers import LinkSubscriptionQuerySet, RequestLinkQuerySet
from depannini_dashmap.lib.db.secret_links import SecretLink


class RequestLink(SecretLink):
    """A motorist's link to one request: made as they asked for help by the page, or given by a dispatcher.

    `asked_from` and `asked_under` are keyed hashes of the network and the number that the request was asked from, empty
    for a link that was given; suspicious requests are counted by them.
    """

    page_path = "/h/"
    hash_salt = "assistance.link"

    assistance = models.ForeignKey("assistance.Assistance", on_delete=models.CASCADE, related_name="links", verbose_name=_("assistance"))
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+", verbose_name=_("given by")
    )
    asked_from = models.CharField(max_length=64, blank=True, default="", editable=False)
    asked_under = models.CharField(max_length=64, blank=True, default="", editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="when it left by SMS")
    is_proven = models.BooleanField(default=False, editable=False, help_text="whether a code had proven the number")

    objects = RequestLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("motorist's link")
        verbose_name_plural = _("motorists' links")
        indexes = [
            models.Index(fields=["asked_from", "created_at"], condition=~Q(asked_from=""), name="request_link_by_network"),
            models.Index(fields=["asked_under", "created_at"], condition=~Q(asked_under=""), name="request_link_by_number"),
        ]


class LinkSubscription(BrowserSubscription):
    """A browser that is notified of the request of a link."""

    link = models.ForeignKey(RequestLink, on_delete=models.CASCADE, related_name="subscriptions", db_index=False)

    objects = LinkSubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "endpoint_key"], name="link_subscription_once")]
