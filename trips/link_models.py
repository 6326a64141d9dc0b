"""The links by which drivers open one trip each, without an account."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.db.secret_links import SecretLink
from trips.managers import TripLinkQuerySet


class TripLink(SecretLink):
    """A driver's link to one trip.

    `sent_to` is the keyed hash of the driver that it was for: it opens nothing once somebody else drives the trip.
    `last_stop`, `last_action` and `last_at` say what it did last, which can be undone for a while; `known_arrival` is what
    positions had suggested before an arrival by the link.
    """

    page_path = "/t/"
    hash_salt = "trips.link"

    class Action(models.TextChoices):
        ARRIVED = "arrived", _("Arrived")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    trip = models.ForeignKey("trips.Trip", on_delete=models.CASCADE, related_name="links", verbose_name=_("trip"))
    sent_to = models.CharField(max_length=64, editable=False)
    last_stop = models.ForeignKey("trips.TripStop", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    last_action = models.CharField(max_length=7, choices=Action.choices, blank=True, default="")
    last_at = models.DateTimeField(null=True, blank=True)
    known_arrival = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TripLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("driver's link")
        verbose_name_plural = _("drivers' links")
        constraints = [
            models.UniqueConstraint(fields=["trip"], condition=Q(revoked_at__isnull=True), name="trip_one_live_link"),
        ]
