"""Position, the history of where vehicles were, and LatestPosition, one row for each; rows are written by ingest.py."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from fleet.models import Vehicle
from telematics.managers import DeviceQuerySet, LatestPositionQuerySet, PositionQuerySet


class EngineStatus(models.TextChoices):
    """What the engine did."""

    ON = "on"
    OFF = "off"
    IDLE = "idle"


class ReadingColumns(models.Model):
    """What a device tells. Units: degrees, km/h, m, km, percent.

    Floats, which are formatted where they leave: numerics would cost twice the room and time.
    """

    latitude = models.FloatField()
    longitude = models.FloatField()
    speed = models.FloatField(help_text="km/h")
    heading = models.FloatField(help_text="degrees clockwise from north")
    altitude = models.FloatField(null=True, blank=True, help_text="m")
    timestamp = models.DateTimeField(help_text="when the device was there")
    odometer = models.FloatField(null=True, blank=True, help_text="km")
    fuel_level = models.FloatField(null=True, blank=True, help_text="percent")
    engine_status = models.CharField(max_length=4, choices=EngineStatus.choices, default=EngineStatus.OFF)
    is_implausible = models.BooleanField(
        default=False, help_text="not to be trusted: out of a vehicle's reach, without satellites, or a circle of kilometres"
    )
    created_at = models.DateTimeField(help_text="when it arrived here")

    class Meta:
        abstract = True


class Position(ReadingColumns):
    """One fix of one vehicle; a device that sends it again changes nothing."""

    # The unique index begins with the vehicle and is read backwards for newest first: no index of its own is needed.
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="positions", db_index=False)

    objects = PositionQuerySet.as_manager()

    class Meta:
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
        return f"vehicle {self.vehicle_id} at {self.timestamp:%Y-%m-%d %H:%M:%S}"


class LatestPosition(ReadingColumns):
    """The trusted fix with the greatest timestamp of one vehicle, and the newest one after it that is out of its reach."""

    vehicle = models.OneToOneField(Vehicle, on_delete=models.CASCADE, primary_key=True, related_name="latest_position")
    position_id = models.BigIntegerField(help_text="the row of the history; it may have been pruned since")
    doubted_at = models.DateTimeField(null=True, help_text="a newer fix out of reach, believed once a second one agrees")
    doubted_latitude = models.FloatField(null=True)
    doubted_longitude = models.FloatField(null=True)
    reading_json = models.TextField(help_text="the reading as the API shows it, made once when it was written")

    objects = LatestPositionQuerySet.as_manager()

    class Meta:
        ordering = ["-timestamp", "-position_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(doubted_at__isnull=True, doubted_latitude__isnull=True, doubted_longitude__isnull=True)
                | Q(doubted_at__isnull=False, doubted_latitude__isnull=False, doubted_longitude__isnull=False),
                name="latest_doubted_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"vehicle {self.vehicle_id}, latest"


class Device(models.Model):
    """A tracker or phone that may write positions of one vehicle, and nothing else, by a key that is kept as a digest."""

    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="devices")
    name = models.CharField(max_length=100, blank=True, default="")
    key_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name or f"device {self.pk}"
