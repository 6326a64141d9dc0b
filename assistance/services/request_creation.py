"""Asking for help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from assistance.quotes import Place
from assistance.steps.requests import Requested, open_request, open_request_of
from depannini_dashmap.lib.errors import Conflict, Forbidden

if TYPE_CHECKING:
    from accounts.models import User


def request_assistance(
    *,
    actor: User,
    pickup: Place,
    dropoff: Place | None = None,
    assistance_type: str = "",
    vehicle_type: str = "",
    description: str = "",
) -> Requested:
    """Open one's own request, freeze its price, and offer it to the nearest.

    Effects: offers to the first wave, the plans of the next one and of the end.
    Raises: Forbidden for who is no client; InvalidData for a dropoff too far away; Conflict with `assistance_id` while
    another request is open; Unauthenticated for a closed or inactive account.
    """
    if actor.user_type != "client":
        raise Forbidden()
    try:
        with transaction.atomic():
            return open_request(
                actor,
                pickup=pickup,
                dropoff=dropoff,
                assistance_type=assistance_type,
                vehicle_type=vehicle_type,
                description=description,
            )
    except IntegrityError:
        open_id = open_request_of(actor.pk)
        if open_id is None:
            raise
        raise Conflict("You already have an open request", code="request_already_open", assistance_id=open_id) from None
