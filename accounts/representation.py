"""Representations of `/api/auth/`, `/api/companies/` and `/api/invitations/`; input is in serializers.py."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts import tokens
from accounts.models import Company, Invitation, Membership, User
from depannini_dashmap.lib.api.fields import UtcDateTimeField
from depannini_dashmap.lib.api.schema_serializers import AnswerSerializer
from depannini_dashmap.lib.db.prepared import PreparedRows
from depannini_dashmap.lib.errors import Unauthenticated

_SHOWN = ("id", "username", "email", "first_name", "last_name")
_ACCOUNT = (*_SHOWN, "current_company_id", "current_company__name", "pending_email", "pending_phone_number")
_accounts = PreparedRows(lambda _, pk: User.objects.filter(pk=pk).order_by().values_list(*_ACCOUNT))


class PersonSerializer(serializers.ModelSerializer):
    """An account in the answer of registrations and logins."""

    class Meta:
        model = User
        fields = ["id", "email", "name", "phone_number", "user_type", "email_verified", "phone_verified"]
        read_only_fields = fields


class PairSerializer(AnswerSerializer):
    """A pair of JWTs."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class SignedInSerializer(PairSerializer):
    """An account and its new pair, at both places where apps look for it."""

    user = PersonSerializer()
    tokens = PairSerializer()


class FleetSignedInSerializer(AnswerSerializer):
    """A fleet token and whose it is."""

    token = serializers.CharField()
    user_id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    company_id = serializers.IntegerField(allow_null=True)
    company_name = serializers.CharField(allow_null=True)


class DispatcherRegisteredSerializer(AnswerSerializer):
    """The answer to a dispatcher's registration."""

    message = serializers.CharField()
    user_id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    company_id = serializers.IntegerField(allow_null=True)
    company_name = serializers.CharField(allow_null=True)


class RefreshedSerializer(AnswerSerializer):
    """A new access token; its successor only with rotation."""

    access = serializers.CharField()
    access_token = serializers.CharField()
    refresh = serializers.CharField(required=False)


class MessageSerializer(AnswerSerializer):
    """A sentence."""

    message = serializers.CharField()


class VerifiedSerializer(MessageSerializer):
    """A sentence, and which addresses are proven now; without these where a code was sent."""

    email_verified = serializers.BooleanField(required=False)
    phone_verified = serializers.BooleanField(required=False)


def signed_in(user: User) -> dict[str, Any]:
    """Build what Depannini's registrations and logins answer, with a new pair of tokens."""
    pair = tokens.issue_pair(user)
    return {"user": PersonSerializer(user).data, **pair, "tokens": pair}


def signed_in_to_fleet(user: User, token: str) -> dict[str, Any]:
    """Build what the console's login answers."""
    return {
        "token": token,
        "user_id": user.pk,
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        **current_company(user),
    }


def registered_dispatcher(user: User) -> dict[str, Any]:
    """Build what the registration of a dispatcher answers."""
    return {
        "message": "User registered successfully",
        "user_id": user.pk,
        "username": user.username,
        "email": user.email,
        **current_company(user),
    }


def current_company(user: User) -> dict[str, Any]:
    """Build the current company as login and profile show it."""
    name = Company.objects.filter(pk=user.current_company_id).values_list("name", flat=True).first()
    return {"company_id": user.current_company_id, "company_name": name}


def own_profile(user_id: int) -> dict[str, Any]:
    """Build one's own account as the console shows it, by one query. Raises: Unauthenticated for one that is gone."""
    for *shown, company_id, company_name, email, phone in _accounts(None, user_id):
        claimed = {"pending_email": email, "pending_phone_number": phone}
        return {
            **dict(zip(_SHOWN, shown, strict=True)),
            "company_id": company_id,
            "company_name": company_name,
            **{name: address for name, address in claimed.items() if address},
        }
    raise Unauthenticated()


def profile(user: User) -> dict[str, Any]:
    """Build an account that was changed as the console shows it."""
    claimed = {"pending_email": user.pending_email, "pending_phone_number": user.pending_phone_number}
    return {
        "id": user.pk,
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        **current_company(user),
        **{name: address for name, address in claimed.items() if address},
    }


def verified(user: User) -> dict[str, Any]:
    """Build what is proven of an account."""
    return {
        "message": "Verified successfully",
        "email_verified": user.email_verified,
        "phone_verified": user.phone_verified,
    }


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
