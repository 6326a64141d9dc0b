"""Requests for help, the ledger of offers and chat, and the models of the neighbouring modules; flows are in the services."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from assistance import lifecycle
from assistance.kinds import ServiceType, VehicleClass
from assistance.link_models import LinkSubscription, RequestLink
from assistance.managers import (
    AssistanceQuerySet,
    OfferQuerySet,
    ScheduledRequestQuerySet,
)
from assistance.photo_models import RequestPhoto
from assistance.profile_models import AssistantProfile
from assistance.tariff_models import Tariff

__all__ = [
    "CONTACT_AFTER_END",
    "Assistance",
    "AssistantProfile",
    "ChatMessage",
    "Offer",
    "LinkSubscription",
    "RequestLink",
    "RequestPhoto",
    "ScheduledRequest",
    "ServiceType",
    "Tariff",
    "VehicleClass",
]

CONTACT_AFTER_END = timedelta(hours=24)


class Assistance(models.Model):
    """One request for help, from the call to the rating."""

    class Status(models.TextChoices):
        REQUESTED = lifecycle.REQUESTED, _("Requested")
        ACCEPTED = lifecycle.ACCEPTED, _("Accepted")
        ONGOING = lifecycle.ONGOING, _("Ongoing")
        COMPLETED = lifecycle.COMPLETED, _("Completed")
        CANCELED = lifecycle.CANCELED, pgettext_lazy("a request", "Cancelled")

    class Reason(models.TextChoices):
        """Why a request was cancelled."""

        CLIENT = "client_canceled", _("Client")
        ASSISTANT = "assistant_canceled", _("Assistant")
        STAFF = "staff_canceled", _("Staff")
        UNANSWERED = "unanswered", _("Unanswered")
        ACCOUNT_CLOSED = "account_closed", _("Account Closed")

    class PriceSource(models.TextChoices):
        """Who named the price; nobody yet, or a release that did not note it."""

        NONE = "", _("None")
        TARIFF = "tariff", _("Tariff")
        ASSISTANT = "assistant", _("Assistant")
        STAFF = "staff", _("adjusted by staff")

    class Consent(models.TextChoices):
        """What the client says to a price that was named after the request; nothing was asked of them otherwise."""

        NONE = "", _("None")
        PENDING = "pending", _("not answered yet")
        ACCEPTED = "accepted", _("price accepted")
        REFUSED = "refused", _("price refused")

    class WaySource(models.TextChoices):
        """What the kilometres of a completed job are."""

        ROAD = "road", _("by road")
        STRAIGHT = "straight", _("straight lines")

    client = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assistance_requests", verbose_name=_("client"))
    assistant = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="assistance_jobs", verbose_name=_("assistant")
    )
    status = models.CharField(_("status"), max_length=9, choices=Status.choices, default=Status.REQUESTED)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False, help_text="goes out as seq")
    assistance_type = models.CharField(_("assistance type"), max_length=6, choices=ServiceType.choices, blank=True, default="")
    vehicle_type = models.CharField(_("vehicle type"), max_length=5, choices=VehicleClass.choices, blank=True, default="")
    description = models.CharField(_("description"), max_length=1000, blank=True, default="")
    pickup_lat = models.FloatField(_("pickup lat"))
    pickup_lng = models.FloatField(_("pickup lng"))
    dropoff_lat = models.FloatField(_("dropoff lat"), null=True, blank=True)
    dropoff_lng = models.FloatField(_("dropoff lng"), null=True, blank=True)
    distance_km = models.DecimalField(_("distance km"), max_digits=9, decimal_places=3, default=0)
    total_price = models.DecimalField(_("total price"), max_digits=12, decimal_places=2, default=0)
    price_is_final = models.BooleanField(_("price is final"), default=False)
    price_source = models.CharField(
        _("price source"),
        max_length=9, choices=PriceSource.choices, blank=True, default="", db_default="", editable=False
    )
    price_consent = models.CharField(
        _("price consent"),
        max_length=8, choices=Consent.choices, blank=True, default="", db_default="", editable=False
    )
    price_note = models.CharField(
        _("price note"),
        max_length=500, blank=True, default="", db_default="", help_text=_("why staff adjusted the price")
    )
    vat_rate = models.DecimalField(_("VAT rate"), max_digits=5, decimal_places=2, default=0, db_default=0, editable=False)
    # Null: it ended before payments were recorded, and nobody knows.
    paid = models.DecimalField(_("paid"), max_digits=12, decimal_places=2, null=True, default=0, editable=False)
    currency = models.CharField(_("currency"), max_length=3)
    rating = models.PositiveSmallIntegerField(_("rating"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices, blank=True, default="")
    reason_note = models.CharField(_("reason note"), max_length=500, blank=True, default="")
    wave = models.PositiveSmallIntegerField(_("wave"), default=1, help_text=_("how many rounds of offers went out"))
    radius_km = models.FloatField(_("radius km"), help_text=_("how far offers have reached so far"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), help_text=_("when it ends unless somebody accepts"))
    way_km = models.FloatField(null=True, editable=False, help_text="from pickup to dropoff, asked after the end; None: not yet, or roads are not known")
    way_source = models.CharField(max_length=8, choices=WaySource.choices, blank=True, default="", db_default="", editable=False)
    eta_at = models.DateTimeField("expected at", null=True, blank=True, editable=False)
    eta_source = models.CharField("expected by", max_length=13, blank=True, default="", db_default="", editable=False)
    eta_reckoned_at = models.DateTimeField(null=True, blank=True, editable=False)
    billed_to = models.CharField(
        _("billed to"),
        max_length=200, blank=True, default="", db_default="", help_text=_("who pays instead of the client")
    )
    is_one_of_many = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="does not count as the client's one open request: billed to somebody else, joined to an account, or asked under a number that nobody proved",
    )
    stalled_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when the assistant of an accepted job had been silent too long"
    )

    objects = AssistanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("assistance request")
        verbose_name_plural = _("assistance requests")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["client", "-created_at", "-id"], name="assistance_by_client"),
            models.Index(fields=["assistant", "-created_at", "-id"], name="assistance_by_assistant"),
            models.Index(fields=["-created_at", "-id"], name="assistance_by_age"),
            models.Index(fields=["pickup_lat"], condition=Q(status="requested"), name="assistance_waiting"),
            models.Index(fields=["ended_at"], condition=Q(status="completed", total_price__gt=F("paid")), name="assistance_unpaid"),
            models.Index(fields=["ended_at"], condition=Q(status="completed", dropoff_lat__isnull=False, way_source=""), name="assistance_to_measure"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["client"],
                condition=Q(status__in=["requested", "accepted", "ongoing"], is_one_of_many=False),
                name="assistance_one_open_request",
            ),
            models.UniqueConstraint(
                fields=["assistant"],
                condition=Q(status__in=["accepted", "ongoing"]),
                name="assistance_one_job_per_assistant",
            ),
            models.CheckConstraint(condition=Q(status__in=lifecycle.STATES), name="assistance_status_known"),
            models.CheckConstraint(
                condition=Q(status="requested", assistant__isnull=True)
                | Q(status__in=["accepted", "ongoing", "completed"], assistant__isnull=False)
                | Q(status="canceled"),
                name="assistance_assistant_when_needed",
            ),
            models.CheckConstraint(
                condition=Q(status__in=lifecycle.FINAL, ended_at__isnull=False)
                | Q(status__in=lifecycle.OPEN, ended_at__isnull=True),
                name="assistance_ended_when_final",
            ),
            models.CheckConstraint(
                condition=Q(pickup_lat__range=(-90, 90), pickup_lng__range=(-180, 180)),
                name="assistance_pickup_valid",
            ),
            models.CheckConstraint(
                condition=Q(dropoff_lat__isnull=True, dropoff_lng__isnull=True)
                | Q(
                    dropoff_lat__isnull=False,
                    dropoff_lng__isnull=False,
                    dropoff_lat__range=(-90, 90),
                    dropoff_lng__range=(-180, 180),
                ),
                name="assistance_dropoff_valid",
            ),
            models.CheckConstraint(
                condition=Q(rating__isnull=True) | Q(rating__range=(1, 5), status="completed"),
                name="assistance_rating_valid",
            ),
            models.CheckConstraint(
                condition=Q(distance_km__gte=0, total_price__gte=0), name="assistance_amounts_not_negative"
            ),
            models.CheckConstraint(condition=~Q(client=F("assistant")), name="assistance_two_people"),
            models.CheckConstraint(
                condition=Q(price_source__in=["", "tariff", "assistant", "staff"])
                & (Q(price_consent="") | Q(price_consent__in=["pending", "accepted", "refused"], price_is_final=True)),
                name="assistance_price_explained",
            ),
        ]

    def __str__(self) -> str:
        return gettext("assistance request %(id)s") % {"id": self.pk}

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status in lifecycle.OPEN

    @property
    def is_price_fixed(self) -> bool:
        """Whether the assistant may not change the price: a tariff made it, or staff adjusted it."""
        if self.price_source == self.PriceSource.NONE:  # rows of a release that did not note it
            return self.price_is_final and self.assistance_type != ServiceType.REPAIR
        return self.price_source != self.PriceSource.ASSISTANT

    def role_of(self, user_id: int) -> str | None:
        """Return what somebody is in it: its client, its assistant, or nobody."""
        if user_id == self.client_id:
            return lifecycle.CLIENT
        return lifecycle.ASSISTANT if user_id == self.assistant_id else None


class ScheduledRequest(models.Model):
    """A request for a caller that is made when its time comes; until then nobody is asked."""

    client = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="scheduled_requests", verbose_name=_("client"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("created by")
    )
    scheduled_for = models.DateTimeField(_("scheduled for"))
    assistance_type = models.CharField(_("assistance type"), max_length=6, choices=ServiceType.choices, blank=True, default="")
    vehicle_type = models.CharField(_("vehicle type"), max_length=5, choices=VehicleClass.choices, blank=True, default="")
    description = models.CharField(_("description"), max_length=1000, blank=True, default="")
    billed_to = models.CharField(_("billed to"), max_length=200, blank=True, default="")
    pickup_lat = models.FloatField(_("pickup lat"))
    pickup_lng = models.FloatField(_("pickup lng"))
    dropoff_lat = models.FloatField(_("dropoff lat"), null=True, blank=True)
    dropoff_lng = models.FloatField(_("dropoff lng"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    assistance = models.OneToOneField(
        Assistance, on_delete=models.SET_NULL, null=True, blank=True, related_name="scheduled", help_text="once it is made", verbose_name=_("assistance")
    )
    canceled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    refusal = models.CharField(_("refusal"), max_length=30, blank=True, default="", help_text="why it could not be made in time")

    objects = ScheduledRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("scheduled request")
        verbose_name_plural = _("scheduled requests")
        ordering = ["-scheduled_for", "-id"]
        indexes = [
            models.Index(
                fields=["scheduled_for"],
                condition=Q(assistance__isnull=True, canceled_at__isnull=True),
                name="scheduled_waiting",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(assistance__isnull=True) | Q(canceled_at__isnull=True), name="scheduled_made_or_canceled"
            ),
            models.CheckConstraint(
                condition=Q(pickup_lat__range=(-90, 90), pickup_lng__range=(-180, 180)), name="scheduled_pickup_valid"
            ),
            models.CheckConstraint(
                condition=Q(dropoff_lat__isnull=True, dropoff_lng__isnull=True)
                | Q(
                    dropoff_lat__isnull=False,
                    dropoff_lng__isnull=False,
                    dropoff_lat__range=(-90, 90),
                    dropoff_lng__range=(-180, 180),
                ),
                name="scheduled_dropoff_valid",
            ),
        ]

    def __str__(self) -> str:
        return gettext("request for %(time)s") % {"time": f"{self.scheduled_for:%Y-%m-%d %H:%M}"}


class Offer(models.Model):
    """Who was asked to help, when, how far away, what they answered and why it ended."""

    class Source(models.TextChoices):
        WAVE = "wave", _("Wave")
        NEARBY = "nearby", _("became active nearby")
        HAND = "hand", _("by a dispatcher")
        SELF = "self", _("took it unasked")

    class Answer(models.TextChoices):
        NONE = "", _("None")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")

    class Reason(models.TextChoices):
        """Why an offer ended."""

        NONE = "", _("None")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")
        TAKEN = "taken", _("somebody else accepted")
        BUSY = "busy", _("took another job")
        INACTIVE = "inactive", _("went off duty")
        CANCELED = "canceled", pgettext_lazy("a request", "Cancelled")
        UNANSWERED = "unanswered", _("Unanswered")
        RELEASED = "released", _("accepted, then given back")
        STALLED = "stalled", _("accepted, then silent: taken back by the client")
        RECALLED = "recalled", _("taken back by a dispatcher")

    assistance = models.ForeignKey(Assistance, on_delete=models.CASCADE, related_name="offers", verbose_name=_("assistance"))
    assistant = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assistance_offers", verbose_name=_("assistant"))
    source = models.CharField(_("source"), max_length=6, choices=Source.choices, default=Source.WAVE)
    wave = models.PositiveSmallIntegerField(_("wave"), default=1)
    distance_km = models.FloatField(_("distance km"), null=True, blank=True, help_text=_("to the pickup, when it was offered"))
    eta_s = models.PositiveIntegerField(_("driving time"), null=True, blank=True, help_text=_("seconds by road, when it was offered"))
    offered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("offered by")
    )
    offered_at = models.DateTimeField(_("offered at"), default=timezone.now)
    answer = models.CharField(_("answer"), max_length=8, choices=Answer.choices, blank=True, default="")
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices, blank=True, default="")

    objects = OfferQuerySet.as_manager()

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering = ["-offered_at", "-id"]
        indexes = [models.Index(fields=["assistant", "-offered_at"], name="offer_by_assistant")]
        constraints = [
            models.UniqueConstraint(
                fields=["assistant", "assistance"], condition=Q(closed_at__isnull=True), name="offer_one_open"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, reason="", answer="")
                | (Q(closed_at__isnull=False) & ~Q(reason="")),
                name="offer_reason_when_closed",
            ),
            models.CheckConstraint(
                condition=Q(answer="", answered_at__isnull=True)
                | Q(answer__in=["accepted", "declined"], answered_at__isnull=False),
                name="offer_answered_at_when_answered",
            ),
        ]

    def __str__(self) -> str:
        return gettext("offer of request %(request)s to assistant %(assistant)s") % {"request": self.assistance_id, "assistant": self.assistant_id}


class ChatMessage(models.Model):
    """What one party wrote to the other about a request."""

    MAX_LENGTH = 1000
    MAX_CLIENT_ID = 64

    assistance = models.ForeignKey(Assistance, on_delete=models.CASCADE, related_name="messages", verbose_name=_("assistance"))
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("sender"))
    message = models.CharField(_("message"), max_length=MAX_LENGTH)
    client_id = models.CharField(
        _("client id"),
        max_length=MAX_CLIENT_ID, blank=True, default="", db_default="", help_text=_("the sender's own name for it")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("chat message")
        verbose_name_plural = _("chat messages")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["assistance", "-created_at", "-id"], name="chat_of_assistance")]
        constraints = [
            models.UniqueConstraint(
                fields=["assistance", "sender", "client_id"], condition=~Q(client_id=""), name="chat_once"
            )
        ]

    def __str__(self) -> str:
        return gettext("message %(id)s on request %(request)s") % {"id": self.pk, "request": self.assistance_id}
