"""The position endpoints: they read the request, call one service and answer."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.limits.throttles import BulkThrottle, PositionThrottle, SignedInThrottle
from accounts.models import User
from accounts.permissions import IsDispatcherOrStaff
from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.list_envelope import one_page
from depannini_dashmap.lib.api.parsers import JsonParser
from depannini_dashmap.lib.api.routers import path_id
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from depannini_dashmap.lib.db.prepared import PreparedRows
from depannini_dashmap.lib.ops.fake_data_guard import require_fake_data
from fleet.models import Vehicle
from telematics import serializers
from telematics.models import LatestPosition, Position
from telematics.position_pagination import PositionPages
from telematics.query_params import HistoryQuery, TrackQuery, Wanted, wanted
from telematics.representation import POSITION_COLUMNS, READING_COLUMNS, READY_COLUMNS, position_object, ready_positions
from telematics.services import positions
from telematics.track import track_of


def _latest(reader: User) -> QuerySet[LatestPosition, tuple]:
    return LatestPosition.objects.visible_to(reader).order_by("-timestamp", "-position_id").values_list(*READY_COLUMNS)


latest_rows = PreparedRows(_latest)


class MayReport(IsDispatcherOrStaff):
    """Dispatchers and staff; whether they may write of the vehicle at hand is read with the vehicle."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return bool(user.is_authenticated and (user.is_operator or user.user_type == User.Type.DISPATCHER))


