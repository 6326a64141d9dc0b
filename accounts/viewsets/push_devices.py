"""The devices that one gets notifications on."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation.trans_real import get_supported_language_variant, parse_accept_lang_header
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import push_serializers as shapes
from accounts import services
from accounts.models import PushDevice, User
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from depannini_dashmap.lib.outbound import web_push


class PushDeviceViewSet(ApiViewSet):
    """`/api/devices/push/`.

    Body: a device, or quiet hours. Answer: the device; one's devices, hours and the key of web push. Codes: 200; 201; 204;
    400; 401; 429; 503. Who: signed-in users, for themselves.
    """

    @extend_schema(responses=shapes.PushSettingsSerializer)
    def retrieve(self, request: Request) -> Response:
        """GET, PUT, PATCH /api/devices/push/ — signed-in users: one's devices, quiet hours and the key of web push. 200; 400; 401."""
        account = User.objects.get(pk=request.user.pk)
        found = {
            "vapid_public_key": web_push.public_key() or None,
            "quiet_from": account.quiet_from,
            "quiet_until": account.quiet_until,
            "devices": PushDevice.objects.live().filter(user_id=account.pk),
        }
        return Response(shapes.PushSettingsSerializer(found, context={"session": request.auth.session}).data)

    @extend_schema(request=shapes.QuietHoursSerializer, responses=shapes.PushSettingsSerializer)
    def update(self, request: Request) -> Response:
        """GET, PUT, PATCH /api/devices/push/ — signed-in users: one's quiet hours. 200; 400; 401."""
        form = shapes.QuietHoursSerializer(User.objects.get(pk=request.user.pk), data=request.data)
        form.is_valid(raise_exception=True)
        services.set_quiet_hours(actor=request.user, **form.validated_data)
        return self.retrieve(request)

    @extend_schema(request=shapes.QuietHoursSerializer, responses=shapes.PushSettingsSerializer)
    def partial_update(self, request: Request) -> Response:
        """GET, PUT, PATCH /api/devices/push/ — signed-in users: one's quiet hours. 200; 400; 401."""
        return self.update(request)

    @extend_schema(
        request=shapes.PushDeviceSerializer,
        responses={200: shapes.RegisteredPushDeviceSerializer, 201: shapes.RegisteredPushDeviceSerializer},
    )
    def create(self, request: Request) -> Response:
        """POST /api/devices/push/ — signed-in users; a device of another account moves. 201; 200 known; 400; 401; 503."""
        form = self.read(shapes.PushDeviceSerializer)
        registered = services.register_push_device(
            actor=request.user,
            session=request.auth.session,
            address=form.address(),
            language=form.validated_data.get("language") or _wished_language(request),
        )
        body = shapes.RegisteredPushDeviceSerializer(registered.device, context={"session": request.auth.session}).data
        return Response(body, status=status.HTTP_201_CREATED if registered.is_new else status.HTTP_200_OK)

    @extend_schema(request=shapes.NamedPushDeviceSerializer, responses={204: None})
    def destroy(self, request: Request) -> Response:
        """DELETE /api/devices/push/ — signed-in users; without a body the devices of this sign-in. 204; 400; 401."""
        form = self.read(shapes.NamedPushDeviceSerializer)
        services.forget_push_devices(actor=request.user, session=request.auth.session, address=form.address())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _wished_language(request: Request) -> str:
    """Return the first language of `Accept-Language` that notifications are written in."""
    for wished, _ in parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", "")):
        try:
            return get_supported_language_variant(wished)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
