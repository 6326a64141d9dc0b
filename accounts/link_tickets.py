"""Tickets by which the page of a link opens its socket: random, good once, for a minute; the link itself is in no handshake.

They lie in the cache under their hash. Where Redis loses one, or another process than the one that gave it is asked while
Redis is away, it opens nothing: the page asks for another, and without a socket it looks for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import salted_hmac
from django.views import View

from accounts.limits.rates import SOCKET_TICKETS
from accounts.link_events import link_name
from accounts.link_pages import link_page
from depannini_dashmap.lib.db.secret_links import SecretLink, new_token
from depannini_dashmap.lib.errors import Unauthenticated

TICKET_TTL = 60  # seconds
LOOK_EVERY = 60  # seconds between two looks of a page that a socket keeps told
_LONGEST = 64  # letters of what is looked up


def issue_ticket(link: SecretLink) -> str:
    """Return a ticket for one socket of a link's page. Raises: TooManyRequests."""
    SOCKET_TICKETS.spend(link_name(type(link), link.pk))
    ticket = new_token()
    cache.set(_key(ticket), (link.page_path, link.pk), TICKET_TTL)
    return ticket


def redeem(ticket: str, kind: type[SecretLink]) -> int:
    """Return the id of the link that a ticket was given for; of several who bring it at once, one gets it. Raises: Unauthenticated."""
    if not ticket.isascii() or len(ticket) > _LONGEST:
        raise Unauthenticated()
    key = _key(ticket)
    found = cache.get(key)
    if found is None or not cache.delete(key) or found[0] != kind.page_path:
        raise Unauthenticated()
    return int(found[1])


class TicketView(View):
    """POST below a link's page: a ticket for its socket, and how often the page looks beside it, in seconds.

    `{"ticket", "look_every"}`; without Redis a socket hears its own process alone, and the page looks as it does without one (0).
    200; 404; 429. Who: anybody with the link.
    """

    find: Callable[[HttpRequest, str], SecretLink] = None  # type: ignore[assignment]

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Give the ticket."""
        ticket = issue_ticket(self.find(request, token))
        return JsonResponse({"ticket": ticket, "look_every": LOOK_EVERY if settings.REDIS_URL else 0})


def ticket_page(find: Callable[[HttpRequest, str], SecretLink]) -> Callable[..., HttpResponse]:
    """Return the view of `ticket/` below a link's page; `find` returns the link of a request and a token."""
    view: Any = TicketView.as_view(find=find)
    return link_page(view)


def _key(ticket: str) -> str:
    return f"ticket:{salted_hmac('accounts.ticket', ticket, algorithm='sha256').hexdigest()}"
