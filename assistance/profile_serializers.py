"""The shape of what comes in and goes out on `/api/profile/*`; nothing here calls anything."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.fields import LicenceExpiryField, PhoneField, RegistrationNumberField
from assistance.models import AssistantProfile, ServiceType
from depannini_dashmap.lib.api.fields import EmailField, NumberField, TextField
from depannini_dashmap.lib.api.schema_serializers import AnswerSerializer


class ProfileChangesSerializer(serializers.Serializer):
    """What people may change about themselves; everything is optional, unknown and read-only keys are ignored."""

    name = TextField(max_length=150, required=False)
    first_name = TextField(max_length=150, required=False, allow_blank=True)
    last_name = TextField(max_length=150, required=False, allow_blank=True)
    address = TextField(max_length=500, required=False, allow_blank=True)
    email = EmailField(required=False, allow_null=True)
    phone_number = PhoneField(required=False)
    profile_photo = serializers.FileField(required=False, allow_null=True, max_length=300)
    current_lat = NumberField(min_value=-90, max_value=90, required=False)
    current_lng = NumberField(min_value=-180, max_value=180, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for given, missing in (("current_lat", "current_lng"), ("current_lng", "current_lat")):
            if given in attrs and missing not in attrs:
                raise serializers.ValidationError({missing: ["This field is required."]})
        return attrs


class PapersSerializer(serializers.Serializer):
    """What assistants may change about their work."""

    service_type = serializers.ChoiceField(ServiceType.choices, required=False)
    vehicle_type = TextField(max_length=100, required=False)
    driving_license_cat = serializers.ChoiceField(AssistantProfile.LicenceCategory.choices, required=False)
    driving_license_num = TextField(max_length=50, required=False)
    driving_license_expiry = LicenceExpiryField(required=False)
    vehicle_registration_num = RegistrationNumberField(required=False)


class AssistantChangesSerializer(ProfileChangesSerializer, PapersSerializer):
    """What assistants may change."""


class PhotoSerializer(serializers.Serializer):
    """A picture, under either of its two names."""

    profile_photo = serializers.FileField(required=False, max_length=300)
    photo = serializers.FileField(required=False, max_length=300)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        upload = attrs.get("profile_photo") or attrs.get("photo")
        if upload is None:
            raise serializers.ValidationError({"profile_photo": ["No file was submitted."]})
        return {"upload": upload}


class LocationSerializer(serializers.Serializer):
    """A place, under either of its two pairs of names; a pair counts whole, null is absent."""

    latitude = NumberField(min_value=-90, max_value=90, required=False, allow_null=True)
    longitude = NumberField(min_value=-180, max_value=180, required=False, allow_null=True)
    lat = NumberField(min_value=-90, max_value=90, required=False, allow_null=True)
    lng = NumberField(min_value=-180, max_value=180, required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        pairs = [("latitude", "longitude"), ("lat", "lng")]
        for north, east in pairs:
            if attrs.get(north) is not None and attrs.get(east) is not None:
                return {"lat": attrs[north], "lng": attrs[east]}
        begun = next((pair for pair in pairs if any(attrs.get(name) is not None for name in pair)), pairs[0])
        raise serializers.ValidationError({name: ["This field is required."] for name in begun if attrs.get(name) is None})


class DutySerializer(serializers.Serializer):
    """On or off duty."""

    is_active = serializers.BooleanField()


# --- Answers, for the schema-------------------------------------------------------------------------------------
class ProfileFieldsSerializer(AnswerSerializer):
    """The fields of a user; those of assistants are null for others."""

    id = serializers.IntegerField()
    email = serializers.EmailField(allow_null=True)
    name = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    phone_number = serializers.CharField(allow_null=True)
    profile_photo = serializers.CharField(allow_null=True)
    address = serializers.CharField()
    current_lat = serializers.FloatField(allow_null=True)
    current_lng = serializers.FloatField(allow_null=True)
    user_type = serializers.CharField()
    email_verified = serializers.BooleanField()
    phone_verified = serializers.BooleanField()
    pending_email = serializers.CharField(allow_null=True, help_text="claimed, until it is proven")
    pending_phone_number = serializers.CharField(allow_null=True, help_text="claimed, until it is proven")
    service_type = serializers.ChoiceField(ServiceType.choices, allow_null=True)
    vehicle_type = serializers.CharField(allow_null=True)
    is_active_assistant = serializers.BooleanField()
    approval = serializers.ChoiceField(
        ["approved", "waiting", "licence_expired"], allow_null=True, help_text="whether the assistant may take jobs"
    )
    driving_license_cat = serializers.CharField(allow_null=True)
    driving_license_num = serializers.CharField(allow_null=True)
    driving_license_expiry = serializers.CharField(allow_null=True, help_text="dd:mm:yy")
    vehicle_registration_num = serializers.IntegerField(allow_null=True)


class UserProfileSerializer(ProfileFieldsSerializer):
    """The fields flat, and once more under `user`."""

    user = ProfileFieldsSerializer()


class AssistantProfileSerializer(ProfileFieldsSerializer):
    """The fields flat, and once more under `assistant`."""

    assistant = ProfileFieldsSerializer()


class LocationAnswerSerializer(AnswerSerializer):
    """A stored place."""

    message = serializers.CharField()
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()


class DutyAnswerSerializer(AnswerSerializer):
    """A changed duty."""

    message = serializers.CharField()
    is_active = serializers.BooleanField()
    is_active_assistant = serializers.BooleanField()
