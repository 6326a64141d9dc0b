"""Groups and events of the sockets of pages that links open: look again, or see whether the link still opens anything."""

from __future__ import annotations

from depannini_dashmap.lib.db.secret_links import SecretLink
from depannini_dashmap.lib.realtime import layer

ENDED = "links.ended"


def link_name(kind: type[SecretLink], link_id: int) -> str:
    """Name one link; the group of its own sockets is called so, too."""
    return f"link.{_letter(kind)}.{link_id}"


def pages_group(kind: type[SecretLink], about_id: int) -> str:
    """Name the group of all sockets of the pages of a kind about one thing: a request, an order, a trip."""
    return f"pages.{_letter(kind)}.{about_id}"


def pages_changed(kind: type[SecretLink], *about_ids: int) -> None:
    """Hint to the pages about some things, after commit, that they should look again; once for a transaction."""
    layer.publish_refresh([pages_group(kind, about_id) for about_id in about_ids], {"type": "changed"})


def links_ended(kind: type[SecretLink], about_id: int) -> None:
    """Have the sockets of pages about one thing check, after commit, whether their link still opens it."""
    layer.publish_refresh(pages_group(kind, about_id), {"type": ENDED})


def _letter(kind: type[SecretLink]) -> str:
    return kind.page_path.strip("/")
