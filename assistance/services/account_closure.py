"""Close the assistance side of an account: open jobs end, past ones stay without the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Round
from django.utils import timezone

from assistance import lifecycle
from assistance.models import Assistance, AssistantProfile, ChatMessage, RequestPhoto, ScheduledRequest
from assistance.services import profiles
from assistance.steps import jobs, photos, state

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def close_open_jobs(*, actor: None, user: User) -> None:
    """Cancel the user's open requests and notify the other party; then erase their messages, photos and locations.

    Shape: no `actor`, who asked for the closing is audited with the account.
    Effects: their messages, descriptions and papers are gone, with the photos that they sent and all of their requests; pickups and dropoffs stay to about a kilometre.
    """
    profiles.leave_duty(actor=None, user_id=user.pk)
    mine = Assistance.objects.open().filter(Q(client_id=user.pk) | Q(assistant_id=user.pk))
    now = timezone.now()
    for assistance_id in mine.order_by("pk").values_list("pk", flat=True):
        job = state.lock_request(assistance_id)
        if job is not None and job.is_open:
            jobs.end(job, now, lifecycle.CANCELED, reason=Assistance.Reason.ACCOUNT_CLOSED)
    _erase(user.pk)


def _erase(user_id: int) -> None:
    asked = ScheduledRequest.objects.filter(client_id=user_id)
    asked.waiting().update(canceled_at=timezone.now(), refusal="client_gone")
    asked.update(
        description="", **{name: Round(F(name), 2) for name in ("pickup_lat", "pickup_lng", "dropoff_lat", "dropoff_lng")}
    )
    ChatMessage.objects.filter(sender_id=user_id).delete()
    photos.forget(RequestPhoto.objects.filter(Q(sender_id=user_id) | Q(assistance__client_id=user_id)))
    Assistance.objects.filter(client_id=user_id).update(
        description="",
        reason_note="",
        price_note="",
        **{name: Round(F(name), 2) for name in ("pickup_lat", "pickup_lng", "dropoff_lat", "dropoff_lng")},
    )
    Assistance.objects.filter(assistant_id=user_id, reason=Assistance.Reason.ASSISTANT).update(reason_note="")
    AssistantProfile.objects.filter(pk=user_id).update(
        lat=None,
        lng=None,
        cell_y=None,
        cell_x=None,
        seen_at=None,
        vehicle_type="",
        driving_license_cat="",
        driving_license_num="",
        driving_license_expiry=None,
        vehicle_registration_num=None,
    )
