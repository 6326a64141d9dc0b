"""D. Isolation and mass assignment."""

import math

import pytest

from testing.samples import ask_for_help, fleet_of, order_body


@pytest.fixture(scope="module")
def two(users):
    """Two dispatchers and what the first one owns."""
    one, other = users.dispatcher(), users.dispatcher()
    ids = fleet_of(one)
    one.post(f"/api/trips/{ids['trip']}/add-order/", {"order": ids["order"]})
    ids["trip-stop"] = one.get(f"/api/trip-stops/?trip={ids['trip']}").json()["results"][0]["id"]
    return one, other, ids


def _snapshot(environment):
    names = ("fleet_vehicle", "orders_order", "orders_stop", "trips_trip", "trips_tripstop", "accounts_company", "accounts_membership", "telematics_position")
    return {name: environment.rows(f"SELECT md5(string_agg(t::text, ',' ORDER BY t.*::text)) FROM {name} t") for name in names}


def _bare(answer):
    return {key: value for key, value in answer.json().items() if key != "request_id"}


PATHS = {"company": "companies", "vehicle": "vehicles", "order": "orders", "trip": "trips", "trip-stop": "trip-stops"}


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_d02_rows_of_another_company_do_not_exist(environment, two, kind, method):
    _, other, ids = two
    before = _snapshot(environment)
    body = {"name": "Stolen", "notes": "x"} if method in ("PUT", "PATCH") else None
    foreign = other.call(method, f"/api/{PATHS[kind]}/{ids[kind]}/", body)
    missing = other.call(method, f"/api/{PATHS[kind]}/999999999/", body)
    assert foreign.status_code == missing.status_code == 404
    assert _bare(foreign) == _bare(missing)
    assert _snapshot(environment) == before


def test_d02_actions_on_rows_of_another_company_do_not_exist(environment, two):
    _, other, ids = two
    before = _snapshot(environment)
    for path, body in {
        f"/api/trips/{ids['trip']}/add-order/": {"order": ids["order"]},
        f"/api/trips/{ids['trip']}/notify-driver/": {},
        f"/api/trips/{ids['trip']}/reorder-stops/": {"orders": []},
        f"/api/companies/{ids['company']}/members/": {"username": other.known["username"]},
    }.items():
        assert other.post(path, body).status_code == 404, path
    assert other.get(f"/api/trips/{ids['trip']}/route.geojson").status_code == 404
    assert _snapshot(environment) == before


@pytest.mark.parametrize(("path", "kind"), [("vehicles/?company", "company"), ("orders/?company", "company"), ("trips/?company", "company"), ("trips/?vehicle", "vehicle"), ("positions/?vehicle", "vehicle"), ("trip-stops/?trip", "trip")])
def test_d03_filters_by_ids_of_another_company_give_empty_lists(two, path, kind):
    _, other, ids = two
    answer = other.get(f"/api/{path}={ids[kind]}")
    assert answer.status_code == 200 and answer.json()["results"] == []


def test_d04_ids_of_another_company_in_bodies_are_refused(environment, two):
    one, other, ids = two
    own = fleet_of(other)
    before = _snapshot(environment)
    trip = {"vehicle": own["vehicle"], "name": "x", "planned_start_date": "2026-01-01", "planned_start_time": "08:00"}
    vehicle = {"license_plate": "X1", "make": "a", "model": "b", "year": 2020, "capacity": "1"}
    attempts = [
        ("/api/vehicles/", {**vehicle, "company": ids["company"]}),
        ("/api/orders/", order_body(company=ids["company"])),
        ("/api/trips/", {**trip, "vehicle": ids["vehicle"]}),
        ("/api/trips/", {**trip, "dispatcher": one.id}),
        (f"/api/trips/{own['trip']}/add-order/", {"order": ids["order"]}),
        (f"/api/trips/{own['trip']}/reorder-stops/", {"orders": [{"id": ids["trip-stop"], "sequence": 1}]}),
        ("/api/trip-stops/", {"trip": ids["trip"], "stop": {"name": "a", "address": "b"}}),
        ("/api/positions/", {"vehicle_id": ids["vehicle"], "latitude": 1, "longitude": 1, "speed": 1, "heading": 1}),
    ]
    for path, body in attempts:
        foreign = other.post(path, body)
        assert foreign.status_code in (400, 404), (path, foreign.text)
    assert _snapshot(environment) == before


def test_d04_foreign_and_unknown_ids_get_the_same_answer(two):
    _, other, ids = two
    own = fleet_of(other)
    for foreign, unknown in ((ids["vehicle"], 999999999),):
        bodies = [other.put(f"/api/trips/{own['trip']}/", {"vehicle": vehicle}) for vehicle in (foreign, unknown)]
        assert [answer.status_code for answer in bodies] == [400, 400]
        assert _bare(bodies[0]) == _bare(bodies[1])


