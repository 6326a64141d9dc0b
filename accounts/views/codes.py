"""Verification codes and passwords: asking, entering, changing."""

from __future__ import annotations

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import representation, services
from accounts import serializers as shapes
from accounts.limits import message_budget
from accounts.models import User
from accounts.steps import passwords
from accounts.views.api import (
    ApiView,
    GuessesCounted,
    OptionallySignedInView,
    PublicView,
    perhaps_signed_in,
    read,
    signed_in,
)
from depannini_dashmap.lib.errors import InvalidData, Unauthenticated

CODE_SENT = {"message": "If this address can be verified, a code has been sent."}
RESET_SENT = {"message": "If an account with this address exists, a code has been sent."}


class _VerifyView(OptionallySignedInView):
    channel: str
    field: str
    form: type

    def verify(self, request: Request) -> Response:
        """Enter a code for an address; signed in and without a body: have a code sent to one's own."""
        if not request.data:
            message_budget.require_room()
            services.request_own_verification(actor=request.user, user=signed_in(request), channels=(self.channel,))
            return Response(CODE_SENT)
        data = read(self.form(data=request.data)).validated_data
        with GuessesCounted(request):
            user = services.verify_address(
                actor=perhaps_signed_in(request), channel=self.channel, address=data[self.field], code=data["code"]
            )
        return self.verified(user)

    def confirm(self, request: Request) -> Response:
        """Enter a code for one's own address, or for the one that one claims."""
        code = read(shapes.CodeSerializer(data=request.data)).validated_data["code"]
        user = signed_in(request)
        with GuessesCounted(request):
            return self.verified(services.verify_own_address(actor=user, channel=self.channel, code=code))

    def verified(self, user: User) -> Response:
        """Return what is proven now."""
        body = {"email_verified": user.email_verified, "phone_verified": user.phone_verified}
        return Response({"message": "Verified successfully", **body})


class VerifyEmailView(_VerifyView):
    """POST /api/auth/verify-email/ — anybody with address and code; signed in without a body: send one. 200; 400; 429."""

    channel, field, form = "email", "email", shapes.VerifyEmailSerializer

    @extend_schema(request=shapes.VerifyEmailSerializer, responses=representation.VerifiedSerializer)
    def post(self, request: Request) -> Response:
        return self.verify(request)


class VerifyPhoneView(_VerifyView):
    """POST /api/auth/verify-phone/ — anybody with number and code; signed in without a body: send one. 200; 400; 429."""

    channel, field, form = "phone", "phone_number", shapes.VerifyPhoneSerializer

    @extend_schema(request=shapes.VerifyPhoneSerializer, responses=representation.VerifiedSerializer)
    def post(self, request: Request) -> Response:
        return self.verify(request)


class ConfirmEmailView(VerifyEmailView):
    """POST /api/auth/verify-email/confirm/ — signed-in users, `{code}` for their own e-mail or the one they claim. 200; 400; 401."""

    @extend_schema(request=shapes.CodeSerializer, responses=representation.VerifiedSerializer)
    def post(self, request: Request) -> Response:
        return self.confirm(request)


class ConfirmPhoneView(VerifyPhoneView):
    """POST /api/auth/verify-phone/confirm/ — signed-in users, `{code}` for their own number or the one they claim. 200; 400; 401."""

    @extend_schema(request=shapes.CodeSerializer, responses=representation.VerifiedSerializer)
    def post(self, request: Request) -> Response:
        return self.confirm(request)


class ResendView(OptionallySignedInView):
    """POST /api/auth/resend-verification/ — `{email}` or `{phone_number}` by anybody; signed in without a body. 200."""

    @extend_schema(request=shapes.AddressSerializer, responses=representation.MessageSerializer)
    def post(self, request: Request) -> Response:
        if not request.data and request.user.is_authenticated:
            message_budget.require_room()
            services.request_own_verification(actor=request.user, user=request.user)
            return Response(CODE_SENT)
        channel, address = read(shapes.AddressSerializer(data=request.data)).address()
        message_budget.require_room()
        services.request_verification(actor=perhaps_signed_in(request), channel=channel, address=address)
        return Response(CODE_SENT)


class ResetView(PublicView):
    """POST /api/auth/password-reset/ — anybody; the same answer whether or not the account exists. 200; 400; 429."""

    @extend_schema(request=shapes.AddressSerializer, responses=representation.MessageSerializer)
    def post(self, request: Request) -> Response:
        channel, address = read(shapes.AddressSerializer(data=request.data)).address()
        message_budget.require_room()
        services.request_reset(actor=None, channel=channel, address=address)
        return Response(RESET_SENT)


class ResetConfirmView(PublicView):
    """POST /api/auth/password-reset/confirm/ — anybody with the code; ends every session of the account. 200; 400."""

    @extend_schema(request=shapes.ResetSerializer, responses=representation.MessageSerializer)
    def post(self, request: Request) -> Response:
        form = read(shapes.ResetSerializer(data=request.data))
        data = form.validated_data
        channel, address = form.address()
        with GuessesCounted(request):
            services.confirm_reset(
                actor=None, channel=channel, address=address, code=data["code"], new_password=data["new_password"]
            )
        return Response({"message": "Password has been reset"})


class PasswordChangeView(ApiView):
    """POST /api/auth/password-change/ — signed-in users; ends every session. 200; 400; 401; 429."""

    @extend_schema(request=shapes.PasswordChangeSerializer, responses=representation.MessageSerializer)
    def post(self, request: Request) -> Response:
        data = read(shapes.PasswordChangeSerializer(data=request.data)).validated_data
        account = User.objects.get(pk=request.user.pk)
        try:
            services.check_password(actor=account, request=request._request, user=account, identifier=account.username, password=data["old_password"])
        except Unauthenticated as error:
            raise InvalidData(fields={"old_password": ["The old password is wrong."]}) from error
        passwords.require_good_password(data["new_password"], account)
        with transaction.atomic():
            services.set_password(actor=account, user=account, password=data["new_password"])
        return Response({"message": "Password changed"})
