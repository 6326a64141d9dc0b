"""Assistants' profiles, requests for help, the ledger of offers, chat and tariffs; flows live in the services."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from assistance import approval, cells, lifecycle, pricing
from assistance.managers import (
    AssistanceQuerySet,
    AssistantProfileQuerySet,
    OfferQuerySet,
    ScheduledRequestQuerySet,
    TariffQuerySet,
)

CONTACT_AFTER_END = timedelta(hours=24)


class ServiceType(models.TextChoices):
    """What an assistant does and a client asks for."""

    TOWING = "towing"
    REPAIR = "repair"


class VehicleClass(models.TextChoices):
    """How heavy the vehicle in need is."""

    LIGHT = "light"
    HEAVY = "heavy"


class AssistantProfile(models.Model):
    """What only assistants have: papers, duty, and their whereabouts with the cell of 0.01° that lookups use."""

    class LicenceCategory(models.TextChoices):
        B = "b"
        C = "c"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="assistant_profile"
    )
    service_type = models.CharField(max_length=6, choices=ServiceType.choices)
    is_active = models.BooleanField(default=False, help_text="on duty, by the assistant's own switch")
    lat = models.FloatField(null=True, blank=True)
    lng = models.FloatField(null=True, blank=True)
    cell_y = models.SmallIntegerField(null=True, blank=True, editable=False)
    cell_x = models.SmallIntegerField(null=True, blank=True, editable=False)
    seen_at = models.DateTimeField(
        null=True, blank=True, help_text="newest location, activation or open socket of the assistant"
    )
    alive_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="newest sign of life: also a frame or a signed-in request"
    )
    vehicle_type = models.CharField(max_length=100)
    driving_license_cat = models.CharField(max_length=1, choices=LicenceCategory.choices)
    driving_license_num = models.CharField(max_length=50)
    driving_license_expiry = models.DateField(null=True)
    vehicle_registration_num = models.BigIntegerField(null=True)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="when staff had seen the papers")
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    objects = AssistantProfileQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["service_type", "cell_y", "cell_x"], condition=Q(is_active=True), name="assistant_nearby"
            )
        ]
        constraints = [
            models.CheckConstraint(condition=Q(service_type__in=["towing", "repair"]), name="assistant_service_known"),
            models.CheckConstraint(condition=Q(driving_license_cat__in=["b", "c", ""]), name="assistant_licence_known"),
            models.CheckConstraint(
                condition=Q(lat__isnull=True, lng__isnull=True, cell_y__isnull=True, cell_x__isnull=True)
                | Q(
                    lat__isnull=False,
                    lng__isnull=False,
                    cell_y__isnull=False,
                    cell_x__isnull=False,
                    lat__range=(-90, 90),
                    lng__range=(-180, 180),
                ),
                name="assistant_location_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"assistant {self.user_id}"

    @property
    def standing(self) -> str:
        """Whether the assistant may take jobs: `approved`, `waiting` (for staff) or `licence_expired`."""
        return approval.standing_of(self.driving_license_expiry, self.approved_at)

    def place(self, lat: float, lng: float) -> None:
        """Set the location and its cell on this object."""
        self.lat, self.lng = lat, lng
        self.cell_y, self.cell_x = cells.row_of(lat), cells.column_of(lng)

    def is_fresh(self, now: datetime) -> bool:
        """Say whether the assistant was heard of within LOCATION_TTL."""
        return self.seen_at is not None and self.seen_at > now - settings.LOCATION_TTL


class Tariff(models.Model):
    """What a job costs from an instant on, until a later row for the same type and class."""

    assistance_type = models.CharField(max_length=6, choices=ServiceType.choices)
    vehicle_class = models.CharField(max_length=5, choices=VehicleClass.choices)
    base = models.DecimalField(max_digits=10, decimal_places=2)
    per_km = models.DecimalField(max_digits=10, decimal_places=2)
    minimum = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, blank=True, default="", help_text="empty: the CURRENCY setting")
    valid_from = models.DateTimeField(default=timezone.now)

    objects = TariffQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        ordering = ["assistance_type", "vehicle_class", "-valid_from", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["assistance_type", "vehicle_class", "valid_from"], name="tariff_once"),
            models.CheckConstraint(
                condition=Q(base__gte=0, per_km__gte=0, minimum__gte=0), name="tariff_amounts_not_negative"
            ),
        ]

    def __str__(self) -> str:
        names = {
            "service": gettext(self.get_assistance_type_display()),
            "vehicle": gettext(self.get_vehicle_class_display()),
            "day": date_format(timezone.localtime(self.valid_from), "Y-m-d"),
        }
        return gettext("%(service)s, %(vehicle)s, since %(day)s") % names

    def clean(self) -> None:
        """Refuse figures whose price of the longest way cannot be stored."""
        amounts = (self.base, self.per_km, self.minimum)
        if None not in amounts and self.price_of(pricing.kilometres(settings.ASSISTANCE_MAX_DISTANCE_KM)) is None:
            raise ValidationError({"per_km": _("Too much for the longest way.")})

    def price_of(self, distance_km: Decimal) -> Decimal | None:
        """Give what a way costs, or None for what cannot be stored."""
        price = pricing.price(pricing.Rates(self.base, self.per_km, self.minimum), distance_km)
        return price if price < pricing.TOO_MUCH else None


class Assistance(models.Model):
    """One request for help, from the call to the rating."""

    class Status(models.TextChoices):
        REQUESTED = lifecycle.REQUESTED
        ACCEPTED = lifecycle.ACCEPTED
        ONGOING = lifecycle.ONGOING
        COMPLETED = lifecycle.COMPLETED
        CANCELED = lifecycle.CANCELED

    class Reason(models.TextChoices):
        """Why a request was canceled."""

        CLIENT = "client_canceled"
        ASSISTANT = "assistant_canceled"
        STAFF = "staff_canceled"
        UNANSWERED = "unanswered"
        ACCOUNT_CLOSED = "account_closed"

    class PriceSource(models.TextChoices):
        """Who named the price; nobody yet, or a release that did not note it."""

        NONE = ""
        TARIFF = "tariff"
        ASSISTANT = "assistant"
        STAFF = "staff", "adjusted by staff"

    class Consent(models.TextChoices):
        """What the client says to a price that was named after the request; nothing was asked of them otherwise."""

        NONE = ""
        PENDING = "pending", "not answered yet"
        ACCEPTED = "accepted", "price accepted"
        REFUSED = "refused", "price refused"

    client = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assistance_requests")
    assistant = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="assistance_jobs"
    )
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.REQUESTED)
    version = models.PositiveIntegerField(default=1, editable=False, help_text="goes out as seq")
    assistance_type = models.CharField(max_length=6, choices=ServiceType.choices, blank=True, default="")
    vehicle_type = models.CharField(max_length=5, choices=VehicleClass.choices, blank=True, default="")
    description = models.CharField(max_length=1000, blank=True, default="")
    pickup_lat = models.FloatField()
    pickup_lng = models.FloatField()
    dropoff_lat = models.FloatField(null=True, blank=True)
    dropoff_lng = models.FloatField(null=True, blank=True)
    distance_km = models.DecimalField(max_digits=9, decimal_places=3, default=0)
    total_price = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    price_is_final = models.BooleanField(default=False)
    price_source = models.CharField(
        max_length=9, choices=PriceSource.choices, blank=True, default="", db_default="", editable=False
    )
    price_consent = models.CharField(
        max_length=8, choices=Consent.choices, blank=True, default="", db_default="", editable=False
    )
    price_note = models.CharField(
        max_length=500, blank=True, default="", db_default="", help_text="why staff adjusted the price"
    )
    currency = models.CharField(max_length=3)
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True, default="")
    reason_note = models.CharField(max_length=500, blank=True, default="")
    wave = models.PositiveSmallIntegerField(default=1, help_text="how many rounds of offers went out")
    radius_km = models.FloatField(help_text="how far offers have reached so far")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    accepted_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(help_text="when it ends unless somebody accepts")
    billed_to = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="who pays instead of the client"
    )
    is_one_of_many = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="does not count as the client's one open request: billed to somebody else, or joined to an account",
    )
    stalled_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when the assistant of an accepted job had been silent too long"
    )

    objects = AssistanceQuerySet.as_manager()

    class Meta:
        verbose_name = "assistance request"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["client", "-created_at", "-id"], name="assistance_by_client"),
            models.Index(fields=["assistant", "-created_at", "-id"], name="assistance_by_assistant"),
            models.Index(fields=["-created_at", "-id"], name="assistance_by_age"),
            models.Index(fields=["pickup_lat"], condition=Q(status="requested"), name="assistance_waiting"),
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
        return f"assistance {self.pk}"

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

    def may_talk(self, now: datetime) -> bool:
        """Say whether its parties may still write to each other: until 24 h after the end."""
        return self.ended_at is None or now <= self.ended_at + CONTACT_AFTER_END

    def role_of(self, user_id: int) -> str | None:
        """Say what somebody is in it: its client, its assistant, or nobody."""
        if user_id == self.client_id:
            return lifecycle.CLIENT
        return lifecycle.ASSISTANT if user_id == self.assistant_id else None


class ScheduledRequest(models.Model):
    """A request for a caller that is made when its time comes; until then nobody is asked."""

    client = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="scheduled_requests")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    scheduled_for = models.DateTimeField()
    assistance_type = models.CharField(max_length=6, choices=ServiceType.choices, blank=True, default="")
    vehicle_type = models.CharField(max_length=5, choices=VehicleClass.choices, blank=True, default="")
    description = models.CharField(max_length=1000, blank=True, default="")
    billed_to = models.CharField(max_length=200, blank=True, default="")
    pickup_lat = models.FloatField()
    pickup_lng = models.FloatField()
    dropoff_lat = models.FloatField(null=True, blank=True)
    dropoff_lng = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    assistance = models.OneToOneField(
        Assistance, on_delete=models.SET_NULL, null=True, blank=True, related_name="scheduled", help_text="once it is made"
    )
    canceled_at = models.DateTimeField(null=True, blank=True)
    refusal = models.CharField(max_length=30, blank=True, default="", help_text="why it could not be made in time")

    objects = ScheduledRequestQuerySet.as_manager()

    class Meta:
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
        return f"request for {self.scheduled_for:%Y-%m-%d %H:%M}"


class Offer(models.Model):
    """Who was asked to help, when, how far away, what they answered and why it ended."""

    class Source(models.TextChoices):
        WAVE = "wave"
        NEARBY = "nearby", "became active nearby"
        HAND = "hand", "by a dispatcher"
        SELF = "self", "took it unasked"

    class Answer(models.TextChoices):
        NONE = ""
        ACCEPTED = "accepted"
        DECLINED = "declined"

    class Reason(models.TextChoices):
        """Why an offer ended."""

        NONE = ""
        ACCEPTED = "accepted"
        DECLINED = "declined"
        TAKEN = "taken", "somebody else accepted"
        BUSY = "busy", "took another job"
        INACTIVE = "inactive", "went off duty"
        CANCELED = "canceled"
        UNANSWERED = "unanswered"
        RELEASED = "released", "accepted, then given back"
        STALLED = "stalled", "accepted, then silent: taken back by the client"
        RECALLED = "recalled", "taken back by a dispatcher"

    assistance = models.ForeignKey(Assistance, on_delete=models.CASCADE, related_name="offers")
    assistant = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assistance_offers")
    source = models.CharField(max_length=6, choices=Source.choices, default=Source.WAVE)
    wave = models.PositiveSmallIntegerField(default=1)
    distance_km = models.FloatField(null=True, blank=True, help_text="to the pickup, when it was offered")
    offered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    offered_at = models.DateTimeField(default=timezone.now)
    answer = models.CharField(max_length=8, choices=Answer.choices, blank=True, default="")
    answered_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=10, choices=Reason.choices, blank=True, default="")

    objects = OfferQuerySet.as_manager()

    class Meta:
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
        return f"offer of assistance {self.assistance_id} to {self.assistant_id}"


class ChatMessage(models.Model):
    """What one party wrote to the other about a request."""

    MAX_LENGTH = 1000
    MAX_CLIENT_ID = 64

    assistance = models.ForeignKey(Assistance, on_delete=models.CASCADE, related_name="messages")
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    message = models.CharField(max_length=MAX_LENGTH)
    client_id = models.CharField(
        max_length=MAX_CLIENT_ID, blank=True, default="", db_default="", help_text="the sender's own name for it"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["assistance", "-created_at", "-id"], name="chat_of_assistance")]
        constraints = [
            models.UniqueConstraint(
                fields=["assistance", "sender", "client_id"], condition=~Q(client_id=""), name="chat_once"
            )
        ]

    def __str__(self) -> str:
        return f"message {self.pk} on assistance {self.assistance_id}"
