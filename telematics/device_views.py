"""REST views of devices: their protocols, and the list in which dispatchers create and end them."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.http import HttpResponse, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.limits.throttles import PositionThrottle
from accounts.models import Company
from accounts.permissions import IsDispatcherOrStaff
from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.fields import StrictIntegerField, TextField, UtcDateTimeField, VisibleRelatedField
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.routers import path_id
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from telematics import device_reports, devices, protocols
from telematics.device_bodies import DeviceParser, FilesParser, FormBody, JsonBody
from telematics.device_readings import Refusal
from telematics.models import Device, Forwarder


class LastRefusalShape(serializers.Serializer):
    """Why a device's fix was last not taken, or not shown."""

    at = UtcDateTimeField()
    code = serializers.ChoiceField(choices=Refusal.choices)
    detail = serializers.CharField()


class DeviceShape(serializers.ModelSerializer):
    """A device and how it goes with it; its key is told once, when it is made."""

    vehicle_id = StrictIntegerField()
    vehicle_license_plate = serializers.CharField(source="vehicle.license_plate", read_only=True)
    name = TextField(max_length=100, required=False, allow_blank=True)
    external_id = TextField(max_length=64, required=False, allow_blank=True)
    created_at = UtcDateTimeField(read_only=True)
    contacted_at = UtcDateTimeField(read_only=True, allow_null=True)
    position_at = UtcDateTimeField(read_only=True, allow_null=True)
    last_refusal = serializers.SerializerMethodField()

    class Meta:
        model = Device
        fields = [
            "id",
            "vehicle_id",
            "vehicle_license_plate",
            "name",
            "app",
            "external_id",
            "created_at",
            "contacted_at",
            "position_at",
            "last_refusal",
            "dropped",
            "battery",
        ]
        read_only_fields = ["dropped", "battery"]
        # Whose external id it is already, the service says.
        validators: list = []

    @extend_schema_field(LastRefusalShape(allow_null=True))
    def get_last_refusal(self, device: Device) -> dict | None:
        """Return when, why (a code) and in which measure, None where nothing was refused."""
        if device.refused_at is None:
            return None
        return LastRefusalShape(
            {"at": device.refused_at, "code": device.refusal, "detail": device.refusal_detail}
        ).data


class MadeDeviceShape(DeviceShape):
    """A new device with its key (empty for one with an external id) and the addresses to enter in the tracker."""

    key = serializers.CharField(read_only=True)
    urls = serializers.DictField(child=serializers.URLField(), read_only=True)

    class Meta(DeviceShape.Meta):
        fields = [*DeviceShape.Meta.fields, "key", "urls"]


class ForwarderShape(serializers.ModelSerializer):
    """A forwarding server; its secret is told once, when it is made."""

    company = VisibleRelatedField(queryset=Company.objects.all(), required=False)
    name = TextField(max_length=100, required=False, allow_blank=True)
    created_at = UtcDateTimeField(read_only=True)
    contacted_at = UtcDateTimeField(read_only=True, allow_null=True)
    unknown_ids = serializers.DictField(child=serializers.DateTimeField(), read_only=True)

    class Meta:
        model = Forwarder
        fields = ["id", "company", "name", "created_at", "contacted_at", "unknown_ids"]


class MadeForwarderShape(ForwarderShape):
    """A new forwarder with its secret and the address to forward to."""

    secret = serializers.CharField(read_only=True)
    url = serializers.URLField(read_only=True)

    class Meta(ForwarderShape.Meta):
        fields = [*ForwarderShape.Meta.fields, "secret", "url"]


