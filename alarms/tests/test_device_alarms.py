"""What trackers raise is an alarm of its vehicle where somebody has to look, once for each time that it happens."""

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from alarms import services
from alarms.models import Alarm
from depannini_dashmap.lib.time_zone import display_zone
from depannini_dashmap.tests.console_rows import make_order, make_trip, make_vehicle
from telematics.models import Device, DeviceAlarm
from trips.models import Trip

pytestmark = pytest.mark.django_db


@pytest.fixture
def vehicle(dispatcher, company_a):
    """A vehicle with a tracker that a server forwards."""
    vehicle = make_vehicle(dispatcher, company_a, "16-123")
    Device.objects.create(vehicle=vehicle, company=company_a, external_id="imei")
    return vehicle


@pytest.fixture
def tracker(api, dispatcher, vehicle):
    """Forward what the vehicle's tracker says."""
    secret = api(dispatcher).post("/api/forwarders/", {}).json()["secret"]

    def send(alarm: Any, ago: int = 0, vehicle_id: str = "imei") -> None:
        at = timezone.now() - dt.timedelta(minutes=ago)
        position = {"latitude": 36.7, "longitude": 3.0, "fixTime": at.isoformat(), "valid": True, "attributes": {"alarm": alarm}}
        answer = api().post(
            "/api/devices/traccar/", {"position": position, "device": {"uniqueId": vehicle_id}}, format="json",
            headers={"Authorization": f"Bearer {secret}"},
        )  # fmt: skip
        assert answer.status_code == 200

    return send


def look(minutes=0):
    services.refresh_alarms(actor=None, now=timezone.now() + dt.timedelta(minutes=minutes))


def open_kinds():
    return sorted(Alarm.objects.open().values_list("kind", flat=True))


def test_an_sos_is_an_alarm_with_vehicle_time_and_place(tracker, vehicle, dispatcher, client):
    tracker("sos")
    look()
    alarm = Alarm.objects.get()
    clock = timezone.now().astimezone(display_zone()).strftime("%H:")
    assert (alarm.kind, alarm.thing, alarm.company_id) == ("sos", str(vehicle.pk), vehicle.company_id)
    assert alarm.name.startswith(f"16-123: {clock}") and alarm.name.endswith(", 36.70000, 3.00000")
    client.force_login(dispatcher)
    page = client.get("/admin/alarms/").content.decode()
    assert "help is needed in a vehicle" in page and f"?vehicle={vehicle.pk}" in page
    assert client.get("/admin/alarms/state/").json()["count"] == 1


def test_of_another_company_nobody_sees_it(tracker, dispatcher_b, client):
    tracker("sos")
    look()
    client.force_login(dispatcher_b)
    assert client.get("/admin/alarms/state/").json()["count"] == 0


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ("accident", ["sos"]), ("fallDown", ["sos"]), ("tow", ["tampering"]), ("jamming", ["tampering"]), ("powerCut", []), ("lowBattery", []),
        ("overspeed", []), ("general", []), ("unheard-of", []), ("lowBattery,sos", ["sos"]),
    ],
)  # fmt: skip
def test_which_alarms_of_trackers_somebody_has_to_look_at(tracker, said, kinds):
    tracker(said)
    look()
    assert open_kinds() == kinds
    assert DeviceAlarm.objects.count() == len(said.split(","))


def test_a_cut_of_the_power_counts_on_a_trip(tracker, vehicle, dispatcher, company_a):
    trip = make_trip(dispatcher, vehicle, "Tour", orders=(make_order(dispatcher, company_a),))
    Trip.objects.filter(pk=trip.pk).update(status="in_progress", actual_start_datetime=timezone.now())
    tracker("powerCut")
    look()
    assert open_kinds() == ["tampering"]
    assert Alarm.objects.get().name.startswith("16-123 (powerCut): ")


def test_it_is_raised_once_for_repeats_and_stays_until_somebody_acknowledges_it(tracker, dispatcher):
    for ago in (9, 6, 3, 0):
        tracker("sos", ago)
        look()
    look(60 * 24)
    assert open_kinds() == ["sos"] and Alarm.objects.count() == 1
    services.acknowledge(actor=dispatcher, alarm_ids=[Alarm.objects.get().pk])
    look()
    assert open_kinds() == ["sos"]  # who takes care of it is shown for an hour
    look(61)
    assert open_kinds() == []
    look(62)
    assert Alarm.objects.count() == 1


def test_a_second_press_after_somebody_took_care_rings_anew(tracker, dispatcher):
    tracker("sos", 30)
    look()
    services.acknowledge(actor=dispatcher, alarm_ids=[Alarm.objects.get().pk])
    tracker("sos", 25)  # the same press, said again
    look()
    assert Alarm.objects.count() == 1
    tracker("sos", 1)
    look()
    look()
    assert Alarm.objects.count() == 2
    assert Alarm.objects.open().get().acknowledged_at is None


def test_one_that_nobody_acknowledges_ends_after_a_week(tracker):
    tracker("sos")
    look()
    look(60 * 24 * 7 + 1)
    assert open_kinds() == []


def test_what_a_tracker_tells_days_later_is_history(tracker):
    tracker("sos", 60 * 25)
    look()
    assert open_kinds() == [] and DeviceAlarm.objects.count() == 1


def test_a_vehicle_that_went_to_another_company_takes_no_alarm_along(tracker, vehicle, company_b):
    tracker("sos")
    look()
    type(vehicle).objects.filter(pk=vehicle.pk).update(company=company_b)
    look()
    assert Alarm.objects.get().company_id != company_b.pk


def test_an_sos_stands_before_everything_else(tracker, dispatcher):
    Alarm.objects.create(kind="unanswered_request", thing="1", name="#1", opened_at=timezone.now() - dt.timedelta(hours=1))
    tracker("tow")
    tracker("sos")
    look()
    Alarm.objects.update(closed_at=None)
    rows = Alarm.objects.open().by_urgency(timezone.now())
    assert [row.kind for row in rows] == ["sos", "unanswered_request", "tampering"]


def test_the_database_wants_a_company(db):
    with pytest.raises(IntegrityError), transaction.atomic():
        Alarm.objects.create(kind="sos", thing="1", name="x", opened_at=timezone.now())


def test_who_is_told_of_the_companys_alarms_is_told_of_it(tracker, dispatcher, company_a, run_tasks, mailoutbox):
    type(dispatcher).objects.filter(pk=dispatcher.pk).update(email_verified=True)
    dispatcher.refresh_from_db()
    services.set_watch(actor=dispatcher, company=company_a, channel="email", after_minutes=1, language="fr")
    tracker("sos")
    look()
    look(2)
    run_tasks()
    [mail] = mailoutbox
    assert "16-123" in mail.body and "besoin d'aide" in mail.body
