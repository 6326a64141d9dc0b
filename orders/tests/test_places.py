"""`/api/places/`: suggestions for each user, own stops and customers first, and unreadable input."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Order, Stop
from testing.roads import MONACO

pytestmark = pytest.mark.django_db


@pytest.fixture
def stop_of():
    def make(company, name, **fields):
        fields = {"address": "1 Quai Antoine Ier", "latitude": "43.7345", "longitude": "7.4215", **fields}
        return Stop.objects.create(company=company, name=name, **fields)

    return make


def _names(answer):
    return [row["name"] for row in answer.json()["results"]]


def test_own_stops_come_first(api, dispatcher, company_a, stop_of, use_places):
    use_places(MONACO)
    stop_of(company_a, "Dépôt Grimaldi")
    answer = api(dispatcher).get("/api/places/", {"q": "grimaldi", "near": "43.73,7.42"})
    assert answer.status_code == 200
    first, second = answer.json()["results"][:2]
    assert first == {"source": "stop", "kind": "stop", "name": "Dépôt Grimaldi", "context": "1 Quai Antoine Ier", "address": "1 Quai Antoine Ier", "lat": 43.7345, "lng": 7.4215, "distance_km": 0.515}
    assert (second["source"], second["name"]) == ("map", "Rue Grimaldi")
    assert answer.json()["attribution"] == "© OpenStreetMap contributors"


def test_a_customer_is_found_by_name(api, dispatcher, company_a, stop_of):
    stop = stop_of(company_a, "Loading bay 3")
    Order.objects.create(company=company_a, order_number="ORD-2024-0001", customer_name="Épicerie El Bahdja", goods_description="x", delivery_stop=stop)
    row = api(dispatcher).get("/api/places/?q=epicerie bahdja").json()["results"][0]
    assert (row["name"], row["context"]) == ("Loading bay 3", "Épicerie El Bahdja, 1 Quai Antoine Ier")


def test_nobody_is_shown_stops_of_others(api, dispatcher, dispatcher_b, client_user, assistant_user, staff_user, company_b, stop_of):
    stop_of(company_b, "Secret warehouse")
    assert _names(api(dispatcher_b).get("/api/places/?q=secret")) == ["Secret warehouse"]
    assert _names(api(staff_user).get("/api/places/?q=secret")) == ["Secret warehouse"]
    for stranger in (dispatcher, client_user, assistant_user):
        assert _names(api(stranger).get("/api/places/?q=secret")) == []


def test_a_stop_that_was_used_often_is_suggested_once(api, dispatcher, company_a, stop_of):
    for _ in range(3):
        stop_of(company_a, "Port Hercule")
    stop_of(company_a, "Port Hercule", latitude="43.9", longitude="7.4")
    assert _names(api(dispatcher).get("/api/places/?q=hercule")) == ["Port Hercule", "Port Hercule"]


def test_stops_without_a_place_are_no_suggestion(api, dispatcher, company_a, stop_of):
    stop_of(company_a, "Nowhere", latitude=None, longitude=None)
    assert _names(api(dispatcher).get("/api/places/?q=nowhere")) == []


def test_one_query_however_many_stops(api, dispatcher, company_a, stop_of, use_places):
    use_places(MONACO)
    caller = api(dispatcher)
    counts = []
    for number in (1, 3):
        for _ in range(number):
            stop_of(company_a, f"Port {number}")
        with CaptureQueriesContext(connection) as queries:
            caller.get("/api/places/?q=port")
        counts.append([query["sql"] for query in queries if "orders_stop" in query["sql"]])
    assert [len(count) for count in counts] == [1, 1]


def test_numbers_give_one_place_and_what_is_near_it(api, client_user, use_places):
    use_places(MONACO)
    rows = api(client_user).get("/api/places/", {"q": "43.735, 7.42"}).json()["results"]
    assert rows == [
        {"source": "coordinates", "kind": "pin", "name": "43.735000, 7.420000", "context": "Rue Louis Notari, La Condamine", "address": "Rue Louis Notari, La Condamine", "lat": 43.735, "lng": 7.42, "distance_km": None}
    ]


def test_a_short_code_is_completed_by_its_town_or_by_the_reader(api, client_user, use_places):
    use_places(MONACO)
    caller = api(client_user)
    by_town = caller.get("/api/places/", {"q": "PCPC+X2 Monaco"}).json()["results"][0]
    by_reader = caller.get("/api/places/", {"q": "PCPC+X2", "near": "43.73,7.42"}).json()["results"][0]
    assert (by_town["lat"], by_town["lng"]) == (by_reader["lat"], by_reader["lng"])
    assert by_town["source"] == "plus_code"


def test_a_shortened_link_is_explained(api, client_user):
    body = api(client_user).get("/api/places/", {"q": "https://maps.app.goo.gl/abc"}).json()
    assert body["results"] == []
    assert body["notice"].startswith("A shortened link hides its place")


def test_without_data_there_is_nothing_to_attribute(api, client_user):
    body = api(client_user).get("/api/places/?q=rue grimaldi").json()
    assert body == {"results": [], "next": None, "previous": None, "attribution": None, "notice": None}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"), ({"q": ""}, "q"), ({"q": "x" * 9000}, "q"), ({"q": "rue\x00"}, "q"), ({"q": "rue", "near": "1"}, "near"),
        ({"q": "rue", "near": "91,3"}, "near"), ({"q": "rue", "near": "nan,3"}, "near"), ({"q": "rue", "near": "1,2,3"}, "near"),
        ({"q": "rue", "lang": "de"}, "lang"),
    ],
)  # fmt: skip
def test_a_search_that_cannot_be_read(api, client_user, query, field):
    answer = api(client_user).get("/api/places/", query)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


@pytest.mark.parametrize("query", ["", "lat=1", "lat=91&lng=0", "lat=1&lng=181", "lat=x&lng=1", "lat=NaN&lng=1", "lat=1&lng=1&lang=xx"])
def test_a_point_that_cannot_be_read(api, client_user, query):
    assert api(client_user).get(f"/api/places/at/?{query}").status_code == 400


def test_what_is_at_a_point(api, client_user, use_places):
    use_places(MONACO)
    body = api(client_user).get("/api/places/at/?lat=43.735&lng=7.42").json()
    assert body["name"] == "Rue Louis Notari, La Condamine, Monaco"
    assert body["street"]["distance_m"] == 38
    assert body["place"]["name"] == "La Condamine"
    nowhere = api(client_user).get("/api/places/at/?lat=0&lng=0").json()
    assert (nowhere["name"], nowhere["street"], nowhere["place"]) == ("", None, None)


def test_strangers_are_asked_for_credentials(api):
    assert api().get("/api/places/?q=rue").status_code == 401
    assert api().get("/api/places/at/?lat=1&lng=1").status_code == 401
