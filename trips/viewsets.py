"""REST viewsets of trips and trip stops."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsDispatcherOrStaff
from accounts.private_images import picture_response
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.list_envelope import one_page
from depannini_dashmap.lib.api.routers import path_id
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from depannini_dashmap.lib.errors import NotFound
from trips.filters import TripFilter, TripStopFilter
from trips.models import StopProof, Trip, TripStop
from trips.plan_serializers import EvaluateSerializer, EvaluationSerializer, ResequenceSerializer
from trips.representation import (
    add_arrivals,
    route_geojson,
    trip_documents,
    trip_rows,
    trip_stop_document,
    trip_stop_documents,
    trip_stop_rows,
    with_roads,
)
from trips.serializers import (
    AddOrderAnswerSerializer,
    AddOrderSerializer,
    AddStopSerializer,
    ChangeStopSerializer,
    DriverLinkSerializer,
    MessageSerializer,
    ReorderSerializer,
    TripSerializer,
    TripStopsAnswerSerializer,
    TripStopSerializer,
)
from trips.services import driver_notification, resequencing, stop_lists, trips
from trips.steps.proofs import KINDS, picture_name


class _TripsViewSet(ApiViewSet):
    permission_classes = [IsDispatcherOrStaff]
    pagination_class = RowPages


class TripViewSet(_TripsViewSet):
    """`/api/trips/`, `/api/trips/{id}/`, `add-order/`, `reorder-stops/`, `notify-driver/`, `route.geojson` below it.

    Body and answer: the trip object with its stops. Codes: 200, 201, 204; 400 wrong fields, incomplete orders, driver
    already notified; 403 clients, assistants, viewers; 404 not of one's companies; 409 the state forbids it; 502 mail
    server. Who: dispatchers for their companies, staff for all.
    """

    serializer_class = TripSerializer
    filterset_class = TripFilter
    ordering_fields = ("created_at", "updated_at", "planned_start_date", "name", "status")
    queryset = Trip.objects.none()

    def get_queryset(self) -> Any:
        return trip_rows(Trip.objects.visible_to(self.request.user))

    @extend_schema(summary="List trips with their stops", responses=TripSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(trip_documents(page))

    @extend_schema(summary="Plan a trip", responses={201: TripSerializer})
    def create(self, request: Request) -> Response:
        trip = trips.create_trip(actor=request.user, **self.read(TripSerializer).validated_data)
        return Response(self._document(trip.pk), status=201)

    @extend_schema(summary="Show a trip with its stops")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._document(path_id(pk, "Trip")))

    @extend_schema(summary="Change a trip or move it to another status; a partial body is fine")
    def update(self, request: Request, pk: str) -> Response:
        row = self._row(path_id(pk, "Trip"))
        # Unchanged references may be gone by now: a deleted vehicle, a dispatcher who left.
        same = {"vehicle": row["vehicle_id"], "dispatcher": row["dispatcher_id"]}
        body = {
            key: value for key, value in request.data.items() if key not in same or value is True or value != same[key]
        }
        trips.update_trip(actor=request.user, trip_id=row["id"], **self.read(TripSerializer, body, partial=True).validated_data)
        return Response(self._document(row["id"]))

    @extend_schema(summary="Change some fields of a trip")
    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk)

    @extend_schema(summary="Delete a trip; its undelivered orders are pending again")
    def destroy(self, request: Request, pk: str) -> Response:
        trips.delete_trip(actor=request.user, trip_id=path_id(pk, "Trip"))
        return Response(status=204)

    @extend_schema(
        summary="Put an order into a trip", request=AddOrderSerializer, responses={201: AddOrderAnswerSerializer}
    )
    @action(detail=True, methods=["post"], url_path="add-order")
    def add_order(self, request: Request, pk: str) -> Response:
        trip_id = self._row(path_id(pk, "Trip"))["id"]
        fields = self.read(AddOrderSerializer).validated_data
        pair = stop_lists.add_order(actor=request.user, trip_id=trip_id, **fields)
        documents = {row["id"]: row for row in trip_stop_documents(trip_id)}
        answer = {
            "message": f"Successfully added order {fields['order'].order_number} to trip",
            "pickup_trip_stop": documents.get(pair[0].pk),
            "delivery_trip_stop": documents.get(pair[1].pk),
        }
        return Response(answer, status=201)

    @extend_schema(
        summary="Reorder the stops of a trip", request=ReorderSerializer, responses=TripStopsAnswerSerializer
    )
    @action(detail=True, methods=["post"], url_path="reorder-stops")
    def reorder_stops(self, request: Request, pk: str) -> Response:
        trip_id = self._row(path_id(pk, "Trip"))["id"]
        stop_lists.reorder_stops(actor=request.user, trip_id=trip_id, **self.read(ReorderSerializer).validated_data)
        return one_page(trip_stop_documents(trip_id))

    @extend_schema(summary="Send a trip to its driver", request=None, responses=MessageSerializer)
    @action(detail=True, methods=["post"], url_path="notify-driver", speaks_while_answering=True)
    def notify_driver(self, request: Request, pk: str) -> Response:
        driver_notification.notify_driver(actor=request.user, trip_id=path_id(pk, "Trip"))
        return Response({"message": "Driver notified successfully"})

    @extend_schema(summary="Make the link to the driver's page of a trip", request=None, responses={201: DriverLinkSerializer})
    @action(detail=True, methods=["post"], url_path="driver-link")
    def make_driver_link(self, request: Request, pk: str) -> Response:
        return Response({"url": driver_notification.make_driver_link(actor=request.user, trip_id=path_id(pk, "Trip"))}, status=201)

    @extend_schema(summary="End the link to the driver's page of a trip")
    @make_driver_link.mapping.delete
    def end_driver_link(self, request: Request, pk: str) -> Response:
        driver_notification.end_driver_link(actor=request.user, trip_id=path_id(pk, "Trip"))
        return Response(status=204)

    @extend_schema(
        summary="Draw a trip as GeoJSON: its stops and the line through them",
        responses={(200, "application/geo+json"): OpenApiTypes.OBJECT},
    )
    @action(detail=True, methods=["get"], url_path=r"route\.geojson")
    def route(self, request: Request, pk: str) -> Response:
        drawing = route_geojson(trip_documents([self._row(path_id(pk, "Trip"))])[0])
        return Response(drawing, content_type="application/geo+json")

    @extend_schema(
        summary="Put the open stops of a trip in the best order, or only show it", request=ResequenceSerializer, responses=EvaluationSerializer
    )
    @action(detail=True, methods=["post"])
    def resequence(self, request: Request, pk: str) -> Response:
        found = resequencing.resequence(actor=request.user, trip_id=path_id(pk, "Trip"), **self.read(ResequenceSerializer).validated_data)
        return Response(found.as_json())

    @extend_schema(
        summary="Tell what an order of the open stops means: times, loads, and what it breaks",
        request=EvaluateSerializer,
        responses=EvaluationSerializer,
    )
    @action(detail=True, methods=["post"])
    def evaluate(self, request: Request, pk: str) -> Response:
        stop_ids = self.read(EvaluateSerializer).validated_data["stops"]
        return Response(resequencing.evaluate(actor=request.user, trip_id=path_id(pk, "Trip"), stop_ids=stop_ids).as_json())

    def _row(self, trip_id: int) -> dict[str, Any]:
        row = self.get_queryset().filter(pk=trip_id).first()
        if row is None:
            raise NotFound(_("Trip"))
        return row

    def _document(self, trip_id: int) -> dict[str, Any]:
        return with_roads(trip_documents([self._row(trip_id)])[0], timezone.now())


class TripStopViewSet(_TripsViewSet):
    """`/api/trip-stops/`, `/api/trip-stops/{id}/` and `/api/trip-stops/{id}/proof/photo/` or `signature/`.

    Body and answer: the trip stop object; a picture. Codes: 200, 201, 204; 400 wrong fields, half a journey, delivery before
    pickup; 403 clients, assistants, viewers; 404 not of one's companies; 409 the trip is closed. Who: dispatchers for
    their companies, staff for all.
    """

    serializer_class = TripStopSerializer
    filterset_class = TripStopFilter
    ordering = ("sequence", "id")
    ordering_fields = ("sequence",)
    queryset = TripStop.objects.none()

    def get_queryset(self) -> Any:
        return trip_stop_rows(TripStop.objects.visible_to(self.request.user))

    @extend_schema(summary="List trip stops by sequence", responses=TripStopSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        documents = [trip_stop_document(row) for row in page]
        if request.query_params.get("trip") and documents:
            add_arrivals(documents, [documents[0]["trip"]], timezone.now())
        return self.get_paginated_response(documents)

    @extend_schema(summary="Add a stop to a trip", request=AddStopSerializer, responses={201: TripStopSerializer})
    def create(self, request: Request) -> Response:
        fields = self.read(AddStopSerializer).validated_data
        added = stop_lists.add_stop(actor=request.user, trip_id=fields.pop("trip").pk, **fields)
        return Response(self._document(added.pk), status=201)

    @extend_schema(summary="Show a trip stop")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._document(path_id(pk, _("Trip stop"))))

    @extend_schema(
        summary="Change a stop in its trip; a partial body is fine",
        request=ChangeStopSerializer,
        responses=TripStopSerializer,
    )
    def update(self, request: Request, pk: str) -> Response:
        trip_stop_id = path_id(pk, _("Trip stop"))
        self._document(trip_stop_id)
        fields = self.read(ChangeStopSerializer, partial=True).validated_data
        stop_lists.update_stop(actor=request.user, trip_stop_id=trip_stop_id, **fields)
        return Response(self._document(trip_stop_id))

    @extend_schema(
        summary="Change some fields of a stop in its trip", request=ChangeStopSerializer, responses=TripStopSerializer
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk)

    @extend_schema(summary="Take a stop out of its trip and close the gap")
    def destroy(self, request: Request, pk: str) -> Response:
        stop_lists.delete_stop(actor=request.user, trip_stop_id=path_id(pk, _("Trip stop")))
        return Response(status=204)

    @extend_schema(
        summary="Show a picture of a stop's proof",
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=KINDS)],
        responses={(200, "image/*"): OpenApiTypes.BINARY},
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path=r"proof/(?P<kind>[^/.]+)", url_name="proof")
    def proof(self, request: Request, pk: str, kind: str) -> HttpResponse:
        rows = StopProof.objects.filter(trip_stop__in=TripStop.objects.visible_to(request.user), trip_stop=path_id(pk, _("Trip stop")))
        return picture_response(picture_name(rows.first(), kind))

    def _document(self, trip_stop_id: int) -> dict[str, Any]:
        row = self.get_queryset().filter(pk=trip_stop_id).first()
        if row is None:
            raise NotFound(_("Trip stop"))
        document = trip_stop_document(row)
        add_arrivals([document], [document["trip"]], timezone.now())
        return document