class DeviceViewSet(ApiViewSet):
    """Trackers of one's vehicles.

    - `GET devices/`: those that may write, newest first, with what each said last. - `POST devices/` `{vehicle_id, name?,
    app?, external_id?}` → 201 with `key` and `urls`, told only now; with an `external_id` a forwarder speaks for it and
    there is no key. - `DELETE devices/{id}/` → 204: it may write no more.

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


class ForwarderViewSet(ApiViewSet):
    """Servers that pass on what the trackers of one's companies tell them.

    - `GET forwarders/`: those that may write, newest first, with the external ids that no vehicle has. - `POST
    forwarders/` `{company?, name?}` → 201 with `secret` and `url`, told only now. - `DELETE forwarders/{id}/` → 204.

    Codes: 400 `invalid_data`, 403 `forbidden`, 404 `not_found`. Who: dispatchers and staff; viewers only read.
    """

    permission_classes = [IsDispatcherOrStaff]
    serializer_class = ForwarderShape
    queryset = Forwarder.objects.none()
    pagination_class = RowPages
    filter_backends: list = []

    def list(self, request: Request) -> Response:
        """List working forwarders."""
        page = self.paginate_queryset(Forwarder.objects.working().visible_to(request.user))
        return self.get_paginated_response(ForwarderShape(page, many=True, context=self.get_serializer_context()).data)

    @extend_schema(request=ForwarderShape, responses={201: MadeForwarderShape})
    def create(self, request: Request) -> Response:
        """Make a forwarder."""
        body = ForwarderShape(data=request.data, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        forwarder, secret = devices.make_forwarder(actor=request.user, **body.validated_data)
        shown = ForwarderShape(forwarder, context=self.get_serializer_context()).data
        url = request.build_absolute_uri("/api/devices/traccar/")
        return Response({**shown, "secret": secret, "url": url}, status=201)

    @extend_schema(parameters=[])
    def destroy(self, request: Request, pk: str) -> Response:
        """End a forwarder."""
        devices.end_forwarder(actor=request.user, forwarder_id=path_id(pk, "Forwarder"))
        return Response(status=204)


class _DeviceView(APIView):
    """A door for devices: a key in the message, or a forwarder's secret, is the only credential.

    A message that no retry can make better is answered 200, since phones send what is refused for ever and nothing after
    it; what is wrong stands on the device's row. 400 is only for what is no message at all.
    """

    authentication_classes: list = []
    permission_classes = [AllowAny]
    throttle_classes: list = []
    parser_classes = [JsonBody]

    def get_parsers(self) -> list:
        """Return the documented parsers, and those of what devices send besides."""
        is_schema = getattr(self, "swagger_fake_view", False)
        return [*super().get_parsers(), *([] if is_schema else [FilesParser(), DeviceParser()])]

    def receive(self, messages: list[protocols.Message]) -> None:
        """Record what devices say, or a forwarder about them. Raises: TooManyRequests, Unauthenticated."""
        if forwarder := _forwarder(self.request):
            device_reports.receive_forwarded(forwarder, messages, PositionThrottle.bucket.spend)
        else:
            device_reports.receive(messages, PositionThrottle.bucket.spend)


@extend_schema(request=OpenApiTypes.OBJECT, responses={200: None})
class OsmandView(_DeviceView):
    """`GET|POST devices/osmand/`: OsmAnd's parameters, as Traccar Client and GPSLogger send them too; 200 taken.

    Codes: 400 `invalid_data` (no message), 401 `invalid_token`, 429. Who: the holder of the key in `id`; with
    `Authorization: Bearer <secret>` a forwarder, whose `id`s are external ids.
    """

    parser_classes = [FormBody, JsonBody]

    def get(self, request: Request) -> HttpResponse:
        """Take the parameters from the query."""
        self.receive(protocols.from_osmand(request.query_params.dict()))
        return HttpResponse()

    def post(self, request: Request) -> HttpResponse:
        """Take them from the form, the query, or Traccar Client's JSON."""
        query = request.query_params.dict()
        if isinstance(request.data, QueryDict):
            self.receive(protocols.from_osmand({**query, **request.data.dict()}))
        elif request.data:
            own = {"id": query["id"]} if "id" in query else {}
            self.receive(_from_traccar({**own, **request.data} if isinstance(request.data, dict) else request.data, request))
        else:
            self.receive(protocols.from_osmand(query))
        return HttpResponse()


@extend_schema(request=OpenApiTypes.OBJECT, responses={200: None})
class TraccarView(_DeviceView):
    """`POST devices/traccar/`: Traccar Client's JSON, or positions that a Traccar server forwards; lists too; 200.

    Codes: 400 `invalid_data` (no message), 401 `invalid_token`, 429. Who: the holder of the key in `device_id` or
    `device.uniqueId`; with `Authorization: Bearer <secret>` a forwarder, whose `uniqueId`s are external ids.
    """

    def post(self, request: Request) -> HttpResponse:
        """Take the JSON."""
        self.receive(_from_traccar(request.data, request))
        return HttpResponse()


@extend_schema(request=OpenApiTypes.OBJECT, responses={200: {"type": "array", "items": {}, "maxItems": 0}})
class OwntracksView(_DeviceView):
    """`POST devices/owntracks/`: OwnTracks' JSON; 200 with an empty list, whatever its type.

    Codes: 400 `invalid_data` (no message), 401 `invalid_token`, 429. Who: the holder of the key that is the password of
    Basic authentication.
    """

    def post(self, request: Request) -> Response:
        """Take the JSON; an empty body is fine. What is encrypted stays unread, and the device's row says so."""
        key = _basic_password(request)
        try:
            device_reports.receive(protocols.from_owntracks(request.data, key), PositionThrottle.bucket.spend)
        except protocols.Unreadable:
            device_reports.note_unreadable(devices.recognise_device(key))
        return Response([])

    def handle_exception(self, exc: Exception) -> Response:
        """Ask for Basic authentication."""
        response = super().handle_exception(exc)
        if response.status_code == 401:
            response["WWW-Authenticate"] = 'Basic realm="devices"'
        return response


def _from_traccar(body: Any, request: Request) -> list[protocols.Message]:
    """Read the messages of a body. Raises: InvalidData, once the device that sent what has no known form knows of it."""
    try:
        return protocols.from_traccar(body)
    except protocols.Unreadable as error:
        if _forwarder(request) is None:
            key = str(body.get("device_id") or body.get("id") or "") if isinstance(body, dict) else ""
            device_reports.note_unreadable(devices.recognise_device(key))
        raise errors.InvalidData("The message has no known form") from error


def _forwarder(request: Request) -> Forwarder | None:
    """Return the forwarder whose secret the request carries, if it does."""
    scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return devices.forwarder_of(secret.strip()) if scheme.lower() == "bearer" else None


def _basic_password(request: Request) -> str:
    scheme, _, encoded = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        raise errors.Unauthenticated("Authentication required", code="authentication_required")
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError) as error:
        raise errors.Unauthenticated() from error
