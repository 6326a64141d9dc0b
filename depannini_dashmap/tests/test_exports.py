"""Exports are streamed row by row: memory, and when rows are read."""

import io

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from depannini_dashmap.lib.sheets import exports, workbook_exports
from orders.fake_orders import invent_orders
from orders.models import Order
from orders.sheets import OrderResource

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(company_a, monkeypatch):
    """Seven orders, exported three at a time."""
    monkeypatch.setattr(exports, "AT_ONCE", 3)
    invent_orders(company_id=company_a.pk, count=7, seed=3)
    return OrderResource().filter_export(Order.objects.order_by("-created_at", "-id"))


def test_each_piece_is_read_when_its_turn_comes(rows):
    with CaptureQueriesContext(connection) as queries:
        pieces = exports.as_csv(OrderResource(), rows)
        assert next(pieces).startswith(b"\xef\xbb\xbforder_number,")
        assert len(queries) == 0
        next(pieces)
        assert len(queries) == 2  # the keys, and the first three with their stops and company
        assert [piece.count(b"\r\n") for piece in pieces] == [3, 1]
    assert len(queries) == 4


def test_rows_keep_their_order_and_who_is_gone_is_left_out(rows):
    numbers = list(rows.values_list("order_number", flat=True))
    pieces = exports.as_csv(OrderResource(), rows)
    text = next(pieces) + next(pieces)
    Order.objects.filter(order_number=numbers.pop(4)).delete()
    lines = (text + b"".join(pieces)).decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines] == ["order_number", *numbers]


def test_a_workbook_holds_the_same_rows(rows):
    Order.objects.filter(pk=rows[0].pk).update(goods_description="two\nlines")
    with workbook_exports.as_workbook(OrderResource(), rows, "Order") as file:
        sheet = openpyxl.load_workbook(io.BytesIO(file.read())).active
    assert (sheet.title, sheet.freeze_panes, sheet["A1"].font.bold) == ("Order", "A2", True)
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == list(rows.values_list("order_number", flat=True))
    column = list(OrderResource.columns).index("goods_description")
    assert (sheet.cell(2, column + 1).value, sheet.cell(2, column + 1).alignment.wrap_text) == ("two\nlines", True)


def test_an_empty_list_is_a_head_alone(company_a):
    assert len(list(exports.as_csv(OrderResource(), Order.objects.all()))) == 1
