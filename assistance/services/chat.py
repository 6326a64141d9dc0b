"""Writing to the other party of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from assistance import events, selectors, wire
from assistance.models import CONTACT_AFTER_END, ChatMessage
from assistance.services import state
from depannini_dashmap.lib import realtime
from depannini_dashmap.lib.errors import Conflict, InvalidData, Unauthenticated

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def post_chat(user: User, assistance_id: int, message: str) -> ChatMessage:
    """Store a message and tell the room.

    Raises: NotFound for who is no party; Conflict from 24 h after the end on; InvalidData for an empty message, one of
    more than 1,000 characters, or text that cannot be stored; Unauthenticated for a closed or inactive account.
    """
    text = _checked(message)
    if not state.hold_account(user.pk):
        raise Unauthenticated()
    row = selectors.room_row(user, assistance_id)
    now = timezone.now()
    if row["ended_at"] is not None and now > row["ended_at"] + CONTACT_AFTER_END:
        raise Conflict("This conversation is over", code="chat_closed", current_status=row["status"])
    sent = ChatMessage.objects.create(assistance_id=assistance_id, sender_id=user.pk, message=text, created_at=now)
    frame = events.chat(
        id=sent.pk,
        message=text,
        sender=_name(row, user),
        sender_id=user.pk,
        assistance_id=assistance_id,
        created_at=now,
        seq=row["version"],
    )
    realtime.publish(events.assistance_group(assistance_id), dict(frame))
    return sent


def _checked(message: str) -> str:
    text = message.strip() if isinstance(message, str) else ""
    if not text:
        raise InvalidData(fields={"message": ["This field may not be blank."]})
    if len(text) > ChatMessage.MAX_LENGTH:
        raise InvalidData(fields={"message": [f"At most {ChatMessage.MAX_LENGTH} characters."]})
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidData(fields={"message": ["This text cannot be stored."]})
    return text


def _name(row: wire.Row, user: User) -> str:
    for role in ("client", "assistant"):
        if row[f"{role}_id"] == user.pk:
            return wire.name_of(row, role)
    return user.display_name
