"""G. Hostile input, generated for every operation where that can be."""

import gzip
import json
import re
import socket

import pytest

from testing.samples import fleet_of, order_body
from testing.servers import ROOT

NASTY_NUMBERS = ['"3_6.75"', '"0x1"', '"٣٦"', '"３６"', '"1,5"', '"+-1"', '"1e"', '"½"', "NaN", "Infinity", "-Infinity", "1e400", "nan", "9" * 5000, "true", "false", '"abc"', '"nan"', "[]", "{}", '"1e999"', '""']
NUMBERS = {
    "/api/positions/": ({"latitude": "1", "longitude": "1", "speed": "1", "heading": "1"}, ["latitude", "longitude", "speed", "heading"]),
    "/api/vehicles/": ({"license_plate": "N1", "make": "a", "model": "b", "year": 2020, "capacity": "1"}, ["capacity", "year"]),
    "/api/orders/": (order_body(), ["goods_weight", "goods_volume"]),
    "/api/profile/update-location/": ({"latitude": 1, "longitude": 1}, ["latitude", "longitude"]),
}


@pytest.fixture(scope="module")
def people(users):
    """A dispatcher with a fleet, and a client."""
    dispatcher = users.dispatcher()
    return dispatcher, fleet_of(dispatcher), users.client()


def _raw(actor, path, text, content_type="application/json"):
    return actor.call("POST", path, content=text.encode() if isinstance(text, str) else text, headers={"Content-Type": content_type})


@pytest.mark.parametrize("number", NASTY_NUMBERS)
@pytest.mark.parametrize("path", NUMBERS)
def test_g02_text_that_is_no_number_is_refused(people, path, number):
    dispatcher, ids, client = people
    body, names = NUMBERS[path]
    actor = client if "profile" in path else dispatcher
    for name in names:
        text = json.dumps({**body, "vehicle_id": ids["vehicle"], name: "@@"}).replace('"@@"', number)
        if number == '""' and name.startswith("goods"):
            continue
        answer = _raw(actor, path, text)
        assert answer.status_code == 400, (path, name, number, answer.text)


def test_g02_numbers_as_text_and_with_many_decimals_are_taken(people):
    dispatcher, _, _ = people
    answer = dispatcher.post("/api/orders/", order_body(goods_weight="12.3456789", goods_volume=1.005))
    assert answer.status_code == 201
    assert answer.json()["goods_weight"] == "12.35"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("\u202ee\u0301te\u0301\u200b", "\u00e9t\u00e9"), ("\u00a0\u200fعلي\ufeff", "علي"), ("\u3164a\u3164b\u2800", "a\u3164b"), ("\u1112\u1161\u11ab", "\ud55c")],
)
def test_g03_text_is_kept_in_nfc_without_invisible_ends(people, typed, kept):
    dispatcher, ids, client = people
    order = dispatcher.post("/api/orders/", order_body(customer_name=typed, goods_description=typed)).json()
    assert (order["customer_name"], order["goods_description"]) == (kept, kept)
    assert client.put("/api/profile/user/", {"name": typed, "address": typed}).json()["name"] == kept
    assert dispatcher.put(f"/api/vehicles/{ids['vehicle']}/", {"driver_name": typed}).json()["driver_name"] == kept
    found = dispatcher.get("/api/orders/", params={"search": typed}).json()["results"]
    assert order["id"] in [row["id"] for row in found]


@pytest.mark.parametrize("query", ["page_size=1_0", "page_size=٣", "company=1_0", "company=٣", "company=0x1", "vehicle=%2B-1"])
def test_g06_queries_are_read_by_their_grammar(people, query):
    dispatcher, _, _ = people
    for path in ("/api/vehicles/", "/api/trips/"):
        answer = dispatcher.get(f"{path}?{query}")
        assert answer.status_code == 400 or "company" not in query or answer.json()["results"] == [], (path, query)


