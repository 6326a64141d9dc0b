"""REST: the trackers and forwarders of one's companies, which dispatchers create and end."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsDispatcherOrStaff
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.routers import path_id
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from telematics.device_serializers import DeviceShape, ForwarderShape, MadeDeviceShape, MadeForwarderShape
from telematics.models import Device, Forwarder
from telematics.services import devices


class DeviceViewSet(ApiViewSet):
    """Trackers of one's vehicles.

    - `GET devices/`: those that may write, newest first, with what each said last. - `POST devices/` `{vehicle_id, name?,
    app?, external_id?}` → 201 with `key` and `urls`, returned only now; with an `external_id` a forwarder speaks for it and
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
    """Servers that forward reports of the trackers of the caller's companies.

    - `GET forwarders/`: those that may write, newest first, with the external ids that no vehicle has. - `POST
    forwarders/` `{company?, name?}` → 201 with `secret` and `url`, returned only now. - `DELETE forwarders/{id}/` → 204.

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
