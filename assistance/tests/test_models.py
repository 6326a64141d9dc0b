"""What holds in the data whatever happens: each constraint refuses its row on both databases."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from assistance.models import Assistance, AssistantProfile, ChatMessage, Offer, Tariff

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def _refused(constraint: str, action: Any) -> None:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        action()
    message = str(error.value)
    assert constraint in message or "UNIQUE constraint failed" in message


def _job(client: Any, **fields: Any) -> Assistance:
    fields = {"pickup_lat": 1, "pickup_lng": 1, "currency": "DZD", "radius_km": 10, "expires_at": NOW, **fields}
    return Assistance.objects.create(client=client, **fields)


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("assistance_", {"status": "lost"}),
        ("assistance_assistant_when_needed", {"status": "accepted"}),
        ("assistance_assistant_when_needed", {"status": "completed", "ended_at": NOW}),
        ("assistance_ended_when_final", {"status": "canceled"}),
        ("assistance_ended_when_final", {"ended_at": NOW}),
        ("assistance_pickup_valid", {"pickup_lat": 90.1}),
        ("assistance_pickup_valid", {"pickup_lng": -180.1}),
        ("assistance_dropoff_valid", {"dropoff_lat": 91, "dropoff_lng": 0}),
        ("assistance_dropoff_valid", {"dropoff_lat": 1}),
        ("assistance_rating_valid", {"rating": 5}),
        ("assistance_amounts_not_negative", {"total_price": -1}),
        ("assistance_price_explained", {"price_source": "nobody"}),
        ("assistance_price_explained", {"price_consent": "maybe", "price_is_final": True}),
        ("assistance_price_explained", {"price_consent": "pending"}),
    ],
)
def test_a_request_that_cannot_be(client_user: Any, constraint: str, fields: Any) -> None:
    _refused(constraint, lambda: _job(client_user, **fields))


def test_a_rating_is_one_to_five(client_user: Any, assistant_user: Any) -> None:
    done = {"status": "completed", "assistant": assistant_user, "ended_at": NOW}
    _job(client_user, **done, rating=5)
    for rating in (0, 6):
        _refused("assistance_rating_valid", lambda rating=rating: _job(client_user, **done, rating=rating))


def test_one_open_request_and_one_job_each(client_user: Any, other_client: Any, assistant_user: Any) -> None:
    _job(client_user, status="accepted", assistant=assistant_user)
    _refused("assistance_one_open_request", lambda: _job(client_user))
    _refused("assistance_one_job_per_assistant", lambda: _job(other_client, status="ongoing", assistant=assistant_user))
    _refused(
        "assistance_two_people", lambda: _job(assistant_user, status="canceled", assistant=assistant_user, ended_at=NOW)
    )


def test_one_open_offer_for_each_pair(client_user: Any, assistant_user: Any) -> None:
    job = _job(client_user)
    pair = {"assistance": job, "assistant": assistant_user}
    Offer.objects.create(**pair, closed_at=NOW, reason="inactive")
    Offer.objects.create(**pair)
    _refused("offer_one_open", lambda: Offer.objects.create(**pair))
    _refused("offer_reason_when_closed", lambda: Offer.objects.create(**pair, closed_at=NOW))
    _refused(
        "offer_answered_at_when_answered",
        lambda: Offer.objects.create(**pair, closed_at=NOW, reason="declined", answer="declined"),
    )


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("assistant_service_known", {"service_type": "flying"}),
        ("assistant_licence_known", {"driving_license_cat": "x"}),
        ("assistant_location_whole", {"lat": 91.0}),
        ("assistant_location_whole", {"cell_x": None}),
        ("assistant_location_whole", {"lat": None}),
    ],
)
def test_a_profile_that_cannot_be(assistant_user: Any, constraint: str, fields: Any) -> None:
    _refused(constraint, lambda: AssistantProfile.objects.filter(pk=assistant_user.pk).update(**fields))


def test_tariffs(db: None) -> None:
    since = NOW - timedelta(days=1)
    fields = {"assistance_type": "towing", "vehicle_class": "light", "valid_from": since, "base": 1, "per_km": 1}
    Tariff.objects.create(**fields)
    _refused("tariff_once", lambda: Tariff.objects.create(**fields))
    _refused(
        "tariff_amounts_not_negative", lambda: Tariff.objects.create(**{**fields, "valid_from": NOW, "minimum": -1})
    )
    newest = Tariff.objects.in_force("towing", "light").first()
    assert newest is not None and newest.valid_from == since
    assert newest.minimum == 0


def test_a_fresh_database_has_a_tariff_without_a_minimum(db: None) -> None:
    for vehicle_class, base, per_km in (("light", 1500, 50), ("heavy", 3000, 150)):
        tariff = Tariff.objects.in_force("towing", vehicle_class).first()
        assert tariff is not None and (tariff.base, tariff.per_km, tariff.minimum) == (base, per_km, 0)


def test_a_sender_names_a_message_once(client_user: Any, assistant_user: Any) -> None:
    job = _job(client_user)
    named = {"assistance": job, "message": "x", "client_id": "m-1"}
    ChatMessage.objects.create(**named, sender=client_user)
    ChatMessage.objects.create(**named, sender=assistant_user)
    _refused("chat_once", lambda: ChatMessage.objects.create(**named, sender=client_user))
    for _ in range(2):
        ChatMessage.objects.create(assistance=job, message="x", sender=client_user)
