"""Lock a request, change its state and publish it: the steps that every service of requests shares.

Locks are taken in the order in which closing an account takes them: the account, its profile, requests, offers.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User as Account
from assistance import events, lifecycle, representation, selectors, task_queueing
from assistance.models import Assistance, AssistantProfile
from depannini_dashmap.lib.db.prepared import PreparedObjects, PreparedRows, update_row
from depannini_dashmap.lib.errors import Conflict, NotFound, Unauthenticated

if TYPE_CHECKING:
    from accounts.models import User

_NAMES = ("name", "first_name", "last_name", "phone_number", "caller_phone")
_DEFERRED = [f"{role}__{name}" for role in ("client", "assistant") for name in _NAMES]
# What a request stores of an arrival that nobody has reckoned; each state has one of its own.
NOT_EXPECTED: dict[str, Any] = {"eta_at": None, "eta_source": "", "eta_reckoned_at": None}
_OWN = [field.name for field in Assistance._meta.concrete_fields]


def lock_account(user_id: int) -> bool:
    """Keep an account from being closed until the transaction ends; False if it is closed or switched off already."""
    return bool(_held_account(None, user_id))


def lock_assistant(user_id: int) -> AssistantProfile | None:
    """Lock an assistant's account, then the profile, and give the profile with its user, who may be switched off."""
    return next(iter(_held_profile(user_id)), None)


def lock_own_profile(user_id: int) -> AssistantProfile | None:
    """Lock the account and profile of the acting assistant. Raises: Unauthenticated for a closed or inactive account."""
    profile = lock_assistant(user_id)
    if profile is not None and not profile.user.is_active:
        raise Unauthenticated()
    return profile


def lock_request(assistance_id: int) -> Assistance | None:
    """Lock a request until the transaction ends, and give it with its two people."""
    if not selectors.is_id(assistance_id):
        return None
    return next(iter(_locked(assistance_id)), None)


def lock_waiting(found: QuerySet) -> list[Assistance]:
    """Lock the requests of a query of ids that still wait, by id; it is one statement, which sees nothing that others write meanwhile."""
    return list(_lockable().waiting().filter(pk__in=found).order_by("pk"))


def lock_request_for(user: User, assistance_id: int) -> tuple[Assistance, str]:
    """Lock a request and say what the user is in it: client, assistant or staff. Raises: NotFound for strangers."""
    job = lock_request(assistance_id)
    role = job.role_of(user.pk) if job is not None else None
    if job is not None and role is None and user.is_roadside:
        role = lifecycle.STAFF
    if job is None or role is None:
        raise NotFound(_("Assistance"))
    return job, role


def refuse_final(job: Assistance) -> None:
    """Refuse to change a request that has ended. Raises: Conflict with the present status."""
    if not job.is_open:
        raise Conflict(
            format_lazy(_("This request is already {status}"), status=lifecycle.TRANSITIONS.word(job.status)),
            code="already_final",
            current_status=job.status,
        )


def move(job: Assistance, target: str, now: datetime, **changes: Any) -> None:
    """Bring a locked request into a state, with a new version; the caller has checked that it may."""
    if job.stalled_since is not None:
        changes["stalled_since"] = None
    change(job, now, status=target, **{**NOT_EXPECTED, **changes})


def change(job: Assistance, now: datetime, **changes: Any) -> None:
    """Store changes of a locked request under a new version."""
    changes |= {"version": job.version + 1, "updated_at": now}
    update_row(Assistance, job.pk, **changes)
    for name, value in changes.items():
        setattr(job, name, value)


def publish_status(job: Assistance, now: datetime, *, lat: float | None = None, lng: float | None = None) -> None:
    """Publish the state to the room and the phones; on acceptance with the assistant's phone number and the given location."""
    body = representation.of(job, viewer_id=None, sees_all=True, now=now)
    events.publish_to_room(job.pk, events.status(body, lat=lat, lng=lng))
    if job.version > 1:  # of a new request nobody needs to hear but those it is offered to
        task_queueing.queue_push_of_job(job.pk)


def job_of(assistant_id: int) -> int | None:
    """Return the request that an assistant is on now."""
    jobs = Assistance.objects.filter(assistant_id=assistant_id, status__in=lifecycle.WITH_ASSISTANT)
    return jobs.values_list("pk", flat=True).first()


def _lockable() -> Any:
    return (
        Assistance.objects.select_related("client", "assistant").only(*_OWN, *_DEFERRED).select_for_update(of=("self",))
    )


_held_account = PreparedRows(
    lambda _, user_id: Account.objects.active()
    .filter(pk=user_id)
    .order_by()
    .select_for_update(no_key=True)
    .values_list("pk")
)
_held_profile = PreparedObjects(
    lambda user_id: AssistantProfile.objects.select_related("user")
    .filter(pk=user_id)
    .order_by()
    .select_for_update(of=("user", "self"), no_key=True)
)
_locked = PreparedObjects(lambda assistance_id: _lockable().filter(pk=assistance_id).order_by())
