"""The bodies of registrations: of clients, assistants, dispatchers, and of the founder of a company."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.fields import (
    LicenceExpiryField,
    OptionalEmail,
    OptionalPhone,
    OptionalPhoneText,
    OptionalText,
    PasswordField,
    PhoneField,
    RegistrationNumberField,
    UsernameField,
    is_same_password,
)
from accounts.models import User
from depannini_dashmap.lib.api.fields import (
    EmailField,
    NumberField,
    TextField,
)

DETAILS = (
    "service_type",
    "vehicle_type",
    "driving_license_cat",
    "driving_license_num",
    "driving_license_expiry",
    "vehicle_registration_num",
    "current_lat",
    "current_lng",
)


class _Registration(serializers.Serializer):
    password = PasswordField()
    password_confirm = PasswordField(required=False, allow_null=True, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "password_confirm" in attrs and not is_same_password(attrs.pop("password_confirm"), attrs["password"]):
            raise serializers.ValidationError({"password_confirm": ["The passwords do not match."]})
        return attrs


class ClientRegistration(_Registration):
    """A motorist."""

    phone_number = PhoneField()
    name = TextField(max_length=150)
    email = EmailField(required=False, allow_null=True)
    address = OptionalText(max_length=500)
    current_lat = NumberField(min_value=-90, max_value=90, required=False, allow_null=True)
    current_lng = NumberField(min_value=-180, max_value=180, required=False, allow_null=True)
    user_type = serializers.ChoiceField([User.Type.CLIENT], default=User.Type.CLIENT)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        missing = [name for name in ("current_lat", "current_lng") if attrs.get(name) is None]
        if len(missing) == 1:
            raise serializers.ValidationError({missing[0]: ["Send both coordinates or none."]})
        return attrs

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `register_person`."""
        return dict(self.validated_data)


class AssistantRegistration(ClientRegistration):
    """Somebody who helps, with their papers."""

    service_type = serializers.ChoiceField(["towing", "repair"])
    vehicle_type = TextField(max_length=100)
    driving_license_cat = serializers.ChoiceField(["c", "b"])
    driving_license_num = TextField(max_length=50)
    driving_license_expiry = LicenceExpiryField()
    vehicle_registration_num = RegistrationNumberField()
    current_lat = NumberField(min_value=-90, max_value=90)
    current_lng = NumberField(min_value=-180, max_value=180)
    user_type = serializers.ChoiceField([User.Type.ASSISTANT])

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `register_person`."""
        fields = super().arguments()
        details = {name: fields.pop(name) for name in DETAILS}
        return {**fields, "details": details}


class DispatcherRegistration(_Registration):
    """A dispatcher, with their company or before it."""

    username = UsernameField()
    email = EmailField(required=False, allow_null=True)
    phone_number = OptionalPhone()
    name = OptionalText(max_length=150)
    first_name = OptionalText(max_length=150)
    last_name = OptionalText(max_length=150)
    company_name = OptionalText(max_length=200)
    company_address = OptionalText(max_length=500)
    company_phone = OptionalPhoneText()
    company_email = OptionalEmail()
    user_type = serializers.ChoiceField([User.Type.DISPATCHER])

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `register_dispatcher`."""
        fields = {name: value for name, value in self.validated_data.items() if name != "user_type"}
        parts = {name: fields.pop(f"company_{name}", "") for name in ("name", "address", "phone", "email")}
        return {**fields, "company": parts if parts["name"] else None}


class FounderRegistration(DispatcherRegistration):
    """The console's form, which says no user type and must name a company."""

    company_name = TextField(max_length=200)
    user_type = None  # type: ignore[assignment]


def registration_for(data: dict[str, Any]) -> _Registration:
    """Return the unvalidated serializer for whom the body describes. Raises: ValidationError for other user types."""
    kind = data.get("user_type", "dispatcher" if "company_name" in data else "client")
    if "user_type" not in data and kind == "dispatcher":
        return FounderRegistration(data=data)
    kinds: dict[Any, type[_Registration]] = {
        "client": ClientRegistration,
        "assistant": AssistantRegistration,
        "dispatcher": DispatcherRegistration,
    }
    if not isinstance(kind, str) or kind not in kinds:
        raise serializers.ValidationError({"user_type": ["Choose client, assistant or dispatcher."]})
    return kinds[kind](data=data)
