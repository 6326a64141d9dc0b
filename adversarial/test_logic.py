"""F. Logic."""

from datetime import date, timedelta

import pytest

from testing.concurrency import at_once
from testing.samples import ask_for_help, fleet_of, order_body

STATES = ("requested", "accepted", "ongoing", "completed", "canceled")
TARGETS = ("accepted", "ongoing", "completed", "canceled")
# state -> actor -> the answer to each target in turn; the assistant is the job's own, and before it has one a stranger.
ORACLE = {
    "requested": {"client": (403, 403, 403, 200), "assistant": (404,) * 4, "staff": (403, 409, 409, 200)},
    "accepted": {"client": (403, 403, 403, 200), "assistant": (200, 200, 200, 200), "staff": (403, 200, 200, 200)},
    "ongoing": {"client": (403, 403, 403, 200), "assistant": (409, 200, 200, 200), "staff": (403, 200, 200, 200)},
    "completed": {"client": (409,) * 4, "assistant": (409,) * 4, "staff": (409,) * 4},
    "canceled": {"client": (409,) * 4, "assistant": (409,) * 4, "staff": (409,) * 4},
}


@pytest.fixture(scope="module")
def staff(users):
    """An operator."""
    return users.staff()


@pytest.fixture(scope="module")
def stranger(users):
    """An assistant on duty who has no part in it, though it may be offered to them."""
    return users.assistant()


def _bring_to(state, client, assistant):
    number = ask_for_help(client)
    if state != "requested":
        assert assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
    if state in ("ongoing", "completed"):
        assert assistant.patch(f"/api/assistance/update/{number}/", {"status": state}).status_code == 200
    if state == "canceled":
        assert client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"}).status_code == 200
    return number


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("who", ["client", "assistant", "stranger", "staff"])
def test_f01_every_pair_of_states_is_allowed_or_refused_as_the_contract_says(environment, users, staff, stranger, state, who):
    client, assistant = users.client(), users.assistant()
    actor = {"client": client, "assistant": assistant, "stranger": stranger, "staff": staff}[who]

    def row(number):
        return environment.rows("SELECT status, version FROM assistance_assistance WHERE id = %s", [number])

    for target, expected in zip(TARGETS, ORACLE[state].get(who, (404,) * 4), strict=True):
        number = _bring_to(state, client, assistant)
        before = row(number)
        assert before[0][0] == state
        answer = actor.patch(f"/api/assistance/update/{number}/", {"status": target})
        assert answer.status_code == expected, (target, answer.text)
        if expected == 200 and target != state:
            assert row(number) == [(target, before[0][1] + 1)]
        else:
            assert row(number) == before
        if state in ("completed", "canceled") and expected == 409:
            assert answer.json()["current_status"] == state and state in answer.json()["error"]
        if row(number)[0][0] not in ("completed", "canceled"):  # room for the next one
            assert client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"}).status_code == 200


def test_f01_accepting_again_changes_nothing(environment, users):
    client, assistant, other = users.client(), users.assistant(), users.assistant()
    number = ask_for_help(client)
    assert assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
    version = environment.rows("SELECT version FROM assistance_assistance WHERE id = %s", [number])
    assert assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
    assert other.patch(f"/api/assistance/accept/{number}/").status_code == 409
    assert environment.rows("SELECT version FROM assistance_assistance WHERE id = %s", [number]) == version


def test_f01_a_repeated_change_sends_no_event(environment, users):
    client, assistant = users.client(), users.assistant()
    number = ask_for_help(client)
    assert assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
    assert assistant.patch(f"/api/assistance/update/{number}/", {"status": "ongoing"}).status_code == 200
    url = f"/ws/assistance/{number}/"
    with client.socket(url) as mine, assistant.socket(url, server=1) as his:
        mine.receive("status", status="ongoing")
        his.receive()
        shown = len(mine.received)
        for server in (0, 1):
            assert assistant.patch(f"/api/assistance/accept/{number}/", server=server).status_code == 200
            assert assistant.patch(f"/api/assistance/update/{number}/", {"status": "ongoing"}, server=server).status_code == 200
        his.send({"type": "chat", "message": "Still on it"})  # is received after all earlier frames
        seq = mine.receive("chat", message="Still on it")["seq"]
        assert {event["type"] for event in mine.received[shown:]} <= {"chat", "location"}
        assert seq == mine.received[0]["seq"]


