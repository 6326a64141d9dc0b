"""REST viewset of orders."""

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
from orders import services
from orders.fake_orders import generate_fake_orders
from orders.filters import OrderFilter
from orders.models import Order, OrderLink
from orders.representation import COLUMNS, order_document, order_rows, row_of, visible_order
from orders.serializers import (
    FakeOrdersAnswerSerializer,
    FakeOrdersSerializer,
    NewOrderLinkSerializer,
    OrderChangeSerializer,
    OrderLinkSerializer,
    OrderSerializer,
)


class OrderViewSet(ApiViewSet):
    """`/api/orders/`, `/api/orders/{id}/`, `/api/orders/{id}/link/` and `/api/orders/generate-fake/`.

    Body and answer: the order object with its stops; of the customer's link itself. Codes: 200, 201, 204; 400 wrong fields; 403 clients, assistants,
    viewers, fake data off; 404 not of one's companies; 409 in a trip, or a status that its trip does not allow.
    Who: dispatchers for their companies, staff for all.
    """

    permission_classes = [IsDispatcherOrStaff]
    serializer_class = OrderSerializer
    filterset_class = OrderFilter
    ordering_fields = ("created_at", "updated_at", "order_number", "customer_name")
    pagination_class = RowPages
    row_columns = COLUMNS
    queryset = Order.objects.none()

    def get_queryset(self) -> Any:
        return order_rows(Order.objects.visible_to(self.request.user))

    @extend_schema(summary="List orders", responses=OrderSerializer(many=True))
    def list(self, request: Request) -> Response:
        rows = order_rows(Order.objects.listed_for(request.user))
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response([order_document(row) for row in page])

    @extend_schema(summary="Take an order", responses={201: OrderSerializer})
    def create(self, request: Request) -> Response:
        order = services.create_order(actor=request.user, **self.read(OrderSerializer).validated_data)
        return Response(order_document(row_of(order)), status=201)

    @extend_schema(summary="Show an order")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._document(path_id(pk, "Order")))

    @extend_schema(
        summary="Change an order; a partial body is fine", request=OrderChangeSerializer, responses=OrderSerializer
    )
    def update(self, request: Request, pk: str) -> Response:
        order_id = path_id(pk, "Order")
        self._document(order_id)
        fields = self.read(OrderChangeSerializer, partial=True).validated_data
        services.update_order(actor=request.user, order_id=order_id, **fields)
        return Response(self._document(order_id))

    @extend_schema(summary="Change some fields of an order", request=OrderChangeSerializer, responses=OrderSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk)

    @extend_schema(summary="Delete an order")
    def destroy(self, request: Request, pk: str) -> Response:
        services.delete_order(actor=request.user, order_id=path_id(pk, "Order"))
        return Response(status=204)

    @extend_schema(summary="Tell how an order's customer link stands", responses=OrderLinkSerializer, filters=False)
    @action(detail=True, methods=["get"], url_path="link")
    def link(self, request: Request, pk: str) -> Response:
        link = OrderLink.objects.visible_to(request.user).live().filter(order_id=path_id(pk, "Order")).first()
        if link is None:
            raise NotFound(_("Customer's link"))
        return Response(OrderLinkSerializer(link).data)

    @extend_schema(
        summary="Make the link by which a customer follows an order", request=NewOrderLinkSerializer, responses={201: OrderLinkSerializer}
    )
    @link.mapping.post
    def make_link(self, request: Request, pk: str) -> Response:
        wanted = self.read(NewOrderLinkSerializer).validated_data
        channel, whose = wanted.pop("send", ""), {"actor": request.user, "order_id": path_id(pk, "Order")}
        link, url = (services.send_link(**whose, channel=channel, **wanted), None) if channel else services.make_link(**whose, **wanted)
        return Response(OrderLinkSerializer(link).data | {"url": url}, status=201)

    @extend_schema(summary="End an order's customer link")
    @link.mapping.delete
    def revoke_link(self, request: Request, pk: str) -> Response:
        services.revoke_link(actor=request.user, order_id=path_id(pk, "Order"))
        return Response(status=204)

    @extend_schema(
        summary="Invent orders for tests",
        request=FakeOrdersSerializer,
        responses={201: FakeOrdersAnswerSerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="generate-fake")
    def generate_fake(self, request: Request) -> Response:
        made = generate_fake_orders(actor=request.user, **self.read(FakeOrdersSerializer).validated_data)
        rows = self.get_queryset().filter(pk__in=[order.pk for order in made]).order_by("pk")
        documents = [order_document(row) for row in rows]
        answer = {
            "message": f"Successfully generated {len(documents)} fake orders",
            "count": len(documents),
            "created_orders": documents,
        }
        return Response(answer, status=201)

    def _document(self, order_id: int) -> dict[str, Any]:
        user = self.request.user
        rows = visible_order(user, order_id)
        if not rows:
            raise NotFound(_("Order"))
        return order_document(rows[0])
