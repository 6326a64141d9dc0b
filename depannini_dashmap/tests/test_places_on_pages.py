"""Places on the console's pages: the address field, stops to locate, and a vehicle's day."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from depannini_dashmap.lib.roads import map_matching, osrm, routing
from depannini_dashmap.lib.roads.map_matching import pieces
from fleet.services import create_vehicle
from orders.models import Order, Stop
from telematics.services.positions import record_positions
from testing.roads import LIECHTENSTEIN, MONACO

pytestmark = pytest.mark.django_db
VADUZ, NEAR_BY, SCHAAN = (47.1393, 9.5228), (47.1403, 9.5228), (47.1650, 9.5100)


@pytest.fixture(autouse=True)
def _nothing_rests():
    osrm.forget()
    yield
    osrm.forget()


@pytest.fixture
def order_of() -> Any:
    def make(company, **fields):
        stop = Stop.objects.create(company=company, name=fields.pop("name", "Shop"), address=fields.pop("address", "Rue Grimaldi"), **fields)
        number = f"ORD-2024-{stop.pk:04d}"
        return Order.objects.create(company=company, order_number=number, customer_name="Amel", goods_description="x", delivery_stop=stop)

    return make


@pytest.fixture
def vehicle(dispatcher, company_a):
    return create_vehicle(actor=dispatcher, company=company_a, license_plate="1-1-1", make="x", model="y", year=2020, capacity="1.5")


def _drive(dispatcher, vehicle, points, *, gap_after=None):
    at = timezone.now() - timedelta(minutes=30)
    rows = []
    for number, (lat, lng) in enumerate(points):
        if number == gap_after:
            at += timedelta(minutes=10)
        rows.append({"vehicle_id": vehicle.pk, "latitude": lat, "longitude": lng, "speed": 40, "heading": 0, "timestamp": (at + timedelta(seconds=15 * number)).isoformat()})
    assert record_positions(actor=dispatcher, rows=rows).errors == []


def test_the_address_field_knows_where_to_ask(client, dispatcher):
    client.force_login(dispatcher)
    page = client.get(reverse("admin:orders_order_add")).content.decode()
    for written in ('data-latitude="id_pickup_latitude"', 'data-search-url="/admin/places/"', "console/places.js", 'type="module"', "data-basemap-url"):
        assert written in page


def test_the_console_searches_as_the_api_does_and_shows_no_stops_of_others(client, dispatcher, company_b, order_of, use_places):
    use_places(MONACO)
    order_of(company_b, name="Grimaldi secret", latitude="43.7", longitude="7.4")
    client.force_login(dispatcher)
    found = client.get("/admin/places/?q=rue+grimaldi").json()["results"]
    assert (found[0]["name"], {row["source"] for row in found}) == ("Rue Grimaldi", {"map"})
    assert client.get("/admin/places/").status_code == 400
    assert client.get("/admin/places/at/?lat=43.735&lng=7.42").json() == {"name": "Rue Louis Notari, La Condamine, Monaco"}


def test_strangers_search_nothing(client):
    assert client.get("/admin/places/?q=rue").status_code == 302


def test_a_stop_is_put_on_the_map_by_one_click_and_never_by_itself(client, dispatcher, company_a, order_of, use_places):
    use_places(MONACO)
    order = order_of(company_a)
    client.force_login(dispatcher)
    page = client.get(reverse("admin:dispatch_locate")).content.decode()
    assert order.order_number in page
    assert "Rue Grimaldi" in page
    order.delivery_stop.refresh_from_db()
    assert order.delivery_stop.latitude is None
    answer = client.post(reverse("admin:dispatch_locate"), {"order": order.pk, "end": "delivery", "lat": "43.735", "lng": "7.418"})
    assert answer.status_code == 302
    order.delivery_stop.refresh_from_db()
    assert (str(order.delivery_stop.latitude), str(order.delivery_stop.longitude)) == ("43.735000", "7.418000")
    assert client.get(reverse("admin:dispatch_locate")).context["rows"] == []


@pytest.mark.parametrize(
    "fields",
    [{}, {"order": "x"}, {"order": "1", "end": "x", "lat": "1", "lng": "1"}, {"end": "delivery", "lat": "91", "lng": "1"}, {"end": "delivery", "lat": "nan", "lng": "1"}],
)
def test_what_cannot_be_read_changes_nothing(client, dispatcher, company_a, order_of, fields):
    order = order_of(company_a)
    client.force_login(dispatcher)
    assert client.post(reverse("admin:dispatch_locate"), {"order": order.pk, **fields}).status_code == 302
    order.delivery_stop.refresh_from_db()
    assert order.delivery_stop.latitude is None


def test_nobody_locates_stops_of_others_and_viewers_only_look(client, dispatcher_b, viewer, company_a, order_of):
    order = order_of(company_a)
    place = {"order": order.pk, "end": "delivery", "lat": "1", "lng": "1"}
    client.force_login(dispatcher_b)
    client.post(reverse("admin:dispatch_locate"), place)
    client.force_login(viewer)
    assert client.post(reverse("admin:dispatch_locate"), place).status_code == 403
    order.delivery_stop.refresh_from_db()
    assert order.delivery_stop.latitude is None


def test_a_day_is_drawn_on_roads_with_its_gap_open(client, dispatcher, vehicle, use_roads):
    use_roads(LIECHTENSTEIN)
    way = routing.route([VADUZ, SCHAAN]).line
    _drive(dispatcher, vehicle, way[:: len(way) // 40], gap_after=10)
    client.force_login(dispatcher)
    page = client.get(reverse("admin:vehicle_day", args=[vehicle.pk])).content.decode()
    assert "data-track-url" in page
    track = client.get(reverse("admin:vehicle_day_track", args=[vehicle.pk])).json()
    assert track["geometry"]["type"] == "MultiLineString"
    assert len(track["geometry"]["coordinates"]) >= 2
    assert track["properties"]["matched"] is True
    assert len(track["properties"]["fixes"]) == len(track["properties"]["timestamps"])


def test_a_day_without_roads_or_positions(client, dispatcher, vehicle):
    client.force_login(dispatcher)
    path = reverse("admin:vehicle_day_track", args=[vehicle.pk])
    assert client.get(path).json()["geometry"] is None
    _drive(dispatcher, vehicle, [VADUZ, NEAR_BY])
    track = client.get(path).json()
    assert track["properties"]["matched"] is False
    assert track["geometry"]["coordinates"] == [[[VADUZ[1], VADUZ[0]], [NEAR_BY[1], NEAR_BY[0]]]]


@pytest.mark.parametrize("date", ["", "x", "2026-13-40", "1800-01-01", "9999-01-01"])
def test_any_date_shows_a_day(client, dispatcher, vehicle, date):
    client.force_login(dispatcher)
    assert client.get(reverse("admin:vehicle_day", args=[vehicle.pk]), {"date": date}).status_code == 200


def test_nobody_replays_vehicles_of_others(client, dispatcher_b, vehicle):
    client.force_login(dispatcher_b)
    for name in ("vehicle_day", "vehicle_day_track"):
        assert client.get(reverse(f"admin:{name}", args=[vehicle.pk])).status_code == 404


def test_the_api_puts_a_track_on_roads_when_asked(api, dispatcher, vehicle, use_roads):
    use_roads(LIECHTENSTEIN)
    _drive(dispatcher, vehicle, [VADUZ, NEAR_BY])
    plain = api(dispatcher).get(f"/api/positions/track/?vehicle={vehicle.pk}").json()["features"][0]
    assert plain["geometry"]["type"] == "LineString"
    assert "matched" not in plain["properties"]
    assert "matched" in api(dispatcher).get(f"/api/positions/track/?vehicle={vehicle.pk}&matched=true").json()["features"][0]["properties"]
    assert api(dispatcher).get(f"/api/positions/track/?vehicle={vehicle.pk}&matched=perhaps").status_code == 400


def test_a_drive_is_cut_where_nobody_knows_and_where_a_question_would_be_long():
    now = timezone.now()
    fixes = [(now + timedelta(seconds=15 * number + (600 if number > 5 else 0)), 47.1, 9.5) for number in range(220)]
    found = pieces(fixes, matched=False)
    assert [len(piece.line) for piece in found] == [6, 100, 100, 16]
    assert pieces([], matched=False) == []
    assert map_matching.pieces(fixes[:1], matched=True) == [map_matching.Piece([(47.1, 9.5)], is_matched=False)]
