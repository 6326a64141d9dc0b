"""`/metrics`: guarded, in Prometheus' format, and true."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import User
from depannini_dashmap.operations import metrics_page

TOKEN = "a-token-for-the-metrics-page"


@pytest.fixture
def guarded(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def figures(text: str) -> dict[str, float]:
    """Read an answer: `name{label=value}` to the figure."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def read(client: Client) -> dict[str, float]:
    response = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    return figures(response.content.decode())


@pytest.mark.django_db
def test_without_the_setting_there_is_no_such_page(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    response = client.get("/metrics", headers={"authorization": "Bearer "})
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.django_db
@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {TOKEN}x"}])
def test_without_the_token_nothing_is_shown(client: Client, guarded: None, header: dict) -> None:
    response = client.get("/metrics", headers=header)
    assert response.status_code == 401
    assert "dashmap_" not in response.content.decode()


@pytest.mark.django_db
def test_requests_are_counted_by_route_not_by_path(client: Client, guarded: None) -> None:
    before = read(client)
    client.get("/healthz")
    client.get("/no/such/4711")
    after = read(client)
    counted = {name: value - before.get(name, 0) for name, value in after.items() if name.startswith("dashmap_request_seconds_count")}
    assert counted["dashmap_request_seconds_count{method=GET,route=^healthz/?$,status=200}"] == 1
    assert counted["dashmap_request_seconds_count{method=GET,route=unmatched,status=404}"] == 1
    assert not any("4711" in name for name in after)


@pytest.mark.django_db
def test_the_age_of_the_queue_begins_when_a_task_is_due(client: Client, guarded: None) -> None:
    assert read(client)["dashmap_tasks_due"] == 0
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        DBTaskResult.objects.create(
            task_path="x.y", args_kwargs={"args": [], "kwargs": {}}, backend_name="default", queue_name="default", priority=0,
            run_after=now - timedelta(seconds=30),
        )
        found = read(client)
    assert found["dashmap_tasks_due"] == 1
    assert found["dashmap_tasks_oldest_seconds"] == 30
    assert found["dashmap_tasks_parked"] == 0


@pytest.mark.django_db
def test_requests_for_help_are_counted_by_status(client: Client, guarded: None, client_user: User) -> None:
    from assistance.models import Assistance

    now = timezone.now()
    Assistance.objects.create(
        client=client_user, pickup_lat=36.75, pickup_lng=3.05, currency="DZD", radius_km=10,
        created_at=now - timedelta(seconds=90), expires_at=now + timedelta(minutes=10),
    )
    found = read(client)
    assert found["dashmap_assistance_hour{status=requested}"] == 1
    assert found["dashmap_assistance_waiting"] == 1
    assert found["dashmap_assistance_waiting_oldest_seconds"] == pytest.approx(90, abs=5)


@pytest.mark.django_db
def test_a_lost_database_is_a_figure(client: Client, guarded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("no")

    monkeypatch.setattr(metrics_page, "task_queue", away)
    monkeypatch.setattr(metrics_page.connection, "close", lambda: None)
    found = read(client)
    assert found["dashmap_database_up"] == 0
    assert "dashmap_tasks_due" not in found


@pytest.mark.postgres
@pytest.mark.django_db
def test_connections_are_counted(client: Client, guarded: None) -> None:
    found = read(client)
    assert found["dashmap_database_connections{state=active}"] >= 1
    assert found["dashmap_database_connections_limit"] >= 10
