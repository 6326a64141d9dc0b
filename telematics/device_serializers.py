"""The shapes of devices and forwarders, in and out."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Company
from depannini_dashmap.lib.api.fields import StrictIntegerField, TextField, UtcDateTimeField, VisibleRelatedField
from telematics.device_readings import Refusal
from telematics.models import Device, Forwarder


class LastRefusalShape(serializers.Serializer):
    """Why a device's fix was last not taken, or not shown."""

    at = UtcDateTimeField()
    code = serializers.ChoiceField(choices=Refusal.choices)
    detail = serializers.CharField()


class DeviceShape(serializers.ModelSerializer):
    """A device and its status; its key is returned once, when it is made."""

    vehicle_id = StrictIntegerField()
    vehicle_license_plate = serializers.CharField(source="vehicle.license_plate", read_only=True)
    name = TextField(max_length=100, required=False, allow_blank=True)
    external_id = TextField(max_length=64, required=False, allow_blank=True)
    created_at = UtcDateTimeField(read_only=True)
    contacted_at = UtcDateTimeField(read_only=True, allow_null=True)
    position_at = UtcDateTimeField(read_only=True, allow_null=True)
    last_refusal = serializers.SerializerMethodField()

    class Meta:
        model = Device
        fields = [
            "id",
            "vehicle_id",
            "vehicle_license_plate",
            "name",
            "app",
            "external_id",
            "created_at",
            "contacted_at",
            "position_at",
            "last_refusal",
            "dropped",
            "battery",
        ]
        read_only_fields = ["dropped", "battery"]
        # Whose external id it is already, the service says.
        validators: list = []

    @extend_schema_field(LastRefusalShape(allow_null=True))
    def get_last_refusal(self, device: Device) -> dict | None:
        """Return when, why (a code) and in which measure, None where nothing was refused."""
        if device.refused_at is None:
            return None
        return LastRefusalShape(
            {"at": device.refused_at, "code": device.refusal, "detail": device.refusal_detail}
        ).data


class MadeDeviceShape(DeviceShape):
    """A new device with its key (empty for one with an external id) and the addresses to enter in the tracker."""

    key = serializers.CharField(read_only=True)
    urls = serializers.DictField(child=serializers.URLField(), read_only=True)

    class Meta(DeviceShape.Meta):
        fields = [*DeviceShape.Meta.fields, "key", "urls"]


class ForwarderShape(serializers.ModelSerializer):
    """A forwarding server; its secret is returned once, when it is made."""

    company = VisibleRelatedField(queryset=Company.objects.all(), required=False)
    name = TextField(max_length=100, required=False, allow_blank=True)
    created_at = UtcDateTimeField(read_only=True)
    contacted_at = UtcDateTimeField(read_only=True, allow_null=True)
    unknown_ids = serializers.DictField(child=serializers.DateTimeField(), read_only=True)

    class Meta:
        model = Forwarder
        fields = ["id", "company", "name", "created_at", "contacted_at", "unknown_ids"]


class MadeForwarderShape(ForwarderShape):
    """A new forwarder with its secret and the address to forward to."""

    secret = serializers.CharField(read_only=True)
    url = serializers.URLField(read_only=True)

    class Meta(ForwarderShape.Meta):
        fields = [*ForwarderShape.Meta.fields, "secret", "url"]
