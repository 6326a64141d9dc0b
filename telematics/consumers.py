"""The dispatchers' socket: where their vehicles are, live, and hints that the board has changed.

Operators and the group Roadside also see the roadside: they listen to the groups of all requests, by name alone, as this app knows nothing of
assistance.
"""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import Membership
from accounts.tokens import authenticate_socket
from depannini_dashmap.lib.realtime.coalesce import Coalesced
from depannini_dashmap.lib.realtime.consumers import FORBIDDEN, RESTART, Refused, SocketConsumer
from depannini_dashmap.lib.realtime.subscriptions import Event
from fleet.events import fleet_group
from telematics.models import LatestPosition
from telematics.representation import READY_COLUMNS, ready_positions

TELL_EVERY = 1.0  # seconds between two frames about the same thing
MOST_VEHICLES = 5000
STAFF_GROUP = "fleet.staff"
ROADSIDE_GROUPS = ("assistance.*", "assistant.*")


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
        """Hear of one's own companies, Roadside of the roadside too; operators hear of everything."""
        self._positions = Coalesced(TELL_EVERY, self._send_position)
        self._hints = Coalesced(TELL_EVERY, self.send_frame)
        self._places = Coalesced(TELL_EVERY, self.send_frame)
        if self.user.is_operator:
            return ["fleet.company.*", STAFF_GROUP, *ROADSIDE_GROUPS]
        own = [fleet_group(company) for company in sorted(self.companies or ())]
        return [*own, *ROADSIDE_GROUPS] if self.user.is_roadside else own

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
        """Thin out what comes; the roadside's events become hints and changes."""
        if event.type == "position":
            self._positions.put(event, event.data["vehicle_id"])
        elif event.type == "location":
            place = {name: event.data[name] for name in ("assistance_id", "user_id", "lat", "lng")}
            self._places.put({"type": "assistance_location"} | place, place["user_id"])
        elif event.type == "status" and event.group.startswith("assistance."):
            self.send_frame(event.data | {"type": "assistance"})
            self._hint("assistance")
        elif event.group.startswith("fleet."):
            self._hint(event.data.get("what", "fleet"))
        else:
            self._hint("chat" if event.type == "chat" else "assistance")

    def closed(self) -> None:
        """Stop the clocks."""
        for stream in (self._positions, self._hints, self._places):
            stream.drop()

    def _hint(self, what: str) -> None:
        self._hints.put({"type": "board_changed", "what": what}, what)

    def _send_position(self, event: Event) -> None:
        self.send_text(event.text)
