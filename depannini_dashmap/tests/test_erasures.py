"""Who was erased stays erased: after a restore, after the loss of the database, after the loss of the machine."""

import os
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import Company, Membership, User
from accounts.services import close_account
from assistance.models import Assistance, ChatMessage
from depannini_dashmap.lib.ops import audit, request_context
from depannini_dashmap.lib.ops.erasures_file import erasure_of, remember, remembered
from depannini_dashmap.models import AuditEvent
from depannini_dashmap.operations import erasure_replay
from depannini_dashmap.operations.doctor import examine
from depannini_dashmap.tests.deployments import Deployment

PEOPLE = """
from accounts.models import User
for name in ("amina", "karim", "lila"):
    User.objects.create_user(name, f"{name}@example.com", "correct-horse-battery", user_type="client")
"""
OPEN = "from accounts.models import User; print(*User.objects.filter(closed_at=None).order_by('username').values_list('username', flat=True))"


@pytest.fixture
def ledger(settings: Any, tmp_path: Path) -> Path:
    """A file of this test's own."""
    settings.ERASURES_FILE = tmp_path / "kept" / "accounts.jsonl"
    return settings.ERASURES_FILE


def open_people(place: Deployment) -> list[str]:
    return place.manage("shell", "-v", "0", "-c", OPEN).split()


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["nothing", "database", "file", "all but the backups"])
def test_a_restore_erases_again(deployment: Deployment, tmp_path: Path, lost: str) -> None:
    backups, file = tmp_path / "backups", tmp_path / "erasures" / "accounts.jsonl"
    deployment.manage("shell", "-v", "0", "-c", PEOPLE)
    deployment.manage("backup", str(backups))
    (made,) = backups.iterdir()
    said = deployment.manage("erase_person", "amina", "--yes")
    assert "what others wrote to them" in said
    assert file.stat().st_mode & 0o077 == 0
    assert "amina" not in file.read_text()
    deployment.manage("backup", str(backups))
    if lost in ("database", "all but the backups"):
        deployment.manage("flush", "--noinput")
    if lost in ("file", "all but the backups"):
        file.unlink()
    said = deployment.manage("restore", str(made), "--replace")
    assert "Erased again, as they were after that backup: " in said
    assert open_people(deployment) == ["karim", "lila"]
    assert "nobody of the 1 in" in deployment.manage("doctor", "--only", "erased_people")


