"""What drivers leave behind on their page: proofs of delivery, and the presses of buttons that were counted."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class StopProof(models.Model):
    """What shows that a stop was done, or why it failed; the files lie in the private part of the storage, under random names."""

    trip_stop = models.OneToOneField("trips.TripStop", on_delete=models.CASCADE, related_name="proof", verbose_name=_("trip stop"))
    receiver = models.CharField(_("received by"), max_length=100, blank=True, default="")
    note = models.CharField(_("note"), max_length=500, blank=True, default="")
    photo = models.CharField(_("photo"), max_length=100, blank=True, default="", editable=False)
    signature = models.CharField(_("signature"), max_length=100, blank=True, default="", editable=False)
    at = models.DateTimeField(_("given at"))

    class Meta:
        verbose_name = _("proof of delivery")
        verbose_name_plural = _("proofs of delivery")
        constraints = [
            models.CheckConstraint(
                condition=~Q(receiver="", note="", photo="", signature=""), name="stop_proof_shows_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class DriverTap(models.Model):
    """A press on a driver's page that was counted, by the key of its form: the same again, or sent again later, does nothing more."""

    link = models.ForeignKey("trips.TripLink", on_delete=models.CASCADE, related_name="taps")
    key = models.CharField(max_length=64)
    counted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "key"], name="driver_tap_once")]

    def __str__(self) -> str:
        return f"{self.pk}"
