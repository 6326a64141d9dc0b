"""The shape of what goes out on `/api/auth/`; what comes in is in serializers.py."""

from __future__ import annotations

from rest_framework import serializers

from accounts.models import User


class PersonSerializer(serializers.ModelSerializer):
    """An account in the answer of registrations and logins."""

    class Meta:
        model = User
        fields = ["id", "email", "name", "phone_number", "user_type", "email_verified", "phone_verified"]
        read_only_fields = fields


class PairSerializer(serializers.Serializer):
    """A pair of JWTs."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class SignedInSerializer(PairSerializer):
    """An account and its new pair, at both places where apps look for it."""

    user = PersonSerializer()
    tokens = PairSerializer()


class FleetSignedInSerializer(serializers.Serializer):
    """A fleet token and whose it is."""

    token = serializers.CharField()
    user_id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    company_id = serializers.IntegerField(allow_null=True)
    company_name = serializers.CharField(allow_null=True)


class DispatcherRegisteredSerializer(serializers.Serializer):
    """The answer to a dispatcher's registration."""

    message = serializers.CharField()
    user_id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    company_id = serializers.IntegerField(allow_null=True)
    company_name = serializers.CharField(allow_null=True)


class RefreshedSerializer(serializers.Serializer):
    """A new access token; its successor only with rotation."""

    access = serializers.CharField()
    access_token = serializers.CharField()
    refresh = serializers.CharField(required=False)


class MessageSerializer(serializers.Serializer):
    """A sentence."""

    message = serializers.CharField()


class VerifiedSerializer(MessageSerializer):
    """A sentence, and which addresses are proven now; without these where a code was sent."""

    email_verified = serializers.BooleanField(required=False)
    phone_verified = serializers.BooleanField(required=False)
