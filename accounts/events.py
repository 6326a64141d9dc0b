"""Events for the sockets of a user, which close or check their rights again."""

from __future__ import annotations

from depannini_dashmap.lib.realtime import layer
from depannini_dashmap.lib.realtime.user_group import user_group


def session_ended(user_id: int, token_id: str | None) -> None:
    """Publish, after commit, that one token (or with None: every one) of a user has ended."""
    layer.publish(user_group(user_id), {"type": "session.ended", "token_id": token_id})


def rights_changed(user_id: int) -> None:
    """Have the user's sockets check, after commit, whether they still belong where they are.

    Effects: once for a transaction, however often it is called. Memberships and groups call it by themselves.
    """
    layer.publish_refresh(user_group(user_id), {"type": "rights.changed"})
