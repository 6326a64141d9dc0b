"""J. Files, admin, mail and abuse."""

import csv
import io
import re
import socket
import threading
import time
import zipfile

import openpyxl
import pytest
import yaml
from PIL import Image

from testing.samples import fleet_of, new_trip, order_body
from testing.servers import ROOT
from testing.users import PASSWORD, Caller


def _png(size=(64, 64), kind="PNG", **options):
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **options)
    return out.getvalue()


def _upload(client, name, content, content_type="image/png"):
    return client.call("PATCH", "/api/profile/user/", files={"profile_photo": (name, content, content_type)})


BOMB = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xc3P\x00\x00\xc3P\x08\x02\x00\x00\x00" + b"\x00" * 64


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'), ("x.jpg", b"<html><script>alert(1)</script></html>"), ("x.gif", b"GIF89a/*" + b"\x00" * 40 + b"*/=1;alert(1)"), ("x.png", BOMB), ("x.png", b""), ("x.png", b"\x89PNG\r\n\x1a\n")],
)
def test_j01_files_that_are_no_photo_are_refused(users, name, content):
    client = users.client()
    assert _upload(client, name, content).status_code == 400
    assert client.get("/api/profile/user/").json()["profile_photo"] in (None, "")


def test_j01_a_photo_over_the_limit_is_refused(users):
    assert _upload(users.client(), "x.png", _png() + b"\x00" * 6_000_000).status_code in (400, 413)


def test_j01_photos_are_encoded_anew(environment, users):
    client = users.client()
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    answer = _upload(client, "../../" + "x" * 280 + ".jpg", _png(kind="JPEG", exif=exif) + b"<script>alert(1)</script>", "image/jpeg")
    assert answer.status_code == 200, answer.text
    url = answer.json()["profile_photo"]
    served = client.http.get(url if url.startswith("http") else environment.urls[0] + url)
    assert served.status_code == 200
    assert b"secret place" not in served.content and b"<script>" not in served.content
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "xxxx" not in url and ".." not in url


def test_j01_media_serves_nothing_else(environment, anyone):
    for path in ("/media/", "/media/../db.sqlite3", "/media/%2e%2e/manage.py", "/media//etc/passwd", "/static/../manage.py"):
        answer = anyone.http.get(environment.urls[0] + path)
        assert answer.status_code in (400, 404), path


def enter_admin(environment, actor):
    browser = Caller(environment)
    page = browser.http.get(environment.urls[0] + "/admin/login/")
    form = {"username": actor.known["username"], "password": PASSWORD, "csrfmiddlewaretoken": browser.http.cookies.get("csrftoken", "")}
    answer = browser.http.post(environment.urls[0] + "/admin/login/?next=/admin/", data=form, headers={"Referer": str(page.url)})
    assert answer.status_code == 302, answer.text[:500]
    return browser


CHANGELISTS = ("fleet/vehicle", "orders/order", "trips/trip", "telematics/position", "accounts/company")


def test_j02_markup_is_text_in_the_admin(environment, users):
    dispatcher = users.dispatcher()
    evil = '<img src=x onerror="alert(1)">'
    ids = fleet_of(dispatcher)
    dispatcher.put(f"/api/companies/{ids['company']}/", {"name": evil})
    dispatcher.put(f"/api/vehicles/{ids['vehicle']}/", {"make": evil, "driver_name": evil})
    dispatcher.put(f"/api/orders/{ids['order']}/", {"customer_name": evil, "special_instructions": evil})
    dispatcher.put(f"/api/trips/{ids['trip']}/", {"name": evil, "notes": evil})
    browser = enter_admin(environment, dispatcher)
    for path in ["", "map/", *(f"{name}/" for name in CHANGELISTS)]:
        page = browser.http.get(f"{environment.urls[0]}/admin/{path}")
        assert page.status_code == 200, path
        assert "<img src=x" not in page.text, path
        assert "'unsafe-inline'" not in re.search(r"script-src[^;]*", page.headers["Content-Security-Policy"]).group(0)


