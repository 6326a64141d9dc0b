"""Rows past their retention are removed, all others stay."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.db.models import Model
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import Company, EndedToken, Invitation, Membership, User, VerificationCode
from assistance.models import Tariff
from depannini_dashmap.models import AuditEvent, IdempotentRequest, SheetImport
from depannini_dashmap.operations import retention
from depannini_dashmap.tests.console_rows import make_order, make_trip, make_vehicle
from trips.models import StopProof, TripStop

NOW = timezone.now()


def days_ago(days: float) -> Any:
    return NOW - timedelta(days=days)


def make_task(age: float) -> Model:
    row = DBTaskResult.objects.create(
        task_path="x.y", args_kwargs={"args": [], "kwargs": {}}, backend_name="default", queue_name="default",
        priority=0, run_after=NOW,
    )  # fmt: skip
    DBTaskResult.objects.filter(pk=row.pk).update(status="SUCCESSFUL", finished_at=days_ago(age))
    return row


def make_history(age: float) -> Model:
    Tariff.objects.create(
        assistance_type="towing", vehicle_class="heavy", base=1, per_km=1, valid_from=days_ago(age + 9000)
    )
    row = Tariff.history.latest("history_id")
    Tariff.history.filter(pk=row.pk).update(history_date=days_ago(age))
    return row


def make_proof(age: float) -> StopProof:
    company = Company.objects.create(name=f"Carrier {age}")
    planner = User.objects.create_user(f"planner{age}", None, None, name="Planner", user_type="dispatcher", current_company=company)
    membership = Membership(user=planner, company=company)
    membership.full_role = "owner"
    membership.save()
    trip = make_trip(planner, make_vehicle(planner, company), orders=(make_order(planner, company),))
    names = [default_storage.save(f"proofs/{age}.{kind}", ContentFile(b"picture")) for kind in ("jpg", "png")]
    stop = TripStop.objects.filter(trip=trip).latest("sequence")
    return StopProof.objects.create(trip_stop=stop, receiver="Amina", photo=names[0], signature=names[1], at=days_ago(age))


MAKERS: dict[str, tuple[str, Callable[[User, float], Model]]] = {
    "proofs of delivery": ("proofs", lambda user, age: make_proof(age)),
    "verification codes": (
        "codes",
        lambda user, age: VerificationCode.objects.create(
            channel="email", purpose="verify", address_key=f"k{age}", created_at=days_ago(age)
        ),
    ),
    "ended invitations": (
        "codes",
        lambda user, age: Invitation.objects.create(
            company=Company.objects.create(name=f"C{age}"), username="x", created_at=days_ago(age + 14),
            expires_at=days_ago(age),
        ),
    ),
    "ended tokens": (
        "tokens",
        lambda user, age: EndedToken.objects.create(jti=f"j{age}", user=user, expires_at=days_ago(age)),
    ),
    "sessions": (
        "tokens",
        lambda user, age: Session.objects.create(session_key=f"s{age}", session_data="", expire_date=days_ago(age)),
    ),
    "answered keys": (
        "idempotency",
        lambda user, age: IdempotentRequest.objects.create(
            user=user, path="/api/x", key=f"k{age}", body_digest="", status=201, started_at=days_ago(age)
        ),
    ),
    "uploaded sheets": (
        "imports", lambda user, age: SheetImport.objects.create(user=user, kind="orders.order", file_name="x", created_at=days_ago(age))
    ),
    "finished tasks": ("tasks", lambda user, age: make_task(age)),
    "audit events": ("audit", lambda user, age: AuditEvent.objects.create(event="x", at=days_ago(age))),
    "history of tariffs": ("history", lambda user, age: make_history(age)),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", MAKERS)
def test_the_old_leaves_and_the_young_stays(name: str, client_user: User, settings: Any) -> None:
    kind, make = MAKERS[name]
    limit = settings.RETENTION_DAYS[kind]
    old, young = make(client_user, limit + 0.1), make(client_user, limit - 0.1)
    removed = dict(retention.prune(now=NOW))
    assert {key: number for key, number in removed.items() if number} == {name: 1}
    rows = type(old)._base_manager
    assert not rows.filter(pk=old.pk).exists()
    assert rows.filter(pk=young.pk).exists()
    assert sum(number for _, number in retention.prune(now=NOW)) == 0


@pytest.mark.django_db
def test_the_pictures_of_a_proof_leave_with_it(settings: Any) -> None:
    limit = settings.RETENTION_DAYS["proofs"]
    old, young = make_proof(limit + 1), make_proof(limit - 1)
    assert dict(retention.prune(dry_run=True, now=NOW))["proofs of delivery"] == 1
    assert default_storage.exists(old.photo)
    assert dict(retention.prune(now=NOW))["proofs of delivery"] == 1
    assert [default_storage.exists(name) for name in (old.photo, old.signature)] == [False, False]
    assert [default_storage.exists(name) for name in (young.photo, young.signature)] == [True, True]


@pytest.mark.django_db
def test_a_proof_whose_file_is_not_given_up_stays_for_the_next_night(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    limit = settings.RETENTION_DAYS["proofs"]
    stuck, *others = [make_proof(limit + days) for days in (3, 2, 1)]
    really_delete = default_storage.delete

    def delete(name: str) -> None:
        if name == stuck.signature:
            raise OSError("read-only")
        really_delete(name)

    with monkeypatch.context() as patched:
        patched.setattr(default_storage, "delete", delete)
        dict(retention.prune(now=NOW))
        dict(retention.prune(now=NOW))
    assert StopProof.objects.filter(pk=stuck.pk).exists() and default_storage.exists(stuck.signature)
    while dict(retention.prune(now=NOW))["proofs of delivery"]:
        pass
    assert not StopProof.objects.exists() and not any(default_storage.exists(proof.photo) for proof in others)


@pytest.mark.django_db
def test_a_waiting_task_never_leaves(settings: Any) -> None:
    row = make_task(1000)
    DBTaskResult.objects.filter(pk=row.pk).update(status="READY", finished_at=None)
    assert dict(retention.prune(now=NOW))["finished tasks"] == 0


@pytest.mark.django_db
def test_zero_days_keep_everything(settings: Any) -> None:
    AuditEvent.objects.create(event="x", at=days_ago(10_000))
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "audit": 0}
    assert "audit events" not in dict(retention.prune(now=NOW))
    assert AuditEvent.objects.count() == 1


@pytest.mark.django_db
def test_more_than_a_batch_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    AuditEvent.objects.bulk_create(AuditEvent(event="x", at=days_ago(10_000)) for _ in range(7))
    assert dict(retention.prune(now=NOW))["audit events"] == 7


@pytest.mark.postgres
@pytest.mark.django_db
def test_only_pruning_gets_past_the_trigger() -> None:
    event = AuditEvent.objects.create(event="x", at=days_ago(10_000))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.filter(pk=event.pk).delete()


@pytest.mark.django_db
def test_every_kind_has_a_setting_and_every_setting_a_rule(settings: Any) -> None:
    assert {rule.kind for rule in retention.RULES} == set(settings.RETENTION_DAYS)


@pytest.mark.django_db
def test_a_dry_run_removes_nothing() -> None:
    AuditEvent.objects.create(event="x", at=days_ago(10_000))
    out = StringIO()
    call_command("prune", "--dry-run", stdout=out)
    assert "1  audit events would leave" in out.getvalue()
    assert AuditEvent.objects.count() == 1
    call_command("prune", stdout=out)
    assert AuditEvent.objects.count() == 0


def test_every_history_has_a_rule() -> None:
    names = {rule.name for rule in retention.RULES if rule.kind == "history"}
    assert names == {"history of orders", "history of tariffs", "history of trips", "history of vehicles"}


@pytest.mark.django_db
def test_what_the_budget_counted_is_removed(api, client_user, settings, time_machine):
    settings.THROTTLING_ENABLED = True
    time_machine.move_to(timezone.now(), tick=False)
    api().post("/api/auth/password-reset/", {"email": client_user.email})
    api().post("/api/auth/login/email/", {"email": client_user.email, "password": "wrong"})
    time_machine.shift(timedelta(days=8))
    removed = dict(retention.prune())
    assert (removed["messages of the budget"], removed["failed tries"]) == (1, 1)