def test_d06_read_only_fields_stay_as_they_are(environment, two):
    one, _, ids = two
    before = environment.rows("SELECT id, is_staff, is_superuser, password FROM accounts_user WHERE id = %s", [one.id])
    assert one.put("/api/auth/profile/", {"is_staff": True, "is_superuser": True, "id": 1, "password": "x", "first_name": "N"}).status_code == 200
    assert environment.rows("SELECT id, is_staff, is_superuser, password FROM accounts_user WHERE id = %s", [one.id]) == before
    order = one.get(f"/api/orders/{ids['order']}/").json()
    changed = one.put(f"/api/orders/{ids['order']}/", {"order_number": "ORD-1", "created_at": "2000-01-01T00:00:00Z", "id": 5}).json()
    assert (changed["order_number"], changed["created_at"], changed["id"]) == (order["order_number"], order["created_at"], order["id"])


def test_d07_payments_of_others_do_not_exist(users):
    one, other = users.dispatcher(), users.dispatcher()
    fleet_of(other)
    order = one.post("/api/orders/", {**order_body(), "price": "1500"}).json()["id"]
    paid = one.post("/api/payments/", {"order": order, "method": "cash", "amount": "100"}).json()["id"]
    assert _bare(other.get(f"/api/payments/{paid}/")) == _bare(other.get("/api/payments/999999999/"))
    assert _bare(other.get(f"/api/payments/balance/?order={order}")) == _bare(other.get("/api/payments/balance/?order=999999999"))
    foreign, unknown = (other.post("/api/payments/", {"order": number, "method": "cash"}) for number in (order, 999999999))
    assert foreign.status_code == 400 and _bare(foreign) == _bare(unknown)
    assert other.post(f"/api/payments/{paid}/reverse/", {"reason": "x"}).status_code == 404
    for query in ("", f"?order={order}", f"?taken_by={one.id}", f"?company={one.known.get('company', 0)}"):
        assert other.get(f"/api/payments/{query}").json()["results"] == []
    assert other.get("/api/payments/unpaid/").json()["results"] == [] and other.get("/api/payments/cash/").status_code == 403
    assert [row["id"] for row in one.get("/api/payments/").json()["results"]] == [paid]


def test_d08_a_company_in_use_is_not_deleted(two, users):
    one, _, ids = two
    assert one.delete(f"/api/companies/{ids['company']}/").status_code == 409
    empty = one.post("/api/companies/", {"name": "Empty"}).json()["id"]
    assert one.delete(f"/api/companies/{empty}/").status_code == 204


def test_d09_a_request_is_visible_to_its_parties_alone(users):
    spot = {"lat": -12.5, "lng": 28.0}  # nobody else of the users is here, so that the first wave asks this assistant
    client, stranger, assistant, far = users.client(), users.client(), users.assistant(**spot), users.assistant(lat=-40.0, lng=100.0)
    number = ask_for_help(client, pickup=spot)
    path = f"/api/assistance/view/{number}/"
    assert client.get(path).status_code == 200
    assert assistant.get(path).status_code == 200
    for actor in (stranger, far):
        assert actor.get(path).status_code == 404
        assert number not in [row["id"] for row in actor.get("/api/assistance/view/").json()["results"]]
        assert actor.patch(f"/api/assistance/update/{number}/", {"status": "canceled"}).status_code == 404


def test_d10_wrong_roles_change_no_state(users):
    client, inactive = users.client(), users.assistant(active=False)
    number = ask_for_help(client)
    for status in ("ongoing", "completed"):
        assert client.patch(f"/api/assistance/update/{number}/", {"status": status}).status_code == 403
    assert inactive.patch(f"/api/assistance/accept/{number}/").status_code == 403
    assert client.patch(f"/api/assistance/accept/{number}/").status_code == 403
    assert client.get(f"/api/assistance/view/{number}/").json()["status"] == "requested"


def test_d11_the_list_of_assistants_shows_no_personal_data(users):
    client, shown, hidden = users.client(), users.assistant(lat=36.123456, lng=3.123456), users.assistant(active=False)
    answer = client.get("/api/assistants/?lat=36.12&lng=3.12&radius_km=5")
    rows = {row["id"]: row for row in answer.json()["results"]}
    assert shown.id in rows and hidden.id not in rows
    text = answer.text
    assert shown.known["phone"] not in text and "driving_license" not in text and "email" not in text.replace("email_verified", "")
    assert "36.123456" not in text and "36.123" in text


def test_d13_odd_verbs_paths_and_formats_open_nothing(environment, users):
    dispatcher = users.dispatcher()
    for method in ("TRACE", "OPTIONS", "PROPFIND"):
        assert dispatcher.http.request(method, environment.urls[0] + "/api/companies/", headers={"Authorization": dispatcher.header}).status_code in (403, 404, 405)
    assert dispatcher.get("//api/companies/").status_code == 404
    assert dispatcher.get("/api/companies/?format=api", headers={"Accept": "text/html"}).headers["content-type"] == "application/json; charset=utf-8"