def test_j04_the_admin_shows_no_secrets_and_needs_a_sign_in(environment, users, anyone):
    dispatcher, client, staff = users.dispatcher(), users.client(), users.staff()
    for path in ("", "map/", *(f"{name}/" for name in CHANGELISTS)):
        answer = anyone.http.get(f"{environment.urls[0]}/admin/{path}")
        assert answer.status_code == 302 and "/login/" in answer.headers["Location"], path
        answer = anyone.http.get(f"{environment.urls[0]}/admin/{path}", headers={"Authorization": dispatcher.header})
        assert answer.status_code == 302, path
    member = enter_admin(environment, dispatcher)
    assert member.http.get(f"{environment.urls[0]}/admin/accounts/user/{client.id}/change/").status_code in (302, 403, 404)
    page = enter_admin(environment, staff).http.get(f"{environment.urls[0]}/admin/accounts/user/{client.id}/change/")
    assert page.status_code == 200
    stored = environment.rows("SELECT password FROM accounts_user WHERE id = %s", [client.id])[0][0]
    assert stored not in page.text and stored.rsplit("$", 1)[1][:12] not in page.text


def test_j04_admin_rows_of_another_company_do_not_exist(environment, users):
    one, other = users.dispatcher(), users.dispatcher()
    ids = fleet_of(one)
    browser = enter_admin(environment, other)
    for path in (f"fleet/vehicle/{ids['vehicle']}", f"orders/order/{ids['order']}", f"trips/trip/{ids['trip']}", f"accounts/company/{ids['company']}"):
        answer = browser.http.get(f"{environment.urls[0]}/admin/{path}/change/")
        assert answer.status_code in (302, 403, 404), path


