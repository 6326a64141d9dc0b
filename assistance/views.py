"""`/api/assistance/*`: requests for help from the call to the rating; each view is one service call."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import IsAssistant, IsClient, IsRoadside
from assistance import representation, selectors, services
from assistance.models import ChatMessage, ScheduledRequest
from assistance.nearby import Candidate
from assistance.serializers import (
    AnyCallSerializer,
    AssignSerializer,
    AssistanceSerializer,
    CallSerializer,
    ConsentSerializer,
    DeclinedSerializer,
    EndSerializer,
    MessageSerializer,
    PostSerializer,
    PriceSerializer,
    RatingSerializer,
    RequestedSerializer,
    RequestSerializer,
    ScheduledSerializer,
    StatusSerializer,
)
from assistance.steps.offers import DISTANCE_PLACES
from depannini_dashmap.lib.api.fields import format_utc
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.viewsets import ApiMixin
from depannini_dashmap.lib.errors import NotFound

PATH_ID = OpenApiParameter("assistance_id", int, OpenApiParameter.PATH)
ANSWERS_ASSISTANCE = {200: AssistanceSerializer}


def checked(serializer_class: type, request: Request) -> Any:
    """Return the serializer of a body that is in order. Raises: ValidationError."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer


class RequestView(ApiMixin, APIView):
    """POST assistance/request/ {pickup, dropoff?, assistance_type?, vehicle_type?, description?} by a client.

    Staff and Roadside ask for a caller: with client {phone_number, name}, billed_to?, scheduled_for?; a request for later
    is answered under `scheduled`, with no `assistance` yet.
    201 {assistance, nearby_assistants, scheduled?}; 400; 403 for others; 409 `request_already_open` with `assistance_id`.
    """

    permission_classes = [IsClient | IsRoadside]

    @extend_schema(request=AnyCallSerializer, responses={201: RequestedSerializer}, operation_id="assistance_request")
    def post(self, request: Request) -> Response:
        if not (request.user.is_roadside and "client" in request.data):
            arguments = checked(RequestSerializer, request).validated_arguments()
            requested = services.request_assistance(actor=request.user, **arguments)
        else:
            call = checked(CallSerializer, request)
            caller, scheduled_for, arguments = call.caller(), call.time_ahead(), call.validated_arguments()
            if scheduled_for is not None:
                row = services.schedule_for_caller(actor=request.user, caller=caller, scheduled_for=scheduled_for, **arguments)
                answer = {"assistance": None, "nearby_assistants": [], "scheduled": representation.scheduled(row)}
                return Response(answer, status=status.HTTP_201_CREATED)
            requested = services.request_for_caller(actor=request.user, caller=caller, **arguments)
        answer = {"assistance": representation.shown_to(request.user, requested.job), "nearby_assistants": _nearby(requested.nearby)}
        return Response(answer, status=status.HTTP_201_CREATED)


class AssignView(ApiMixin, APIView):
    """POST assistance/assign/<id>/ {assistant} by staff and Roadside: accepts it for an assistant, on duty or not.

    200 the object, also when repeated; 400; 403 for others; 404; 409 `already_taken` with `assistant_id`,
    `already_final`, `assistant_busy`, `wrong_service`, `not_approved`.
    """

    permission_classes = [IsRoadside]

    @extend_schema(
        parameters=[PATH_ID], request=AssignSerializer, responses=ANSWERS_ASSISTANCE, operation_id="assistance_assign"
    )
    def post(self, request: Request, assistance_id: str) -> Response:
        assistant_id = checked(AssignSerializer, request).validated_data["assistant"]
        job = services.assign_by_hand(actor=request.user, assistance_id=int(assistance_id), assistant_id=assistant_id)
        return Response(representation.shown_to(request.user, job))


class ScheduledListView(ApiMixin, generics.GenericAPIView):
    """GET assistance/scheduled/: requests for callers that are not due yet, the latest first; staff and Roadside.

    200 a page; 403 for others.
    """

    permission_classes = [IsRoadside]
    serializer_class = ScheduledSerializer
    pagination_class = RowPages
    filter_backends: list[Any] = []
    ordering = ("-scheduled_for", "-id")

    @extend_schema(responses={200: ScheduledSerializer(many=True)}, operation_id="assistance_scheduled_list")
    def get(self, request: Request) -> Response:
        rows = ScheduledRequest.objects.visible_to(request.user).waiting().select_related("client")
        return self.get_paginated_response([representation.scheduled(row) for row in self.paginate_queryset(rows)])


