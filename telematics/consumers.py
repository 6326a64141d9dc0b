"""The dispatchers' socket: where their vehicles are, live, and hints that the board has changed.

Operators and the group Roadside also see the roadside: assistance publishes to a group of the fleet's sockets what is for
them.
"""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import Membership
from accounts.tokens import authenticate_socket
from depannini_dashmap.lib.realtime.coalesce import Coalesced
from depannini_dashmap.lib.realtime.consumers import FORBIDDEN, RESTART, Refused, SocketConsumer
from depannini_dashmap.lib.realtime.subscriptions import Event
from fleet import events
from telematics.models import LatestPosition
from telematics.representation import READY_COLUMNS, ready_positions

NEWEST_EVERY = 1.0  # seconds between two frames about the same thing
MOST_VEHICLES = 5000


class FleetConsumer(SocketConsumer):
    """`/ws/fleet/`: for dispatchers and operators.

    Out: `connection_established` with the latest `positions`; `position` once a second for a vehicle; `board_changed`;
    to operators and the group Roadside `assistance` (a request changed) and `assistance_location`. In: `ping`.
    """

    authenticate = staticmethod(authenticate_socket)
    companies: frozenset[int] | None = None
    rights: tuple[bool, bool] | None = None

    def authorize(self) -> None:
        """Let dispatchers with a company, Roadside and operators in; whose company or rights change has to come again."""
        companies = frozenset(Membership.objects.of(self.user).values_list("company_id", flat=True))
        if not (self.user.is_roadside or (self.user.user_type == "dispatcher" and companies)):
            raise Refused(FORBIDDEN)
        rights = (self.user.is_operator, self.user.is_roadside)
        if self.companies not in (None, companies) or self.rights not in (None, rights):
            raise Refused(RESTART)
        self.companies, self.rights = companies, rights

    def groups_to_join(self) -> Iterable[str]:
        """Join one's own companies, or as an operator all of them at once; with the right to it the roadside."""
        self._newest = Coalesced(NEWEST_EVERY, self._send_event)
        if self.user.is_operator:
            return [events.operators_group(), events.roadside_group()]
        own = [events.company_group(company) for company in sorted(self.companies or ())]
        return [*own, events.roadside_group()] if self.user.is_roadside else own

    def read_snapshot(self) -> list[dict]:
        """Show where every vehicle is."""
        rows = LatestPosition.objects.visible_to(self.user).order_by("-timestamp", "-position_id")
        return [
            {
                "type": "connection_established",
                "companies": sorted(self.companies or ()),
                "staff": self.user.is_operator,
                "positions": ready_positions(rows.values_list(*READY_COLUMNS)[:MOST_VEHICLES]),
            }
        ]

    def relay(self, event: Event) -> None:
        """Pass an event on, thinned out if it is of a kind that says so."""
        key = events.THINNED.get(event.type)
        if key is None:
            self._send_event(event)
        else:
            self._newest.put(event, (event.type, event.data[key]))

    def closed(self) -> None:
        """Stop the timers."""
        self._newest.drop()

    def _send_event(self, event: Event) -> None:
        self.send_text(event.text)
