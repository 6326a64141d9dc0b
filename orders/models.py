"""What must be carried: orders, their stops and the counter of order numbers."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from depannini_dashmap.lib.db.history_manager import HistoryManager
from depannini_dashmap.lib.db.phone_fields import PhoneTextField
from depannini_dashmap.lib.labels import listed
from fleet.skills import SkillsField
from orders.lifecycle import OPEN
from orders.link_models import OrderLink, OrderSubscription
from orders.managers import OrderQuerySet, StopQuerySet
from orders.windows import WindowsField, written

__all__ = ["Order", "OrderLink", "OrderNumber", "OrderSubscription", "Stop"]

LONGEST_SERVICE = 480  # minutes


class Stop(models.Model):
    """A place of one company where goods are loaded or unloaded; used by at most one order, or by none."""

    class Type(models.TextChoices):
        PICKUP = "pickup", _("Pickup")
        DELIVERY = "delivery", _("Delivery")

    company = models.ForeignKey("accounts.Company", on_delete=models.PROTECT, related_name="stops", verbose_name=_("company"))
    name = models.CharField(_("name"), max_length=200)
    address = models.CharField(_("address"), max_length=500)
    latitude = models.DecimalField(
        _("latitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )
    longitude = models.DecimalField(
        _("longitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )
    stop_type = models.CharField(_("stop type"), max_length=10, choices=Type.choices, default=Type.PICKUP)
    contact_name = models.CharField(_("contact name"), max_length=100, blank=True, default="")
    contact_phone = PhoneTextField(_("contact phone"), blank=True, default="")
    notes = models.TextField(_("notes"), max_length=2000, blank=True, default="")
    windows = WindowsField(_("windows"), help_text=_("when it may be served, e.g. 08:00-10:00, 14:00-16:00; empty: at any time"))
    service_minutes = models.PositiveSmallIntegerField(
        _("service minutes"),
        null=True, blank=True, validators=[MaxValueValidator(LONGEST_SERVICE)], help_text=_("how long it takes; empty: the usual"),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = StopQuerySet.as_manager()

    class Meta:
        verbose_name = _("stop")
        verbose_name_plural = _("stops")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(stop_type__in=["pickup", "delivery"]), name="stop_type_known"),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True) | Q(latitude__range=(-90, 90)), name="stop_latitude_range"
            ),
            models.CheckConstraint(
                condition=Q(longitude__isnull=True) | Q(longitude__range=(-180, 180)), name="stop_longitude_range"
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__isnull=False, longitude__isnull=False),
                name="stop_location_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def written_windows(self) -> str:
        """The windows as people write them, e.g. in a sheet."""
        return written(self.windows)


class Order(models.Model):
    """Goods of a customer on their way from a pickup to a delivery stop.

    `is_in_trip` says whether a trip holds the order. It is the claim itself: only `orders.steps.trip_assignment` writes it, by one
    conditional step under the row's lock, so that two trips can never hold one order.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        ASSIGNED = "assigned", _("Assigned")
        IN_TRANSIT = "in_transit", _("In Transit")
        DELIVERED = "delivered", _("Delivered")
        CANCELLED = "cancelled", _("Cancelled")

    class GoodsType(models.TextChoices):
        STANDARD = "standard", _("Standard")
        FRAGILE = "fragile", _("Fragile")
        HAZMAT = "hazmat", _("Hazmat")
        REFRIGERATED = "refrigerated", _("Refrigerated")
        OVERSIZED = "oversized", _("Oversized")

    company = models.ForeignKey("accounts.Company", on_delete=models.PROTECT, related_name="orders", verbose_name=_("company"))
    order_number = models.CharField(_("order number"), max_length=20, unique=True, editable=False)
    reference = models.CharField(_("reference"), max_length=64, blank=True, default="", help_text=_("key under which imports find it"))
    customer_name = models.CharField(_("customer name"), max_length=200)
    customer_company = models.CharField(_("customer company"), max_length=200, blank=True, default="")
    customer_email = models.EmailField(_("customer email"), blank=True, default="")
    customer_phone = PhoneTextField(_("customer phone"), blank=True, default="")
    pickup_stop = models.OneToOneField(
        Stop, on_delete=models.PROTECT, null=True, blank=True, related_name="pickup_order", verbose_name=_("pickup stop")
    )
    delivery_stop = models.OneToOneField(
        Stop, on_delete=models.PROTECT, null=True, blank=True, related_name="delivery_order", verbose_name=_("delivery stop")
    )
    goods_description = models.TextField(_("goods description"), max_length=5000)
    goods_weight = models.DecimalField(
        _("goods weight"),
        max_digits=10, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)], help_text="kg"
    )
    goods_volume = models.DecimalField(
        _("goods volume"),
        max_digits=10, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)], help_text="m³"
    )
    goods_type = models.CharField(_("goods type"), max_length=12, choices=GoodsType.choices, default=GoodsType.STANDARD)
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=0, db_default=0, blank=True, validators=[MaxValueValidator(100)],
        help_text=_("0 to 100: who goes first where not all can be served"),
    )
    required_skills = SkillsField(
        _("required skills"), help_text=_("what the vehicle needs besides what the goods type says; with commas")
    )
    special_instructions = models.TextField(_("special instructions"), max_length=5000, blank=True, default="")
    price = models.DecimalField(
        _("price"), max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)],
        help_text=_("what the customer pays, VAT included; empty: not agreed"),
    )  # fmt: skip
    paid = models.DecimalField(_("paid"), max_digits=12, decimal_places=2, default=0, db_default=0, editable=False)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    is_in_trip = models.BooleanField(_("in a trip"), default=False, editable=False)
    requested_pickup_date = models.DateField(_("requested pickup date"), null=True, blank=True)
    requested_delivery_date = models.DateField(_("requested delivery date"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = OrderQuerySet.as_manager()
    history = HistoricalRecords(history_manager=HistoryManager)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["company", "-created_at", "-id"], name="order_company_newest"),
            models.Index(fields=["-created_at", "-id"], name="order_newest"),
            models.Index(fields=["company", "status", "-created_at", "-id"], name="order_by_status"),
            models.Index(fields=["company", "status"], condition=Q(status__in=OPEN), name="order_open"),
            models.Index(fields=["company", "customer_name", "id"], name="order_by_customer"),
            models.Index(fields=["customer_name", "id"], name="order_customers"),
            models.Index(fields=["company", "-updated_at", "-id"], name="order_changed"),
            models.Index(
                fields=["company", "-created_at"],
                condition=Q(status="pending", is_in_trip=False),
                name="order_waiting",
            ),
            models.Index(fields=["company", "customer_name"], condition=Q(status="delivered", price__gt=F("paid")), name="order_unpaid"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["pending", "assigned", "in_transit", "delivered", "cancelled"]),
                name="order_status_known",
            ),
            models.CheckConstraint(
                condition=Q(goods_type__in=["standard", "fragile", "hazmat", "refrigerated", "oversized"]),
                name="order_goods_type_known",
            ),
            models.CheckConstraint(
                condition=Q(goods_weight__isnull=True) | Q(goods_weight__gte=0), name="order_weight_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(goods_volume__isnull=True) | Q(goods_volume__gte=0), name="order_volume_not_negative"
            ),
            models.CheckConstraint(condition=Q(priority__range=(0, 100)), name="order_priority_range"),
            models.CheckConstraint(condition=Q(price__isnull=True) | Q(price__gte=0), name="order_price_not_negative"),
            models.CheckConstraint(condition=~Q(is_in_trip=True, status="pending"), name="order_in_trip_not_pending"),
            models.UniqueConstraint(
                fields=["company", "reference"], condition=~Q(reference=""), name="order_reference_once"
            ),
        ]

    def __str__(self) -> str:
        return self.order_number

    @property
    def written_skills(self) -> str:
        """The required skills as people write them, e.g. in a sheet."""
        return listed(self.required_skills or ())

    @property
    def is_available_for_trip(self) -> bool:
        """Whether a trip may take the order."""
        return self.status == self.Status.PENDING and not self.is_in_trip

    @property
    def is_carriable(self) -> bool:
        """Whether both ends of the journey are known."""
        return self.pickup_stop_id is not None and self.delivery_stop_id is not None


class OrderNumber(models.Model):
    """The last number used in a year; one row a year, raised in one statement."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"
