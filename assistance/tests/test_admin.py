"""Operators look, services change; dispatchers of companies see nothing of the roadside."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assistance import services
from assistance.models import Tariff

pytestmark = pytest.mark.django_db
MODELS = ["assistance", "offer", "chatmessage", "assistantprofile", "tariff"]


@pytest.fixture
def office(staff_user: Any) -> Client:
    client = Client()
    client.force_login(staff_user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _list(model: str) -> str:
    return reverse(f"admin:assistance_{model}_changelist")


@pytest.mark.parametrize("model", MODELS)
def test_lists_open_with_a_fixed_number_of_queries(
    model: str, office: Client, client_user: Any, other_client: Any, make_assistant: Any, ask: Any,
    django_assert_max_num_queries: Any,
) -> None:  # fmt: skip
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert office.get(_list(model)).status_code == 200
        return len(queries)

    helper = make_assistant(1)
    job = ask(client_user)
    services.accept(actor=helper, assistance_id=job.pk)
    services.post_chat(actor=client_user, assistance_id=job.pk, message="hello")
    count()
    one = count()
    make_assistant(2), make_assistant(3)
    services.post_chat(actor=client_user, assistance_id=job.pk, message="again")
    ask(other_client)
    Tariff.objects.create(assistance_type="towing", vehicle_class="light", base=1, per_km=1)
    assert count() == one


def test_a_request_shows_its_ledger_and_nothing_can_be_typed(
    office: Client, client_user: Any, assistant_user: Any, job_in: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user)
    url = reverse("admin:assistance_assistance_change", args=[job.pk])
    page = office.get(url).content.decode()
    assert "Karim Assistant" in page or "+213555000011" in page
    assert 'name="status"' not in page and 'name="_save"' not in page
    assert office.post(url, {"status": "completed"}).status_code == 403
    job.refresh_from_db()
    assert job.status == "accepted"


def test_canceling_is_the_service(
    office: Client, client_user: Any, assistant_user: Any, job_in: Any, frames: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user)
    asked = office.post(_list("assistance"), {"action": "cancel_chosen", "_selected_action": [job.pk]})["Location"]
    with frames() as heard:
        assert "Give a reason" in office.post(asked, {"ids": job.pk}).content.decode()
        for told in ('class="success"', 'class="error"'):
            assert told in office.post(asked, {"ids": job.pk, "note": "twice"}, follow=True).content.decode()
    job.refresh_from_db()
    assert (job.status, job.reason, job.reason_note) == ("canceled", "staff_canceled", "twice")
    assert [frame["status"] for _, frame in heard if frame["type"] == "status"] == ["canceled"]
    assert [frame["reason"] for _, frame in heard if frame["type"] == "request_closed"] == ["canceled"]


def test_tariffs_are_edited_with_history_and_an_example(office: Client) -> None:
    tariff = Tariff.objects.get(vehicle_class="light")
    page = office.get(_list("tariff")).content.decode()
    assert 'field-price_of_ten_km">2,000.00<' in page and 'field-price_of_ten_km">4,500.00<' in page
    url = reverse("admin:assistance_tariff_change", args=[tariff.pk])
    sent = {
        "assistance_type": "towing", "vehicle_class": "light", "base": "2500", "per_km": "90", "minimum": "0", "vat_rate": "19",
        "currency": "", "valid_from_0": "2020-01-01", "valid_from_1": "00:00:00",
    }  # fmt: skip
    assert office.post(url, sent).status_code == 302
    tariff.refresh_from_db()
    assert tariff.base == Decimal(2500)
    assert tariff.history.first().base == Decimal(2500)
    assert office.post(url, {**sent, "base": "-1"}).status_code == 200


def test_papers_may_be_corrected_but_not_the_duty(office: Client, assistant_user: Any) -> None:
    profile = assistant_user.assistant_profile
    url = reverse("admin:assistance_assistantprofile_change", args=[profile.pk])
    sent = {
        "service_type": "repair", "vehicle_type": "van", "driving_license_cat": "b", "driving_license_num": "1",
        "driving_license_expiry": "2031-01-01", "vehicle_registration_num": "5", "is_active": "on",
    }  # fmt: skip
    assert office.post(url, sent).status_code == 302
    profile.refresh_from_db()
    assert (profile.service_type, profile.is_active, profile.lat) == ("repair", False, 36.7538)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("who", ["dispatcher", "viewer"])
def test_the_roadside_is_not_the_companies_business(model: str, who: str, request: Any) -> None:
    client = Client()
    client.force_login(request.getfixturevalue(who), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(_list(model)).status_code == 403


def test_a_tariff_whose_longest_way_cannot_be_stored_is_refused(office: Client, settings: Any) -> None:
    url = reverse("admin:assistance_tariff_add")
    sent = {
        "assistance_type": "towing", "vehicle_class": "heavy", "base": "1", "per_km": "99999999", "minimum": "0", "vat_rate": "0",
        "currency": "", "valid_from_0": "2026-01-01", "valid_from_1": "00:00:00",
    }  # fmt: skip
    page = office.post(url, sent)
    assert page.status_code == 200 and "Too much for the longest way." in page.content.decode()
    settings.ASSISTANCE_MAX_DISTANCE_KM = 50.0
    assert office.post(url, sent).status_code == 302


def test_a_request_shows_who_named_its_price_and_what_the_client_said(
    office: Client, client_user: Any, staff_user: Any, ask: Any
) -> None:
    job = ask(client_user)
    services.set_price(actor=staff_user, assistance_id=job.pk, amount=Decimal(900), reason="agreed by phone")
    page = office.get(reverse("admin:assistance_assistance_change", args=[job.pk])).content.decode()
    assert "adjusted by staff" in page and "not answered yet" in page and "agreed by phone" in page
