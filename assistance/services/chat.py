"""Writing to the other party of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from assistance import event_types, events, representation, selectors, task_queueing
from assistance.models import CONTACT_AFTER_END, ChatMessage
from assistance.steps import state
from depannini_dashmap.lib.errors import Conflict, InvalidData, Unauthenticated
from depannini_dashmap.lib.text import clean

if TYPE_CHECKING:
    from accounts.models import User


class Posted(NamedTuple):
    """The frame that tells of a stored message, and whether it is new: a repeat was told to the room before."""

    frame: event_types.ChatEvent
    is_new: bool


@transaction.atomic
def post_chat(*, actor: User, assistance_id: int, message: str, client_id: str | None = None) -> Posted:
    """Store a message and tell the room.

    Shape: ``client_id`` is the sender's own name for the message, up to 64 characters; the frame echoes it.
    Effects: the same ``client_id`` again stores and tells nothing and answers the first message, also when the
    conversation is over by then.
    Raises: NotFound for who is no party; Conflict from 24 h after the end on, and for a ``client_id`` that names another
    text; InvalidData for an empty message, one of more than 1,000 characters, or text that cannot be stored;
    Unauthenticated for a closed or inactive account.
    """
    text, name = _checked(message), _checked_name(client_id)
    if not state.lock_account(actor.pk):  # also lets one person's messages in one after the other
        raise Unauthenticated()
    row = selectors.room_row(actor, assistance_id)
    first = _named(actor, assistance_id, name) if name else None
    if first is not None:
        if first.message != text:
            raise Conflict("This client_id names another message", code="client_id_reused")
        return Posted(_frame(first, row, actor), is_new=False)
    now = timezone.now()
    if row["ended_at"] is not None and now > row["ended_at"] + CONTACT_AFTER_END:
        raise Conflict(_("This conversation is over"), code="chat_closed", current_status=row["status"])
    sent = ChatMessage.objects.create(
        assistance_id=assistance_id, sender_id=actor.pk, message=text, client_id=name, created_at=now
    )
    frame = _frame(sent, row, actor)
    events.publish_to_room(assistance_id, frame)
    task_queueing.queue_push_of_message(sent.pk)
    return Posted(frame, is_new=True)


def _named(user: User, assistance_id: int, client_id: str) -> ChatMessage | None:
    mine = ChatMessage.objects.filter(assistance_id=assistance_id, sender_id=user.pk, client_id=client_id)
    return mine.first()


def _frame(sent: ChatMessage, row: representation.Row, user: User) -> event_types.ChatEvent:
    return events.chat(
        id=sent.pk,
        message=sent.message,
        sender=_name(row, user),
        sender_id=user.pk,
        assistance_id=sent.assistance_id,
        created_at=sent.created_at,
        seq=row["version"],
        client_id=sent.client_id,
    )


def _checked(message: str) -> str:
    text = message if isinstance(message, str) else ""
    if len(text) <= 4 * ChatMessage.MAX_LENGTH:  # longer ones are refused as they are
        text = clean(text)
    if not text:
        raise InvalidData(fields={"message": [_("This field may not be blank.")]})
    if len(text) > ChatMessage.MAX_LENGTH:
        raise InvalidData(fields={"message": [format_lazy(_("At most {most} characters."), most=ChatMessage.MAX_LENGTH)]})
    if not _is_storable(text):
        raise InvalidData(fields={"message": [_("This text cannot be stored.")]})
    return text


def _checked_name(client_id: object) -> str:
    if client_id is None or client_id == "":
        return ""
    if not isinstance(client_id, str) or len(client_id) > ChatMessage.MAX_CLIENT_ID or not _is_storable(client_id):
        raise InvalidData(fields={"client_id": [f"A text of at most {ChatMessage.MAX_CLIENT_ID} characters."]})
    return client_id


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _name(row: representation.Row, user: User) -> str:
    for role in ("client", "assistant"):
        if row[f"{role}_id"] == user.pk:
            return representation.name_of(row, role)
    return user.display_name
