"""The doors of devices: their protocols, and the list in which dispatchers make and end them."""

from __future__ import annotations

import base64
import binascii

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import IsDispatcherOrStaff
from accounts.throttles import PositionThrottle
from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api import ApiMixin, JsonParser
from depannini_dashmap.lib.fields import StrictIntegerField, TextField, UtcDateTimeField
from depannini_dashmap.lib.paths import path_id
from depannini_dashmap.lib.rows import RowPages
from telematics import devices, protocols
from telematics.models import Device


class DeviceShape(serializers.ModelSerializer):
    """A device; its key is told once, when it is made."""

    vehicle_id = StrictIntegerField()
    vehicle_license_plate = serializers.CharField(source="vehicle.license_plate", read_only=True)
    name = TextField(max_length=100, required=False, allow_blank=True)
    created_at = UtcDateTimeField(read_only=True)

    class Meta:
        model = Device
        fields = ["id", "vehicle_id", "vehicle_license_plate", "name", "created_at"]


class MadeDeviceShape(DeviceShape):
    """A new device with its key and the addresses to enter in the tracker."""

    key = serializers.CharField(read_only=True)
    urls = serializers.DictField(child=serializers.URLField(), read_only=True)

    class Meta(DeviceShape.Meta):
        fields = [*DeviceShape.Meta.fields, "key", "urls"]


class DeviceViewSet(ApiMixin, viewsets.GenericViewSet):
    """Trackers of one's vehicles.

    - `GET devices/`: those that may write, newest first. - `POST devices/` `{vehicle_id, name?}` → 201 with `key` and
    `urls`, told only now. - `DELETE devices/{id}/` → 204: its key is dead.

    Codes: 400 `invalid_data`, 403 `forbidden`, 404 `not_found`. Who: dispatchers and staff; viewers only read.
    """

    permission_classes = [IsDispatcherOrStaff]
    serializer_class = DeviceShape
    queryset = Device.objects.none()
    pagination_class = RowPages
    filter_backends: list = []

    def list(self, request: Request) -> Response:
        """List working devices."""
        own = Device.objects.working().visible_to(request.user).select_related("vehicle")
        page = self.paginate_queryset(own)
        return self.get_paginated_response(DeviceShape(page, many=True).data)

    @extend_schema(request=DeviceShape, responses={201: MadeDeviceShape})
    def create(self, request: Request) -> Response:
        """Make a device."""
        body = DeviceShape(data=request.data)
        body.is_valid(raise_exception=True)
        device, key = devices.make_device(actor=request.user, **body.validated_data)
        urls = {
            name: request.build_absolute_uri(f"/api/devices/{name}/") for name in ("osmand", "traccar", "owntracks")
        }
        return Response({**DeviceShape(device).data, "key": key, "urls": urls}, status=201)

    @extend_schema(parameters=[])
    def destroy(self, request: Request, pk: str) -> Response:
        """End a device."""
        devices.end_device(actor=request.user, device_id=path_id(pk, "Device"))
        return Response(status=204)


class _DeviceView(APIView):
    """A device's door: its key in the message is the only credential, and what its rate is counted by."""

    authentication_classes: list = []
    permission_classes = [AllowAny]
    throttle_classes: list = []

    def hear(self, message: protocols.Message) -> None:
        """Record what a device says. Raises: TooManyRequests, Unauthenticated, InvalidData."""
        PositionThrottle.quota.spend(devices.digest_of(message.key))
        devices.hear(message)


@extend_schema(request=OpenApiTypes.OBJECT, responses={200: None})
class OsmandView(_DeviceView):
    """`GET|POST devices/osmand/`: OsmAnd's parameters, as Traccar Client sends them too; 200 stored or known.

    Codes: 400 `invalid_data`, 401 `invalid_token`. Who: the holder of the key in `id`.
    """

    parser_classes = [FormParser, JsonParser]

    def get(self, request: Request) -> HttpResponse:
        """Take the parameters from the query."""
        self.hear(protocols.from_osmand(request.query_params.dict()))
        return HttpResponse()

    def post(self, request: Request) -> HttpResponse:
        """Take them from the form, the query, or Traccar Client's JSON."""
        if request.content_type.startswith("application/json"):
            self.hear(protocols.from_traccar(request.data))
            return HttpResponse()
        form = request.data.dict() if hasattr(request.data, "dict") else {}
        self.hear(protocols.from_osmand({**request.query_params.dict(), **form}))
        return HttpResponse()


@extend_schema(request=OpenApiTypes.OBJECT, responses={200: None})
class TraccarView(_DeviceView):
    """`POST devices/traccar/`: Traccar Client's JSON, or positions that a Traccar server forwards; 200.

    Codes: 400 `invalid_data`, 401 `invalid_token`. Who: the holder of the key in `device_id` or `device.uniqueId`.
    """

    def post(self, request: Request) -> HttpResponse:
        """Take the JSON."""
        self.hear(protocols.from_traccar(request.data))
        return HttpResponse()


@extend_schema(request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT})
class OwntracksView(_DeviceView):
    """`POST devices/owntracks/`: OwnTracks' JSON; 200 with an empty list, whatever its type.

    Codes: 400 `invalid_data`, 401 `invalid_token`. Who: the holder of the key that is the password of Basic
    authentication.
    """

    def post(self, request: Request) -> Response:
        """Take the JSON; an empty body is fine."""
        body = request.data if isinstance(request.data, dict) else {}
        self.hear(protocols.from_owntracks(body, _basic_password(request)))
        return Response([])

    def handle_exception(self, exc: Exception) -> Response:
        """Ask for Basic authentication."""
        response = super().handle_exception(exc)
        if response.status_code == 401:
            response["WWW-Authenticate"] = 'Basic realm="devices"'
        return response


def _basic_password(request: Request) -> str:
    scheme, _, encoded = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        raise errors.Unauthenticated("Authentication required", code="authentication_required")
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError) as error:
        raise errors.Unauthenticated() from error
