"""The photos of a request for help: what is wrong, by who asks, and the state of the vehicle, by who helps."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from assistance import lifecycle
from assistance.managers import RequestPhotoQuerySet

MOST_PHOTOS = 3  # of each person in a request


class RequestPhoto(models.Model):
    """A photo of a request; its file lies in the private part of the storage, under a random name.

    `number` counts a sender's photos of a request, so that there are never more than MOST_PHOTOS.
    """

    class Role(models.TextChoices):
        CLIENT = lifecycle.CLIENT, _("client")
        ASSISTANT = lifecycle.ASSISTANT, _("assistant")

    assistance = models.ForeignKey("assistance.Assistance", on_delete=models.CASCADE, related_name="photos", verbose_name=_("assistance"))
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("sender"))
    role = models.CharField(_("role"), max_length=9, choices=Role.choices)
    number = models.PositiveSmallIntegerField(editable=False)
    photo = models.CharField(_("photo"), max_length=100, editable=False)
    key = models.CharField(max_length=64, blank=True, default="", editable=False, help_text="of the form that brought it")
    at = models.DateTimeField(_("given at"))

    objects = RequestPhotoQuerySet.as_manager()

    class Meta:
        verbose_name = _("photo of a request")
        verbose_name_plural = _("photos of requests")
        constraints = [
            models.UniqueConstraint(fields=["assistance", "sender", "number"], name="request_photo_numbered"),
            models.CheckConstraint(condition=Q(number__range=(1, MOST_PHOTOS)), name="request_photo_few"),
            models.CheckConstraint(condition=Q(role__in=[lifecycle.CLIENT, lifecycle.ASSISTANT]), name="request_photo_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
