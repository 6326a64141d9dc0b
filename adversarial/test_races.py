"""E. Races: sixteen contenders against two processes, exactly one winner in every round.

`ROUNDS` (environment) sets how often accept, add-order, order numbers and codes are raced, and every other kind up to
twenty times; 200 is the drill, the default keeps the suite quick.
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg2
import pytest

from testing.concurrency import at_once
from testing.samples import ALGIERS, ask_for_help, fleet_of, invite, new_trip, order_body
from testing.users import assert_envelope
from testing.waiting import wait_until

MANY = int(os.environ.get("ROUNDS", "5"))
ROUNDS = min(MANY, 20)
CONTENDERS = 16


def rounds(most):
    """Print the number of each round, so that a failure names it."""
    for number in range(most):
        print(f"round {number + 1}")
        yield number


def _invariants(environment):
    """No state that no legal history leads to."""
    assert environment.rows("SELECT client_id FROM assistance_assistance WHERE status IN ('requested','accepted','ongoing') GROUP BY 1 HAVING count(*) > 1") == []
    assert environment.rows("SELECT assistant_id FROM assistance_assistance WHERE status IN ('accepted','ongoing') GROUP BY 1 HAVING count(*) > 1") == []
    assert environment.rows("SELECT trip_id FROM trips_tripstop GROUP BY trip_id HAVING count(*) <> max(sequence) OR min(sequence) <> 1 OR count(DISTINCT sequence) <> count(*)") == []


def _pairs_are_whole(environment, trip):
    rows = environment.rows(
        "SELECT o.id, ps.sequence, ds.sequence FROM orders_order o "
        "LEFT JOIN trips_tripstop ps ON ps.stop_id = o.pickup_stop_id AND ps.trip_id = %s "
        "LEFT JOIN trips_tripstop ds ON ds.stop_id = o.delivery_stop_id AND ds.trip_id = %s "
        "WHERE ps.id IS NOT NULL OR ds.id IS NOT NULL",
        [trip, trip],
    )
    for order, pickup, delivery in rows:
        assert pickup is not None and delivery is not None, f"half of order {order}"
        assert pickup < delivery, f"order {order} is delivered before it is picked up"


@pytest.fixture(scope="module")
def assistants(users):
    """Sixteen on duty in one place."""
    return [users.assistant() for _ in range(CONTENDERS)]


def test_e01_one_of_sixteen_assistants_gets_a_request(environment, users, assistants):
    client = users.client()
    for _ in rounds(MANY):
        number = ask_for_help(client)
        answers = at_once([lambda a=a: a.patch(f"/api/assistance/accept/{number}/") for a in assistants])
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: CONTENDERS - 1}
        _invariants(environment)
        winner = next(a for a, answer in zip(assistants, answers, strict=True) if answer.status_code == 200)
        assert client.get(f"/api/assistance/view/{number}/").json()["assistant"]["id"] == winner.id
        assert winner.patch(f"/api/assistance/update/{number}/", {"status": "completed"}).status_code == 200


def test_e02_an_assistant_gets_one_of_sixteen_requests(environment, users):
    assistant, clients = users.assistant(), [users.client() for _ in range(CONTENDERS)]
    for _ in rounds(MANY):
        numbers = [ask_for_help(client) for client in clients]
        answers = at_once([lambda n=n: assistant.patch(f"/api/assistance/accept/{n}/").status_code for n in numbers])
        assert Counter(answers) == {200: 1, 409: CONTENDERS - 1}
        _invariants(environment)
        for client, number in zip(clients, numbers, strict=True):
            client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"})


def test_e03_a_client_opens_one_of_sixteen_requests(environment, users):
    client = users.client()
    for _ in rounds(ROUNDS):
        answers = at_once([lambda: client.post("/api/assistance/request/", {"pickup": ALGIERS})] * CONTENDERS)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: CONTENDERS - 1}
        number = next(answer.json()["assistance"]["id"] for answer in answers if answer.status_code == 201)
        assert {answer.json()["assistance_id"] for answer in answers if answer.status_code == 409} == {number}
        _invariants(environment)
        client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"})


def test_e04_either_cancel_or_accept_wins(environment, users):
    client, assistant = users.client(), users.assistant()
    for _ in rounds(ROUNDS):
        number = ask_for_help(client)
        canceled, accepted = at_once(
            [
                lambda: client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"}).status_code,
                lambda: assistant.patch(f"/api/assistance/accept/{number}/").status_code,
            ]
        )
        assert canceled == 200 and accepted in (200, 404, 409)
        status, holder = environment.rows("SELECT status, accepted_at FROM assistance_assistance WHERE id = %s", [number])[0]
        assert status == "canceled"
        assert (holder is not None) == (accepted == 200)


def test_e05_either_complete_or_cancel_wins(environment, users):
    client, assistant = users.client(), users.assistant()
    for _ in rounds(ROUNDS):
        number = ask_for_help(client)
        assistant.patch(f"/api/assistance/accept/{number}/")
        answers = at_once(
            [
                lambda: client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"}).status_code,
                lambda: assistant.patch(f"/api/assistance/update/{number}/", {"status": "completed"}).status_code,
            ]
        )
        assert sorted(answers) == [200, 409]
        _invariants(environment)


@pytest.fixture
def fleet(users):
    """A dispatcher with a vehicle."""
    dispatcher = users.dispatcher()
    return dispatcher, fleet_of(dispatcher)


def _order(dispatcher):
    return dispatcher.post("/api/orders/", order_body()).json()["id"]


def test_e07_an_order_goes_into_one_of_sixteen_trips(environment, fleet):
    dispatcher, ids = fleet
    trips = [new_trip(dispatcher, ids["vehicle"]) for _ in range(CONTENDERS)]
    for _ in rounds(MANY):
        order = _order(dispatcher)
        answers = at_once([lambda t=t: dispatcher.post(f"/api/trips/{t}/add-order/", {"order": order}).status_code for t in trips])
        assert Counter(answers) == {201: 1, 409: CONTENDERS - 1}
        assert environment.rows("SELECT count(*) FROM trips_tripstop s JOIN orders_order o ON s.stop_id IN (o.pickup_stop_id, o.delivery_stop_id) WHERE o.id = %s", [order]) == [(2,)]
        _invariants(environment)


def test_e08_sixteen_orders_go_into_one_trip(environment, fleet):
    dispatcher, ids = fleet
    for _ in rounds(MANY):
        trip, orders = new_trip(dispatcher, ids["vehicle"]), [_order(dispatcher) for _ in range(CONTENDERS)]
        answers = at_once([lambda o=o: dispatcher.post(f"/api/trips/{trip}/add-order/", {"order": o, "sequence": 1}).status_code for o in orders])
        assert answers == [201] * CONTENDERS
        assert environment.rows("SELECT array_agg(sequence ORDER BY sequence) FROM trips_tripstop WHERE trip_id = %s", [trip]) == [(list(range(1, 2 * CONTENDERS + 1)),)]
        _pairs_are_whole(environment, trip)


def test_e09_reordering_deleting_and_adding_keep_a_trip_whole(environment, fleet):
    dispatcher, ids = fleet
    for _ in rounds(ROUNDS):
        trip = new_trip(dispatcher, ids["vehicle"])
        for _ in range(3):
            dispatcher.post(f"/api/trips/{trip}/add-order/", {"order": _order(dispatcher)})
        loose = dispatcher.post("/api/trip-stops/", {"trip": trip, "stop": {"name": "Fuel", "address": "Route 5"}}).json()["id"]
        stops = [row["id"] for row in dispatcher.get(f"/api/trip-stops/?trip={trip}").json()["results"]]
        moved = [stops[2], stops[3], stops[0], stops[1]]
        late = _order(dispatcher)
        answers = at_once(
            [
                lambda: dispatcher.post(f"/api/trips/{trip}/reorder-stops/", {"orders": [{"id": stop, "sequence": place} for place, stop in enumerate(moved)]}).status_code,
                lambda: dispatcher.delete(f"/api/trip-stops/{loose}/").status_code,
                lambda: dispatcher.post(f"/api/trips/{trip}/add-order/", {"order": late, "sequence": 2}).status_code,
            ]
        )
        assert answers[0] == 200 and answers[1] == 204 and answers[2] == 201
        _invariants(environment)
        _pairs_are_whole(environment, trip)


def test_e10_an_order_is_either_deleted_or_added(environment, fleet):
    dispatcher, ids = fleet
    trip = new_trip(dispatcher, ids["vehicle"])
    for _ in rounds(ROUNDS):
        order = _order(dispatcher)
        deleted, added = at_once(
            [
                lambda: dispatcher.delete(f"/api/orders/{order}/").status_code,
                lambda: dispatcher.post(f"/api/trips/{trip}/add-order/", {"order": order}).status_code,
            ]
        )
        assert (deleted, added) in {(204, 400), (409, 201)}
        _invariants(environment)
        _pairs_are_whole(environment, trip)


def test_e11_one_of_two_trips_of_a_vehicle_starts(environment, fleet):
    dispatcher, ids = fleet
    for _ in rounds(ROUNDS):
        trips = [new_trip(dispatcher, ids["vehicle"]) for _ in range(2)]
        answers = at_once([lambda t=t: dispatcher.put(f"/api/trips/{t}/", {"status": "in_progress"}).status_code for t in trips])
        assert sorted(answers) == [200, 409]
        winner = trips[answers.index(200)]
        assert dispatcher.put(f"/api/trips/{winner}/", {"status": "completed"}).status_code == 200


def test_e12_order_numbers_are_unique_beyond_ten_thousand(environment, fleet):
    dispatcher, _ = fleet
    year = environment.rows("SELECT extract(year FROM now())::int")[0][0]
    environment.rows("UPDATE orders_ordernumber SET last = 9990 WHERE year = %s RETURNING 1", [year])
    for _ in rounds(MANY):
        answers = at_once([lambda: dispatcher.post("/api/orders/", order_body())] * CONTENDERS)
        assert {answer.status_code for answer in answers} == {201}
        numbers = [answer.json()["order_number"] for answer in answers]
        assert len(set(numbers)) == CONTENDERS
    assert environment.rows("SELECT count(*) FROM orders_order WHERE order_number LIKE '%%-10000'") == [(1,)]


def test_e13_one_of_sixteen_notifications_is_sent(environment, fleet):
    dispatcher, ids = fleet
    for _ in rounds(ROUNDS):
        trip = new_trip(dispatcher, ids["vehicle"], name=f"Mail {ids['trip']}-{_}")
        before = len(environment.messages(environment.mail, "driver@example.com"))
        answers = at_once([lambda: dispatcher.post(f"/api/trips/{trip}/notify-driver/")] * CONTENDERS)
        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: CONTENDERS - 1}
        assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"Driver already notified"}
        assert len(environment.messages(environment.mail, "driver@example.com")) == before + 1


def test_e14_profile_location_and_duty_change_at_once(environment, users):
    assistant = users.assistant()
    for round_ in rounds(ROUNDS):
        at_once(
            [
                lambda: assistant.put("/api/profile/assistant/", {"vehicle_type": f"van {round_}"}),
                lambda: assistant.post("/api/profile/update-location/", {"latitude": 36 + round_ / 100, "longitude": 3}),
                lambda: assistant.post("/api/profile/assistant-status/", {"is_active": bool(round_ % 2)}),
                lambda: assistant.put("/api/profile/user/", {"name": f"Karim {round_}"}),
            ]
        )
        profile = assistant.get("/api/profile/assistant/").json()
        assert profile["vehicle_type"] == f"van {round_}"
        assert profile["current_lat"] == pytest.approx(36 + round_ / 100)
        assert profile["is_active_assistant"] is bool(round_ % 2)
        assert profile["name"] == f"Karim {round_}"


def test_e15_one_idempotency_key_creates_once(environment, fleet):
    dispatcher, _ = fleet
    for round_ in rounds(ROUNDS):
        headers = {"Idempotency-Key": f"race-{round_}-{dispatcher.id}"}
        body = {"name": f"Same {round_} {dispatcher.id}"}
        answers = at_once([lambda: dispatcher.post("/api/companies/", body, headers=headers)] * CONTENDERS)
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert environment.rows("SELECT count(*) FROM accounts_company WHERE name = %s", [body["name"]]) == [(1,)]
        made = {answer.content for answer in answers if answer.status_code == 201}
        assert len(made) == 1
        replay = dispatcher.post("/api/companies/", body, headers=headers)
        assert replay.content in made and replay.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_e15_one_idempotency_key_changes_once(environment, fleet, method):
    """Each change leaves a former version of its row behind: their number is that of the changes."""
    dispatcher, ids = fleet
    path, versions = f"/api/vehicles/{ids['vehicle']}/", "SELECT count(*) FROM fleet_historicalvehicle WHERE id = %s"
    for round_ in rounds(ROUNDS):
        headers = {"Idempotency-Key": f"change-{method}-{round_}-{dispatcher.id}"}
        body = {"make": f"{method} {round_}"}
        before = environment.rows(versions, [ids["vehicle"]])[0][0]
        answers = at_once([lambda: dispatcher.call(method, path, body, headers=headers)] * CONTENDERS)
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert environment.rows(versions, [ids["vehicle"]]) == [(before + 1,)]
        assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
        assert dispatcher.call(method, path, body, headers=headers).headers["Idempotent-Replayed"] == "true"
        assert dispatcher.call(method, path, {"make": "other"}, headers=headers).status_code == 422


def test_e17_opposite_changes_do_not_deadlock(environment, fleet):
    dispatcher, ids = fleet
    trip, order = new_trip(dispatcher, ids["vehicle"]), _order(dispatcher)
    with environment.transaction() as outside, ThreadPoolExecutor(1) as pool:
        outside.execute("SELECT 1 FROM orders_order WHERE id = %s FOR UPDATE", [order])
        adding = pool.submit(dispatcher.post, f"/api/trips/{trip}/add-order/", {"order": order})
        wait_until(lambda: environment.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))
        with suppress(psycopg2.errors.DeadlockDetected):
            outside.execute("SELECT 1 FROM trips_trip WHERE id = %s FOR UPDATE", [trip])
        outside.connection.rollback()
        answer = adding.result()
    assert answer.status_code in (201, 503)
    if answer.status_code == 503:
        assert "retry-after" in answer.headers
        assert_envelope(answer)
        assert dispatcher.post(f"/api/trips/{trip}/add-order/", {"order": order}).status_code == 201
    _invariants(environment)
    _pairs_are_whole(environment, trip)


def test_e17_a_lock_held_too_long_is_answered_503(environment, fleet):
    dispatcher, ids = fleet
    trip, order = new_trip(dispatcher, ids["vehicle"]), _order(dispatcher)
    with environment.transaction() as outside:
        outside.execute("SELECT 1 FROM trips_trip WHERE id = %s FOR UPDATE", [trip])
        answer = dispatcher.post(f"/api/trips/{trip}/add-order/", {"order": order})
    assert answer.status_code == 503 and "retry-after" in answer.headers
    assert_envelope(answer)
    assert dispatcher.get(f"/api/orders/{order}/").json()["status"] == "pending"


def test_e18_one_of_sixteen_equal_positions_is_stored(environment, fleet):
    dispatcher, ids = fleet
    for round_ in rounds(ROUNDS):
        body = {"vehicle_id": ids["vehicle"], "latitude": "36.7", "longitude": "3.0", "speed": "50", "heading": "90", "timestamp": f"2026-01-01T00:00:{round_:02d}Z"}
        answers = at_once([lambda: dispatcher.post("/api/positions/", body)] * CONTENDERS)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CONTENDERS - 1}
        assert len({answer.json()["id"] for answer in answers}) == 1


def test_e20_a_reset_code_is_used_once(environment, users, anyone):
    client = users.client()
    phone = client.known["phone"]
    environment.code_for(phone)
    for round_ in rounds(MANY):
        anyone.post("/api/auth/password-reset/", {"phone_number": phone})
        password = f"another-horse-{round_}"
        sent = {"phone_number": phone, "code": environment.code_for(phone, after=1 + round_), "new_password": password, "new_password_confirm": password}
        answers = at_once([lambda sent=sent: anyone.post("/api/auth/password-reset/confirm/", sent).status_code] * 20)
        assert Counter(answers) == {200: 1, 400: 19}
        assert anyone.post("/api/auth/login/phone/", {"phone_number": phone, "password": password}).status_code == 200


def test_e20_a_verification_code_is_used_once(environment, users, anyone):
    client = users.client()
    phone = client.known["phone"]
    for round_ in rounds(MANY):
        sent = {"phone_number": phone, "code": environment.code_for(phone, after=round_)}
        answers = at_once([lambda sent=sent: anyone.post("/api/auth/verify-phone/", sent).status_code] * 20)
        assert Counter(answers) == {200: 1, 400: 19}
        environment.rows("UPDATE accounts_user SET phone_verified = false WHERE id = %s", [client.id])
        assert client.post("/api/auth/resend-verification/").status_code == 200


def test_e21_one_of_two_owners_steps_down(environment, users):
    owner, other = users.dispatcher(), users.dispatcher()
    company = owner.known["company"]
    fleet_of(owner)
    assert other.post(f"/api/invitations/{invite(company, owner, other)}/accept/").status_code == 200
    path = f"/api/companies/{company}/members/"
    for _ in rounds(ROUNDS):
        environment.rows("UPDATE accounts_membership SET is_owner = true, role = 'member' WHERE company_id = %s", [company])
        codes = at_once([lambda who=who: who.patch(f"{path}{who.id}/", {"role": "viewer"}).status_code for who in (owner, other)])
        assert sorted(codes) == [200, 409]


def test_e22_an_invitation_accepted_declined_and_revoked_at_once_ends_one_way(environment, users):
    owner, other = users.dispatcher(), users.dispatcher()
    company = owner.known["company"]
    for _ in rounds(ROUNDS):
        number = invite(company, owner, other)
        acts = [
            lambda number=number: other.post(f"/api/invitations/{number}/accept/"),
            lambda number=number: other.post(f"/api/invitations/{number}/decline/"),
            lambda number=number: owner.delete(f"/api/companies/{company}/invitations/{number}/"),
        ]
        codes = [answer.status_code for answer in at_once(acts)]
        assert sum(code < 300 for code in codes) == 1, codes
        works_there = environment.rows("SELECT count(*) FROM accounts_membership WHERE company_id = %s AND user_id = %s", [company, other.id])
        assert works_there[0][0] == (codes[0] == 200)
        other.delete(f"/api/companies/{company}/members/{other.id}/")
