"""Requests for help on their page: assignment, prices, cancellation, and the tariffs."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assistance.models import Assistance, AssistantProfile
from depannini_dashmap.models import AuditEvent
from depannini_dashmap.tests.console_rows import (
    make_request,
)

pytestmark = pytest.mark.django_db


def test_an_assistant_is_assigned_by_hand(assistant_user: Any, client_user: Any, staff_user: Any, salim: Client) -> None:
    job = make_request(client_user)
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True, seen_at=timezone.now())
    page = salim.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    assert "Karim Assistant" in page
    path = f"/admin/dispatch/requests/{job.pk}/assign/{assistant_user.pk}/"
    assert salim.get(path).status_code == 200
    salim.post(path)
    job.refresh_from_db()
    assert (job.status, job.assistant_id) == ("accepted", assistant_user.pk)
    assert AuditEvent.objects.filter(event="assistance_assigned", actor_id=staff_user.pk).count() == 1
    again = salim.post(path, follow=True).content.decode()
    assert 'class="success"' in again  # the same choice again
    assert AuditEvent.objects.filter(event="assistance_assigned").count() == 1


def test_candidates_come_with_what_speaks_against_them(
    assistant_user: Any, other_assistant: Any, client_user: Any, salim: Client
) -> None:
    job = make_request(client_user)
    now = timezone.now()
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True, seen_at=now, service_type="repair")
    AssistantProfile.objects.filter(pk=other_assistant.pk).update(seen_at=now - dt.timedelta(hours=1))
    page = salim.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    assert "wrong service" in page
    assert "stale location, off duty" in page
    assert f"/assign/{assistant_user.pk}/" not in page
    assert f"/assign/{other_assistant.pk}/" in page


def test_a_request_is_canceled_with_a_reason_only(client_user: Any, salim: Client) -> None:
    job = make_request(client_user)
    path = f"/admin/dispatch/requests/{job.pk}/cancel/"
    assert "Give a reason" in salim.post(path, {"note": "  "}).content.decode()
    assert "Give a reason" in salim.post(path, {"note": "x" * 501}).content.decode()
    salim.post(path, {"note": "asked twice"})
    job.refresh_from_db()
    assert (job.status, job.reason, job.reason_note) == ("canceled", "staff_canceled", "asked twice")


def test_a_price_is_adjusted_with_a_reason_and_explained(client_user: Any, salim: Client, api: Any) -> None:
    pickup, dropoff = {"lat": 36.75, "lng": 3.05}, {"lat": 36.70, "lng": 3.05}
    asked = api(client_user).post("/api/assistance/request/", {"pickup": pickup, "dropoff": dropoff}).json()["assistance"]
    request_path, path = (f"/admin/dispatch/requests/{asked['id']}/{name}" for name in ("", "price/"))
    shown = salim.get(request_path).content.decode()
    assert "1,500.00</bdi>" in shown and f"{asked['distance_km']:.3f} <bdi>km</bdi> × 50.00 = " in shown and path in shown
    assert f"{asked['total_price']:,.2f}" in salim.get(path).content.decode()
    for price, note, said in (
        ("1200", " ", "Give a reason"),
        ("much", "agreed", "An amount from 0 to 1000000."),
        ("-1", "agreed", "An amount from 0 to 1000000."),
        ("1000000.01", "agreed", "An amount from 0 to 1000000."),
        ("", "agreed", "An amount from 0 to 1000000."),
    ):
        page = salim.post(path, {"price": price, "note": note})
        assert (page.status_code, said in page.content.decode()) == (200, True), price
    job = Assistance.objects.get(pk=asked["id"])
    assert (job.version, job.price_consent) == (1, "")
    answer = salim.post(path, {"price": "1\u202f250,5", "note": "Péage <b>compris</b>"})
    assert answer.headers["Location"] == request_path
    job.refresh_from_db()
    assert (job.total_price, job.price_source, job.price_consent) == (Decimal("1250.50"), "staff", "pending")
    shown = salim.get(request_path).content.decode()
    assert "not answered yet" in shown and "Péage &lt;b&gt;compris&lt;/b&gt;" in shown and "<bdi>km</bdi> × 50.00" not in shown
    listed = salim.get("/admin/assistance/assistance/?price_consent__exact=pending").content.decode()
    assert f"/admin/dispatch/requests/{job.pk}/" in listed
    salim.post(f"/admin/dispatch/requests/{job.pk}/cancel/", {"note": "asked twice"})
    assert path not in salim.get(request_path).content.decode()
    assert "already canceled" in salim.post(path, {"price": "1", "note": "x"}).content.decode()


@pytest.mark.parametrize("price", ["\u0661\u0662\u0665\u0660\u066b\u0665", " 1250.5 ", "1250,50"])
def test_an_amount_is_read_as_people_write_it(price: str, client_user: Any, salim: Client) -> None:
    job = make_request(client_user)
    salim.post(f"/admin/dispatch/requests/{job.pk}/price/", {"price": price, "note": "agreed"})
    job.refresh_from_db()
    assert job.total_price == Decimal("1250.50")


def test_an_unanswered_request_is_asked_again(client_user: Any, salim: Client) -> None:
    job = make_request(client_user)
    assert "Ask again" not in salim.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    path = f"/admin/dispatch/requests/{job.pk}/again/"
    assert "Only a request that nobody answered" in salim.post(path, follow=True).content.decode()
    Assistance.objects.filter(pk=job.pk).update(status="canceled", reason="unanswered", ended_at=timezone.now())
    assert path in salim.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    assert client_user.phone_number in salim.get(path).content.decode()
    answer = salim.post(path)
    opened = Assistance.objects.get(status="requested")
    assert answer.headers["Location"] == f"/admin/dispatch/requests/{opened.pk}/"
    assert "The client already has an open request" in salim.post(path, follow=True).content.decode()


def test_codes_are_sent_again(client_user: Any, assistant_user: Any, salim: Client, run_tasks: Any) -> None:
    client_user.email_verified = client_user.phone_verified = True
    client_user.save()
    ids = f"{client_user.pk},{assistant_user.pk}"
    assert salim.get(f"/admin/dispatch/people/resend/?ids={ids}").status_code == 200
    page = salim.post("/admin/dispatch/people/resend/", {"ids": ids}).content.decode()
    assert "1 done, 1 skipped" in page
    assert not re.search(r"\b\d{6}\b", re.sub(r"\+\d+", "", page.split("summary")[1]))


def test_tariffs_show_an_example(salim: Client) -> None:
    answer = salim.get("/admin/dispatch/tariffs/example/", {"base": "2000", "per_km": "100", "minimum": "3200"}).json()
    assert [row["price"] for row in answer["rows"]] == [f"{price} DZD" for price in ("3,200.00", "3,200.00", "3,200.00", "4,500.00", "8,000.00")]
    assert [row["way"] for row in answer["rows"]][:2] == ["0 km", "5 km"]
    odd = salim.get("/admin/dispatch/tariffs/example/", {"base": "NaN", "per_km": "1e999", "minimum": "-4"})
    assert {row["price"] for row in odd.json()["rows"]} == {"0.00 DZD"}
