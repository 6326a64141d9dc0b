"""The socket of the customer's page: when to look again, which is only once the page would show something else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from accounts.link_events import pages_group
from accounts.link_sockets import TELL_EVERY, LinkSocket
from depannini_dashmap.lib.errors import NotFound
from depannini_dashmap.lib.realtime.async_tasks import spawn
from depannini_dashmap.lib.realtime.coalesce import Coalesced
from depannini_dashmap.lib.realtime.subscriptions import Event
from fleet.events import MOVED, vehicle_group
from orders.customer_links import reopen
from orders.models import OrderLink
from trips.customer_tracking import COMING
from trips.customer_view import live, tracked
from trips.models import TripLink


class CustomerSocket(LinkSocket):
    """`/ws/o/`: for who has a ticket of the page.

    Most of what happens in a trip concerns other customers, who must not be felt even by the number of frames. So an event
    is no frame: the socket reads what the page would be answered, at most once a second, and says `changed` when that is new.
    It follows its order into another trip by itself.
    """

    __slots__ = ("_answer", "_followed", "_is_coming", "_looking", "_looks", "_token_hash", "_told")

    kind = OrderLink

    def __init__(self) -> None:
        super().__init__()
        self._answer = self._told = self._token_hash = ""
        self._followed: list[str] = []  # groups of the trip that holds the order, and of its vehicle
        self._is_coming = False
        self._looks = Coalesced(TELL_EVERY, lambda _: spawn(self.recheck()))
        self._looking = asyncio.Lock()

    def find(self) -> tuple[Any, int]:
        """Find the link and read its answer. Raises: NotFound, also once a message that was sent again has another token."""
        link = reopen(self.link_id)
        self._token_hash = self._token_hash or link.token_hash
        if link.token_hash != self._token_hash:
            raise NotFound
        tracking = tracked(link)
        row = tracking.delivery
        self._followed = [pages_group(TripLink, row.trip_id), vehicle_group(row.trip.vehicle_id)] if row else []
        self._is_coming = tracking.state in COMING
        self._answer = live(link, tracking)[1]
        return link, link.order_id

    def groups_to_join(self) -> Iterable[str]:
        """Join the pages of the order and of its trip, and what its vehicle does."""
        return [*super().groups_to_join(), *self._followed]

    def read_snapshot(self) -> list[dict]:
        """Compare with what the page is answered from now on."""
        self._told = self._answer
        return super().read_snapshot()

    def snapshot_sent(self) -> None:
        """Look again where the order changed its trip meanwhile."""
        if set(self.groups_to_join()) - set(self._joined):
            self._look()

    def relay(self, event: Event) -> None:
        """Look again; where the vehicle is, only while the page may show it."""
        if self._is_coming or event.type != MOVED:
            self._look()

    def closed(self) -> None:
        """Stop the timers."""
        self._looks.drop()
        super().closed()

    async def recheck(self, *, is_open: bool = False) -> None:
        """Check the link, and say so where its answer is a new one."""
        async with self._looking:  # one at a time, so that an older answer never comes last
            await super().recheck(is_open=is_open)
            if self._closing or self._early is not None:
                return
            if self._answer != self._told:
                self._told = self._answer
                self.tell({"type": "changed"})
            await self._follow()

    def _look(self) -> None:
        self._looks.put(None)

    async def _follow(self) -> None:
        """Join the groups of the order's present trip, and look again, as something may have happened before."""
        wanted = (self._own_group, *self.groups_to_join())
        new = [group for group in wanted if group not in self._joined]
        self._subscriptions.leave([group for group in self._joined if group not in wanted], self)
        self._joined = wanted
        if new:
            await self._subscriptions.join(new, self)
            self._look()
