"""The page on which trackers are connected to a vehicle, as a dispatcher uses it."""

import re
from typing import Any

import pytest
from django.test import Client

from telematics.models import Device, Forwarder, Position

pytestmark = pytest.mark.django_db


@pytest.fixture
def nadia(dispatcher: Any) -> Client:
    """The dispatcher in the console."""
    client = Client()
    client.force_login(dispatcher)
    return client


def path(vehicle: Any) -> str:
    return f"/admin/dispatch/vehicles/{vehicle.pk}/connect/"


@pytest.mark.parametrize("app", ["traccar_client", "osmand", "owntracks", "gpslogger", "other"])
def test_a_key_is_made_shown_once_and_works_as_shown(nadia: Client, api: Any, van: Any, app: str) -> None:
    page = nadia.post(path(van), {"kind": app, "name": "Karim"}).content.decode()
    shown = re.findall(r'<code dir="ltr">(.*?)</code>', page)
    assert ("<svg" in page and "class=\"qr\"" in page) == (app != "other")
    assert Device.objects.get().app == app
    if app in ("osmand", "gpslogger"):
        filled = shown[0].replace("&amp;", "&").replace("http://testserver", "")
        for name, value in {"{0}": "36.7", "{1}": "3", "{2}": "1705329000", "{3}": "4", "{4}": "5", "{5}": "10", "{6}": "7",
                            "%LAT": "36.7", "%LON": "3", "%TIMESTAMP": "1705329000", "%SPD": "10", "%DIR": "7", "%ALT": "5",
                            "%ACC": "4", "%BATT": "50"}.items():  # fmt: skip
            filled = filled.replace(name, value)
        assert api().get(filled).status_code == 200
        assert Position.objects.get().speed == 36.0
    key = Device.objects.get().key_digest
    again = nadia.get(path(van)).content.decode()
    assert "<code" not in again and key not in again and "Karim" in again
    assert ("waiting for the first message" in again) == (app not in ("osmand", "gpslogger"))


def test_a_server_and_its_trackers(nadia: Client, api: Any, van: Any) -> None:
    page = nadia.post(path(van), {"kind": "server", "name": "Traccar"}).content.decode()
    secret = re.search(r"Bearer ([\w-]+)", page)
    assert secret is not None
    body = {"position": {"latitude": 1, "longitude": 2, "fixTime": "2024-01-15T14:30:00Z"}, "device": {"uniqueId": "350"}}
    api().post("/api/devices/traccar/", body, headers={"Authorization": f"Bearer {secret[1]}"})
    assert "350" in nadia.get(path(van)).content.decode()
    page = nadia.post(path(van), {"kind": "tracker", "external_id": "350"}).content.decode()
    assert "350 is attached." in page
    assert "Vehicle ABC-123 of this company has it." in nadia.post(path(van), {"kind": "tracker", "external_id": "350"}).content.decode()
    assert "Enter the IMEI" in nadia.post(path(van), {"kind": "tracker", "external_id": " "}).content.decode()


def test_why_a_device_is_refused_is_shown(nadia: Client, van: Any, api: Any) -> None:
    nadia.post(path(van), {"kind": "other"})
    page = nadia.post(path(van), {"kind": "traccar_client"}).content.decode()
    key = re.findall(r'<code dir="ltr">(.*?)</code>', page)[1]
    api().get("/api/devices/osmand/", {"id": key, "lat": "91", "lon": "3"})
    assert "the place cannot be read" in nadia.get(path(van)).content.decode()
    assert "the place cannot be read" in nadia.get("/admin/telematics/device/").content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_with_more_devices(
    rows: int, nadia: Client, van: Any, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        Device.objects.create(vehicle=van, company=van.company, external_id=f"e{number}")
        Forwarder.objects.create(company=van.company, secret_digest=f"{number}")
    # session, user, two groups, roles; vehicle, devices, their alarms, forwarders; who may change, roles of the menu
    with django_assert_num_queries(11):
        nadia.get(path(van))


def test_devices_are_disconnected_after_a_question(nadia: Client, van: Any) -> None:
    nadia.post(path(van), {"kind": "other"})
    nadia.post(path(van), {"kind": "server"})
    for kind, model in (("devices", Device), ("servers", Forwarder)):
        url = f"/admin/dispatch/disconnect/{kind}/?ids={model.objects.get().pk}"
        assert "Disconnect" in nadia.get(url).content.decode()
        assert nadia.post(url.partition("?")[0], {"ids": model.objects.get().pk}).status_code == 302
        assert model.objects.get().ended_at is not None


def test_others_are_shown_and_given_nothing(dispatcher_b: Any, viewer: Any, client_user: Any, van: Any) -> None:
    stranger, looker = Client(), Client()
    stranger.force_login(dispatcher_b)
    looker.force_login(viewer)
    assert stranger.get(path(van)).status_code == 404
    assert stranger.post(path(van), {"kind": "other"}).status_code == 404
    assert "<form method=\"post\" class=\"panel\"" not in looker.get(path(van)).content.decode()
    looker.post(path(van), {"kind": "other"})
    looker.post(path(van), {"kind": "server"})
    assert not Device.objects.exists() and not Forwarder.objects.exists()
    device = Device.objects.create(vehicle=van, company=van.company, external_id="x")
    assert stranger.get(f"/admin/dispatch/disconnect/devices/?ids={device.pk}").status_code == 404
    assert looker.post("/admin/dispatch/disconnect/devices/", {"ids": device.pk}).status_code in (302, 403)
    assert Device.objects.working().count() == 1
