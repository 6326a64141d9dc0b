"""What motorists do by the link of one request: the same services as by the API, as its client, with an audit that names the link.

The link is looked at again once the request is locked, so that a link ended meanwhile has no effect.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction

from assistance import lifecycle
from assistance.services.chat import post_chat
from assistance.services.jobs import rate, update_status
from assistance.services.prices import answer_price
from assistance.services.public_requests import BY_LINK
from assistance.services.releases import release
from assistance.steps.request_links import find_link, require_open
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.text import clean

if TYPE_CHECKING:
    from accounts.models import User

LONGEST_NOTE = 500


def cancel_by_link(*, actor: None, token: str, note: str = "") -> None:
    """Cancel the request of a link; no `actor`, the link acts. Raises: NotFound (the link), Conflict once it has ended."""
    reason = clean(note)[:LONGEST_NOTE]
    _act(token, "assistance_canceled", lambda client, job_id: update_status(actor=client, assistance_id=job_id, status=lifecycle.CANCELED, note=reason))


def write_by_link(*, actor: None, token: str, message: str, client_id: str) -> None:
    """Write to the assistant; no `actor`. The same `client_id` again writes nothing. Raises: NotFound (the link), as post_chat."""
    _act(token, "", lambda client, job_id: post_chat(actor=client, assistance_id=job_id, message=message, client_id=client_id))


def answer_price_by_link(*, actor: None, token: str, accept: bool, seen: Decimal) -> None:
    """Accept or refuse the price that was shown; no `actor`. Raises: NotFound (the link), as answer_price."""
    what = "price_accepted" if accept else "price_refused"
    _act(token, what, lambda client, job_id: answer_price(actor=client, assistance_id=job_id, accept=accept, seen=seen))


def rate_by_link(*, actor: None, token: str, rating: int) -> None:
    """Rate the completed job; no `actor`. Raises: NotFound (the link), as rate."""
    _act(token, "assistance_rated", lambda client, job_id: rate(actor=client, assistance_id=job_id, rating=rating))


def release_by_link(*, actor: None, token: str) -> None:
    """Have a job whose assistant fell silent offered to others; no `actor`. Raises: NotFound (the link), as release."""
    _act(token, "assistance_released", lambda client, job_id: release(actor=client, assistance_id=job_id))


@transaction.atomic
def _act(token: str, event: str, act: Callable[[User, int], Any]) -> None:
    link = find_link(token)
    act(link.assistance.client, link.assistance_id)
    require_open(token)  # it may have ended while we waited for the request
    if event:
        audit.record(event, target=link.assistance, by=BY_LINK, link_id=link.pk)
