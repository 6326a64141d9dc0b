"""Verification and reset codes: asking and entering."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import representation, services
from accounts import serializers as shapes
from accounts.limits import message_budget
from accounts.models import User
from accounts.viewsets.access import (
    GuessesCounted,
    OptionallySignedInViewSet,
    PublicViewSet,
    perhaps_signed_in,
    signed_in,
)

CODE_SENT = {"message": "If this address can be verified, a code has been sent."}
CHANNELS = {"email": "email", "phone": "phone_number"}
RESET_SENT = {"message": "If an account with this address exists, a code has been sent."}


class CodeViewSet(OptionallySignedInViewSet):
    """`/api/auth/verify-email/`, `verify-phone/`, `confirm/` below each, and `resend-verification/`.

    Body: an address and the code that was sent there; empty to send one to the caller's own. Answer: the proven addresses, or a
    sentence. Codes: 200; 400; 401; 429. Who: anybody; `confirm/` signed-in users.
    """

    @extend_schema(request=shapes.VerifyEmailSerializer, responses=representation.VerifiedSerializer)
    def verify_email(self, request: Request) -> Response:
        """POST /api/auth/verify-email/ — anybody with address and code; signed in without a body: send one. 200; 400; 429."""
        return self._verify(request, "email", shapes.VerifyEmailSerializer)

    @extend_schema(request=shapes.CodeSerializer, responses=representation.VerifiedSerializer)
    def confirm_email(self, request: Request) -> Response:
        """POST /api/auth/verify-email/confirm/ — signed-in users, `{code}` for their own e-mail or the one they claim. 200; 400; 401."""
        return self._confirm(request, "email")

    @extend_schema(request=shapes.VerifyPhoneSerializer, responses=representation.VerifiedSerializer)
    def verify_phone(self, request: Request) -> Response:
        """POST /api/auth/verify-phone/ — anybody with number and code; signed in without a body: send one. 200; 400; 429."""
        return self._verify(request, "phone", shapes.VerifyPhoneSerializer)

    @extend_schema(request=shapes.CodeSerializer, responses=representation.VerifiedSerializer)
    def confirm_phone(self, request: Request) -> Response:
        """POST /api/auth/verify-phone/confirm/ — signed-in users, `{code}` for their own number or the one they claim. 200; 400; 401."""
        return self._confirm(request, "phone")

    @extend_schema(request=shapes.AddressSerializer, responses=representation.MessageSerializer)
    def resend(self, request: Request) -> Response:
        """POST /api/auth/resend-verification/ — `{email}` or `{phone_number}` by anybody; signed in without a body. 200."""
        if not request.data and request.user.is_authenticated:
            message_budget.require_room()
            services.request_own_verification(actor=request.user, user=request.user)
            return Response(CODE_SENT)
        channel, address = self.read(shapes.AddressSerializer).address()
        message_budget.require_room()
        services.request_verification(actor=perhaps_signed_in(request), channel=channel, address=address)
        return Response(CODE_SENT)

    def _verify(self, request: Request, channel: str, form: Any) -> Response:
        """Enter a code for an address; signed in and without a body: have a code sent to one's own."""
        if not request.data:
            message_budget.require_room()
            services.request_own_verification(actor=request.user, user=signed_in(request), channels=(channel,))
            return Response(CODE_SENT)
        data = self.read(form).validated_data
        with GuessesCounted(request):
            user = services.verify_address(
                actor=perhaps_signed_in(request), channel=channel, address=data[CHANNELS[channel]], code=data["code"]
            )
        return self._verified(user)

    def _confirm(self, request: Request, channel: str) -> Response:
        """Confirm a code for the caller's own address, or for a claimed one."""
        code = self.read(shapes.CodeSerializer).validated_data["code"]
        user = signed_in(request)
        with GuessesCounted(request):
            return self._verified(services.verify_own_address(actor=user, channel=channel, code=code))

    def _verified(self, user: User) -> Response:
        """Return what is proven now."""
        return Response(representation.verified(user))


class PasswordResetViewSet(PublicViewSet):
    """`/api/auth/password-reset/` and `confirm/`. Body: an address; then its code and a new password. Codes: 200; 400; 429. Who: anybody."""

    @extend_schema(request=shapes.AddressSerializer, responses=representation.MessageSerializer)
    def request_code(self, request: Request) -> Response:
        """POST /api/auth/password-reset/ — anybody; the same answer whether or not the account exists. 200; 400; 429."""
        channel, address = self.read(shapes.AddressSerializer).address()
        message_budget.require_room()
        services.request_reset(actor=None, channel=channel, address=address)
        return Response(RESET_SENT)

    @extend_schema(request=shapes.ResetSerializer, responses=representation.MessageSerializer)
    def confirm(self, request: Request) -> Response:
        """POST /api/auth/password-reset/confirm/ — anybody with the code; ends every session of the account. 200; 400."""
        form = self.read(shapes.ResetSerializer)
        data = form.validated_data
        channel, address = form.address()
        with GuessesCounted(request):
            services.confirm_reset(
                actor=None, channel=channel, address=address, code=data["code"], new_password=data["new_password"]
            )
        return Response({"message": "Password has been reset"})
