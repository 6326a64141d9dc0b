"""The shape of what comes in and goes out on `/api/auth/` and `/api/companies/`; nothing here calls a service."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.depots import EMPTY, NEEDS_ADDRESS, depot_faults
from accounts.fields import (
    CodeField,
    LicenceExpiryField,
    PasswordField,
    PhoneField,
    RegistrationNumberField,
    TypedNameField,
    UsernameField,
)
from accounts.keyed_hashes import spellings
from accounts.models import Company, Invitation, Membership, User
from depannini_dashmap.lib.api.fields import (
    DecimalStringField,
    EmailField,
    ModelSerializer,
    NumberField,
    TextField,
    UtcDateTimeField,
    VisibleRelatedField,
)
from depannini_dashmap.lib.api.schema import SOMETIMES
from depannini_dashmap.lib.phone_fields import PhoneTextSerializerField

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


def _match(one: str | None, other: str) -> bool:
    return one is not None and spellings(one)[-1] == spellings(other)[-1]


class OptionalText(TextField):
    """A text that may be missing; null reads as empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_blank=True, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        value = super().run_validation(data)
        return "" if value is None else value


class OptionalPhoneText(PhoneTextSerializerField):
    """A company's phone, which may be missing; null reads as empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_blank=True, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        value = super().run_validation(data)
        return "" if value is None else value


class OptionalEmail(EmailField):
    """An e-mail that may be missing; null and empty read as empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(data) or ""


class OptionalPhone(PhoneField):
    """A phone number that may be missing; empty reads as none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str) and not data.strip():
            data = None
        return super().run_validation(data)


# --- Registration ----------------------------------------------------------------------------------------------------------
class _Registration(serializers.Serializer):
    password = PasswordField()
    password_confirm = PasswordField(required=False, allow_null=True, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "password_confirm" in attrs and not _match(attrs.pop("password_confirm"), attrs["password"]):
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
        if not _match(attrs["new_password_confirm"], attrs["new_password"]):
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
        if not _match(attrs["new_password_confirm"], attrs["new_password"]):
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


class MemberSerializer(serializers.ModelSerializer):
    """Who works for a company."""

    user_id = serializers.IntegerField(read_only=True)
    username = serializers.CharField(source="user.username", read_only=True)
    email = serializers.CharField(source="user.email", read_only=True, allow_null=True)
    first_name = serializers.CharField(source="user.first_name", read_only=True)
    last_name = serializers.CharField(source="user.last_name", read_only=True)
    role = serializers.ChoiceField(Membership.Role.choices, source="full_role", read_only=True)
    created_at = UtcDateTimeField(read_only=True)

    class Meta:
        model = Membership
        fields = ["user_id", "username", "email", "first_name", "last_name", "role", "created_at"]
        read_only_fields = fields


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


class BareInvitationSerializer(serializers.ModelSerializer):
    """An invitation as every inviter sees it: who it reached, if anybody, is not in it."""

    expires_at = UtcDateTimeField(read_only=True)

    class Meta:
        model = Invitation
        fields = ["id", "company", "role", "expires_at"]
        read_only_fields = fields


class InvitedSerializer(serializers.Serializer):
    """The answer to inviting somebody."""

    invitation = BareInvitationSerializer()


class SentInvitationSerializer(serializers.ModelSerializer):
    """An open invitation as its company lists it, under the name that was typed."""

    username = serializers.SerializerMethodField()
    email = serializers.SerializerMethodField()
    invited_by = serializers.IntegerField(source="invited_by_id", read_only=True, allow_null=True)
    created_at = UtcDateTimeField(read_only=True)
    expires_at = UtcDateTimeField(read_only=True)

    class Meta:
        model = Invitation
        fields = ["id", "company", "username", "email", "role", "invited_by", "created_at", "expires_at"]
        read_only_fields = fields

    def get_username(self, row: Invitation) -> str | None:
        return row.username or None

    def get_email(self, row: Invitation) -> str | None:
        return row.email or None


class OwnInvitationSerializer(serializers.ModelSerializer):
    """An invitation as the invited sees it."""

    company_name = serializers.CharField(source="company.name", read_only=True)
    invited_by = serializers.SerializerMethodField()
    created_at = UtcDateTimeField(read_only=True)
    expires_at = UtcDateTimeField(read_only=True)

    class Meta:
        model = Invitation
        fields = ["id", "company", "company_name", "role", "invited_by", "created_at", "expires_at"]
        read_only_fields = fields

    def get_invited_by(self, row: Invitation) -> str:
        return row.invited_by.display_name if row.invited_by else ""


class AcceptedSerializer(serializers.Serializer):
    """The answer to accepting an invitation: the company is the current one now."""

    invitation = BareInvitationSerializer()
    company_id = serializers.IntegerField()
    company_name = serializers.CharField()
    role = serializers.ChoiceField(Membership.Role.choices)
