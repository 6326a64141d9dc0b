"""Adding photos to a request, as its client or as the assistant who is on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.files.base import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import lifecycle
from assistance.models import Assistance
from assistance.services.public_requests import BY_LINK
from assistance.steps import photos, state
from assistance.steps.request_links import find_link, require_open
from depannini_dashmap.lib.errors import Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.ops import audit

if TYPE_CHECKING:
    from accounts.models import User


def add_photos(*, actor: User, assistance_id: int, given: Sequence[File], key: str = "") -> int:
    """Add photos to an open request and return how many are new; the same `key` again adds none.

    Effects: it is audited. Raises: NotFound for strangers; Forbidden for staff, who are no party; InvalidData (none, too many,
    what is no photo); Conflict once the request has ended; Unavailable (the volume refuses).
    """
    _require(given)
    if not Assistance.objects.of_party(actor).filter(pk=assistance_id).exists():  # nothing is decoded for strangers
        raise NotFound(_("Assistance"))
    with photos.stored(given) as found, transaction.atomic():
        job, role = state.lock_request_for(actor, assistance_id)
        if role == lifecycle.STAFF:
            raise Forbidden()
        state.refuse_final(job)
        added = photos.keep(job, actor, role, found, timezone.now(), key=key)
        if added:
            audit.record("photos_added", actor=actor, target=job, role=role, photos=added)
        return added


def add_photos_by_link(*, actor: None, token: str, given: Sequence[File], key: str = "") -> int:
    """Add photos of the motorist to the open request of a link; no `actor`, the link acts. Raises: NotFound (the link), as add_photos."""
    _require(given)
    link = find_link(token)  # nothing is decoded for strangers
    with photos.stored(given) as found, transaction.atomic():
        job = state.lock_request(link.assistance_id)
        require_open(token)
        if job is None:
            raise NotFound(_("Assistance"))
        state.refuse_final(job)
        added = photos.keep(job, job.client, lifecycle.CLIENT, found, timezone.now(), key=key)
        if added:
            audit.record("photos_added", target=job, by=BY_LINK, link_id=link.pk, role=lifecycle.CLIENT, photos=added)
        return added


def _require(given: Sequence[File]) -> None:
    if not given:
        raise InvalidData(fields={photos.REFUSED: [_("Choose a photo.")]})
