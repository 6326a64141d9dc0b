"""What wrong and hostile input of orders is answered."""

import pytest

from orders.models import Order, OrderNumber, Stop
from orders.tests.order_bodies import PRODUCE, SMALL

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["abc", "-1", "9223372036854775808", "1" * 120, "%00", "é", "0"])
def test_g06_bad_path_ids(api, dispatcher, path):
    for method in ("get", "put", "delete"):
        assert getattr(api(dispatcher), method)(f"/api/orders/{path}/").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [("customer_name", ""), ("customer_name", "x" * 201), ("customer_name", "a\x00b"), ("customer_name", None),
     ("customer_name", True), ("customer_email", "x"), ("customer_phone", "1" * 21), ("customer_phone", "1;2"),
     ("goods_description", "x" * 5001), ("goods_description", []), ("goods_weight", "NaN"), ("goods_weight", True),
     ("goods_weight", -1), ("goods_weight", "1e400"), ("goods_volume", "Infinity"), ("goods_volume", "9" * 5000),
     ("goods_type", "liquid"), ("goods_type", None), ("status", "lost"), ("status", 1), ("status", ["pending"]),
     ("requested_pickup_date", "2024-02-30"), ("requested_pickup_date", "0000-01-01"),
     ("requested_delivery_date", "10000-01-01"), ("requested_delivery_date", 5), ("pickup_stop", True),
     ("pickup_stop", "abc"), ("pickup_stop", [1]), ("pickup_stop", 1.5), ("pickup_stop", -1), ("pickup_stop", 2**63),
     ("pickup_stop", "9" * 400), ("delivery_stop", "²"), ("pickup_stop.latitude", "90.0000001"),
     ("pickup_stop.latitude", "NaN"), ("pickup_stop.latitude", True), ("pickup_stop.longitude", -181),
     ("pickup_stop.name", ""), ("pickup_stop.address", "x" * 501), ("pickup_stop.stop_type", "depot"),
     ("delivery_stop.contact_phone", "<script>"), ("delivery_stop.notes", "x" * 2001), ("delivery_stop.notes", None)],
)  # fmt: skip
def test_g02_g03_wrong_values_change_nothing(api, dispatcher, produce, field, value):
    before = [*Order.objects.values(), *Stop.objects.values(), *OrderNumber.objects.values()]
    outer, _, inner = field.partition(".")
    sent = {outer: {**PRODUCE[outer], inner: value} if inner else value}
    for answer in (
        api(dispatcher).post("/api/orders/", {**PRODUCE, **sent}),
        api(dispatcher).put(f"/api/orders/{produce['id']}/", sent),
    ):
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert [*Order.objects.values(), *Stop.objects.values(), *OrderNumber.objects.values()] == before


def test_what_is_lenient(api, dispatcher):
    stop = {"id": 5, "name": "Dock", "address": "Oran", "latitude": 35.69712345678, "longitude": 0, "created": "x"}
    sent = {**SMALL, "pickup_stop": stop, "goods_weight": 12.345, "unknown": {"deep": []}, "order_number": "mine"}
    body = api(dispatcher).post("/api/orders/", sent).json()
    assert (body["pickup_stop"]["latitude"], body["pickup_stop"]["longitude"]) == ("35.697123", "0.000000")
    assert body["goods_weight"] == "12.35"
    assert body["order_number"].startswith("ORD-")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("'; DROP TABLE orders_order;--", "'; DROP TABLE orders_order;--"),
        ("\u202ertl \u202dltr", "rtl \u202dltr"),
        ("e" + "\u0301" * 90, "\u00e9" + "\u0301" * 89),
        ("=1+1", "=1+1"),
        ("\u200fعلي\u00a0", "علي"),
    ],
)
def test_g08_text_comes_back_in_nfc_without_invisible_ends(api, dispatcher, text, kept):
    client = api(dispatcher)
    stop = {"name": text, "address": text}
    sent = {"customer_name": text, "goods_description": text, "pickup_stop": stop, "delivery_stop": stop}
    body = client.post("/api/orders/", sent).json()
    assert [body["customer_name"], body["goods_description"], *[body["pickup_stop"][name] for name in stop]] == [kept] * 4
    assert len(client.get("/api/orders/", {"search": text}).json()["results"]) == 1


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [(b"{", "application/json", 400), (b"[]", "application/json", 400), (b'{"a": NaN}', "application/json", 400),
     (b'"\xff"', "application/json", 400), (b"[" * 100_000, "application/json", 400), (b"a=1", "text/plain", 415),
     (b"{}", "application/xml", 415), (b"\x1f\x8b\x08", "application/json", 400),
     ('{"customer_name":"a"}'.encode("utf-16"), "application/json", 400), (b"{" + b" " * 2_700_000 + b"}", "application/json", 413)],
)  # fmt: skip
def test_g04_g05_hostile_bodies(api, dispatcher, body, kind, code):
    answer = api(dispatcher).generic("POST", "/api/orders/", body, content_type=kind)
    assert answer.status_code == code
    assert set(answer.json()) >= {"error", "code", "request_id"}


def test_wrong_verbs(api, dispatcher):
    for answer in (api(dispatcher).get("/api/orders/generate-fake/"), api(dispatcher).delete("/api/orders/")):
        assert answer.status_code == 405
        assert answer["Allow"]