@pytest.mark.slow
def test_a_backup_of_an_older_release_is_erased_again_by_migrate(deployment: Deployment, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    deployment.manage("shell", "-v", "0", "-c", PEOPLE)
    deployment.manage("migrate", "depannini_dashmap", "0004", "-v0")
    deployment.manage("backup", str(backups))
    (made,) = backups.iterdir()
    deployment.manage("migrate", "-v0")
    deployment.manage("erase_person", "karim", "--yes")
    assert "is erased again by migrate" in deployment.manage("restore", str(made), "--replace")
    assert "Migrations are missing" in deployment.manage("erase_person", "--again", status=1)
    assert "Erased again" in deployment.manage("migrate")
    assert open_people(deployment) == ["amina", "lila"]


@pytest.mark.django_db
def test_an_account_with_the_same_number_is_somebody_else(client_user: User, ledger: Path) -> None:
    remember([erasure_of(client_user.pk, client_user.date_joined - timedelta(microseconds=1))])
    assert erasure_replay.open_again() == []
    remember([erasure_of(client_user.pk, client_user.date_joined)])
    assert erasure_replay.open_again() == [client_user]
    (finding,) = examine(["erased_people"])
    assert finding.level == "broken"
    assert "erase_person --again" in finding.remedy
    out = StringIO()
    call_command("erase_person", again=True, stdout=out)
    assert out.getvalue() == f"Erased again, as they were after that backup: {client_user.pk}.\n"
    (finding,) = examine(["erased_people"])
    assert finding.level == "ok"


@pytest.mark.django_db
def test_what_is_refused_is_named_and_the_rest_is_erased(dispatcher: User, viewer: User, client_user: User, ledger: Path) -> None:
    company = Company.objects.get(memberships__user=dispatcher)
    assert Membership.objects.filter(company=company).count() > 1
    remember(erasure_of(user.pk, user.date_joined) for user in (dispatcher, client_user))
    out = StringIO()
    with pytest.raises(CommandError, match="1 could not be erased"):
        call_command("erase_person", again=True, stdout=out)
    assert f"Account {dispatcher.pk} was erased before" in out.getvalue()
    client_user.refresh_from_db()
    assert client_user.closed_at


@pytest.mark.django_db(transaction=True)
def test_an_erasure_is_kept_once_it_is_committed(client_user: User, other_client: User, ledger: Path) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        close_account(actor=None, user=client_user)
        raise RuntimeError
    assert remembered() == set()
    close_account(actor=None, user=client_user)
    assert remembered() == {erasure_of(client_user.pk, client_user.date_joined)}
    assert str(client_user.email) not in ledger.read_text()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_written_stops_no_erasure(client_user: User, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings.ERASURES_FILE = Path("/dev/null/accounts.jsonl")
    close_account(actor=None, user=client_user)
    client_user.refresh_from_db()
    assert client_user.closed_at
    assert f"erasure of account {client_user.pk} could not be kept" in caplog.text
    settings.ERASURES_FILE = tmp_path / "accounts.jsonl"
    assert erasure_replay.gather() == 1
    assert erasure_replay.gather() == 0
    assert remembered() == {erasure_of(client_user.pk, client_user.date_joined)}


def test_a_cut_line_costs_only_itself(ledger: Path, client_user: User, caplog: pytest.LogCaptureFixture) -> None:
    first, second = (erasure_of(number, client_user.date_joined) for number in (1, 2))
    remember([first])
    os.truncate(ledger, ledger.stat().st_size - 9)
    remember([second])
    assert remembered() == {second}
    assert "Line 1 of" in caplog.text


# --- What erasure decides on ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_addresses_go_from_the_audit_trail_and_the_events_stay(client_user: User, staff_user: User) -> None:
    before = request_context.current()
    request_context.enter(request_context.RequestContext(address="198.51.100.7", request_id="one"))
    try:
        audit.record("signed_in", actor=client_user, target=client_user)
        audit.record("sign_in_failed", target=client_user)
        audit.record("account_deactivated", actor=staff_user, target=client_user)
        close_account(actor=client_user, user=client_user)
    finally:
        request_context.enter(before)
    rows = AuditEvent.objects.order_by("pk").values_list("event", "address")
    assert [row for row in rows if row[0] != "account_closed"] == [
        ("signed_in", ""), ("sign_in_failed", ""), ("account_deactivated", "198.51.100.7"),
    ]  # fmt: skip
    assert set(rows.filter(event="account_closed").values_list("address", flat=True)) == {""}


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"event": "other"}, {"address": "203.0.113.9"}, {"address": "", "detail": {"x": 1}}, {"actor_id": None, "address": ""}])
def test_nothing_else_of_an_event_can_be_changed(client_user: User, change: dict[str, Any]) -> None:
    event = AuditEvent.objects.create(event="signed_in", actor_id=client_user.pk, address="198.51.100.7")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.filter(pk=event.pk).update(**change)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE depannini_dashmap_auditevent SET id = id + 1000, address = ''")


@pytest.mark.django_db
def test_the_other_partys_words_stay_and_ones_own_go(client_user: User, assistant_user: User) -> None:
    job = Assistance.objects.create(
        client=client_user, assistant_id=assistant_user.pk, pickup_lat=36.75, pickup_lng=3.05, assistance_type="towing", status="completed",
        description="my words", currency="DZD", radius_km=10, expires_at=timezone.now(), ended_at=timezone.now(),
    )  # fmt: skip
    ChatMessage.objects.create(assistance=job, sender=client_user, message="mine")
    ChatMessage.objects.create(assistance=job, sender=assistant_user, message="theirs")
    close_account(actor=None, user=client_user)
    assert list(ChatMessage.objects.values_list("message", flat=True)) == ["theirs"]
    job.refresh_from_db()
    assert job.description == ""


@pytest.mark.django_db
@pytest.mark.parametrize(("reason", "left"), [("assistant_canceled", ""), ("staff_canceled", "a flat tyre")])
def test_why_an_assistant_gave_up_goes_with_them(client_user: User, assistant_user: User, reason: str, left: str) -> None:
    job = Assistance.objects.create(
        client=client_user, assistant_id=assistant_user.pk, pickup_lat=36.75, pickup_lng=3.05, assistance_type="towing", status="canceled",
        reason=reason, reason_note="a flat tyre", currency="DZD", radius_km=10, expires_at=timezone.now(), ended_at=timezone.now(),
    )  # fmt: skip
    close_account(actor=None, user=assistant_user)
    job.refresh_from_db()
    assert job.reason_note == left
