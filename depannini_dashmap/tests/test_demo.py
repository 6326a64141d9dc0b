"""The demo's data: made once, through the rules, for each role; and the world that moves in it."""

import datetime as dt
import os
import select
import subprocess
import sys

import httpx
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Company, User
from assistance.models import Assistance, AssistantProfile
from depannini_dashmap.console.reports.month_queries import Month, read_month
from depannini_dashmap.demo.people_and_places import ALGIERS
from depannini_dashmap.demo.role_links import role_links
from depannini_dashmap.demo.simulator.fleet import FASTEST, ROAD_SPEED_KMH, rhythm
from depannini_dashmap.demo.simulator.world import Mover, World
from depannini_dashmap.management.commands.seed_demo import LOGINS
from orders.models import Order
from payments.cash_on_hand import cash_in_hand
from payments.models import Payment
from payments.receivables import unpaid
from telematics.models import Position
from telematics.plausibility import Fix, Track
from testing.ports import free_port
from trips.models import Trip

pytestmark = pytest.mark.django_db


def test_it_is_refused_without_debug():
    with pytest.raises(CommandError, match="--force"):
        call_command("seed_demo")
    assert not User.objects.exists()


def test_a_believable_week_made_once(api, settings, capsys):
    settings.DEBUG = True
    call_command("seed_demo", verbosity=0)
    assert Company.objects.count() == 2
    assert Order.objects.count() == 60
    assert set(Trip.objects.values_list("status", flat=True)) == {"draft", "planned", "in_progress", "completed", "cancelled"}
    assert set(Assistance.objects.values_list("status", flat=True)) >= {"requested", "accepted", "completed"}
    assert Position.objects.count() > 100
    assert {"cash", "card", "transfer", "account"} == set(Payment.objects.values_list("method", flat=True))
    nadia = User.objects.get(username="nadia")
    this_month = Month(timezone.localdate().year, timezone.localdate().month)
    months = [read_month(nadia, month)[0] for month in (this_month, this_month.previous)]  # some jobs ended a day or two ago
    for kind in ("total_jobs", "total_orders"):
        sums = [getattr(month, kind) for month in months]
        assert 0 < sum(one.paid for one in sums) < sum(one.worth for one in sums)
    assert {debt.about for debt in unpaid(nadia)} == {"orders", "jobs"}
    assert any(cash.in_hand > 0 and cash.handed_in > 0 for cash in cash_in_hand())
    before = User.objects.count()
    call_command("seed_demo")
    assert "already" in capsys.readouterr().out
    assert User.objects.count() == before
    for _, login, password in LOGINS:
        path, name = ("/api/auth/login/phone/", "phone_number") if login.startswith("+") else ("/api/auth/login/", "username")
        assert api().post(path, {name: login, "password": password}).status_code == 200, login
    for job in Assistance.objects.filter(status="completed"):
        assert job.created_at < job.accepted_at < job.started_at < job.ended_at, "the report's times follow from these"


def test_its_assistants_work_where_staff_approve_them(settings):
    settings.DEBUG = settings.ASSISTANT_APPROVAL = True
    call_command("seed_demo", verbosity=0)
    assert Assistance.objects.filter(status="accepted").exists()
    assert AssistantProfile.objects.filter(approved_at__isnull=True).count() == 1  # one to look at


@pytest.mark.parametrize("speed_up", [0.5, 1, 10, 40, 200])
def test_vehicles_of_a_fast_world_stay_believable(speed_up):
    start, goal = ALGIERS[0], max(ALGIERS, key=lambda place: abs(place.lng - ALGIERS[0].lng))
    mover, track = Mover(start.lat, start.lng), Track()
    step_s, every_s = rhythm(speed_up)
    assert step_s / every_s == pytest.approx(speed_up)
    now, arrived = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), False
    while not arrived:
        arrived = mover.step(goal.lat, goal.lng, FASTEST * ROAD_SPEED_KMH, step_s)
        now += dt.timedelta(seconds=every_s)
        assert not track.judge(Fix(now, mover.lat, mover.lng))


@pytest.mark.parametrize(("duration_s", "is_over"), [(0, False), (1e-9, True), (60, False)])
def test_a_world_without_a_duration_goes_on(duration_s, is_over):
    world = World("http://127.0.0.1:9", speed_up=1, duration_s=duration_s, seed=1)
    assert world.is_over is is_over


def test_each_role_has_a_page_that_opens(settings, client):
    settings.DEBUG = True
    call_command("seed_demo", verbosity=0)
    links = role_links()
    assert [link.role for link in links] == ["motorist", "assistant", "driver", "customer"]
    for link in links:
        assert client.get(link.path).status_code == 200, link
    again = {link.role: link.path for link in role_links()}
    assert client.get(links[2].path).status_code == 404 and client.get(again["driver"]).status_code == 200


def test_a_database_without_trips_has_the_pages_that_need_none():
    assert [link.role for link in role_links()] == ["motorist", "assistant"]


@pytest.mark.slow
def test_emulators_and_pages_of_this_machine_may_call(tmp_path):
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/demo.sqlite3",
        "MEDIA_ROOT": str(tmp_path / "media"),
        "SECRET_KEY": "a-key-for-the-demo-that-is-long-enough-to-be-taken",
    }
    command = [sys.executable, "manage.py", "demo", "--port", str(port)]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            answer = first_answer(f"http://127.0.0.1:{port}/api/", server)
            assert answer.status_code == 200, (tmp_path / "log").read_text()
            asked = {"Host": f"10.0.2.2:{port}", "Origin": "http://localhost:5173"}
            answer = httpx.get(f"http://127.0.0.1:{port}/api/", headers=asked)
            assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "http://localhost:5173")
            foreign = httpx.get(f"http://127.0.0.1:{port}/api/", headers={"Host": "evil.example", "Origin": "http://evil.example"})
            assert foreign.status_code == 400 and "Access-Control-Allow-Origin" not in foreign.headers
        finally:
            server.terminate()


def first_answer(url, server):
    """Return the first answer of a server that starts; it fails when the server ends instead."""
    while server.poll() is None:
        try:
            return httpx.get(url, timeout=5)
        except httpx.TransportError:
            select.select([], [], [], 0.1)
    raise AssertionError("the server ended")
