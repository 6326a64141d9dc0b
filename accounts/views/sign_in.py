"""Registering, signing in and out, and refreshing tokens."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import representation, services, tokens
from accounts import serializers as shapes
from accounts.google import verify_google_token
from accounts.limits.throttles import RegistrationThrottle
from accounts.managers import normalise_email
from accounts.models import Company, User
from accounts.views.api import ApiView, GuessesCounted, PublicView, read
from depannini_dashmap.lib.errors import DomainError


def signed_in_body(user: User) -> dict[str, Any]:
    """Return what Depannini's registrations and logins answer."""
    pair = tokens.issue_pair(user)
    return {"user": representation.PersonSerializer(user).data, **pair, "tokens": pair}


def company_body(user: User) -> dict[str, Any]:
    """Return the current company as login and profile show it."""
    name = Company.objects.filter(pk=user.current_company_id).values_list("name", flat=True).first()
    return {"company_id": user.current_company_id, "company_name": name}


class RegisterView(PublicView):
    """POST /api/auth/register/ — anybody; a client, an assistant or a dispatcher. 201; 400; 429."""

    throttle_classes = [RegistrationThrottle]

    @extend_schema(
        request=PolymorphicProxySerializer(
            "Registration",
            [
                shapes.ClientRegistration,
                shapes.AssistantRegistration,
                shapes.DispatcherRegistration,
                shapes.FounderRegistration,
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
    def post(self, request: Request) -> Response:
        form = read(shapes.registration_for(request.data))
        if not isinstance(form, shapes.DispatcherRegistration):
            user = services.register_person(actor=None, **form.arguments())
            return Response(signed_in_body(user), status=status.HTTP_201_CREATED)
        user = services.register_dispatcher(actor=None, **form.arguments())
        body = {
            "message": "User registered successfully",
            "user_id": user.pk,
            "username": user.username,
            "email": user.email,
            **company_body(user),
        }
        return Response(body, status=status.HTTP_201_CREATED)


class EmailLoginView(PublicView):
    """POST /api/auth/login/email/ — anybody. 200 with tokens; 400 missing fields; 401; 429."""

    @extend_schema(request=shapes.EmailLoginSerializer, responses=representation.SignedInSerializer)
    def post(self, request: Request) -> Response:
        data = read(shapes.EmailLoginSerializer(data=request.data)).validated_data
        email = normalise_email(data["email"])
        user = User.objects.filter(email=email).first()
        return Response(signed_in_body(services.sign_in(actor=None, request=request._request, user=user, identifier=email, password=data["password"])))


class PhoneLoginView(PublicView):
    """POST /api/auth/login/phone/ — anybody. 200 with tokens; 400 missing fields; 401; 429."""

    @extend_schema(request=shapes.PhoneLoginSerializer, responses=representation.SignedInSerializer)
    def post(self, request: Request) -> Response:
        data = read(shapes.PhoneLoginSerializer(data=request.data)).validated_data
        phone = data["phone_number"]
        user = User.objects.filter(phone_number=phone).first()
        return Response(signed_in_body(services.sign_in(actor=None, request=request._request, user=user, identifier=phone, password=data["password"])))


class GoogleLoginView(PublicView):
    """POST /api/auth/login/google/ — anybody. 200 with tokens; 400; 401; 403; 409 `link_required`; 503."""

    @extend_schema(request=shapes.GoogleLoginSerializer, responses=representation.SignedInSerializer)
    def post(self, request: Request) -> Response:
        raw = read(shapes.GoogleLoginSerializer(data=request.data)).validated_data["token"]
        with GuessesCounted(request):
            identity = verify_google_token(raw)
        return Response(signed_in_body(services.sign_in_with_google(actor=None, identity=identity)))


class LoginView(PublicView):
    """POST /api/auth/login/ — anybody; gives a fleet token. 200; 400 missing fields; 401; 429."""

    @extend_schema(request=shapes.LoginSerializer, responses=representation.FleetSignedInSerializer)
    def post(self, request: Request) -> Response:
        data = read(shapes.LoginSerializer(data=request.data)).validated_data
        user, token = services.sign_in_to_fleet(actor=None, request=request._request, username=data["username"], password=data["password"])
        return Response(
            {
                "token": token,
                "user_id": user.pk,
                "username": user.username,
                "email": user.email,
                "first_name": user.first_name,
                "last_name": user.last_name,
                **company_body(user),
            }
        )


class LogoutView(ApiView):
    """POST /api/auth/logout/ — signed-in users; ends the token used, and the `refresh` in the body. 200; 401."""

    @extend_schema(request=shapes.LogoutSerializer, responses=representation.MessageSerializer)
    def post(self, request: Request) -> Response:
        refresh = read(shapes.LogoutSerializer(data=request.data)).validated_data.get("refresh")
        if refresh:
            try:
                tokens.end_refresh(refresh, owner=request.user)
            except DomainError:
                pass  # it does not count anyway
        tokens.end_token(request.auth)
        return Response({"message": "Successfully logged out"})


class RefreshView(PublicView):
    """POST /api/auth/token/refresh/ — anybody with a refresh token. 200 with a new access token; 400; 401."""

    @extend_schema(request=shapes.RefreshSerializer, responses=representation.RefreshedSerializer)
    def post(self, request: Request) -> Response:
        raw = read(shapes.RefreshSerializer(data=request.data)).validated_data["refresh"]
        with GuessesCounted(request):
            pair = tokens.refresh_pair(raw)
        return Response({**pair, "access_token": pair["access"]})


class RevokeView(PublicView):
    """POST /api/auth/token/revoke/ — anybody with a refresh token, which ends. 200; 400; 401."""

    @extend_schema(request=shapes.RefreshSerializer, responses=representation.MessageSerializer)
    def post(self, request: Request) -> Response:
        raw = read(shapes.RefreshSerializer(data=request.data)).validated_data["refresh"]
        with GuessesCounted(request):
            tokens.end_refresh(raw)
        return Response({"message": "Token revoked"})
