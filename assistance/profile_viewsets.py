"""`/api/profile/*` and `/api/assistants/`: who one is, where one is, and who is on duty."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services as accounts
from accounts.limits.throttles import LocationThrottle
from accounts.permissions import IsAssistant
from assistance import people_lists, services
from assistance.profile_serializers import (
    AssistantChangesSerializer,
    AssistantProfileSerializer,
    DutyAnswerSerializer,
    DutySerializer,
    LocationAnswerSerializer,
    LocationSerializer,
    PhotoSerializer,
    ProfileChangesSerializer,
    UserProfileSerializer,
)
from assistance.serializers import AssistantsQuerySerializer, ListedAssistantSerializer
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.list_envelope import one_page
from depannini_dashmap.lib.api.parsers import JsonParser
from depannini_dashmap.lib.api.viewsets import ApiViewSet

_PLACE = {"current_lat", "current_lng"}


class _ProfileViewSet(ApiViewSet):
    parser_classes = [JsonParser, MultiPartParser]
    key: str

    def _answer(self, request: Request) -> Response:
        fields = people_lists.own_profile(request.user.pk)
        return Response({**fields, self.key: fields})

    def _what_differs(self, request: Request) -> dict[str, Any]:
        """Leave out what is as it was, so that a whole profile may be sent back with one change in it.

        A place is one thing: it stays whole if either coordinate differs.
        """
        now = people_lists.own_profile(request.user.pk)
        different = {name for name, value in request.data.items() if name not in now or value != now[name]}
        if different & _PLACE:
            different |= _PLACE
        return {name: value for name, value in request.data.items() if name in different}

    def _change(self, request: Request) -> Response:
        is_assistant = request.user.user_type == "assistant"
        sent = self._what_differs(request)
        serializer = self.read(AssistantChangesSerializer if is_assistant else ProfileChangesSerializer, sent)
        services.change_own_profile(actor=request.user, **serializer.validated_data)
        return self._answer(request)


class UserProfileViewSet(_ProfileViewSet):
    """GET, PUT, PATCH, DELETE profile/user/: the fields of "Data Models" flat, and under `user`.

    PUT and PATCH {name, address, email, phone_number, profile_photo, …}: all optional; a new address may be answered as
    `pending_email` or `pending_phone_number` until it is proven. DELETE closes the account.
    200; 204; 400; 409 for the last dispatcher of a company that is not empty; anyone signed in.
    """

    key = "user"

    @extend_schema(responses={200: UserProfileSerializer}, operation_id="profile_user")
    def retrieve(self, request: Request) -> Response:
        return self._answer(request)

    @extend_schema(
        request=AssistantChangesSerializer, responses={200: UserProfileSerializer}, operation_id="profile_user_put"
    )
    def update(self, request: Request) -> Response:
        return self._change(request)

    @extend_schema(
        request=AssistantChangesSerializer, responses={200: UserProfileSerializer}, operation_id="profile_user_patch"
    )
    def partial_update(self, request: Request) -> Response:
        return self._change(request)

    @extend_schema(request=None, responses={204: None}, operation_id="profile_close")
    def destroy(self, request: Request) -> Response:
        accounts.close_account(actor=request.user, user=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AssistantProfileViewSet(_ProfileViewSet):
    """GET, PUT, PATCH profile/assistant/: the same with the papers, flat and under `assistant`; assistants only.

    200; 400; 403 for others.
    """

    permission_classes = [IsAssistant]
    key = "assistant"

    @extend_schema(responses={200: AssistantProfileSerializer}, operation_id="profile_assistant")
    def retrieve(self, request: Request) -> Response:
        return self._answer(request)

    @extend_schema(
        request=AssistantChangesSerializer,
        responses={200: AssistantProfileSerializer},
        operation_id="profile_assistant_put",
    )
    def update(self, request: Request) -> Response:
        return self._change(request)

    @extend_schema(
        request=AssistantChangesSerializer,
        responses={200: AssistantProfileSerializer},
        operation_id="profile_assistant_patch",
    )
    def partial_update(self, request: Request) -> Response:
        return self._change(request)


class PhotoViewSet(ApiViewSet):
    """POST profile/photo/ (multipart: `profile_photo` or `photo`) and DELETE: JPEG, PNG or WebP by content, ≤ 5 MB.

    200 {profile_photo}; 204; 400; anyone signed in.
    """

    parser_classes = [MultiPartParser]

    @extend_schema(request=PhotoSerializer, responses={200: UserProfileSerializer}, operation_id="profile_photo_set")
    def create(self, request: Request) -> Response:
        services.change_own_profile(actor=request.user, profile_photo=self.read(PhotoSerializer).validated_data["upload"])
        fields = people_lists.own_profile(request.user.pk)
        return Response({**fields, "user": fields})

    @extend_schema(request=None, responses={204: None}, operation_id="profile_photo_remove")
    def destroy(self, request: Request) -> Response:
        services.change_own_profile(actor=request.user, profile_photo=None)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LocationViewSet(ApiViewSet):
    """POST or PUT profile/update-location/ {latitude, longitude} or {lat, lng}: the same event as on the socket.

    200; 400; anyone signed in.
    """

    throttle_classes = [LocationThrottle]

    @extend_schema(
        methods=["POST"],
        request=LocationSerializer,
        responses={200: LocationAnswerSerializer},
        operation_id="profile_location_post",
    )
    @extend_schema(
        methods=["PUT"],
        request=LocationSerializer,
        responses={200: LocationAnswerSerializer},
        operation_id="profile_location_put",
    )
    def update(self, request: Request) -> Response:
        sent = self.read(LocationSerializer).validated_data
        lat, lng = sent["lat"], sent["lng"]
        services.report_location(actor=request.user, lat=lat, lng=lng)
        return Response({"message": "Location updated successfully", "latitude": lat, "longitude": lng})


class DutyViewSet(ApiViewSet):
    """POST or PUT profile/assistant-status/ {is_active}, also profile/update-status/; assistants only.

    200 {is_active}; 400; 403 for others.
    """

    permission_classes = [IsAssistant]

    @extend_schema(request=DutySerializer, responses={200: DutyAnswerSerializer})
    def update(self, request: Request) -> Response:
        is_active = self.read(DutySerializer).validated_data["is_active"]
        services.set_duty(actor=request.user, is_active=is_active)
        answer = {"message": "Status updated successfully", "is_active": is_active, "is_active_assistant": is_active}
        return Response(answer)


class AssistantViewSet(ApiViewSet):
    """GET assistants/ ?lat, lng, radius_km, service_type: assistants on duty whose location is fresh.

    200 a page, nearest first with a place, else newest first; 400; anyone signed in. Positions are rounded, nothing
    private is shown.
    """

    serializer_class = ListedAssistantSerializer
    pagination_class = RowPages
    filter_backends: list[Any] = []
    ordering = ("-user_id",)

    @extend_schema(
        parameters=[AssistantsQuerySerializer],
        responses={200: ListedAssistantSerializer(many=True)},
        operation_id="assistants_list",
    )
    def list(self, request: Request) -> Response:
        wanted = self.read(AssistantsQuerySerializer, request.query_params.dict()).validated_data
        service_type = wanted["service_type"] or ""
        if "lat" not in wanted:
            page = self.paginate_queryset(people_lists.on_duty(service_type))
            return self.get_paginated_response([people_lists.listed_assistant(row) for row in page])
        most = min(wanted["page_size"], 1000)
        radius_km = wanted.get("radius_km")
        return one_page(people_lists.on_duty_around(wanted["lat"], wanted["lng"], radius_km, service_type, most))