def test_j05_headers_cannot_be_injected(environment, users):
    dispatcher = users.dispatcher()
    ids = fleet_of(dispatcher)
    trip = new_trip(dispatcher, ids["vehicle"], name="x\r\nBcc: victim@example.org")
    answer = dispatcher.post(f"/api/trips/{trip}/notify-driver/", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 200, answer.text
    mail = environment.messages(environment.mail, "driver@example.com")[-1]
    head = mail.split("\n\n", 1)[0]
    assert not re.search(r"(?m)^Bcc:", head)
    assert "evil.example" not in mail


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1", "=\N{ARABIC LETTER MEEM}"]
ARABIC = "\u0634\u0631\u0643\u0629 \u0627\u0644\u0646\u0642\u0644"


def test_j03_no_cell_is_a_formula(environment, users):
    dispatcher = users.dispatcher()
    for name in (*FORMULAS, ARABIC):
        # The API trims its input; values from other entry points are stored as they are.
        made = dispatcher.post("/api/orders/", order_body(customer_name="x", goods_description=name))
        assert made.status_code == 201, made.text
        environment.rows("UPDATE orders_order SET customer_name = %s WHERE id = %s", [name, made.json()["id"]])
    browser = enter_admin(environment, dispatcher)
    address = f"{environment.urls[0]}/admin/orders/order/export/"
    page = browser.http.get(address)
    token = browser.http.cookies["csrftoken"]

    def exported(form):
        body = {"format": form, "resource": "", "csrfmiddlewaretoken": token}
        answer = browser.http.post(address, data=body, headers={"Referer": str(page.url)})
        assert answer.status_code == 200 and "attachment" in answer.headers["Content-Disposition"]
        return answer.content

    rows = list(csv.DictReader(io.StringIO(exported("0").decode("utf-8-sig"), newline="")))
    assert len(rows) == len(FORMULAS) + 1
    for row in rows:
        assert not [cell for cell in row.values() if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\0")], row
    assert sorted(row["customer_name"] for row in rows) == sorted([ARABIC, *(f"'{name}" for name in FORMULAS)])
    sheet = openpyxl.load_workbook(io.BytesIO(exported("1"))).active
    cells = [cell for line in sheet.iter_rows() for cell in line]
    assert len(cells) > len(rows) and not [cell.value for cell in cells if cell.data_type == "f"]
    assert ARABIC in [cell.value for cell in cells]
    assert not [cell.value for cell in cells if isinstance(cell.value, str) and cell.value.startswith(("=", "+", "-", "@"))]


def test_j07_every_request_reaches_the_sockets(environment, users):
    client, assistant = users.client(), users.assistant(lat=20.0, lng=20.0)
    phones = [actor.known["phone"] for actor in (client, assistant)]
    for phone in phones:
        environment.code_for(phone)
    with assistant.socket(f"/ws/assistant/{assistant.id}/") as his:
        his.receive()
        for _ in range(11):
            number = client.post("/api/assistance/request/", {"pickup": {"lat": 20.0, "lng": 20.0}}).json()["assistance"]["id"]
            his.receive("new_assistance_request", assistance_id=number)
            client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"})
            his.receive("request_closed", assistance_id=number)
    # Nobody's phone rang eleven times: each got the code of its registration and nothing else.
    assert [len(environment.messages(environment.sms, phone)) for phone in phones] == [1, 1]
    assert environment.rows("SELECT count(*) FROM assistance_assistance WHERE client_id = %s", [client.id]) == [(11,)]


def _bodies():
    """Return each documented write: its method, its path and the properties of its body."""
    schema = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    for path, operations in schema["paths"].items():
        for method in ("post", "put", "patch"):
            for kind, content in operations.get(method, {}).get("requestBody", {}).get("content", {}).items():
                name = content["schema"].get("$ref", "").rpartition("/")[2]
                body = schema["components"]["schemas"][name] if name else content["schema"]
                yield method.upper(), path, kind, body.get("properties", {})


def test_j08_the_server_fetches_no_stored_url(environment, users):
    named = {
        name: shape
        for *_, properties in _bodies()
        for name, shape in properties.items()
        if shape.get("format") in ("uri", "url") or re.search(r"ur[il]$|link|hook|callback|endpoint", name)
    }
    assert named == {}
    dispatcher, client, assistant = users.dispatcher(), users.client(), users.assistant()
    ids, tried = fleet_of(dispatcher), 0
    with socket.create_server(("127.0.0.1", 0)) as trap:
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/latest/meta-data"
        for method, path, kind, properties in _bodies():
            if kind != "application/json" or re.search("logout|generate-fake|register", path):
                continue
            concrete = re.sub(r"\{\w+\}", str(ids["order" if "orders" in path else "vehicle" if "vehicles" in path else "trip"]), path)
            for actor in (client, assistant) if "assist" in path or "profile" in path else (dispatcher,):
                for name in (*properties, "profile_photo", "picture", "photo", "webhook", "url"):
                    actor.call(method, concrete, {name: address})
                    tried += 1
        order = {"customer_name": address, "special_instructions": address}
        assert dispatcher.put(f"/api/orders/{ids['order']}/", order).json()["special_instructions"] == address
        xml = f'<?xml version="1.0"?><!DOCTYPE svg SYSTEM "{address}"><svg xmlns:x="http://www.w3.org/1999/xlink"><image x:href="{address}"/></svg>'
        assert _upload(client, "x.svg", xml.encode(), "image/svg+xml").status_code == 400
        enter_admin(environment, dispatcher).http.get(f"{environment.urls[0]}/admin/orders/order/")
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert tried > 100


HOSTILE = ["%00", "%0a", "999999999999", "9" * 25, "0001-01-01", "%ED%A0%80", "(a%2B)%2B%24", "x" * 8000, "1,%27"]
PARAMETERS = ["q", "p", "o", "status__exact", "created_at__year", "created_at__gte", "id__in", "id__exact", "goods_type__regex", "planned_start_date__year", "company", "_to_field", "_changelist_filters"]


def test_j10_every_list_is_shown_with_odd_queries(environment, users):
    browser = enter_admin(environment, users.dispatcher())
    for name in CHANGELISTS:
        for parameter in PARAMETERS:
            for value in HOSTILE:
                for path in ("", "export/"):
                    answer = browser.http.get(f"{environment.urls[0]}/admin/{name}/{path}?{parameter}={value}")
                    assert answer.status_code in (200, 302, 400, 403, 404), (name, path, parameter, value[:20])


def test_j10_forms_and_documents_are_answered(environment, anyone):
    for value in HOSTILE:
        for path in (f"/api/schema/?version={value}", f"/api/docs/?version={value}", f"/admin/login/?next={value}", f"/media/{value}", f"/metrics?{value}", f"/healthz?{value}"):
            assert anyone.http.get(environment.urls[0] + path).status_code in (200, 302, 400, 401, 404), path[:60]
    for length in (255, 256, 10_000):
        page = anyone.http.get(environment.urls[0] + "/admin/login/")
        form = {"username": "x" * length, "password": "y" * length, "csrfmiddlewaretoken": anyone.http.cookies.get("csrftoken", "")}
        answer = anyone.http.post(environment.urls[0] + "/admin/login/", data=form, headers={"Referer": str(page.url), "User-Agent": "x" * 2000})
        assert answer.status_code in (200, 429), answer.text[:300]


def _import_form(environment, browser, content, name="v.xlsx", kind="1"):
    address = f"{environment.urls[0]}/admin/fleet/vehicle/import/"
    page = browser.http.get(address)
    fields = {"format": kind, "resource": "", "csrfmiddlewaretoken": browser.http.cookies["csrftoken"]}
    return browser.http.post(address, data=fields, files={"import_file": (name, content)}, headers={"Referer": str(page.url)})


def _workbook(rows):
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _bomb():
    """A workbook of some ten kilobytes that unpacks to a million cells."""
    out = io.BytesIO()
    cells = b"<row r='2'>" + b"<c r='A2'><v>1</v></c>" * 600_000 + b"</row></sheetData>"
    with zipfile.ZipFile(io.BytesIO(_workbook([["license_plate"]]))) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content.replace(b"</sheetData>", cells) if "worksheets/" in name else content)
    return out.getvalue()


def test_j11_six_workbooks_that_unpack_hold_nobody_up(environment, users):
    dispatcher, bomb = users.dispatcher(), _bomb()
    assert len(bomb) < 100_000
    browsers = [enter_admin(environment, dispatcher) for _ in range(6)]
    answers = []
    threads = [threading.Thread(target=lambda browser=browser: answers.append(_import_form(environment, browser, bomb))) for browser in browsers]
    waits = []
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        began = time.monotonic()
        assert dispatcher.get("/api/vehicles/", server=0).status_code == 200
        waits.append(time.monotonic() - began)
    assert len(answers) == 6
    for answer in answers:
        assert answer.status_code in (200, 302), answer.text[:300]
    assert max(waits, default=0) < 3, waits


def test_j12_three_confirmations_of_one_import_import_it_once(environment, users):
    dispatcher = users.dispatcher()
    rows = [["license_plate", "make", "model", "year", "capacity"], *([f"C-{number}", "Ford", "Transit", 2020, 1] for number in range(40))]
    browser = enter_admin(environment, dispatcher)
    page = _import_form(environment, browser, _workbook(rows))
    assert page.status_code == 200, page.text[:300]
    form = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', page.text))
    form["csrfmiddlewaretoken"] = browser.http.cookies["csrftoken"]
    address = f"{environment.urls[0]}/admin/fleet/vehicle/process_import/"
    statuses = []
    press = lambda: statuses.append(browser.http.post(address, data=form, headers={"Referer": address}).status_code)  # noqa: E731
    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [302, 302, 302]
    assert environment.rows("SELECT count(*) FROM fleet_vehicle WHERE company_id = %s", [dispatcher.known["company"]]) == [(40,)]