@pytest.mark.parametrize("text", ["\x00", "a\x00b"])
def test_g03_nul_is_refused(people, text):
    dispatcher, _, client = people
    assert dispatcher.post("/api/orders/", order_body(customer_name=text)).status_code == 400
    assert client.put("/api/profile/user/", {"name": text}).status_code == 400
    assert dispatcher.get("/api/orders/?search=%00").status_code in (200, 400)


@pytest.mark.parametrize("text", ["a\u202ebc", "é" + "\u0301" * 100, "🚚" * 20, "'; DROP TABLE orders_order; --", "<script>alert(1)</script>", "{{7*7}}", "%s%n"])
def test_g03_odd_text_comes_back_as_it_was_sent(people, text):
    dispatcher, _, _ = people
    made = dispatcher.post("/api/orders/", order_body(customer_name=text))
    assert made.status_code == 201
    assert dispatcher.get(f"/api/orders/{made.json()['id']}/").json()["customer_name"] == text


def test_g03_long_text_is_refused(people):
    dispatcher, _, _ = people
    assert dispatcher.post("/api/orders/", order_body(customer_name="x" * 10**6)).status_code == 400
    assert dispatcher.post("/api/orders/", order_body(special_instructions="x" * 10**6)).status_code == 400


@pytest.mark.parametrize(
    ("text", "content_type", "statuses"),
    [
        ("[" * 100_000, "application/json", {400}),
        (json.dumps({f"k{number}": number for number in range(10_000)}), "application/json", {400}),
        ('{"customer_name": "a", "customer_name": "b"}', "application/json", {400}),
        (b"\xef\xbb\xbf{}", "application/json", {400}),
        ("{}".encode("utf-16"), "application/json", {400}),
        ("{}", "text/html", {415}),
        ("{}", "", {415, 400}),
        ("a=b", "application/x-www-form-urlencoded", {415}),
        (gzip.compress(b"{" + b" " * 10**6 + b"}"), "application/json", {400}),
        ("", "application/json", {400}),
        ("null", "application/json", {400}),
    ],
)
def test_g04_bodies_of_any_kind_get_the_envelope(people, text, content_type, statuses):
    assert _raw(people[0], "/api/orders/", text, content_type).status_code in statuses


