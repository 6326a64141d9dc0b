"""Asking for help for somebody who calls: at once, or at a time that is written down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.services import caller_account
from assistance import lifecycle, quotes, task_queueing
from assistance.models import Assistance, ScheduledRequest
from assistance.quotes import Place
from assistance.services import manual_dispatch
from assistance.steps import requests, state
from assistance.steps.requests import Requested
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.ops import audit

if TYPE_CHECKING:
    from accounts.models import User

TRY_AGAIN_AFTER = timedelta(minutes=1)
LONGEST_AHEAD = timedelta(days=365)
OPEN_ALREADY = _("This caller already has an open request")


class Caller(NamedTuple):
    """Who calls: an E.164 number and a name; and whom to bill, where it is not the caller (a garage, an insurer)."""

    phone_number: str
    name: str
    billed_to: str = ""


def request_for_caller(*, actor: User, caller: Caller, **asked: Any) -> Requested:
    """Open a request for a caller, as if they had asked themselves.

    Shape: ``asked`` as for `request_assistance`. A caller has one open request at a time, one that is billed to
    somebody else as many as they like.
    Raises: Forbidden for who does not work the roadside side; InvalidData for a number of somebody who is no client;
    Conflict with `assistance_id` while another request of theirs is open.
    """
    if not actor.is_roadside:
        raise Forbidden()
    client: User | None = None
    try:
        with transaction.atomic():
            client = caller_account(actor=actor, phone_number=caller.phone_number, name=caller.name)
            requested = requests.open_request(client, billed_to=caller.billed_to, **asked)
            audit.record("assistance_requested", actor=actor, target=requested.job, client_id=client.pk, billed_to=caller.billed_to)
    except IntegrityError:
        open_id = requests.open_request_of(client.pk) if client is not None else None
        if open_id is None:
            raise
        raise Conflict(OPEN_ALREADY, code="request_already_open", assistance_id=open_id) from None
    return requested


def assign_for_caller(*, actor: User, caller: Caller, assistant_id: int, **asked: Any) -> Requested:
    """Open a request for a caller and assign it to an assistant, both or neither; no other assistant gets an offer.

    Raises: as request_for_caller and assign_by_hand.
    """
    with transaction.atomic():
        requested = request_for_caller(actor=actor, caller=caller, is_offered=False, **asked)
        job = manual_dispatch.assign_by_hand(actor=actor, assistance_id=requested.job.pk, assistant_id=assistant_id)
    return requested._replace(job=job)


@transaction.atomic
def schedule_for_caller(
    *,
    actor: User,
    caller: Caller,
    scheduled_for: datetime,
    pickup: Place,
    dropoff: Place | None = None,
    **described: Any,
) -> ScheduledRequest:
    """Write down a request that is made and offered when its time comes; before, it is none.

    Raises: as request_for_caller, without the limit of open ones; InvalidData for a time that is not ahead.
    """
    if not actor.is_roadside:
        raise Forbidden()
    now = timezone.now()
    if not now < scheduled_for <= now + LONGEST_AHEAD:
        raise InvalidData(fields={"scheduled_for": [_("A time ahead, within a year.")]})
    quotes.distance_of(pickup, dropoff)  # refused now rather than when nobody is on the line
    row = ScheduledRequest.objects.create(
        client=caller_account(actor=actor, phone_number=caller.phone_number, name=caller.name),
        billed_to=caller.billed_to,
        scheduled_for=scheduled_for,
        created_by=actor,
        pickup_lat=pickup[0],
        pickup_lng=pickup[1],
        dropoff_lat=dropoff[0] if dropoff else None,
        dropoff_lng=dropoff[1] if dropoff else None,
        **described,
    )
    task_queueing.plan_scheduled(row.pk, scheduled_for)
    audit.record("assistance_scheduled", actor=actor, target=row, billed_to=caller.billed_to)
    return row


@transaction.atomic
def cancel_scheduled(*, actor: User, scheduled_id: int) -> None:
    """Strike out a request that is not due yet; the same again changes nothing.

    Raises: Forbidden for who does not work the roadside side; NotFound; Conflict once the request is made.
    """
    if not actor.is_roadside:
        raise Forbidden()
    row = ScheduledRequest.objects.select_for_update(no_key=True).filter(pk=scheduled_id).first()
    if row is None:
        raise NotFound("Scheduled request")
    if row.assistance_id is not None:
        raise Conflict("This request is made already", code="already_made", assistance_id=row.assistance_id)
    if row.canceled_at is None:
        ScheduledRequest.objects.filter(pk=row.pk).update(canceled_at=timezone.now())
        audit.record("scheduled_canceled", actor=actor, target=row)


@transaction.atomic
def open_scheduled(*, actor: None, scheduled_id: int) -> None:
    """Make the request whose time has come; run twice, or by two workers, it is made once.

    Shape: no `actor`, the worker calls it.
    Effects: while the client has another request open it is tried again each minute, and noted; a day late it is
    struck out, as nobody waits for it any more.
    """
    client_id = ScheduledRequest.objects.waiting().filter(pk=scheduled_id).values_list("client_id", flat=True).first()
    is_there = client_id is not None and state.lock_account(client_id)
    row = ScheduledRequest.objects.waiting().select_for_update(no_key=True, of=("self",)).filter(pk=scheduled_id)
    due = row.select_related("client").first()
    now = timezone.now()
    if due is None or due.scheduled_for > now:
        return None
    if due.client_id != client_id:  # joined by its owner meanwhile
        return task_queueing.plan_scheduled(due.pk, now + timedelta(seconds=1))
    if not is_there or now > due.scheduled_for + settings.ASSISTANCE_LONGEST:
        row.update(canceled_at=now, refusal="client_gone" if not is_there else "too_late")
        return None
    return _make(due, now)


def _make(due: ScheduledRequest, now: datetime) -> None:
    dropoff = (due.dropoff_lat, due.dropoff_lng)
    try:
        with transaction.atomic():
            asked = requests.open_request(
                due.client,
                pickup=(due.pickup_lat, due.pickup_lng),
                dropoff=None if None in dropoff else dropoff,  # type: ignore[arg-type]
                assistance_type=due.assistance_type,
                vehicle_type=due.vehicle_type,
                description=due.description,
                billed_to=due.billed_to,
            )
    except InvalidData:  # the limits have changed since it was stored
        ScheduledRequest.objects.filter(pk=due.pk).update(canceled_at=now, refusal="invalid_data")
        return None
    except IntegrityError:
        ScheduledRequest.objects.filter(pk=due.pk).update(refusal="request_already_open")
        return task_queueing.plan_scheduled(due.pk, now + TRY_AGAIN_AFTER)
    ScheduledRequest.objects.filter(pk=due.pk).update(assistance_id=asked.job.pk, refusal="")
    return None


@transaction.atomic
def merge_caller_account(*, actor: User, caller: User) -> None:
    """Move to a client the requests made under their number before they proved it.

    Effects: where both have an open request, the caller's goes on in addition to the client's own; its room is notified.
    """
    now = timezone.now()
    Assistance.objects.filter(client_id=caller.pk, status__in=lifecycle.FINAL).update(client_id=actor.pk)
    for pk in Assistance.objects.filter(client_id=caller.pk).order_by("pk").values_list("pk", flat=True):
        job = state.lock_request(pk)
        if job is None:
            continue
        beside = job.is_one_of_many or requests.open_request_of(actor.pk) is not None
        job.client = actor
        state.change(job, now, client_id=actor.pk, is_one_of_many=beside and job.is_open)
        if job.is_open:
            state.publish_status(job, now)
    ScheduledRequest.objects.filter(client_id=caller.pk).update(client_id=actor.pk)
