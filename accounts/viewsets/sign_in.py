"""Registering, signing in, and refreshing tokens."""

from __future__ import annotations

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import registration_serializers, representation, services, tokens
from accounts import serializers as shapes
from accounts.google import verify_google_token
from accounts.limits.throttles import RegistrationThrottle
from accounts.managers import normalise_email
from accounts.models import User
from accounts.viewsets.access import GuessesCounted, PublicViewSet


class RegistrationViewSet(PublicViewSet):
    """`/api/auth/register/`. Body: of a client, an assistant or a dispatcher. Codes: 201; 400; 429. Who: anybody."""

    throttle_classes = [RegistrationThrottle]

    @extend_schema(
        request=PolymorphicProxySerializer(
            "Registration",
            [
                registration_serializers.ClientRegistration,
                registration_serializers.AssistantRegistration,
                registration_serializers.DispatcherRegistration,
                registration_serializers.FounderRegistration,
            ],
            resource_type_field_name=None,
        ),
        responses={
            201: PolymorphicProxySerializer(
                "Registered",
                [representation.SignedInSerializer, representation.DispatcherRegisteredSerializer],
                resource_type_field_name=None,
            )
        },
    )
    def create(self, request: Request) -> Response:
        """POST /api/auth/register/ — anybody; a client, an assistant or a dispatcher. 201; 400; 429."""
        form = registration_serializers.registration_for(request.data)
        form.is_valid(raise_exception=True)
        if not isinstance(form, registration_serializers.DispatcherRegistration):
            user = services.register_person(actor=None, **form.arguments())
            return Response(representation.signed_in(user), status=status.HTTP_201_CREATED)
        user = services.register_dispatcher(actor=None, **form.arguments())
        return Response(representation.registered_dispatcher(user), status=status.HTTP_201_CREATED)


class SignInViewSet(PublicViewSet):
    """`/api/auth/login/`, `login/email/`, `login/phone/`, `login/google/`, `token/refresh/` and `token/revoke/`.

    Body: credentials, or a refresh token. Answer: tokens, and whose they are. Codes: 200; 400; 401; 409; 429. Who: anybody.
    """

    @extend_schema(request=shapes.LoginSerializer, responses=representation.FleetSignedInSerializer)
    def login(self, request: Request) -> Response:
        """POST /api/auth/login/ — anybody; returns a fleet token. 200; 400 missing fields; 401; 429."""
        data = self.read(shapes.LoginSerializer).validated_data
        user, token = services.sign_in_to_fleet(actor=None, request=request._request, username=data["username"], password=data["password"])
        return Response(representation.signed_in_to_fleet(user, token))

    @extend_schema(request=shapes.EmailLoginSerializer, responses=representation.SignedInSerializer)
    def login_by_email(self, request: Request) -> Response:
        """POST /api/auth/login/email/ — anybody. 200 with tokens; 400 missing fields; 401; 429."""
        data = self.read(shapes.EmailLoginSerializer).validated_data
        email = normalise_email(data["email"])
        user = User.objects.filter(email=email).first()
        user = services.sign_in(actor=None, request=request._request, user=user, identifier=email, password=data["password"])
        return Response(representation.signed_in(user))

    @extend_schema(request=shapes.PhoneLoginSerializer, responses=representation.SignedInSerializer)
    def login_by_phone(self, request: Request) -> Response:
        """POST /api/auth/login/phone/ — anybody. 200 with tokens; 400 missing fields; 401; 429."""
        data = self.read(shapes.PhoneLoginSerializer).validated_data
        phone = data["phone_number"]
        user = User.objects.filter(phone_number=phone).first()
        user = services.sign_in(actor=None, request=request._request, user=user, identifier=phone, password=data["password"])
        return Response(representation.signed_in(user))

    @extend_schema(request=shapes.GoogleLoginSerializer, responses=representation.SignedInSerializer)
    def login_by_google(self, request: Request) -> Response:
        """POST /api/auth/login/google/ — anybody. 200 with tokens; 400; 401; 403; 409 `link_required`; 503."""
        raw = self.read(shapes.GoogleLoginSerializer).validated_data["token"]
        with GuessesCounted(request):
            identity = verify_google_token(raw)
        user = services.sign_in_with_google(actor=None, identity=identity)
        return Response(representation.signed_in(user))

    @extend_schema(request=shapes.RefreshSerializer, responses=representation.RefreshedSerializer)
    def refresh(self, request: Request) -> Response:
        """POST /api/auth/token/refresh/ — anybody with a refresh token. 200 with a new access token; 400; 401."""
        raw = self.read(shapes.RefreshSerializer).validated_data["refresh"]
        with GuessesCounted(request):
            pair = tokens.refresh_pair(raw)
        return Response({**pair, "access_token": pair["access"]})

    @extend_schema(request=shapes.RefreshSerializer, responses=representation.MessageSerializer)
    def revoke(self, request: Request) -> Response:
        """POST /api/auth/token/revoke/ — anybody with a refresh token, which ends. 200; 400; 401."""
        raw = self.read(shapes.RefreshSerializer).validated_data["refresh"]
        with GuessesCounted(request):
            tokens.end_refresh(raw)
        return Response({"message": "Token revoked"})
