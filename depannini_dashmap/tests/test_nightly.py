"""Once a night, one process removes what is past its retention."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from accounts.models import User, VerificationCode
from depannini_dashmap.models import AuditEvent, Chore
from depannini_dashmap.operations import nightly

pytestmark = pytest.mark.django_db
BEFORE, AFTER = datetime(2026, 3, 2, 1, 59, tzinfo=UTC), datetime(2026, 3, 2, 2, 1, tzinfo=UTC)  # Algiers: 02:59, 03:01


@pytest.fixture(autouse=True)
def _at_three(settings: Any) -> None:
    settings.PRUNE_AT = time(3)


@pytest.fixture
def old(client_user: User) -> VerificationCode:
    """A code that is past its retention; the last night was yesterday's."""
    Chore.objects.create(name=nightly.PRUNE, taken_on=date(2026, 3, 1))
    long_ago = AFTER - timedelta(days=3000)
    AuditEvent.objects.create(event="x", at=long_ago)
    return VerificationCode.objects.create(channel="email", purpose="verify", address_key="k", created_at=long_ago)


def test_it_is_done_once_when_it_is_time(old: VerificationCode) -> None:
    assert not nightly.run_if_due(BEFORE)
    assert VerificationCode.objects.filter(pk=old.pk).exists()
    assert nightly.run_if_due(AFTER)
    assert not VerificationCode.objects.filter(pk=old.pk).exists()
    assert not nightly.run_if_due(AFTER)
    assert nightly.run_if_due(AFTER + timedelta(days=1))


def test_a_night_that_was_slept_through_is_made_up_for(old: VerificationCode) -> None:
    assert nightly.run_if_due(AFTER + timedelta(hours=9))


def test_audit_events_are_left_to_the_command(old: VerificationCode) -> None:
    assert nightly.run_if_due(AFTER)
    assert AuditEvent.objects.filter(event="x").count() == 1


def test_a_new_deployment_begins_with_the_next_night() -> None:
    assert not nightly.run_if_due(AFTER)
    assert Chore.objects.get().taken_on == date(2026, 3, 2)
    assert nightly.run_if_due(AFTER + timedelta(days=1))


def test_it_can_be_switched_off(old: VerificationCode, settings: Any) -> None:
    settings.PRUNE_AT = None
    assert not nightly.run_if_due(AFTER)
    assert nightly.start.__wrapped__() is None
