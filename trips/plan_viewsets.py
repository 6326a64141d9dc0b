"""REST views of plans of a day."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsDispatcherOrStaff
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.routers import path_id
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from depannini_dashmap.lib.errors import InvalidData, NotFound
from depannini_dashmap.lib.numbers import NotANumber, read_integer
from trips.models import TripPlan
from trips.plan_serializers import ChoiceSerializer, PlanRequestSerializer, TripPlanSerializer, UndoPlanSerializer
from trips.services import plans


class TripPlanViewSet(ApiViewSet):
    """`/api/trips/plans/`, `/api/trips/plans/{id}/`, `cancel/`, `apply/`, `undo/` and `why/` below it.

    Body: orders, vehicles and a day. Answer: the plan with its state and, once ready, its trips and reasons. Codes: 200,
    202; 400 wrong fields; 403 clients, assistants, viewers; 404 not of one's companies; 409 not ready, outdated, begun.
    Who: dispatchers for their companies, staff for all.
    """

    permission_classes = [IsDispatcherOrStaff]
    pagination_class = RowPages
    serializer_class = TripPlanSerializer
    ordering_fields = ("created_at",)
    queryset = TripPlan.objects.none()

    def get_queryset(self) -> Any:
        return TripPlan.objects.visible_to(self.request.user)

    @extend_schema(summary="List plans", responses=TripPlanSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset().defer("result"))
        return self.get_paginated_response([{**document(plan), "result": None} for plan in page])

    @extend_schema(summary="Ask for a plan of a day", request=PlanRequestSerializer, responses={202: TripPlanSerializer})
    def create(self, request: Request) -> Response:
        sent = dict(self.read(PlanRequestSerializer).validated_data)
        plan = plans.request_plan(actor=request.user, order_ids=sent.pop("orders"), vehicle_ids=sent.pop("vehicles"), **sent)
        return Response(document(plan), status=202)

    @extend_schema(summary="Show a plan: its state and its result")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(document(self._plan(pk)))

    @extend_schema(summary="Cancel a plan", request=None, responses=TripPlanSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        return Response(document(plans.cancel_plan(actor=request.user, plan_id=path_id(pk, "Plan"))))

    @extend_schema(summary="Make the trips of a plan", request=None, responses=TripPlanSerializer)
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: str) -> Response:
        return Response(document(plans.apply_plan(actor=request.user, plan_id=path_id(pk, "Plan"))))

    @extend_schema(summary="Take back the trips of a plan while none has begun", request=UndoPlanSerializer, responses=TripPlanSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        serializer = UndoPlanSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(document(plans.undo_plan(actor=request.user, plan_id=path_id(pk, "Plan"), **serializer.validated_data)))

    @extend_schema(
        summary="Tell why an order goes with its vehicle",
        parameters=[OpenApiParameter("order", int, required=True)],
        responses=ChoiceSerializer,
    )
    @action(detail=True, methods=["get"])
    def why(self, request: Request, pk: str) -> Response:
        try:
            order_id = read_integer(request.query_params.get("order"))
        except NotANumber as error:
            raise InvalidData(fields={"order": ["Expected an id."]}) from error
        choice = plans.why_chosen(actor=request.user, plan_id=path_id(pk, "Plan"), order_id=order_id)
        return Response(ChoiceSerializer(choice).data)

    def _plan(self, pk: str) -> TripPlan:
        plan = self.get_queryset().filter(pk=path_id(pk, "Plan")).first()
        if plan is None:
            raise NotFound("Plan")
        return plan


def document(plan: TripPlan) -> dict[str, Any]:
    """Return a plan as the API answers it."""
    return TripPlanSerializer(plan).data