@pytest.mark.parametrize("body", [b"--b--\r\n", b"", b"--b", b"--b\r\n\r\n", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"])
@pytest.mark.parametrize("boundary", ["; boundary=b", "", "; boundary=", "; boundary=\"", "; boundary=" + "b" * 300])
def test_g04_broken_multipart_bodies_get_the_envelope(people, body, boundary):
    answer = _raw(people[2], "/api/profile/photo/", body, f"multipart/form-data{boundary}")
    assert answer.status_code in (400, 415) and answer.json()["request_id"]


def test_g05_bodies_over_the_limit_are_refused(people):
    answer = _raw(people[0], "/api/orders/", b'{"customer_name": "' + b"x" * 2_700_000 + b'"}')
    assert answer.status_code == 413


def test_g05_fifty_megabytes_without_a_length_are_refused_early(environment, people):
    host, port = environment.urls[0].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as wire:
        wire.sendall(f"POST /api/orders/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {people[0].header}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n"
        try:
            for _ in range(800):
                wire.sendall(chunk)
            wire.sendall(b"0\r\n\r\n")
        except OSError:
            pass
        wire.settimeout(10)
        try:
            answer = wire.recv(4096)
        except OSError:
            answer = b""
    assert not answer or answer.split()[1] in (b"413", b"400", b"408")


def _parameters():
    import yaml

    schema = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    for path, operations in schema["paths"].items():
        if "get" in operations and "{" not in path and path.startswith("/api/") and "/schema" not in path:
            for parameter in operations["get"].get("parameters", []):
                if parameter["in"] == "query":
                    yield path, parameter["name"]


OF_ONE_THING = {"/api/payments/balance/"}  # its query names an order or a request, which may not exist


@pytest.mark.parametrize("value", ["abc", "%00", "-1", str(2**63), "", "9" * 400, "1' OR '1'='1", "%F0%9F%9A%9A", "2024-13-45", "NaN"])
def test_g06_every_filter_of_every_list_takes_odd_values(people, value):
    dispatcher, _, client = people
    seen = 0
    for path, name in _parameters():
        for actor in (dispatcher, client):
            answer = actor.get(f"{path}?{name}={value}")
            expected = (200, 400, 403, 404) if path in OF_ONE_THING else (200, 400, 403)
            assert answer.status_code in expected, (path, name, value, answer.text)
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("number", ["abc", "-1", str(2**63), "9" * 400, "%00", "1%27", "é", "1.5", "0"])
def test_g06_every_path_takes_odd_ids(people, number):
    dispatcher, _, client = people
    for kind in ("companies", "vehicles", "orders", "trips", "trip-stops"):
        assert dispatcher.get(f"/api/{kind}/{number}/").status_code == 404
    for path in ("assistance/view", "assistance/accept", "assistance/update"):
        method = "GET" if "view" in path else "PATCH"
        assert client.call(method, f"/api/{path}/{number}/", None if method == "GET" else {}).status_code in (400, 403, 404)


SQL = "x'; UPDATE accounts_user SET name = 'pwned'; --"
SHORT = "1' OR '1'='1"  # for fields of twenty characters


def test_g08_sql_in_text_is_stored_as_text(environment, users):
    """Every text of every kind of row, and of an account, comes back to the letter."""
    dispatcher, client = users.dispatcher(), users.client()
    ids = fleet_of(dispatcher)
    stop = {"name": SQL, "address": SQL, "contact_name": SQL, "notes": SQL}
    bodies = {
        f"/api/companies/{ids['company']}/": {"name": SQL, "address": SQL},
        f"/api/vehicles/{ids['vehicle']}/": {"license_plate": SHORT, "make": SQL, "model": SQL, "driver_name": SQL},
        f"/api/orders/{ids['order']}/": {"customer_name": SQL, "goods_description": SQL, "special_instructions": SQL},
        f"/api/trips/{ids['trip']}/": {"name": SQL, "notes": SQL},
    }
    for path, body in bodies.items():
        assert dispatcher.put(path, body).status_code == 200, path
        got = dispatcher.get(path).json()
        assert {name: got[name] for name in body} == body
    made = dispatcher.post("/api/trip-stops/", {"trip": ids["trip"], "stop": stop})
    assert made.status_code == 201
    got = made.json()["stop"]
    assert all(got[name] == SQL for name in stop if name in got) and got["name"] == got["address"] == SQL
    assert client.put("/api/profile/user/", {"name": SQL, "address": SQL}).status_code == 200
    got = client.get("/api/profile/user/").json()
    assert got["name"] == got["address"] == SQL
    number = client.post("/api/assistance/request/", {"pickup": {"lat": 12, "lng": 12}, "description": SQL})
    assert number.json()["assistance"]["description"] == SQL
    assert environment.rows("SELECT count(*) FROM accounts_user WHERE name = 'pwned'") == [(0,)]


PROBES = [
    ("{} AND 1=1", "{} AND 1=2"),
    ("{}' AND '1'='1", "{}' AND '1'='2"),
    ("{}) OR (1=1", "{}) AND (1=2"),
    ("{};SELECT pg_sleep(60)--", "{};SELECT 1--"),
    ("{} UNION SELECT 1--", "{} UNION SELECT 1 FROM nowhere--"),
    ("(CASE WHEN 1=1 THEN {} ELSE 1/0 END)", "(CASE WHEN 1=2 THEN {} ELSE 1/0 END)"),
]


TEXT_SEARCHES = {"q", "search"}
NO_WORD = 987654300


def _without_words(text):
    """Return the same SQL with numbers that occur in no text: a search for words looks for 1, 2 and 60, too."""
    return re.sub(r"\b(1|2|60)\b", lambda found: str(NO_WORD + int(found[1])), text)


def _asked(environment, actor, path, name, text):
    """Return the answer to a filter, without what names the call and without the caller's own words."""
    answer = actor.http.get(environment.urls[0] + path, params={name: text}, headers={"Authorization": actor.header})
    assert answer.status_code in (200, 400, 403), (path, name, text)
    body = {key: value for key, value in answer.json().items() if key != "request_id"}
    said = json.dumps(body).replace(json.dumps(text)[1:-1], "?")
    assert not re.search(r"SELECT|syntax|psycopg|postgres", said), (path, name, text)
    return answer.status_code, said


@pytest.mark.parametrize(("true", "false"), PROBES)
def test_g08_no_filter_runs_sql(environment, people, true, false):
    """What would differ if it reached SQL, reads alike; what would wait a minute there is answered."""
    dispatcher, ids, client = people
    seen = 0
    for path, name in _parameters():
        probes = [text.format(ids["vehicle"]) for text in (true, false)]
        if name in TEXT_SEARCHES:
            probes = [_without_words(text.format(NO_WORD)) for text in (true, false)]
        for actor in (dispatcher, client):
            one, other = (_asked(environment, actor, path, name, text) for text in probes)
            assert one == other, (path, name)
            seen += one[0] != 403
    assert seen > 20


def test_g09_unknown_hosts_and_oversized_headers_are_refused(environment, people):
    http = people[0].http
    assert http.get(environment.urls[0] + "/api/", headers={"Host": "evil.example"}).status_code == 400
    host, port = environment.urls[0].removeprefix("http://").split(":")
    for extra in ([f"X-H{number}: 1" for number in range(2000)], ["X-Long: " + "x" * 65536 * 2]):
        with socket.create_connection((host, int(port)), timeout=10) as wire:
            wire.sendall(("GET /api/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + "\r\n".join(extra) + "\r\n\r\n").encode())
            try:
                answer = wire.recv(4096)
            except OSError:
                answer = b""
        assert not answer or answer.split()[1][:1] in (b"2", b"4"), answer[:100]


@pytest.mark.parametrize(
    ("name", "values"),
    [("planned_start_date", ["0000-01-01", "10000-01-01", "2024-02-30", "yesterday", 5, True]), ("planned_start_time", ["24:00", "8", "25:61", 8, True, "08:00:00Z:1"])],
)
def test_g10_odd_dates_and_times_are_refused(people, name, values):
    dispatcher, ids, _ = people
    for value in values:
        body = {"vehicle": ids["vehicle"], "name": "x", "planned_start_date": "2026-01-01", "planned_start_time": "08:00", name: value}
        assert dispatcher.post("/api/trips/", body).status_code == 400, value


def test_g11_every_field_of_every_write_takes_every_type(people):
    """Each documented body, one field at a time replaced by something of another kind: never a 500."""
    import yaml

    dispatcher, ids, client = people
    schema = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    tried = 0
    for path, operations in schema["paths"].items():
        for method in ("post", "put", "patch"):
            reference = operations.get(method, {}).get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("$ref")
            if not reference or "generate-fake" in path or "logout" in path:
                continue
            fields = schema["components"]["schemas"][reference.rsplit("/", 1)[1]].get("properties", {})
            concrete = path.replace("{id}", str(ids["trip"])).replace("{trip_id}", str(ids["trip"]))
            concrete = concrete if "{" not in concrete else concrete.split("{")[0] + "1/"
            actor = client if "assist" in path or "profile" in path else dispatcher
            for name in fields:
                for value in (None, True, -1, 2**70, 1.5, "", "x" * 70_000, [], {}, [{}], {"a": []}):
                    actor.call(method.upper(), concrete, {name: value})
                    tried += 1
    assert tried > 300