def test_f02_clients_do_not_set_prices(environment, users):
    client, assistant = users.client(), users.assistant()
    sent = {"total_price": 1, "distance_km": 0, "status": "completed", "assistant": assistant.id, "client": assistant.id}
    answer = client.post("/api/assistance/request/", {"pickup": {"lat": 0, "lng": 0}, "dropoff": {"lat": 0.1, "lng": 0}, **sent})
    assert answer.status_code == 201
    got = answer.json()["assistance"]
    assert got["status"] == "requested" and got["assistant"] is None and got["client"]["id"] == client.id
    assert got["distance_km"] == pytest.approx(11.12, abs=0.02) and got["total_price"] > 1


def _priced(environment, number):
    return environment.rows("SELECT status, total_price, price_is_final, price_consent FROM assistance_assistance WHERE id = %s", [number])[0]


def test_f02_nobody_changes_a_price_of_a_tariff(environment, users, staff):
    client, assistant = users.client(), users.assistant()
    for fields in ({"assistance_type": "towing"}, {}):  # without a type a tow truck takes it as a tow
        number = ask_for_help(client, **fields)
        price = float(_priced(environment, number)[1])
        assert price > 0 and assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
        for path in (f"update/price/{number}", f"update/price/{number}/"):
            for body in ({"price": price + 1}, {"total_price": 0}, {"price": price, "total_price": price - 1}, {"price": 1, "reason": "staff"}):
                answer = assistant.patch(f"/api/assistance/{path}", body)
                assert answer.status_code == 409 and answer.json()["code"] == "price_fixed", (body, answer.text)
        assert assistant.patch(f"/api/assistance/update/price/{number}/", {"price": price}).status_code == 200
        assert assistant.patch(f"/api/assistance/update/{number}/", {"status": "ongoing", "total_price": 7}).json()["total_price"] == price
        assert client.patch(f"/api/assistance/update/price/{number}/", {"price": 1}).status_code == 403
        answer = assistant.patch(f"/api/assistance/update/end/{number}/", {"total_price": 10**9})
        assert answer.status_code == 200 and (answer.json()["status"], answer.json()["total_price"]) == ("completed", price)
        assert client.post(f"/api/assistance/price/{number}/", {"accept": True}).status_code == 409


def test_f02_consent_to_a_repairs_price_blocks_nothing(environment, users, staff):
    client, repairer = users.client(), users.assistant(service_type="repair")
    number = ask_for_help(client)
    got = repairer.patch(f"/api/assistance/accept/{number}/").json()
    assert (got["assistance_type"], got["total_price"], got["price_is_final"]) == ("repair", 0, False), "a repair from then on"
    price, consent = f"/api/assistance/update/price/{number}/", f"/api/assistance/price/{number}/"
    for amount in (-1, 1_000_000.01, 1e300, "1_000", "0x10", True, "NaN", [], None):
        assert repairer.patch(price, {"price": amount}).status_code == 400, amount
    for actor, expected in ((client, 409), (repairer, 403), (staff, 403), (users.client(), 404)):
        assert actor.post(consent, {"accept": True}).status_code == expected
    assert repairer.patch(price, {"price": 800}).json()["price_consent"] == "pending"
    assert client.post(consent, {"accept": True, "total_price": 800}).json()["price_consent"] == "accepted"
    assert repairer.patch(price, {"price": 8000}).json()["price_consent"] == "pending", "what was accepted was another price"
    assert client.post(consent, {"accept": True, "total_price": 800}).status_code == 409
    assert client.post(consent, {"accept": False}).json()["price_consent"] == "refused"
    assert repairer.patch(f"/api/assistance/update/end/{number}/", {}).json()["status"] == "completed"
    assert staff.patch(price, {"price": 800}).status_code == 400, "a reason is needed"
    assert staff.patch(price, {"price": 800, "reason": "a complaint"}).json()["price_consent"] == "pending"
    assert repairer.patch(price, {"price": 8000}).status_code == 409
    assert environment.rows("SELECT detail->>'before', detail->>'after', detail->>'reason' FROM depannini_dashmap_auditevent WHERE event = 'price_adjusted' AND target_id = %s", [str(number)]) == [("8000.00", "800.00", "a complaint")]


