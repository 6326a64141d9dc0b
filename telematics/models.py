"""Positions, the latest of each vehicle, and the devices and forwarders that send them.

Rows of Position and LatestPosition are written by ingest.py alone, those of StopVisit by stop_visits.py.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from fleet.models import Vehicle
from telematics.device_alarm_kinds import LONGEST_NAME, words_of
from telematics.device_readings import Refusal
from telematics.managers import (
    DeviceAlarmQuerySet,
    DeviceQuerySet,
    ForwarderQuerySet,
    LatestPositionQuerySet,
    PositionQuerySet,
)
from telematics.protocols import KNOTS, METRES_A_SECOND


class EngineStatus(models.TextChoices):
    """What the engine did."""

    ON = "on", _("On")
    OFF = "off", _("Off")
    IDLE = "idle", _("Idle")


class ReadingColumns(models.Model):
    """A device's report. Units: degrees, km/h, m, km, percent.

    Floats, which are formatted on output: numerics would cost twice the space and time.
    """

    latitude = models.FloatField(_("latitude"))
    longitude = models.FloatField(_("longitude"))
    speed = models.FloatField(_("speed"), help_text=_("km/h"))
    heading = models.FloatField(_("heading"), help_text=_("degrees clockwise from north"))
    altitude = models.FloatField(_("altitude"), null=True, blank=True, help_text=_("m"))
    timestamp = models.DateTimeField(_("timestamp"), help_text=_("when the device was there"))
    odometer = models.FloatField(_("odometer"), null=True, blank=True, help_text=_("km"))
    fuel_level = models.FloatField(_("fuel level"), null=True, blank=True, help_text=_("percent"))
    engine_status = models.CharField(_("engine status"), max_length=4, choices=EngineStatus.choices, default=EngineStatus.OFF)
    is_implausible = models.BooleanField(
        _("is implausible"),
        default=False, help_text=_("not to be trusted: out of a vehicle's reach, without satellites, or a circle of kilometres")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("when it arrived here"))

    class Meta:
        abstract = True


class Position(ReadingColumns):
    """One fix of one vehicle; a device that sends it again changes nothing."""

    # The unique index begins with the vehicle and is read backwards for newest first: no index of its own is needed.
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="positions", db_index=False, verbose_name=_("vehicle"))

    objects = PositionQuerySet.as_manager()

    class Meta:
        verbose_name = _("position")
        verbose_name_plural = _("positions")
        ordering = ["-timestamp", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["vehicle", "timestamp"], name="position_once"),
            models.CheckConstraint(condition=Q(latitude__range=(-90, 90)), name="position_latitude_valid"),
            models.CheckConstraint(condition=Q(longitude__range=(-180, 180)), name="position_longitude_valid"),
            models.CheckConstraint(condition=Q(speed__gte=0, speed__lt=1000), name="position_speed_valid"),
            models.CheckConstraint(condition=Q(heading__range=(0, 360)), name="position_heading_valid"),
            models.CheckConstraint(
                condition=Q(fuel_level__isnull=True) | Q(fuel_level__range=(0, 100)), name="position_fuel_valid"
            ),
            models.CheckConstraint(
                condition=Q(odometer__isnull=True) | Q(odometer__gte=0), name="position_odometer_valid"
            ),
            models.CheckConstraint(condition=Q(engine_status__in=["on", "off", "idle"]), name="position_engine_known"),
        ]

    def __str__(self) -> str:
        return gettext("vehicle %(vehicle)s at %(time)s") % {"vehicle": self.vehicle_id, "time": f"{self.timestamp:%Y-%m-%d %H:%M:%S}"}


class LatestPosition(ReadingColumns):
    """The trusted fix with the greatest timestamp of one vehicle, and the newest one after it that is out of its reach."""

    vehicle = models.OneToOneField(Vehicle, on_delete=models.CASCADE, primary_key=True, related_name="latest_position", verbose_name=_("vehicle"))
    position_id = models.BigIntegerField(_("position id"), help_text=_("the row of the history; it may have been pruned since"))
    doubted_at = models.DateTimeField(_("doubted at"), null=True, help_text=_("a newer fix out of reach, believed once a second one agrees"))
    doubted_latitude = models.FloatField(_("doubted latitude"), null=True)
    doubted_longitude = models.FloatField(_("doubted longitude"), null=True)
    reading_json = models.TextField(_("reading json"), help_text=_("the reading as the API shows it, made once when it was written"))

    objects = LatestPositionQuerySet.as_manager()

    class Meta:
        verbose_name = _("latest position")
        verbose_name_plural = _("latest positions")
        ordering = ["-timestamp", "-position_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(doubted_at__isnull=True, doubted_latitude__isnull=True, doubted_longitude__isnull=True)
                | Q(doubted_at__isnull=False, doubted_latitude__isnull=False, doubted_longitude__isnull=False),
                name="latest_doubted_whole",
            ),
        ]

    def __str__(self) -> str:
        return gettext("vehicle %(vehicle)s, latest") % {"vehicle": self.vehicle_id}


class StopVisit(models.Model):
    """How far the visit of a vehicle at a stop of its trip has come; the columns are those of visits.Visit."""

    trip_stop = models.OneToOneField(
        "trips.TripStop", on_delete=models.CASCADE, primary_key=True, related_name="followed_visit"
    )
    seen_at = models.DateTimeField()
    first_at = models.DateTimeField(null=True)
    entered_at = models.DateTimeField(null=True)
    is_sure = models.BooleanField(default=False)
    outside_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"visit of trip stop {self.pk}"


class Forwarder(models.Model):
    """A server that forwards reports of trackers, such as Traccar, for one company; it has one secret, kept as a digest.

    `unknown_ids` maps external ids that it named and no vehicle has to when it last did (ISO 8601), the newest few.
    """

    company = models.ForeignKey("accounts.Company", on_delete=models.CASCADE, related_name="forwarders", verbose_name=_("company"))
    name = models.CharField(_("name"), max_length=100, blank=True, default="")
    secret_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)
    contacted_at = models.DateTimeField(_("contacted at"), null=True, blank=True, editable=False)
    unknown_ids = models.JSONField(_("unknown ids"), default=dict, blank=True, editable=False)

    objects = ForwarderQuerySet.as_manager()

    class Meta:
        verbose_name = _("forwarder")
        verbose_name_plural = _("forwarders")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name or gettext("forwarder %(id)s") % {"id": self.pk}


class Device(models.Model):
    """A tracker or phone that may write positions of one vehicle, and nothing else.

    It has a key of its own, kept as a digest, or an external id (an IMEI, a tracker's name) under which the company's
    forwarders name it. Its last report is kept here: one narrow row a message.
    """

    class App(models.TextChoices):
        """What sends; it decides what the numbers mean."""

        TRACCAR_CLIENT = "traccar_client", "Traccar Client"
        OSMAND = "osmand", "OsmAnd"
        OWNTRACKS = "owntracks", "OwnTracks"
        GPSLOGGER = "gpslogger", "GPSLogger"
        FORWARDED = "forwarded", _("through a forwarding server")
        OTHER = "other", _("another one")

    # What these send by a protocol whose other senders mean knots.
    SPEED_UNITS = {App.OSMAND: METRES_A_SECOND, App.GPSLOGGER: METRES_A_SECOND}

    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="devices", verbose_name=_("vehicle"))
    company = models.ForeignKey(
        "accounts.Company", on_delete=models.CASCADE, null=True, editable=False, related_name="devices", verbose_name=_("company")
    )
    name = models.CharField(_("name"), max_length=100, blank=True, default="")
    app = models.CharField(_("app"), max_length=20, choices=App.choices, default=App.OTHER, db_default="other")
    external_id = models.CharField(
        _("external id"), max_length=64, blank=True, default="", db_default="", help_text=_("IMEI or name by which a forwarder calls it")
    )
    key_digest = models.CharField(max_length=64, null=True, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)
    contacted_at = models.DateTimeField(_("contacted at"), null=True, blank=True, editable=False, help_text=_("when it last said anything"))
    position_at = models.DateTimeField(_("position at"), null=True, blank=True, editable=False, help_text=_("its newest trusted fix"))
    refused_at = models.DateTimeField(_("refused at"), null=True, blank=True, editable=False)
    refusal = models.CharField(_("refusal"), max_length=20, choices=Refusal.choices, blank=True, default="", db_default="", editable=False)
    refusal_detail = models.CharField(_("refusal detail"), max_length=60, blank=True, default="", db_default="", editable=False)
    dropped = models.CharField(
        _("dropped"), max_length=100, blank=True, default="", db_default="", editable=False, help_text=_("values last left out")
    )
    battery = models.PositiveSmallIntegerField(_("battery"), null=True, blank=True, editable=False, help_text=_("percent"))

    objects = DeviceQuerySet.as_manager()

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "external_id"],
                condition=Q(ended_at__isnull=True) & ~Q(external_id=""),
                name="device_external_id_once",
            ),
            models.CheckConstraint(
                condition=Q(key_digest__isnull=False) | ~Q(external_id=""), name="device_can_be_recognised"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id or gettext("device %(id)s") % {"id": self.pk}

    def speed_unit(self, usual: str) -> str:
        """Return the unit of this device's speeds, where the protocol's `usual` one is not what its app sends."""
        return self.SPEED_UNITS.get(self.App(self.app), usual) if usual == KNOTS else usual

    @property
    def is_refused(self) -> bool:
        """Whether the last thing it said was refused."""
        return self.refused_at is not None and self.refused_at == self.contacted_at


class DeviceAlarm(models.Model):
    """An alarm that a device raised by itself, such as a driver's SOS, however often it said so within minutes.

    `first_at` and `last_at` are the device's times, `heard_at` is when it last said so here; the place is where it began,
    or where the vehicle was last.
    """

    vehicle = models.ForeignKey(Vehicle, on_delete=models.CASCADE, related_name="device_alarms", verbose_name=_("vehicle"))
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="alarms", verbose_name=_("device"))
    kind = models.CharField(_("kind"), max_length=LONGEST_NAME, help_text=_("as the device calls it"))
    first_at = models.DateTimeField(_("since"))
    last_at = models.DateTimeField(_("until"))
    latitude = models.FloatField(_("latitude"), null=True, blank=True)
    longitude = models.FloatField(_("longitude"), null=True, blank=True)
    heard_at = models.DateTimeField(_("heard at"), help_text=_("when it arrived here"))
    created_at = models.DateTimeField(_("created at"))

    objects = DeviceAlarmQuerySet.as_manager()

    class Meta:
        verbose_name = _("alarm of a device")
        verbose_name_plural = _("alarms of devices")
        ordering = ["-first_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(first_at__lte=F("last_at")), name="device_alarm_ends_after_start"),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__isnull=False, longitude__isnull=False, latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="device_alarm_place_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["device", "kind", "last_at"], name="device_alarm_same"),
            models.Index(fields=["heard_at"], name="device_alarm_news"),
            models.Index(fields=["vehicle", "-first_at"], name="device_alarm_of_vehicle"),
            models.Index(fields=["last_at"], name="device_alarm_by_age"),
        ]

    def __str__(self) -> str:
        return str(self.words)

    @property
    def words(self) -> StrOrPromise:
        """What people read for its kind."""
        return words_of(self.kind)

    @property
    def coordinates(self) -> str:
        """Latitude and longitude as maps take them, in any language; empty where no place is known."""
        return "" if self.latitude is None else f"{self.latitude:.6f}, {self.longitude:.6f}"
