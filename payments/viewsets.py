"""`/api/payments/*`: each action is one service call or one reading."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsDispatcherOfAnyRole, IsRoadside
from assistance.models import Assistance
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.list_envelope import OnePage, one_page
from depannini_dashmap.lib.api.routers import path_id
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from depannini_dashmap.lib.errors import InvalidData, NotFound
from orders.models import Order
from payments import receivables, services
from payments.cash_on_hand import cash_in_hand
from payments.filters import PaymentFilter
from payments.models import CashHandIn, Payment
from payments.payable_balances import balance_of
from payments.representation import balance_document, cash_document, debt_document, hand_in_document, payment_document
from payments.serializers import (
    BalanceOfSerializer,
    BalanceSerializer,
    CashSerializer,
    DebtSerializer,
    HandInBodySerializer,
    HandInSerializer,
    PaymentBodySerializer,
    PaymentSerializer,
    ReversalSerializer,
    UnpaidSerializer,
)

PATH_ID = OpenApiParameter("payment_id", int, OpenApiParameter.PATH)


class PaymentViewSet(ApiViewSet):
    """`/api/payments/`, `<id>/`, `<id>/reverse/`, `balance/` and `unpaid/`; rows are made, never changed or deleted.

    Body, answer and codes: see each action. Who: dispatchers for orders of their companies, staff and Roadside for jobs
    too; viewers only read.
    """

    permission_classes = [IsDispatcherOfAnyRole]
    serializer_class = PaymentSerializer
    filterset_class = PaymentFilter
    pagination_class = RowPages
    lookup_url_kwarg = "payment_id"
    queryset = Payment.objects.none()

    def get_queryset(self) -> Any:
        rows = Payment.objects.visible_to(self.request.user)
        return rows.select_related("taken_by", "recorded_by", "reversed_by")

    @extend_schema(responses={200: PaymentSerializer(many=True)}, operation_id="payments_list")
    def list(self, request: Request) -> Response:
        """GET payments/: a page, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([payment_document(row) for row in page])

    @extend_schema(request=PaymentBodySerializer, responses={201: PaymentSerializer}, filters=False, operation_id="payments_record")
    def create(self, request: Request) -> Response:
        """POST payments/ {order | assistance, method, amount?, taken_by?, note?}: 201.

        400, also for an `order` or `assistance` that is not the caller's to see; 403 for clients, assistants and viewers; 409
        `already_paid`, `overpaid` (both with `due`), `no_price`, `payment_canceled`.
        """
        made = services.record_payment(actor=request.user, **self.read(PaymentBodySerializer).arguments())
        return Response(self._document(made.pk), status=201)

    @extend_schema(parameters=[PATH_ID], responses={200: PaymentSerializer}, operation_id="payments_show")
    def retrieve(self, request: Request, payment_id: str) -> Response:
        """GET payments/<id>/: one payment; 404 for one that is not the caller's to see."""
        return Response(self._document(path_id(payment_id, "Payment")))

    @extend_schema(
        parameters=[PATH_ID], request=ReversalSerializer, responses={201: PaymentSerializer}, operation_id="payments_reverse"
    )
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, payment_id: str) -> Response:
        """POST payments/<id>/reverse/ {reason}: 201 the row that takes the payment back.

        400 without a reason; 403 viewers; 404; 409 `already_reversed`, `is_reversal`.
        """
        pk = path_id(payment_id, "Payment")
        self._document(pk)
        reason = self.read(ReversalSerializer).validated_data["reason"]
        made = services.reverse_payment(actor=request.user, payment_id=pk, reason=reason)
        return Response(self._document(made.pk), status=201)

    @extend_schema(
        parameters=[BalanceOfSerializer], responses={200: BalanceSerializer}, filters=False, operation_id="payments_balance"
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def balance(self, request: Request) -> Response:
        """GET payments/balance/?order=7 or ?assistance=7: price, VAT in it, paid, due; 400 for neither or both; 404."""
        asked = self.read(BalanceOfSerializer, request.query_params).validated_data
        if len(asked) != 1:
            raise InvalidData(fields={"order": ["Name an order or an assistance request."]})
        [(name, pk)] = asked.items()
        rows: Any = Order.objects.visible_to(request.user)
        if name == "assistance":
            rows = Assistance.objects.all() if request.user.is_roadside else Assistance.objects.none()
        thing = rows.filter(pk=pk).first()
        if thing is None:
            raise NotFound(name.capitalize())
        return Response(balance_document(balance_of(thing)))

    @extend_schema(
        parameters=[UnpaidSerializer], responses={200: DebtSerializer(many=True)}, filters=False, operation_id="payments_unpaid"
    )
    @action(detail=False, methods=["get"], pagination_class=OnePage)
    def unpaid(self, request: Request) -> Response:
        """GET payments/unpaid/?since=2026-11-01: what is owed for delivered orders and completed jobs, by customer or `billed_to`, one page.

        400 for a `since` that is no day.
        """
        since = self.read(UnpaidSerializer, request.query_params).validated_data.get("since")
        return one_page([debt_document(debt) for debt in receivables.unpaid(request.user, since=since)])

    def _document(self, payment_id: int) -> dict[str, Any]:
        payment = self.get_queryset().filter(pk=payment_id).first()
        if payment is None:
            raise NotFound("Payment")
        return payment_document(payment)


class CashViewSet(ApiViewSet):
    """`/api/payments/cash/` and `cash/<id>/reverse/`: the cash that assistants hold, and hand in.

    Body, answer and codes: see each action. Who: staff and Roadside.
    """

    permission_classes = [IsRoadside]
    serializer_class = CashSerializer
    pagination_class = OnePage
    filter_backends: list[Any] = []
    lookup_url_kwarg = "payment_id"
    queryset = CashHandIn.objects.none()

    @extend_schema(responses={200: CashSerializer(many=True)}, operation_id="payments_cash")
    def list(self, request: Request) -> Response:
        """GET payments/cash/: what each assistant took in cash, handed in and so holds; one page."""
        return one_page([cash_document(row) for row in cash_in_hand()])

    @extend_schema(request=HandInBodySerializer, responses={201: HandInSerializer}, operation_id="payments_hand_in")
    def create(self, request: Request) -> Response:
        """POST payments/cash/ {assistant, amount?, note?}: 201 handed in; 400; 409 `more_than_in_hand` with `in_hand`."""
        given = dict(self.read(HandInBodySerializer).validated_data)
        made = services.hand_in_cash(actor=request.user, assistant_id=given.pop("assistant"), **given)
        return Response(_hand_in(made), status=201)

    @extend_schema(
        parameters=[PATH_ID], request=ReversalSerializer, responses={201: HandInSerializer}, operation_id="payments_hand_in_reverse"
    )
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, payment_id: str) -> Response:
        """POST payments/cash/<id>/reverse/ {reason}: 201 the row that takes it back; 400; 404; 409 `already_reversed`, `is_reversal`."""
        pk = path_id(payment_id, "Cash handed in")
        reason = self.read(ReversalSerializer).validated_data["reason"]
        return Response(_hand_in(services.reverse_hand_in(actor=request.user, row_id=pk, reason=reason)), status=201)


def _hand_in(row: CashHandIn) -> dict[str, Any]:
    return hand_in_document(CashHandIn.objects.select_related("assistant", "received_by").get(pk=row.pk))
