"""Asking for help over REST: the documented answer, prices, who is told, what is refused."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assistance.models import Assistance, Offer, Tariff

pytestmark = pytest.mark.django_db
DOCUMENTED = {"pickup": {"lat": 36.7525, "lng": 3.0420}, "dropoff": {"lat": 36.7000, "lng": 3.1000}}
URL = "/api/assistance/request/"


def test_the_documented_body_gets_the_documented_answer(
    api: Any, client_user: Any, assistant_user: Any, duty: Any, frames: Any
) -> None:
    duty(assistant_user)
    with frames() as heard:
        answer = api(client_user).post(URL, DOCUMENTED)
    assert answer.status_code == 201
    body = answer.json()
    assistance = body["assistance"]
    job = Assistance.objects.get()
    assert assistance["id"] == job.pk
    assert assistance["status"] == "requested"
    assert assistance["client"] == {"id": client_user.pk, "name": "Amina Client", "phone_number": "+213555000001"}
    assert assistance["assistant"] is None
    assert assistance["pickupLocation"] == DOCUMENTED["pickup"]
    assert assistance["dropoffLocation"] == DOCUMENTED["dropoff"]
    assert assistance["distance_km"] == pytest.approx(7.794, abs=0.01)
    assert assistance["total_price"] == pytest.approx(1500 + 50 * assistance["distance_km"], abs=0.005)
    assert (assistance["currency"], assistance["price_is_final"]) == ("DZD", True)
    assert assistance["createdAt"].endswith("Z") and assistance["updatedAt"].endswith("Z")
    assert assistance["seq"] == 1
    assert body["nearby_assistants"] == [
        {"assistant_id": assistant_user.pk, "distance": pytest.approx(1.524, abs=0.001)}
    ]

    assert [group for group, _ in heard] == [f"assistant.{assistant_user.pk}", f"assistance.{job.pk}"]
    frame = heard[0][1]
    assert frame["type"] == "new_assistance_request"
    assert frame["assistance_id"] == job.pk
    assert frame["pickup_location"] == DOCUMENTED["pickup"]
    assert frame["client"] == {"id": client_user.pk, "name": "Amina Client"}
    assert frame["dropoff_location"] == DOCUMENTED["dropoff"]
    assert frame["distance"] == pytest.approx(1.504, abs=0.001)  # the assistant's own way, from the exact place
    assert frame["expires_at"] == assistance["expires_at"]


def test_nobody_near_is_fine(api: Any, client_user: Any) -> None:
    answer = api(client_user).post(URL, {"pickup": {"lat": 0, "lng": 0}})
    assert answer.status_code == 201
    body = answer.json()
    assert body["nearby_assistants"] == []
    assert body["assistance"]["pickupLocation"] == {"lat": 0.0, "lng": 0.0}
    assert body["assistance"]["dropoffLocation"] is None
    assert (body["assistance"]["distance_km"], body["assistance"]["total_price"]) == (0.0, 1500.0)


@pytest.mark.parametrize(
    ("sent", "price", "is_final"),
    [
        ({}, 1500.0, True),
        ({"assistance_type": "towing", "vehicle_type": "light"}, 1500.0, True),
        ({"assistance_type": "towing", "vehicle_type": "heavy"}, 3000.0, True),
        ({"vehicle_type": "heavy"}, 3000.0, True),
        ({"assistance_type": "repair", "description": "Batterie"}, 0.0, False),
        ({"assistance_type": None, "vehicle_type": "", "description": None, "dropoff": None}, 1500.0, True),
    ],
)
def test_the_tariff_in_force_prices_it(api: Any, client_user: Any, sent: Any, price: float, is_final: bool) -> None:
    body = api(client_user).post(URL, {"pickup": DOCUMENTED["pickup"], **sent}).json()["assistance"]
    assert (body["total_price"], body["price_is_final"]) == (price, is_final)
    assert body["description"] == (sent.get("description") or "")


def test_a_later_tariff_counts_from_its_instant_and_old_prices_stay(
    api: Any, client_user: Any, other_client: Any
) -> None:
    first = api(client_user).post(URL, {"pickup": DOCUMENTED["pickup"]}).json()["assistance"]
    Tariff.objects.create(
        assistance_type="towing", vehicle_class="light", base=10, per_km=1, minimum=500, currency="EUR"
    )
    Tariff.objects.create(
        assistance_type="towing", vehicle_class="light", base=9, per_km=9,
        valid_from=timezone.now() + timezone.timedelta(days=1),
    )  # fmt: skip
    second = api(other_client).post(URL, {"pickup": DOCUMENTED["pickup"]}).json()["assistance"]
    assert (second["total_price"], second["currency"]) == (500.0, "EUR")
    kept = api(client_user).get(f"/api/assistance/view/{first['id']}/").json()
    assert (kept["total_price"], kept["currency"]) == (1500.0, "DZD")
    assert Assistance.objects.get(pk=first["id"]).total_price == Decimal("1500.00")


def test_what_the_client_may_not_say_is_ignored(
    api: Any, client_user: Any, other_client: Any, assistant_user: Any
) -> None:
    body = api(client_user).post(
        URL,
        {
            **DOCUMENTED, "total_price": 1, "distance_km": 0, "status": "completed", "assistant": assistant_user.pk,
            "client": other_client.pk, "rating": 5, "id": 99, "price_is_final": False, "currency": "XXX",
        },
    ).json()["assistance"]  # fmt: skip
    assert body["status"] == "requested" and body["assistant"] is None and body["rating"] is None
    assert body["client"]["id"] == client_user.pk
    assert body["total_price"] > 1500 and body["price_is_final"] and body["currency"] == "DZD"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "pickup"),
        ({"pickup": None}, "pickup"),
        ({"pickup": []}, "pickup.non_field_errors"),
        ({"pickup": {"lat": 36.7}}, "pickup.lng"),
        ({"pickup": {"lat": 90.1, "lng": 0}}, "pickup.lat"),
        ({"pickup": {"lat": 0, "lng": -180.1}}, "pickup.lng"),
        ({"pickup": {"lat": True, "lng": 0}}, "pickup.lat"),
        ({"pickup": {"lat": "north", "lng": 0}}, "pickup.lat"),
        ({"pickup": {"lat": "nan", "lng": 0}}, "pickup.lat"),
        ({"pickup": {"lat": 0, "lng": 0}, "dropoff": {"lat": 0}}, "dropoff.lng"),
        ({"pickup": {"lat": 0, "lng": 0}, "assistance_type": "flying"}, "assistance_type"),
        ({"pickup": {"lat": 0, "lng": 0}, "assistance_type": ["towing"]}, "assistance_type"),
        ({"pickup": {"lat": 0, "lng": 0}, "vehicle_type": "car"}, "vehicle_type"),
        ({"pickup": {"lat": 0, "lng": 0}, "description": "x" * 1001}, "description"),
        ({"pickup": {"lat": 0, "lng": 0}, "description": "a\0b"}, "description"),
    ],
)
def test_bad_bodies_are_named_and_change_nothing(api: Any, client_user: Any, sent: Any, field: str) -> None:
    answer = api(client_user).post(URL, sent)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_data"
    assert list(answer.json()["fields"]) == [field]
    assert not Assistance.objects.exists()


def test_numbers_as_strings_are_fine(api: Any, client_user: Any) -> None:
    answer = api(client_user).post(URL, {"pickup": {"lat": "36.75", "lng": "3.04"}})
    assert answer.status_code == 201


@pytest.mark.parametrize("who", ["assistant_user", "dispatcher", "staff_user"])
def test_only_clients_ask(api: Any, who: str, request: Any) -> None:
    answer = api(request.getfixturevalue(who)).post(URL, DOCUMENTED)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_without_credentials(api: Any) -> None:
    answer = api().post(URL, DOCUMENTED)
    assert (answer.status_code, answer.json()["error"]) == (401, "Authentication required")


def test_a_second_open_request_is_refused_and_names_the_first(api: Any, client_user: Any) -> None:
    first = api(client_user).post(URL, DOCUMENTED).json()["assistance"]["id"]
    answer = api(client_user).post(URL, DOCUMENTED)
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["assistance_id"]) == ("request_already_open", first)
    assert Assistance.objects.count() == 1
    api(client_user).patch(f"/api/assistance/update/{first}/", {"status": "canceled"})
    assert api(client_user).post(URL, DOCUMENTED).status_code == 201


def test_sockets_are_notified_each_time(api: Any, client_user: Any, assistant_user: Any, duty: Any, frames: Any) -> None:
    duty(assistant_user)
    told = []
    for _ in range(11):
        with frames() as heard:
            made = api(client_user).post(URL, DOCUMENTED).json()["assistance"]["id"]
            api(client_user).patch(f"/api/assistance/update/{made}/", {"status": "canceled"})
        told.append([frame["type"] for _, frame in heard])
    assert told == [["new_assistance_request", "status", "request_closed", "status"]] * 11


def test_the_first_wave_asks_the_nearest_ten_and_the_answer_names_everyone(
    api: Any, client_user: Any, make_assistant: Any
) -> None:
    made = [make_assistant(number, lat=36.753 + number / 1000).pk for number in range(14)]
    body = api(client_user).post(URL, DOCUMENTED).json()
    assert [one["assistant_id"] for one in body["nearby_assistants"]] == made
    assert sorted(Offer.objects.values_list("assistant_id", flat=True)) == made[:10]


@pytest.mark.parametrize("assistants", [1, 12])
def test_a_whole_request_takes_nine_queries(api: Any, client_user: Any, make_assistant: Any, assistants: int) -> None:
    for number in range(assistants):
        make_assistant(number)
    client = api(client_user)
    with CaptureQueriesContext(connection) as queries:
        assert client.post(URL, DOCUMENTED).status_code == 201
    asked = [
        query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))
    ]
    # who asks, their account, the tariff, the request, who is near, the offers, what the phones show, the next wave, the end
    assert len(asked) == 9
