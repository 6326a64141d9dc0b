"""The endpoints that trackers and forwarders post to, one for each protocol.

They are plain views of DRF, not an `ApiViewSet`: nobody is signed in, each protocol has parsers and a form of 401 of its
own, and a retry is known by its instant, so that neither idempotency keys nor serializers apply.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.http import HttpResponse, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.limits.throttles import PositionThrottle
from depannini_dashmap.lib import errors
from telematics import protocols
from telematics.device_bodies import DeviceParser, FilesParser, FormBody, JsonBody
from telematics.device_keys import forwarder_of, recognise_device
from telematics.models import Forwarder
from telematics.services import device_reports


class _DeviceView(APIView):
    """An endpoint for devices: a key in the message, or a forwarder's secret, is the only credential.

    A message that no retry can make better is answered 200, since phones send what is refused for ever and nothing after
    it; the device's row shows the fault. 400 is only for a body that is not a message.
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
            device_reports.record_forwarded_reports(
                actor=None, forwarder=forwarder, messages=messages, count_against_limit=PositionThrottle.bucket.spend
            )
        else:
            device_reports.record_reports(actor=None, messages=messages, count_against_limit=PositionThrottle.bucket.spend)


@extend_schema(request=OpenApiTypes.OBJECT, responses={200: None})
class OsmandView(_DeviceView):
    """`GET|POST devices/osmand/`: OsmAnd's parameters, as Traccar Client and GPSLogger send them too; 200 taken.

    Codes: 400 `invalid_data` (no message), 401 `invalid_token`, 429. Who: the holder of the key in `id`; with
    `Authorization: Bearer <secret>` a forwarder, whose `id`s are external ids.
    """

    parser_classes = [FormBody, JsonBody]

    def get(self, request: Request) -> HttpResponse:
        """Take the parameters from the query."""
        self.receive(protocols.from_osmand(_fields(request.query_params)))
        return HttpResponse()

    def post(self, request: Request) -> HttpResponse:
        """Take them from the form, the query, or Traccar Client's JSON."""
        query = _fields(request.query_params)
        if isinstance(request.data, QueryDict):
            self.receive(protocols.from_osmand({**query, **_fields(request.data)}))
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
    """`POST devices/owntracks/`: OwnTracks' JSON; 200 with an empty list, for any type.

    Codes: 400 `invalid_data` (no message), 401 `invalid_token`, 429. Who: the holder of the key that is the password of
    Basic authentication.
    """

    def post(self, request: Request) -> Response:
        """Take the JSON; an empty body is fine. Encrypted messages are not read; the device's row shows it."""
        key = _basic_password(request)
        try:
            messages = protocols.from_owntracks(request.data, key)
            device_reports.record_reports(actor=None, messages=messages, count_against_limit=PositionThrottle.bucket.spend)
        except protocols.Unreadable:
            device_reports.note_unreadable(actor=None, device=recognise_device(key))
        return Response([])

    def handle_exception(self, exc: Exception) -> Response:
        """Ask for Basic authentication."""
        response = super().handle_exception(exc)
        if response.status_code == 401:
            response["WWW-Authenticate"] = 'Basic realm="devices"'
        return response


def _fields(sent: QueryDict) -> dict[str, Any]:
    """Return the parameters of a query or form, of each the last value; of an alarm all, as none may be lost."""
    alarms = {"alarm": ",".join(sent.getlist("alarm"))} if "alarm" in sent else {}
    return {**sent.dict(), **alarms}


def _from_traccar(body: Any, request: Request) -> list[protocols.Message]:
    """Read the messages of a body. Raises: InvalidData, once the device that sent what has no known form knows of it."""
    try:
        return protocols.from_traccar(body)
    except protocols.Unreadable as error:
        if _forwarder(request) is None:
            key = str(body.get("device_id") or body.get("id") or "") if isinstance(body, dict) else ""
            device_reports.note_unreadable(actor=None, device=recognise_device(key))
        raise errors.InvalidData("The message has no known form") from error


def _forwarder(request: Request) -> Forwarder | None:
    """Return the forwarder whose secret the request carries, if it does."""
    scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return forwarder_of(secret.strip()) if scheme.lower() == "bearer" else None


def _basic_password(request: Request) -> str:
    scheme, _, encoded = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        raise errors.Unauthenticated("Authentication required", code="authentication_required")
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError) as error:
        raise errors.Unauthenticated() from error
