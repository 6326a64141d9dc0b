"""What comes in and goes out on `/api/devices/push/`; nothing here calls a service."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.models import PushDevice
from depannini_dashmap.lib.api.fields import ClockTimeField, TextField, UtcDateTimeField
from depannini_dashmap.lib.outbound import web_push
from depannini_dashmap.lib.outbound.push_messages import FCM, WEB_PUSH, PushAddress

REQUIRED = "This field is required."


class SubscriptionKeysSerializer(serializers.Serializer):
    """A browser's keys, in base64url."""

    p256dh = TextField(max_length=100)
    auth = TextField(max_length=32)


class SubscriptionSerializer(serializers.Serializer):
    """What `PushSubscription.toJSON()` gives; other keys are ignored."""

    endpoint = TextField(max_length=web_push.LONGEST_ENDPOINT)
    keys = SubscriptionKeysSerializer()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wrong = {
            "endpoint": {"endpoint": ["This is no address of a push service that is known here."]},
            "p256dh": {"keys": {"p256dh": ["This is no public key."]}},
            "auth": {"keys": {"auth": ["This is no secret of 16 bytes."]}},
        }
        try:
            web_push.check_endpoint(attrs["endpoint"])
            web_push.check_keys(attrs["keys"]["p256dh"], attrs["keys"]["auth"])
        except web_push.NotASubscription as error:
            raise serializers.ValidationError(wrong[str(error)]) from None
        return attrs


class PushDeviceSerializer(serializers.Serializer):
    """A device to register: FCM's token, or a browser's subscription."""

    kind = serializers.ChoiceField(PushDevice.Kind.choices)
    token = serializers.RegexField(r"^[!-~]+$", max_length=PushDevice.LONGEST_TOKEN, required=False)
    subscription = SubscriptionSerializer(required=False)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = "token" if attrs["kind"] == FCM else "subscription"
        if needed not in attrs:
            raise serializers.ValidationError({needed: [REQUIRED]})
        return attrs

    def address(self) -> PushAddress:
        """Return where its messages go."""
        data = self.validated_data
        if data["kind"] == FCM:
            return PushAddress(FCM, data["token"])
        sent = data["subscription"]
        return PushAddress(WEB_PUSH, sent["endpoint"], sent["keys"]["p256dh"].rstrip("="), sent["keys"]["auth"].rstrip("="))


class NamedPushDeviceSerializer(serializers.Serializer):
    """A device to forget: by its token, or by the endpoint of its subscription; neither names those of this sign-in."""

    token = TextField(max_length=PushDevice.LONGEST_TOKEN, required=False)
    endpoint = TextField(max_length=web_push.LONGEST_ENDPOINT, required=False)

    def address(self) -> PushAddress | None:
        """Return which device is named."""
        data = self.validated_data
        if "token" in data:
            return PushAddress(FCM, data["token"])
        return PushAddress(WEB_PUSH, data["endpoint"]) if "endpoint" in data else None


class QuietHoursSerializer(serializers.Serializer):
    """From when until when, in the zone of the deployment; over midnight too. Both are null for none."""

    quiet_from = ClockTimeField(allow_null=True, required=False)
    quiet_until = ClockTimeField(allow_null=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        hours = {name: attrs.get(name, getattr(self.instance, name)) for name in ("quiet_from", "quiet_until")}
        if (missing := [name for name, hour in hours.items() if hour is None]) and len(missing) == 1:
            raise serializers.ValidationError({missing[0]: [REQUIRED]})
        return hours


class RegisteredPushDeviceSerializer(serializers.ModelSerializer):
    """A device as its owner sees it: without what sends to it."""

    registered_at = UtcDateTimeField(read_only=True)
    is_current = serializers.SerializerMethodField(help_text="whether this sign-in registered it")

    class Meta:
        model = PushDevice
        fields = ["id", "kind", "language", "registered_at", "is_current"]
        read_only_fields = fields

    def get_is_current(self, row: PushDevice) -> bool:
        return bool(row.session == self.context["session"])


class PushSettingsSerializer(serializers.Serializer):
    """One's devices and quiet hours, and the key that a page subscribes with."""

    vapid_public_key = serializers.CharField(allow_null=True)
    quiet_from = ClockTimeField(allow_null=True)
    quiet_until = ClockTimeField(allow_null=True)
    devices = RegisteredPushDeviceSerializer(many=True)
