"""Manual dispatch by staff: rank candidates with their obstacles, assign an assistant, cancel with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from assistance import events, lifecycle
from assistance.models import Assistance, Offer
from assistance.services.jobs import update_status
from assistance.steps import approvals, jobs, state
from assistance.steps.requests import Requested, open_request, open_request_of
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.ops import audit

if TYPE_CHECKING:
    from accounts.models import User

ASKED_AGAIN = (Assistance.Reason.UNANSWERED, Assistance.Reason.STAFF)


def assign_by_hand(*, actor: User, assistance_id: int, assistant_id: int) -> Assistance:
    """Assign a waiting request to an assistant by hand; duty, distance and freshness do not matter.

    Effects: as an acceptance; the assistant's sockets are notified, the ledger names the dispatcher, it is audited.
    Raises: Forbidden for who does not work the roadside side; NotFound; InvalidData for who is no assistant; Conflict when
    another one has it (`assistant_id`), or the assistant is on another job, of another service or not approved.
    """
    if not actor.is_roadside:
        raise Forbidden()
    try:
        with transaction.atomic():
            return _assign(actor, assistance_id, assistant_id, timezone.now())
    except IntegrityError:
        raise Conflict(
            _("This assistant is on another job"), code="assistant_busy", assistance_id=state.job_of(assistant_id)
        ) from None


def _assign(staff: User, assistance_id: int, assistant_id: int, now: datetime) -> Assistance:
    profile = state.lock_assistant(assistant_id)
    job = state.lock_request(assistance_id)
    if job is None:
        raise NotFound(_("Assistance"))
    state.refuse_final(job)
    if profile is None or not profile.user.is_active:
        sentence = format_lazy(_("{model} not found"), model=_("Assistant"))
        raise InvalidData(sentence, fields={"assistant": [sentence]})
    if job.assistant_id == profile.pk:
        return job  # the other dispatcher was as quick, with the same choice
    if job.assistant_id is not None:
        raise Conflict(
            _("This request is already taken"),
            code="already_taken",
            current_status=job.status,
            assistant_id=job.assistant_id,
        )
    if job.assistance_type not in ("", profile.service_type):
        raise Conflict(_("This request needs another service"), code="wrong_service")
    if sentences := approvals.refusal(profile):
        raise Conflict(sentences[1], code="not_approved")
    jobs.take(job, profile, now, source=Offer.Source.HAND, offered_by_id=staff.pk)
    frame = events.assistance_assigned(assistance_id=job.pk, event_id=f"assistance.{job.pk}.{job.version}.assigned")
    events.publish_to_assistants([(profile.pk, frame)])
    audit.record("assistance_assigned", actor=staff, target=job, assistant_id=profile.pk)
    return job


def ask_again(*, actor: User, assistance_id: int) -> Requested:
    """Open a new request like one that nobody answered, or that staff cancelled: the ended one stays as it is.

    Effects: as a request by the client themselves, at the tariff of now; it is audited.
    Raises: Forbidden for who does not work the roadside side; NotFound, also for a client who is gone; Conflict when it ended
    otherwise, or the client has an open request by now.
    """
    if not actor.is_roadside:
        raise Forbidden()
    try:
        with transaction.atomic():
            return _ask_again(actor, assistance_id)
    except _OpenAlready as found:
        open_id = open_request_of(found.client_id)
        raise Conflict(
            _("The client already has an open request"), code="request_already_open", assistance_id=open_id
        ) from found


class _OpenAlready(Exception):
    """The database refused a second open request of a client: its transaction is over."""

    def __init__(self, client_id: int) -> None:
        self.client_id = client_id
        super().__init__(client_id)


def _ask_again(staff: User, assistance_id: int) -> Requested:
    client_id = Assistance.objects.filter(pk=assistance_id).values_list("client_id", flat=True).first()
    is_there = client_id is not None and state.lock_account(client_id)
    old = state.lock_request(assistance_id)
    if old is None or not is_there:
        raise NotFound(_("Assistance") if old is None else _("Client"))
    if old.reason not in ASKED_AGAIN:
        raise Conflict(_("Only a request that nobody answered, or that staff cancelled, is asked again"), code="not_unanswered", current_status=old.status)
    has_dropoff = old.dropoff_lat is not None and old.dropoff_lng is not None
    try:
        asked = open_request(
            old.client,
            pickup=(old.pickup_lat, old.pickup_lng),
            dropoff=(old.dropoff_lat, old.dropoff_lng) if has_dropoff else None,  # type: ignore[arg-type]
            assistance_type=old.assistance_type,
            vehicle_type=old.vehicle_type,
            description=old.description,
            billed_to=old.billed_to,
        )
    except IntegrityError as error:
        raise _OpenAlready(old.client_id) from error
    audit.record("assistance_asked_again", actor=staff, target=old, assistance_id=asked.job.pk)
    return asked


def cancel_by_staff(*, actor: User, assistance_id: int, note: str) -> None:
    """Cancel an open request with a reason in words. Raises: Forbidden, NotFound, Conflict when it has ended."""
    if not actor.is_roadside:
        raise Forbidden()
    update_status(actor=actor, assistance_id=assistance_id, status=lifecycle.CANCELED, note=note)