def test_d14_the_other_partys_phone_is_shown_from_acceptance_until_a_day_after_the_end(environment, users):
    spot = {"lat": -14.5, "lng": 28.0}  # as above
    client, assistant = users.client(), users.assistant(**spot)
    number = ask_for_help(client, pickup=spot)
    path = f"/api/assistance/view/{number}/"
    assert assistant.get(path).json()["client"]["phone_number"] is None
    assert client.get(path).json()["client"]["phone_number"] == client.known["phone"]
    assistant.patch(f"/api/assistance/accept/{number}/")
    assert assistant.get(path).json()["client"]["phone_number"] == client.known["phone"]
    assert client.get(path).json()["assistant"]["phone_number"] == assistant.known["phone"]
    assistant.patch(f"/api/assistance/update/{number}/", {"status": "completed"})
    assert client.get(path).json()["assistant"]["phone_number"] == assistant.known["phone"]
    environment.rows("UPDATE assistance_assistance SET ended_at = now() - interval '25 hours' WHERE id = %s", [number])
    assert client.get(path).json()["assistant"]["phone_number"] is None
    assert "@" not in client.get(path).text


def _km(lat, lng, other):
    """Haversine, implemented a second time, as an attacker would."""
    a, b = math.radians(lat), math.radians(other[0])
    chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(other[1] - lng) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(chord))


def _best_fit(measured, around):
    """Return the point whose distances fit the measured ones best: a grid that closes in."""
    best, step = around, 0.02
    while step > 1e-7:
        grid = [(best[0] + north * step / 5, best[1] + east * step / 5) for north in range(-5, 6) for east in range(-5, 6)]
        best = min(grid, key=lambda point: sum((_km(*here, point) - km) ** 2 for here, km in measured))
        step /= 2.5
    return best


def _exact_places(spot):
    """Return places that a stranger must not be able to distinguish; the last is the assistant's final one."""
    return [(spot[0] + north, spot[1] + east) for north, east in ((0.00049, -0.00049), (-0.00031, 0.00047), (-0.00049, -0.00049))]


def test_d15_pickups_and_radii_reveal_no_more_than_the_rounded_location(users):
    spot = (-30.120, 25.340)  # nobody else of the users is here
    hunted, client = users.assistant(lat=spot[0], lng=spot[1]), users.client()
    hidden = _exact_places(spot)
    seen = []
    for exact in hidden:
        assert hunted.post("/api/profile/update-location/", {"lat": exact[0], "lng": exact[1]}).status_code == 200
        measured = []
        for north, east in ((0.03, 0.0), (-0.02, 0.03), (-0.01, -0.04)):
            here = (spot[0] + north, spot[1] + east)
            answer = client.post("/api/assistance/request/", {"pickup": {"lat": here[0], "lng": here[1]}}).json()
            [near] = [one for one in answer["nearby_assistants"] if one["assistant_id"] == hunted.id]
            measured.append((here, near["distance"]))
            assert client.patch(f"/api/assistance/update/{answer['assistance']['id']}/", {"status": "canceled"}).status_code == 200
        found = _best_fit(measured, spot)
        assert _km(*found, spot) < 0.003, "the rounded place is all that fits"
        assert _km(*found, exact) > 0.04
        bounds = []
        for here, _ in measured:
            low, high = 0.0, 10.0
            for _ in range(34):
                middle = (low + high) / 2
                query = f"/api/assistants/?lat={here[0]}&lng={here[1]}&radius_km={middle!r}"
                rows = [row for row in client.get(query).json()["results"] if row["id"] == hunted.id]
                assert all((row["current_lat"], row["current_lng"]) == spot for row in rows)
                low, high = (low, middle) if rows else (middle, high)
            bounds.append(high)
        assert bounds == pytest.approx([_km(*here, spot) for here, _ in measured], abs=1e-5)
        seen.append((measured, bounds))
    assert seen == [seen[0]] * len(hidden), "moving inside the rounding tells nobody"


def test_d15_the_order_by_distance_reveals_no_more_than_the_rounded_location(users):
    spot = (-31.250, 24.480)
    hunted, mark, client = users.assistant(lat=spot[0], lng=spot[1]), users.assistant(lat=spot[0], lng=spot[1]), users.client()
    orders = set()
    for exact in _exact_places(spot):
        hunted.post("/api/profile/update-location/", {"lat": exact[0], "lng": exact[1]})
        for north, east in ((0.001, 0.0), (-0.001, 0.0), (0.0, 0.001), (0.0, -0.001), (0.0003, 0.0002)):
            query = f"/api/assistants/?lat={spot[0] + north}&lng={spot[1] + east}&page_size="
            both = [row["id"] for row in client.get(query + "2").json()["results"]]
            orders.add((*both, client.get(query + "1").json()["results"][0]["id"]))
    assert orders == {(*sorted((hunted.id, mark.id)), min(hunted.id, mark.id))}