class ScheduledView(ApiMixin, APIView):
    """DELETE assistance/scheduled/<id>/: strikes out a request that is not due yet; staff and Roadside.

    204, also when repeated; 403 for others; 404; 409 `already_made` with `assistance_id`.
    """

    permission_classes = [IsRoadside]

    @extend_schema(parameters=[PATH_ID], request=None, responses={204: None}, operation_id="assistance_scheduled_cancel")
    def delete(self, request: Request, assistance_id: str) -> Response:
        services.cancel_scheduled(actor=request.user, scheduled_id=checked_id(assistance_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


def checked_id(text: str) -> int:
    """Return the id in a path. Raises: NotFound for a number that no row has."""
    if not selectors.is_id(number := int(text)):
        raise NotFound("Scheduled request")
    return number


def _nearby(candidates: list[Candidate]) -> list[dict[str, Any]]:
    return [
        {"assistant_id": candidate.user_id, "distance": round(candidate.distance_km, DISTANCE_PLACES)}
        for candidate in candidates
    ]


class ListView(ApiMixin, generics.GenericAPIView):
    """GET assistance/view/: a client's own requests, an assistant's jobs and open offers, all for staff and Roadside; newest first.

    200 a page; anyone signed in.
    """

    serializer_class = AssistanceSerializer
    pagination_class = RowPages
    filter_backends: list[Any] = []
    ordering = ("-created_at", "-id")
    ordering_fields = ("created_at",)

    @extend_schema(responses={200: AssistanceSerializer(many=True)}, operation_id="assistance_list")
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(selectors.visible_rows(request.user))
        now, sees_all = timezone.now(), request.user.is_roadside
        bodies = [representation.body(row, viewer_id=request.user.pk, sees_all=sees_all, now=now) for row in page]
        return self.get_paginated_response(bodies)


class DetailView(ApiMixin, APIView):
    """GET assistance/view/<id>/: one request.

    200 the object itself; 404 for who may not see it.
    """

    @extend_schema(parameters=[PATH_ID], responses=ANSWERS_ASSISTANCE, operation_id="assistance_view")
    def get(self, request: Request, assistance_id: str) -> Response:
        return Response(selectors.assistance_for(request.user, int(assistance_id)))


class AcceptView(ApiMixin, APIView):
    """PATCH assistance/accept/<id>/ by an assistant on duty, of a fitting service, offered or not.

    200 the object, also for the winner's repetition; 403 `assistant_inactive`, `wrong_service`; 404;
    409 `already_taken`, `already_final`, `assistant_busy`.
    """

    permission_classes = [IsAssistant]

    @extend_schema(parameters=[PATH_ID], request=None, responses=ANSWERS_ASSISTANCE, operation_id="assistance_accept")
    def patch(self, request: Request, assistance_id: str) -> Response:
        return Response(representation.shown_to(request.user, services.accept(actor=request.user, assistance_id=int(assistance_id))))


class DeclineView(ApiMixin, APIView):
    """POST assistance/decline/<id>/ by an assistant to whom it was offered.

    200, also when repeated; 403 for others than assistants; 404 when it was never offered; 409 `offer_closed`.
    """

    permission_classes = [IsAssistant]

    @extend_schema(
        parameters=[PATH_ID], request=None, responses={200: DeclinedSerializer}, operation_id="assistance_decline"
    )
    def post(self, request: Request, assistance_id: str) -> Response:
        services.decline(actor=request.user, assistance_id=int(assistance_id))
        return Response({"message": "Request declined", "assistance_id": int(assistance_id)})


class ReleaseView(ApiMixin, APIView):
    """POST assistance/release/<id>/ by its assistant before it is ongoing; by its client while it is stalled; by staff.

    200 the object, waiting again; 404 for strangers; 409 once it is ongoing (staff may even then) or has ended,
    `not_stalled` for the client of an assistant who is still there.
    """

    @extend_schema(parameters=[PATH_ID], request=None, responses=ANSWERS_ASSISTANCE, operation_id="assistance_release")
    def post(self, request: Request, assistance_id: str) -> Response:
        return Response(representation.shown_to(request.user, services.release(actor=request.user, assistance_id=int(assistance_id))))


class UpdateView(ApiMixin, APIView):
    """PATCH assistance/update/<id>/ {status, reason?, total_price?}; also assistance/update/status/<id>/.

    A client may cancel; its assistant, and staff and Roadside for them, may set ongoing, completed (a repair with its
    price) and canceled. 200 the object; 400; 403; 404 for strangers; 409 `already_final`, `invalid_transition`.
    """

    @extend_schema(parameters=[PATH_ID], request=StatusSerializer, responses=ANSWERS_ASSISTANCE)
    def patch(self, request: Request, assistance_id: str) -> Response:
        data = checked(StatusSerializer, request).validated_data
        job = services.update_status(
            actor=request.user,
            assistance_id=int(assistance_id),
            status=data["status"],
            total_price=data.get("total_price"),
            note=data["reason"] or "",
        )
        return Response(representation.shown_to(request.user, job))


class EndView(ApiMixin, APIView):
    """PATCH assistance/update/end/<id>/ {total_price} by its assistant or by staff: completes it; a repair needs its price.

    200 the object; 400; 403; 404; 409 as update.
    """

    @extend_schema(
        parameters=[PATH_ID], request=EndSerializer, responses=ANSWERS_ASSISTANCE, operation_id="assistance_end"
    )
    def patch(self, request: Request, assistance_id: str) -> Response:
        data = checked(EndSerializer, request).validated_data
        return Response(representation.shown_to(request.user, services.complete(actor=request.user, assistance_id=int(assistance_id), total_price=data.get("total_price"))))


class PriceView(ApiMixin, APIView):
    """PATCH assistance/update/price/<id>/ {price or total_price} by its assistant, before completion.

    Staff adjust any price, with a `reason`, unless it was canceled. 200 the object, also for the present price; 400; 403
    for its client; 404; 409 `already_final`, `price_fixed` for what a tariff or staff have priced.
    """

    @extend_schema(
        parameters=[PATH_ID], request=PriceSerializer, responses=ANSWERS_ASSISTANCE, operation_id="assistance_price"
    )
    def patch(self, request: Request, assistance_id: str) -> Response:
        data = checked(PriceSerializer, request).validated_data
        job = services.set_price(actor=request.user, assistance_id=int(assistance_id), amount=data["amount"], reason=data["reason"])
        return Response(representation.shown_to(request.user, job))


class ConsentView(ApiMixin, APIView):
    """POST assistance/price/<id>/ {accept, total_price?} by its client, for a price named after the request.

    200 the object, also for the same answer again; 400; 403 for others than its client; 404 for strangers;
    409 `no_price_asked`, `price_changed`, `price_accepted`, `already_final` once canceled.
    """

    @extend_schema(
        parameters=[PATH_ID], request=ConsentSerializer, responses=ANSWERS_ASSISTANCE, operation_id="assistance_consent"
    )
    def post(self, request: Request, assistance_id: str) -> Response:
        data = checked(ConsentSerializer, request).validated_data
        job = services.answer_price(
            actor=request.user, assistance_id=int(assistance_id), accept=data["accept"], seen=data["total_price"]
        )
        return Response(representation.shown_to(request.user, job))


class RateView(ApiMixin, APIView):
    """PATCH assistance/rate/<id>/ {rating: 1…5} by its client, once; also assistance/update/rating/<id>/.

    200 the object; 400; 403 for others than its client; 404 for strangers; 409 `not_completed`, `already_rated`.
    """

    @extend_schema(parameters=[PATH_ID], request=RatingSerializer, responses=ANSWERS_ASSISTANCE)
    def patch(self, request: Request, assistance_id: str) -> Response:
        data = checked(RatingSerializer, request).validated_data
        return Response(representation.shown_to(request.user, services.rate(actor=request.user, assistance_id=int(assistance_id), rating=data["rating"])))


class MessagesView(ApiMixin, generics.GenericAPIView):
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
    def get(self, request: Request, assistance_id: str) -> Response:
        row = selectors.room_row(request.user, int(assistance_id))
        rows = ChatMessage.objects.filter(assistance_id=row["id"]).select_related("sender")
        page = self.paginate_queryset(rows.only("message", "client_id", "created_at", "assistance_id", *_SENDER))
        return self.get_paginated_response([_message(sent) for sent in page])

    @extend_schema(
        parameters=[PATH_ID],
        request=PostSerializer,
        responses={201: MessageSerializer, 200: MessageSerializer},
        operation_id="assistance_write",
    )
    def post(self, request: Request, assistance_id: str) -> Response:
        data = checked(PostSerializer, request).validated_data
        posted = services.post_chat(actor=request.user, assistance_id=int(assistance_id), message=data["message"], client_id=data["client_id"])
        body = {name: value for name, value in posted.frame.items() if name in MessageSerializer().fields}
        return Response(body, status=status.HTTP_201_CREATED if posted.is_new else status.HTTP_200_OK)


_SENDER = ("sender__name", "sender__first_name", "sender__last_name", "sender__username", "sender__user_type")


def _message(sent: ChatMessage) -> dict[str, Any]:
    return {
        "id": sent.pk,
        "message": sent.message,
        "sender": sent.sender.display_name,
        "sender_id": sent.sender_id,
        "createdAt": format_utc(sent.created_at),
        "client_id": sent.client_id or None,
    }