def test_f02_consent_is_for_the_price_that_was_shown(environment, users):
    client, repairer = users.client(), users.assistant(service_type="repair")
    for _ in range(6):
        number = ask_for_help(client, assistance_type="repair")
        repairer.patch(f"/api/assistance/accept/{number}/")
        repairer.patch(f"/api/assistance/update/price/{number}/", {"price": 500})
        at_once(
            [
                lambda: client.post(f"/api/assistance/price/{number}/", {"accept": True, "total_price": 500}),
                lambda: repairer.patch(f"/api/assistance/update/price/{number}/", {"price": 5000}),
            ]
        )
        assert _priced(environment, number)[1:] == (5000, True, "pending"), "a price that nobody saw is never accepted"
        assert repairer.patch(f"/api/assistance/update/end/{number}/", {}).status_code == 200


def test_f02_dropoffs_that_are_half_or_too_far_are_refused(users):
    client = users.client()
    for dropoff in ({"lat": 1}, {"lat": 1, "lng": None}, [], "x", {"lat": 59, "lng": 3}, {"lat": -36, "lng": -176}):
        answer = client.post("/api/assistance/request/", {"pickup": {"lat": 36, "lng": 3}, "dropoff": dropoff})
        assert answer.status_code == 400 and all(name.startswith("dropoff") for name in answer.json()["fields"]), dropoff
    for dropoff in ({}, None, {"lat": None, "lng": None}):
        answer = client.post("/api/assistance/request/", {"pickup": {"lat": 36, "lng": 3}, "dropoff": dropoff})
        assert answer.status_code == 201 and answer.json()["assistance"]["dropoffLocation"] is None, answer.text
        client.patch(f"/api/assistance/update/{answer.json()['assistance']['id']}/", {"status": "canceled"})


def test_f02_a_repeated_message_is_stored_once(environment, users):
    client, assistant = users.client(), users.assistant()
    number = ask_for_help(client)
    assistant.patch(f"/api/assistance/accept/{number}/")
    path = f"/api/assistance/{number}/messages/"
    answers = at_once([lambda: client.post(path, {"message": "Here", "client_id": "m-1"}) for _ in range(8)])
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert client.post(path, {"message": "There", "client_id": "m-1"}).status_code == 409
    assert assistant.post(path, {"message": "Here", "client_id": "m-1"}).status_code == 201
    for stranger in (users.client(), users.assistant(), users.dispatcher()):
        assert stranger.post(path, {"message": "Hello", "client_id": "m-1"}).status_code == 404
    assert [row["sender_id"] for row in client.get(path).json()["results"]] == [assistant.id, client.id]
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.receive(), his.receive()
        for _ in range(3):  # a tunnel swallowed the answers
            mine.send({"type": "chat", "message": "Here", "client_id": "m-1"})
            assert mine.receive("chat")["id"] == answers[0].json()["id"]
        mine.send({"type": "chat", "message": "Still here", "client_id": "m-2"})
        assert his.receive("chat")["client_id"] == "m-2", "nobody else hears a repeat"