class RowsParser(JsonParser):
    """JSON as everywhere, but a bare list is taken for the list of positions."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        data = self.load(parser_context)
        return data if isinstance(data, dict) else {"positions": data}


@extend_schema_view(
    list=extend_schema(
        summary="Positions, newest first", parameters=[HistoryQuery], responses=serializers.PositionShape
    ),
    retrieve=extend_schema(summary="One position", responses=serializers.PositionShape),
)
class PositionViewSet(ApiViewSet):
    """Where vehicles are and were.

    - `GET positions/` `?vehicle=&from=&to=&updated_since=`: cursor pages by timestamp, newest first.
    - `POST positions/` position → 201, or 200 with the first one when vehicle and timestamp are known already.
    - `GET positions/latest/`: one per vehicle, on one page.
    - `POST positions/bulk/` `{positions: [≤ 5000]}` → 200 `{accepted, duplicates, errors: [{index, error, …}]}`.
    - `POST positions/generate-fake/` `{vehicle_id, count?, base_latitude?, base_longitude?}` → 201.
    - `GET positions/track/` `?vehicle=&from=&to=&matched=`: GeoJSON of at most 1,000 points, on roads if asked.

    Codes: 400 `invalid_data`, 403 `forbidden`, `fake_data_off`, 404 `not_found`. Who: dispatchers and staff; viewers
    of a company only read.
    """

    permission_classes = [IsDispatcherOrStaff]
    pagination_class = PositionPages
    filter_backends: list = []
    serializer_class = serializers.PositionShape
    lookup_value_regex = "[^/]+"
    not_found_name = "Position"
    queryset = Position.objects.none()

    def get_throttles(self) -> list[BaseThrottle]:
        """Let devices write more often than people read."""
        if self.request.method != "POST":
            return [SignedInThrottle()]
        return [{"create": PositionThrottle, "bulk": BulkThrottle}.get(self.action, SignedInThrottle)()]

    def get_permissions(self) -> list[BasePermission]:
        """Spare a single position the query for the roles in all companies."""
        return [MayReport()] if self.action == "create" else super().get_permissions()

    def list(self, request: Request) -> Response:
        """List positions of one's vehicles, newest first by timestamp."""
        # The vehicles are read first, and then only positions, without a join.
        query = wanted(HistoryQuery, request)
        vehicles = self._vehicles(query)
        rows = self._history(query, list(vehicles))
        page = self.paginate_queryset(rows.values("id", "vehicle_id", *READING_COLUMNS))
        shown = []
        for row in page or ():
            position_id, vehicle_id, *reading = row.values()
            shown.append(position_object((position_id, vehicle_id, *vehicles[vehicle_id], *reading)))
        return self.get_paginated_response(shown)

    def retrieve(self, request: Request, pk: str) -> Response:
        """Answer one position."""
        visible = Position.objects.visible_to(request.user).filter(pk=path_id(pk, "Position"))
        row = visible.values_list(*POSITION_COLUMNS).first()
        if row is None:
            raise errors.NotFound("Position")
        return Response(position_object(row))

    @extend_schema(
        summary="Record a position",
        request=serializers.PositionShape,
        responses={201: serializers.PositionShape, 200: OpenApiResponse(serializers.PositionShape, "known already")},
    )
    def create(self, request: Request) -> Response:
        """Record one position."""
        shown, is_new = positions.record_position(actor=request.user, raw=request.data)
        return Response(shown, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @extend_schema(summary="The latest position of each vehicle", responses=serializers.LatestShape)
    @action(detail=False, pagination_class=None)
    def latest(self, request: Request) -> Response:
        """Return the latest position of each vehicle that has reported."""
        return one_page(ready_positions(latest_rows(request.user)))

    @extend_schema(
        summary="Record many positions", request=serializers.BulkShape, responses=serializers.BulkResultShape
    )
    @action(detail=False, methods=["post"], parser_classes=[RowsParser])
    def bulk(self, request: Request) -> Response:
        """Record the good rows and name the bad ones."""
        rows = request.data.get("positions")
        if not isinstance(rows, list):
            raise errors.InvalidData(fields={"positions": ["Expected a list of positions."]})
        result = positions.record_positions(actor=request.user, rows=rows)
        return Response(result._asdict())

    @extend_schema(
        summary="Make up a drive",
        request=serializers.FakeDriveRequest,
        responses={201: serializers.FakeDriveShape},
    )
    @action(detail=False, methods=["post"], url_path="generate-fake")
    def generate_fake(self, request: Request) -> Response:
        """Record a plausible drive, where the installation allows made-up data."""
        require_fake_data()
        asked = self.read(serializers.FakeDriveRequest).validated_data
        drive = positions.make_up_drive(
            actor=request.user,
            vehicle_id=asked["vehicle_id"],
            count=asked["count"],
            latitude=asked.get("base_latitude"),
            longitude=asked.get("base_longitude"),
        )
        message = f"Successfully generated {len(drive)} fake positions"
        return Response({"message": message, "count": len(drive), "created_positions": drive}, status=201)

    @extend_schema(
        summary="The line that a vehicle drove",
        parameters=[TrackQuery],
        responses={(200, "application/geo+json"): serializers.TrackShape},
        filters=False,
    )
    @action(detail=False, pagination_class=None)
    def track(self, request: Request) -> Response:
        """Answer GeoJSON; without such a vehicle it holds no feature."""
        query = wanted(TrackQuery, request)
        features = [
            track_of(vehicle_id, plate, query.start, query.end, matched=query.matched)
            for vehicle_id, (plate, _, _) in self._vehicles(query).items()
        ]
        return Response({"type": "FeatureCollection", "features": features}, content_type="application/geo+json")

    def _vehicles(self, query: Wanted) -> dict[int, tuple[str, str, str]]:
        """Read what is shown of the vehicles in question."""
        vehicles = Vehicle.objects.alive().visible_to(self.request.user).order_by()
        if query.vehicle_id is not None:
            vehicles = vehicles.filter(pk=query.vehicle_id)
        rows = vehicles.values_list("pk", "license_plate", "make", "model")
        return {pk: (plate, make, model) for pk, plate, make, model in rows}

    def _history(self, query: Wanted, vehicle_ids: list[int]) -> QuerySet[Position]:
        rows = Position.objects.filter(vehicle_id__in=vehicle_ids).between(query.start, query.end)
        if query.updated_since is not None:
            return rows.filter(created_at__gte=query.updated_since)
        self.vehicle_ids, self.span = vehicle_ids, (query.start, query.end)
        return rows
