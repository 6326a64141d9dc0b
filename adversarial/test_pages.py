"""J. Files, admin, mail and abuse."""

import io
import re

import pytest
from PIL import Image

from adversarial.actors import PASSWORD, Actor, fleet_of, new_trip


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
def test_j01_what_is_no_photo(cast, name, content):
    client = cast.client()
    assert _upload(client, name, content).status_code == 400
    assert client.get("/api/profile/user/").json()["profile_photo"] in (None, "")


def test_j01_a_photo_over_the_limit(cast):
    assert _upload(cast.client(), "x.png", _png() + b"\x00" * 6_000_000).status_code in (400, 413)


def test_j01_photos_are_made_anew(stage, cast):
    client = cast.client()
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    answer = _upload(client, "../../" + "x" * 280 + ".jpg", _png(kind="JPEG", exif=exif) + b"<script>alert(1)</script>", "image/jpeg")
    assert answer.status_code == 200, answer.text
    url = answer.json()["profile_photo"]
    served = client.http.get(url if url.startswith("http") else stage.urls[0] + url)
    assert served.status_code == 200
    assert b"secret place" not in served.content and b"<script>" not in served.content
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "xxxx" not in url and ".." not in url


def test_j01_media_serves_nothing_else(stage, anyone):
    for path in ("/media/", "/media/../db.sqlite3", "/media/%2e%2e/manage.py", "/media//etc/passwd", "/static/../manage.py"):
        answer = anyone.http.get(stage.urls[0] + path)
        assert answer.status_code in (400, 404), path


def _enter(stage, actor):
    browser = Actor(stage)
    page = browser.http.get(stage.urls[0] + "/admin/login/")
    form = {"username": actor.known["username"], "password": PASSWORD, "csrfmiddlewaretoken": browser.http.cookies.get("csrftoken", "")}
    answer = browser.http.post(stage.urls[0] + "/admin/login/?next=/admin/", data=form, headers={"Referer": str(page.url)})
    assert answer.status_code == 302, answer.text[:500]
    return browser


CHANGELISTS = ("fleet/vehicle", "orders/order", "trips/trip", "telematics/position", "accounts/company")


def test_j02_markup_is_text_in_the_admin(stage, cast):
    dispatcher = cast.dispatcher()
    evil = '<img src=x onerror="alert(1)">'
    ids = fleet_of(dispatcher)
    dispatcher.put(f"/api/companies/{ids['company']}/", {"name": evil})
    dispatcher.put(f"/api/vehicles/{ids['vehicle']}/", {"make": evil, "driver_name": evil})
    dispatcher.put(f"/api/orders/{ids['order']}/", {"customer_name": evil, "special_instructions": evil})
    dispatcher.put(f"/api/trips/{ids['trip']}/", {"name": evil, "notes": evil})
    browser = _enter(stage, dispatcher)
    for path in ["", "map/", *(f"{name}/" for name in CHANGELISTS)]:
        page = browser.http.get(f"{stage.urls[0]}/admin/{path}")
        assert page.status_code == 200, path
        assert "<img src=x" not in page.text, path
        assert "'unsafe-inline'" not in re.search(r"script-src[^;]*", page.headers["Content-Security-Policy"]).group(0)


def test_j04_the_admin_shows_no_secrets_and_asks_who_calls(stage, cast, anyone):
    dispatcher, client, staff = cast.dispatcher(), cast.client(), cast.staff()
    for path in ("", "map/", *(f"{name}/" for name in CHANGELISTS)):
        answer = anyone.http.get(f"{stage.urls[0]}/admin/{path}")
        assert answer.status_code == 302 and "/login/" in answer.headers["Location"], path
        answer = anyone.http.get(f"{stage.urls[0]}/admin/{path}", headers={"Authorization": dispatcher.header})
        assert answer.status_code == 302, path
    member = _enter(stage, dispatcher)
    assert member.http.get(f"{stage.urls[0]}/admin/accounts/user/{client.id}/change/").status_code in (302, 403, 404)
    page = _enter(stage, staff).http.get(f"{stage.urls[0]}/admin/accounts/user/{client.id}/change/")
    assert page.status_code == 200
    stored = stage.rows("SELECT password FROM accounts_user WHERE id = %s", [client.id])[0][0]
    assert stored not in page.text and stored.rsplit("$", 1)[1][:12] not in page.text


def test_j04_admin_rows_of_others_do_not_exist(stage, cast):
    one, other = cast.dispatcher(), cast.dispatcher()
    ids = fleet_of(one)
    browser = _enter(stage, other)
    for path in (f"fleet/vehicle/{ids['vehicle']}", f"orders/order/{ids['order']}", f"trips/trip/{ids['trip']}", f"accounts/company/{ids['company']}"):
        answer = browser.http.get(f"{stage.urls[0]}/admin/{path}/change/")
        assert answer.status_code in (302, 403, 404), path


def test_j05_headers_cannot_be_injected(stage, cast):
    dispatcher = cast.dispatcher()
    ids = fleet_of(dispatcher)
    trip = new_trip(dispatcher, ids["vehicle"], name="x\r\nBcc: victim@example.org")
    answer = dispatcher.post(f"/api/trips/{trip}/notify-driver/", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 200, answer.text
    mail = stage.messages(stage.mail, "driver@example.com")[-1]
    head = mail.split("\n\n", 1)[0]
    assert not re.search(r"(?m)^Bcc:", head)
    assert "evil.example" not in mail


def test_j07_sockets_hear_every_request(cast):
    client, assistant = cast.client(), cast.assistant(lat=20.0, lng=20.0)
    with assistant.socket(f"/ws/assistant/{assistant.id}/") as his:
        his.next()
        for _ in range(4):
            number = client.post("/api/assistance/request/", {"pickup": {"lat": 20.0, "lng": 20.0}}).json()["assistance"]["id"]
            his.until("new_assistance_request", assistance_id=number)
            client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"})
            his.until("request_closed", assistance_id=number)
