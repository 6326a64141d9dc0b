"""The shape of input of `/api/auth/` and `/api/companies/`; nothing here calls a service. Registrations have a module of their own."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.depots import EMPTY, NEEDS_ADDRESS, depot_faults
from accounts.fields import (
    CodeField,
    OptionalEmail,
    OptionalPhone,
    OptionalPhoneText,
    OptionalText,
    PasswordField,
    PhoneField,
    TypedNameField,
    UsernameField,
    is_same_password,
)
from accounts.models import Company, Membership
from depannini_dashmap.lib.api.fields import (
    DecimalStringField,
    EmailField,
    ModelSerializer,
    TextField,
    VisibleRelatedField,
)
from depannini_dashmap.lib.api.schema import SOMETIMES

# --- Registration ----------------------------------------------------------------------------------------------------------


# --- Signing in --------------------------------------------------------------------------------------------------------------
class LoginSerializer(serializers.Serializer):
    """DashMap: username and password."""

    username = TypedNameField()
    password = PasswordField()


class EmailLoginSerializer(serializers.Serializer):
    """Depannini: e-mail and password."""

    email = TextField(max_length=254)
    password = PasswordField()


class PhoneLoginSerializer(serializers.Serializer):
    """Depannini: phone and password."""

    phone_number = PhoneField()
    password = PasswordField()


class GoogleLoginSerializer(serializers.Serializer):
    """Google's ID token."""

    token = serializers.CharField(max_length=4096)


class RefreshSerializer(serializers.Serializer):
    """A refresh token, under either of its two names."""

    refresh = serializers.CharField(max_length=4096, required=False)
    token = serializers.CharField(max_length=4096, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        raw = attrs.get("refresh") or attrs.get("token")
        if raw is None:
            raise serializers.ValidationError({"refresh": ["This field is required."]})
        return {"refresh": raw}


class LogoutSerializer(serializers.Serializer):
    """The refresh token that ends along with the token used."""

    refresh = serializers.CharField(max_length=4096, required=False, allow_null=True, allow_blank=True)


class PasswordChangeSerializer(serializers.Serializer):
    """The old password and, twice, the new one."""

    old_password = PasswordField()
    new_password = PasswordField()
    new_password_confirm = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not is_same_password(attrs["new_password_confirm"], attrs["new_password"]):
            raise serializers.ValidationError({"new_password_confirm": ["The passwords do not match."]})
        return attrs


# --- Codes -------------------------------------------------------------------------------------------------------------------
class AddressSerializer(serializers.Serializer):
    """One address: an e-mail or a phone number."""

    email = EmailField(required=False, allow_null=True)
    phone_number = OptionalPhone()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("email") and not attrs.get("phone_number"):
            raise serializers.ValidationError({"email": ["Send an email or a phone_number."]})
        return attrs

    def address(self) -> tuple[str, str]:
        """Return channel and address."""
        data = self.validated_data
        return ("email", data["email"]) if data.get("email") else ("phone", data["phone_number"])


class ResetSerializer(AddressSerializer):
    """An address, the code sent there and, twice, the new password."""

    code = CodeField()
    new_password = PasswordField()
    new_password_confirm = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if not is_same_password(attrs["new_password_confirm"], attrs["new_password"]):
            raise serializers.ValidationError({"new_password_confirm": ["The passwords do not match."]})
        return attrs


class VerifyEmailSerializer(serializers.Serializer):
    """An e-mail and the code sent there."""

    email = EmailField()
    code = CodeField()


class VerifyPhoneSerializer(serializers.Serializer):
    """A phone number and the code sent there."""

    phone_number = PhoneField()
    code = CodeField()


class CodeSerializer(serializers.Serializer):
    """A code sent to one's own address."""

    code = CodeField()


# --- DashMap profile, company, members ------------------------------------------------------------------------------------------
@extend_schema_field({"type": "string", "description": "claimed, until it is proven", SOMETIMES: True})
class ClaimedField(serializers.CharField):
    """An address that somebody claims; absent while there is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)


class ProfileSerializer(serializers.Serializer):
    """One's own account as the console shows it; company_id switches among one's own companies."""

    id = serializers.IntegerField(read_only=True)
    username = UsernameField()
    email = EmailField(allow_null=True)
    first_name = OptionalText(max_length=150)
    last_name = OptionalText(max_length=150)
    company_id = VisibleRelatedField(queryset=Company.objects.all(), allow_null=True, required=False)
    company_name = serializers.CharField(read_only=True, allow_null=True)
    pending_email = ClaimedField()
    pending_phone_number = ClaimedField()

    def changes(self) -> dict[str, Any]:
        """Return the arguments of `change_profile`."""
        changes = dict(self.validated_data)
        company = changes.pop("company_id", None)
        return changes if company is None else {**changes, "company": company}


class DepotSerializer(serializers.Serializer):
    """Where a company's goods wait, sent whole; a name that is left out is the company's."""

    name = OptionalText(max_length=200)
    address = TextField(max_length=500)
    latitude = DecimalStringField(max_digits=9, decimal_places=6, min_value=-90, max_value=90, required=False, allow_null=True)
    longitude = DecimalStringField(max_digits=9, decimal_places=6, min_value=-180, max_value=180, required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a depot without an address, in a PATCH too, and half a location."""
        place = {**EMPTY, **attrs}
        faults = depot_faults(place)
        if not place["address"]:
            faults["address"] = [NEEDS_ADDRESS]
        if faults:
            raise serializers.ValidationError(faults)
        return place


class CompanySerializer(ModelSerializer):
    """A company; its depot is the pickup of sheets' rows that give only a delivery."""

    name = TextField(max_length=200)
    address = OptionalText(max_length=500)
    phone = OptionalPhoneText()
    email = OptionalEmail()
    depot = DepotSerializer(required=False, allow_null=True)

    class Meta:
        model = Company
        fields = ["id", "name", "address", "phone", "email", "depot", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]


class OwnCompanySerializer(serializers.Serializer):
    """The console's settings form of the current company."""

    company_name = TextField(max_length=200)
    company_address = OptionalText(max_length=500)
    company_phone = OptionalPhoneText()
    company_email = OptionalEmail()

    def changes(self) -> dict[str, Any]:
        """Return the arguments of `change_company`."""
        return {name.removeprefix("company_"): value for name, value in self.validated_data.items()}


class RoleSerializer(serializers.Serializer):
    """What a member may do from now on."""

    role = serializers.ChoiceField(Membership.Role.choices)


class NewMemberSerializer(serializers.Serializer):
    """Who is invited, by one of two names, and as what."""

    username = TextField(max_length=254, required=False)
    email = EmailField(required=False)
    role = serializers.ChoiceField(Membership.INVITED, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("username") and not attrs.get("email"):
            raise serializers.ValidationError({"username": ["Send a username or an email."]})
        return attrs

    def person(self) -> dict[str, str]:
        """Return the one name to look for."""
        data = self.validated_data
        return {"username": data["username"]} if data.get("username") else {"email": data["email"]}
