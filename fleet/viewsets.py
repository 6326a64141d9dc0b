"""REST viewset of vehicles."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsDispatcherOrStaff
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.routers import path_id
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from depannini_dashmap.lib.errors import NotFound
from fleet import services
from fleet.filters import VehicleFilter
from fleet.models import Vehicle
from fleet.representation import COLUMNS, vehicle_document, vehicle_rows
from fleet.serializers import VehicleSerializer


class VehicleViewSet(ApiViewSet):
    """`/api/vehicles/` and `/api/vehicles/{id}/` [`restore/`].

    Body and answer: the vehicle object. Codes: 200, 201, 204; 400 wrong fields, plate taken; 403 clients, assistants,
    viewers; 404 not of one's companies, deleted; 409 open trips. Who: dispatchers for their companies, staff for all.
    """

    permission_classes = [IsDispatcherOrStaff]
    serializer_class = VehicleSerializer
    filterset_class = VehicleFilter
    ordering_fields = ("created_at", "updated_at", "license_plate")
    pagination_class = RowPages
    row_columns = COLUMNS
    queryset = Vehicle.objects.none()

    def get_queryset(self) -> Any:
        return vehicle_rows(Vehicle.objects.visible_to(self.request.user).alive())

    @extend_schema(summary="List the vehicles that are not deleted", responses=VehicleSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([vehicle_document(row) for row in page])

    @extend_schema(summary="Add a vehicle", responses={201: VehicleSerializer})
    def create(self, request: Request) -> Response:
        vehicle = services.create_vehicle(actor=request.user, **self.read(VehicleSerializer).validated_data)
        return Response(self._document(vehicle.pk), status=201)

    @extend_schema(summary="Show a vehicle")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._document(path_id(pk, "Vehicle")))

    @extend_schema(summary="Change a vehicle; a partial body is fine")
    def update(self, request: Request, pk: str) -> Response:
        vehicle_id = path_id(pk, "Vehicle")
        self._document(vehicle_id)
        services.update_vehicle(actor=request.user, vehicle_id=vehicle_id, **self.read(VehicleSerializer, partial=True).validated_data)
        return Response(self._document(vehicle_id))

    @extend_schema(summary="Change some fields of a vehicle")
    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk)

    @extend_schema(summary="Take a vehicle out of the fleet")
    def destroy(self, request: Request, pk: str) -> Response:
        services.delete_vehicle(actor=request.user, vehicle_id=path_id(pk, "Vehicle"))
        return Response(status=204)

    @extend_schema(summary="Bring a deleted vehicle back", request=None, responses=VehicleSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        vehicle = services.restore_vehicle(actor=request.user, vehicle_id=path_id(pk, "Vehicle"))
        return Response(self._document(vehicle.pk))

    def _document(self, vehicle_id: int) -> dict[str, Any]:
        row = self.get_queryset().filter(pk=vehicle_id).first()
        if row is None:
            raise NotFound(_("Vehicle"))
        return vehicle_document(row)