@pytest.fixture
def trip_of_three(users):
    """A trip with three orders, its dispatcher, and the stops in order."""
    dispatcher = users.dispatcher()
    ids = fleet_of(dispatcher)
    orders = [dispatcher.post("/api/orders/", order_body()).json()["id"] for _ in range(3)]
    for order in orders:
        assert dispatcher.post(f"/api/trips/{ids['trip']}/add-order/", {"order": order}).status_code == 201
    stops = [row["id"] for row in dispatcher.get(f"/api/trip-stops/?trip={ids['trip']}").json()["results"]]
    return dispatcher, ids, orders, stops


def _sequence(dispatcher, trip):
    return [row["id"] for row in sorted(dispatcher.get(f"/api/trip-stops/?trip={trip}").json()["results"], key=lambda row: row["sequence"])]


def test_f03_reorder_keeps_pickups_first(trip_of_three):
    dispatcher, ids, _, stops = trip_of_three
    path = f"/api/trips/{ids['trip']}/reorder-stops/"
    wanted = [stops[2], stops[0], stops[3], stops[1], stops[4], stops[5]]
    answer = dispatcher.post(path, {"orders": [{"id": stop, "sequence": place} for place, stop in enumerate(wanted, 1)]})
    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()["results"]] == wanted == _sequence(dispatcher, ids["trip"])
    backwards = [{"id": stop, "sequence": place} for place, stop in enumerate(reversed(wanted))]
    assert dispatcher.post(path, {"orders": backwards}).status_code == 400
    assert _sequence(dispatcher, ids["trip"]) == wanted


def test_f04_bad_reorders_change_nothing(trip_of_three):
    dispatcher, ids, _, stops = trip_of_three
    path = f"/api/trips/{ids['trip']}/reorder-stops/"
    bad = [
        [{"id": stops[0], "sequence": 1}, {"id": stops[0], "sequence": 2}],
        [{"id": stops[0], "sequence": 1}, {"id": stops[1], "sequence": 1}],
        [{"id": 10**9, "sequence": 1}],
        [{"id": "x", "sequence": 1}],
        [{"id": stops[0], "sequence": "x"}],
        [{"id": stops[0]}],
        [5],
        "x",
        None,
        {},
    ]
    for orders in bad:
        assert dispatcher.post(path, {"orders": orders}).status_code == 400, orders
        assert _sequence(dispatcher, ids["trip"]) == stops
    gapped = [{"id": stop, "sequence": place * 10 - 20} for place, stop in enumerate(stops)]
    assert dispatcher.post(path, {"sequences": gapped}).status_code == 200
    rows = dispatcher.get(f"/api/trip-stops/?trip={ids['trip']}").json()["results"]
    assert sorted(row["sequence"] for row in rows) == [1, 2, 3, 4, 5, 6]


def test_f05_stops_keep_whole_sequences_and_orders_keep_both_halves(trip_of_three):
    dispatcher, ids, _, stops = trip_of_three
    made = dispatcher.post("/api/trip-stops/", {"trip": ids["trip"], "stop": {"name": "Fuel", "address": "R5"}, "sequence": 2})
    assert made.status_code == 201
    assert _sequence(dispatcher, ids["trip"]) == [stops[0], made.json()["id"], *stops[1:]]
    assert dispatcher.delete(f"/api/trip-stops/{made.json()['id']}/").status_code == 204
    rows = dispatcher.get(f"/api/trip-stops/?trip={ids['trip']}").json()["results"]
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4, 5, 6]
    order = dispatcher.post("/api/orders/", order_body()).json()
    half = dispatcher.post("/api/trip-stops/", {"trip": ids["trip"], "stop": order["pickup_stop"]["id"]})
    assert half.status_code == 400
    assert half.json()["error"] == (
        f"Cannot add pickup stop for order {order['order_number']} without also including its delivery stop. "
        "Trips must contain complete order journeys (both pickup and delivery)."
    )
    assert dispatcher.delete(f"/api/trip-stops/{stops[0]}/").status_code == 204
    trip = dispatcher.get(f"/api/trips/{ids['trip']}/").json()
    assert len(trip["incomplete_orders"]) == 1
    assert dispatcher.put(f"/api/trips/{ids['trip']}/", {"status": "planned"}).status_code == 400


