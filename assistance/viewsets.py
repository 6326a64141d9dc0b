"""`/api/assistance/*`: requests for help from the call to the rating; each action is one service call."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsAssistant, IsClient, IsRoadside
from accounts.private_images import picture_response
from assistance import representation, selectors, services
from assistance.managers import RequestPhotoQuerySet
from assistance.models import ChatMessage, ScheduledRequest
from assistance.serializers import (
    AnyCallSerializer,
    AssignSerializer,
    AssistanceSerializer,
    CallSerializer,
    ConsentSerializer,
    DeclinedSerializer,
    EndSerializer,
    MessageSerializer,
    PhotoSerializer,
    PostSerializer,
    PriceSerializer,
    RatingSerializer,
    RequestedSerializer,
    RequestSerializer,
    ScheduledSerializer,
    StatusSerializer,
)
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from depannini_dashmap.lib.errors import NotFound

PATH_ID = OpenApiParameter("assistance_id", int, OpenApiParameter.PATH)
ANSWERS_ASSISTANCE = {200: AssistanceSerializer}
ID = "[0-9]{1,19}"


class RequestViewSet(ApiViewSet):
    """`/api/assistance/`: `request/`, `view/`, `view/<id>/`, and what is done with a request, the verb before its id.

    Body and codes: see each action. Answer: the request as the caller may see it. Who: clients their own, assistants what
    is theirs or offered to them, staff and Roadside all.
    """

    serializer_class = AssistanceSerializer
    pagination_class = RowPages
    filter_backends: list[Any] = []
    ordering = ("-created_at", "-id")
    ordering_fields = ("created_at",)
    lookup_url_kwarg = "assistance_id"
    lookup_value_regex = ID

    def get_permissions(self) -> list[Any]:
        """Let clients ask for themselves, staff and Roadside for callers; what others may do is on each action."""
        return [(IsClient | IsRoadside)()] if self.action == "create" else super().get_permissions()

    @extend_schema(request=AnyCallSerializer, responses={201: RequestedSerializer}, operation_id="assistance_request")
    def create(self, request: Request) -> Response:
        """POST assistance/request/ {pickup, dropoff?, assistance_type?, vehicle_type?, description?} by a client.

        Staff and Roadside ask for a caller: with client {phone_number, name}, billed_to?, scheduled_for?; a request for later
        is answered under `scheduled`, with no `assistance` yet.
        201 {assistance, nearby_assistants, scheduled?}; 400; 403 for others; 409 `request_already_open` with `assistance_id`.
        """
        if not (request.user.is_roadside and "client" in request.data):
            arguments = self.read(RequestSerializer).validated_arguments()
            requested = services.request_assistance(actor=request.user, **arguments)
        else:
            call = self.read(CallSerializer)
            caller, scheduled_for, arguments = call.caller(), call.time_ahead(), call.validated_arguments()
            if scheduled_for is not None:
                row = services.schedule_for_caller(actor=request.user, caller=caller, scheduled_for=scheduled_for, **arguments)
                answer = {"assistance": None, "nearby_assistants": [], "scheduled": representation.scheduled(row)}
                return Response(answer, status=status.HTTP_201_CREATED)
            requested = services.request_for_caller(actor=request.user, caller=caller, **arguments)
        answer = {"assistance": representation.shown_to(request.user, requested.job), "nearby_assistants": representation.nearby(requested.nearby)}
        return Response(answer, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: AssistanceSerializer(many=True)}, operation_id="assistance_list")
    def list(self, request: Request) -> Response:
        """GET assistance/view/: a client's own requests, an assistant's jobs and open offers, all for staff and Roadside; newest first.

        200 a page; anyone signed in.
        """
        page = self.paginate_queryset(selectors.visible_rows(request.user))
        now, sees_all = timezone.now(), request.user.is_roadside
        bodies = [representation.body(row, viewer_id=request.user.pk, sees_all=sees_all, now=now) for row in page]
        return self.get_paginated_response(bodies)

    @extend_schema(parameters=[PATH_ID], responses=ANSWERS_ASSISTANCE, operation_id="assistance_view")
    def retrieve(self, request: Request, assistance_id: str) -> Response:
        """GET assistance/view/<id>/: one request.

        200 the object itself; 404 for who may not see it.
        """
        return Response(selectors.assistance_for(request.user, int(assistance_id)))

    @extend_schema(
        parameters=[PATH_ID], request=AssignSerializer, responses=ANSWERS_ASSISTANCE, operation_id="assistance_assign"
    )
    @action(detail=True, methods=["post"], url_path="assign", permission_classes=[IsRoadside])
    def assign(self, request: Request, assistance_id: str) -> Response:
        """POST assistance/assign/<id>/ {assistant} by staff and Roadside: accepts it for an assistant, on duty or not.

        200 the object, also when repeated; 400; 403 for others; 404; 409 `already_taken` with `assistant_id`,
        `already_final`, `assistant_busy`, `wrong_service`, `not_approved`.
        """
        assistant_id = self.read(AssignSerializer).validated_data["assistant"]
        job = services.assign_by_hand(actor=request.user, assistance_id=int(assistance_id), assistant_id=assistant_id)
        return Response(representation.shown_to(request.user, job))

    @extend_schema(parameters=[PATH_ID], request=None, responses=ANSWERS_ASSISTANCE, operation_id="assistance_accept")
    @action(detail=True, methods=["patch"], url_path="accept", permission_classes=[IsAssistant])
    def accept(self, request: Request, assistance_id: str) -> Response:
        """PATCH assistance/accept/<id>/ by an assistant on duty, of a fitting service, offered or not.

        200 the object, also for the winner's repetition; 403 `assistant_inactive`, `wrong_service`; 404;
        409 `already_taken`, `already_final`, `assistant_busy`.
        """
        return Response(representation.shown_to(request.user, services.accept(actor=request.user, assistance_id=int(assistance_id))))

    @extend_schema(
        parameters=[PATH_ID], request=None, responses={200: DeclinedSerializer}, operation_id="assistance_decline"
    )
    @action(detail=True, methods=["post"], url_path="decline", permission_classes=[IsAssistant])
    def decline(self, request: Request, assistance_id: str) -> Response:
        """POST assistance/decline/<id>/ by an assistant to whom it was offered.

        200, also when repeated; 403 for others than assistants; 404 when it was never offered; 409 `offer_closed`.
        """
        services.decline(actor=request.user, assistance_id=int(assistance_id))
        return Response({"message": "Request declined", "assistance_id": int(assistance_id)})

    @extend_schema(parameters=[PATH_ID], request=None, responses=ANSWERS_ASSISTANCE, operation_id="assistance_release")
    @action(detail=True, methods=["post"], url_path="release")
    def release(self, request: Request, assistance_id: str) -> Response:
        """POST assistance/release/<id>/ by its assistant before it is ongoing; by its client while it is stalled; by staff.

        200 the object, waiting again; 404 for strangers; 409 once it is ongoing (staff may even then) or has ended,
        `not_stalled` for the client of an assistant who is still there.
        """
        return Response(representation.shown_to(request.user, services.release(actor=request.user, assistance_id=int(assistance_id))))

    @extend_schema(parameters=[PATH_ID], request=StatusSerializer, responses=ANSWERS_ASSISTANCE)
    @action(detail=True, methods=["patch"], url_path="update")
    def change_status(self, request: Request, assistance_id: str) -> Response:
        """PATCH assistance/update/<id>/ {status, reason?, total_price?}; also assistance/update/status/<id>/.

        A client may cancel; its assistant, and staff and Roadside for them, may set ongoing, completed (a repair with its
        price) and canceled. 200 the object; 400; 403; 404 for strangers; 409 `already_final`, `invalid_transition`.
        """
        data = self.read(StatusSerializer).validated_data
        job = services.update_status(
            actor=request.user,
            assistance_id=int(assistance_id),
            status=data["status"],
            total_price=data.get("total_price"),
            note=data["reason"] or "",
        )
        return Response(representation.shown_to(request.user, job))

    @extend_schema(parameters=[PATH_ID], request=StatusSerializer, responses=ANSWERS_ASSISTANCE)
    @action(detail=True, methods=["patch"], url_path="update/status")
    def change_status_by_old_path(self, request: Request, assistance_id: str) -> Response:
        """PATCH assistance/update/<id>/ {status, reason?, total_price?}; also assistance/update/status/<id>/.

        A client may cancel; its assistant, and staff and Roadside for them, may set ongoing, completed (a repair with its
        price) and canceled. 200 the object; 400; 403; 404 for strangers; 409 `already_final`, `invalid_transition`.
        """
        return self.change_status(request, assistance_id)

    @extend_schema(
        parameters=[PATH_ID], request=EndSerializer, responses=ANSWERS_ASSISTANCE, operation_id="assistance_end"
    )
    @action(detail=True, methods=["patch"], url_path="update/end")
    def end(self, request: Request, assistance_id: str) -> Response:
        """PATCH assistance/update/end/<id>/ {total_price} by its assistant or by staff: completes it; a repair needs its price.

        200 the object; 400; 403; 404; 409 as update.
        """
        data = self.read(EndSerializer).validated_data
        return Response(representation.shown_to(request.user, services.complete(actor=request.user, assistance_id=int(assistance_id), total_price=data.get("total_price"))))

    @extend_schema(
        parameters=[PATH_ID], request=PriceSerializer, responses=ANSWERS_ASSISTANCE, operation_id="assistance_price"
    )
    @action(detail=True, methods=["patch"], url_path="update/price")
    def set_price(self, request: Request, assistance_id: str) -> Response:
        """PATCH assistance/update/price/<id>/ {price or total_price} by its assistant, before completion.

        Staff adjust any price, with a `reason`, unless it was cancelled. 200 the object, also for the present price; 400; 403
        for its client; 404; 409 `already_final`, `price_fixed` for what a tariff or staff have priced.
        """
        data = self.read(PriceSerializer).validated_data
        job = services.set_price(actor=request.user, assistance_id=int(assistance_id), amount=data["amount"], reason=data["reason"])
        return Response(representation.shown_to(request.user, job))

    @extend_schema(
        parameters=[PATH_ID], request=ConsentSerializer, responses=ANSWERS_ASSISTANCE, operation_id="assistance_consent"
    )
    @action(detail=True, methods=["post"], url_path="price")
    def answer_price(self, request: Request, assistance_id: str) -> Response:
        """POST assistance/price/<id>/ {accept, total_price?} by its client, for a price named after the request.

        200 the object, also for the same answer again; 400; 403 for others than its client; 404 for strangers;
        409 `no_price_asked`, `price_changed`, `price_accepted`, `already_final` once cancelled.
        """
        data = self.read(ConsentSerializer).validated_data
        job = services.answer_price(
            actor=request.user, assistance_id=int(assistance_id), accept=data["accept"], seen=data["total_price"]
        )
        return Response(representation.shown_to(request.user, job))

    @extend_schema(parameters=[PATH_ID], request=RatingSerializer, responses=ANSWERS_ASSISTANCE)
    @action(detail=True, methods=["patch"], url_path="rate")
    def rate(self, request: Request, assistance_id: str) -> Response:
        """PATCH assistance/rate/<id>/ {rating: 1…5} by its client, once; also assistance/update/rating/<id>/.

        200 the object; 400; 403 for others than its client; 404 for strangers; 409 `not_completed`, `already_rated`.
        """
        data = self.read(RatingSerializer).validated_data
        return Response(representation.shown_to(request.user, services.rate(actor=request.user, assistance_id=int(assistance_id), rating=data["rating"])))

    @extend_schema(parameters=[PATH_ID], request=RatingSerializer, responses=ANSWERS_ASSISTANCE)
    @action(detail=True, methods=["patch"], url_path="update/rating")
    def rate_by_old_path(self, request: Request, assistance_id: str) -> Response:
        """PATCH assistance/rate/<id>/ {rating: 1…5} by its client, once; also assistance/update/rating/<id>/.

        200 the object; 400; 403 for others than its client; 404 for strangers; 409 `not_completed`, `already_rated`.
        """
        return self.rate(request, assistance_id)


class ScheduledViewSet(ApiViewSet):
    """`/api/assistance/scheduled/` and `/api/assistance/scheduled/<id>/`: requests for callers that are not due yet.

    Codes: 200, 204; 403; 404; 409 `already_made`. Who: staff and Roadside.
    """

    permission_classes = [IsRoadside]
    serializer_class = ScheduledSerializer
    pagination_class = RowPages
    filter_backends: list[Any] = []
    ordering = ("-scheduled_for", "-id")
    lookup_url_kwarg = "assistance_id"
    lookup_value_regex = ID

    @extend_schema(responses={200: ScheduledSerializer(many=True)}, operation_id="assistance_scheduled_list")
    def list(self, request: Request) -> Response:
        """GET assistance/scheduled/: requests for callers that are not due yet, the latest first; staff and Roadside.

        200 a page; 403 for others.
        """
        rows = ScheduledRequest.objects.visible_to(request.user).waiting().select_related("client")
        return self.get_paginated_response([representation.scheduled(row) for row in self.paginate_queryset(rows)])

    @extend_schema(parameters=[PATH_ID], request=None, responses={204: None}, operation_id="assistance_scheduled_cancel")
    def destroy(self, request: Request, assistance_id: str) -> Response:
        """DELETE assistance/scheduled/<id>/: strikes out a request that is not due yet; staff and Roadside.

        204, also when repeated; 403 for others; 404; 409 `already_made` with `assistance_id`.
        """
        services.cancel_scheduled(actor=request.user, scheduled_id=checked_id(assistance_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class MessageViewSet(ApiViewSet):
    """GET assistance/<id>/messages/: what its client and its assistant wrote, newest first.

    200 a page; 404 for strangers.
    POST {message, client_id?}: the same act as the frame `chat`, until 24 h after the end. 201 the message; 200 for a
    `client_id` that was sent before; 400; 404 for strangers; 409 `chat_closed`, `client_id_reused`.
    """

    serializer_class = MessageSerializer
    pagination_class = RowPages
    filter_backends: list[Any] = []
    ordering = ("-created_at", "-id")

    @extend_schema(
        parameters=[PATH_ID], responses={200: MessageSerializer(many=True)}, operation_id="assistance_messages"
    )
    def list(self, request: Request, assistance_id: str) -> Response:
        row = selectors.room_row(request.user, int(assistance_id))
        rows = ChatMessage.objects.filter(assistance_id=row["id"]).select_related("sender")
        page = self.paginate_queryset(rows.only("message", "client_id", "created_at", "assistance_id", *representation.SENDER))
        return self.get_paginated_response([representation.message(sent) for sent in page])

    @extend_schema(
        parameters=[PATH_ID],
        request=PostSerializer,
        responses={201: MessageSerializer, 200: MessageSerializer},
        operation_id="assistance_write",
    )
    def create(self, request: Request, assistance_id: str) -> Response:
        data = self.read(PostSerializer).validated_data
        posted = services.post_chat(actor=request.user, assistance_id=int(assistance_id), message=data["message"], client_id=data["client_id"])
        body = {name: value for name, value in posted.frame.items() if name in MessageSerializer().fields}
        return Response(body, status=status.HTTP_201_CREATED if posted.is_new else status.HTTP_200_OK)


class RequestPhotoViewSet(ApiViewSet):
    """GET assistance/<id>/photos/: the photos of a request, as its client and its assistant added them on their pages.

    200 a page; 404 for strangers, for who is only offered it, and for its assistant from 24 h after the end.
    GET assistance/<id>/photos/<photo_id>/: the picture. 200; 404.
    """

    serializer_class = PhotoSerializer
    pagination_class = RowPages
    filter_backends: list[Any] = []
    ordering = ("at", "id")
    lookup_url_kwarg = "photo_id"
    lookup_value_regex = ID

    @extend_schema(parameters=[PATH_ID], responses={200: PhotoSerializer(many=True)}, operation_id="assistance_photos")
    def list(self, request: Request, assistance_id: str) -> Response:
        page = self.paginate_queryset(self._rows(request, assistance_id))
        return self.get_paginated_response([representation.photo(one) for one in page])

    @extend_schema(
        parameters=[PATH_ID, OpenApiParameter("photo_id", int, OpenApiParameter.PATH)],
        responses={(200, "image/*"): OpenApiTypes.BINARY}, operation_id="assistance_photo",
    )  # fmt: skip
    def retrieve(self, request: Request, assistance_id: str, photo_id: str) -> HttpResponse:
        rows = self._rows(request, assistance_id)
        found = rows.filter(pk=photo_id).first() if selectors.is_id(int(photo_id)) else None
        return picture_response(found.photo if found else "")

    @staticmethod
    def _rows(request: Request, assistance_id: str) -> RequestPhotoQuerySet:
        return selectors.photos_for(request.user, int(assistance_id))


def checked_id(text: str) -> int:
    """Return the id in a path. Raises: NotFound for a number that no row has."""
    if not selectors.is_id(number := int(text)):
        raise NotFound("Scheduled request")
    return number