def test_f06_orders_follow_their_trip(trip_of_three):
    dispatcher, ids, orders, stops = trip_of_three
    assert dispatcher.delete(f"/api/orders/{orders[0]}/").status_code == 409
    def status(order):
        return dispatcher.get(f"/api/orders/{order}/").json()["status"]

    assert status(orders[0]) == "assigned"
    for step in ("planned", "in_progress"):
        assert dispatcher.put(f"/api/trips/{ids['trip']}/", {"status": step}).status_code == 200
    assert status(orders[0]) == "in_transit"
    for stop in stops[:2]:
        assert dispatcher.put(f"/api/trip-stops/{stop}/", {"is_completed": True}).status_code == 200
    assert status(orders[0]) == "delivered"
    assert dispatcher.put(f"/api/orders/{orders[0]}/", {"status": "pending"}).status_code == 409
    assert dispatcher.put(f"/api/orders/{orders[0]}/", {"special_instructions": "late"}).status_code == 200
    assert dispatcher.put(f"/api/trips/{ids['trip']}/", {"status": "cancelled"}).status_code == 200
    assert [status(order) for order in orders] == ["delivered", "pending", "pending"]
    assert dispatcher.put(f"/api/trips/{ids['trip']}/", {"status": "in_progress"}).status_code == 409


@pytest.mark.parametrize("days", [0, -1, -3650])
def test_f08_an_expired_licence_is_refused(anyone, days):
    expiry = date.today() + timedelta(days=days)
    body = {
        "phone_number": "+213669999999", "name": "K", "password": "correct-horse-battery", "user_type": "assistant",
        "service_type": "towing", "vehicle_type": "truck", "driving_license_cat": "c", "driving_license_num": "1",
        "driving_license_expiry": expiry.strftime("%d:%m:%y"), "vehicle_registration_num": 1, "current_lat": 1, "current_lng": 1,
    }  # fmt: skip
    answer = anyone.post("/api/auth/register/", body)
    assert answer.status_code == 400 and "driving_license_expiry" in answer.json()["fields"]


def test_f09_a_job_goes_on_off_duty_and_is_rated_once_after_its_end(users):
    client, assistant, other = users.client(), users.assistant(), users.client()
    number = ask_for_help(client)
    assistant.patch(f"/api/assistance/accept/{number}/")
    assert assistant.post("/api/profile/assistant-status/", {"is_active": False}).status_code == 200
    assert client.patch(f"/api/assistance/rate/{number}/", {"rating": 5}).status_code == 409
    assert assistant.patch(f"/api/assistance/update/{number}/", {"status": "ongoing"}).status_code == 200
    assert assistant.patch(f"/api/assistance/update/{number}/", {"status": "completed"}).status_code == 200
    for rating in (0, 6, "x", None, 4.5, True):
        assert client.patch(f"/api/assistance/rate/{number}/", {"rating": rating}).status_code == 400, rating
    assert assistant.patch(f"/api/assistance/rate/{number}/", {"rating": 5}).status_code == 403
    assert other.patch(f"/api/assistance/rate/{number}/", {"rating": 5}).status_code == 404
    assert client.patch(f"/api/assistance/rate/{number}/", {"rating": 5}).status_code == 200
    assert client.patch(f"/api/assistance/rate/{number}/", {"rating": 4}).status_code == 409


def test_f09_nobody_off_duty_is_offered_work(users):
    assistant, client = users.assistant(active=False, lat=-10.0, lng=-10.0), users.client()
    answer = client.post("/api/assistance/request/", {"pickup": {"lat": -10.0, "lng": -10.0}}).json()
    assert assistant.id not in [row["assistant_id"] for row in answer["nearby_assistants"]]
