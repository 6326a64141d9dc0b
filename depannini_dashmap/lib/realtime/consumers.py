"""The base of every WebSocket consumer: a socket's life from handshake to close; apps add their frames and events.

accept → sign in (4401) → permission (4403) → limit of connections → join groups → snapshot → frames and events → close.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar
from weakref import WeakSet

from django.db import DatabaseError, InterfaceError

from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.ops import metrics
from depannini_dashmap.lib.realtime import flood_backoff, handshake, inbound_frames, keepalive, layer, subscriptions
from depannini_dashmap.lib.realtime.async_tasks import in_thread, leave_to_thread, spawn
from depannini_dashmap.lib.realtime.close_codes import (
    FORBIDDEN,
    MALFORMED,
    RESTART,
    TOO_BIG,
    TOO_MANY,
    TRY_LATER,
)
from depannini_dashmap.lib.realtime.connection_limit import APPS, EXCEEDED, PAGES, Connection
from depannini_dashmap.lib.realtime.inbound_frames import BadFrame
from depannini_dashmap.lib.realtime.keepalive import FLOOD, Transport
from depannini_dashmap.lib.realtime.socket_sign_in import Refused, SignedInSocket
from depannini_dashmap.lib.realtime.subscriptions import Event
from depannini_dashmap.lib.realtime.user_group import user_group
from depannini_dashmap.lib.time_zone import format_utc

__all__ = ["FORBIDDEN", "RESTART", "Refused", "SocketConsumer", "close_all"]

logger = logging.getLogger(__name__)

RESYNC_RETRY = 2.0
LAST_WORD = 5.0  # seconds in which a client that is shut out may read what was sent to it before

LIVE: "WeakSet[SocketConsumer]" = WeakSet()


class SocketConsumer(SignedInSocket):
    """One signed-in socket. Subclasses say who may join, what is shown first and which frames they take.

    Methods named *in a thread* run on a database thread, all others in the event loop. A process holds thousands, so
    one keeps little: slots, what waits to be written only while it waits, no task of its own while nothing happens.
    """

    __slots__ = (
        "_allowance", "_connection", "_early", "_is_shut_out", "_joined", "_opening", "_own_group", "_strikes", "_subscriptions",
        "_transport", "scope",
    )  # fmt: skip

    handlers: ClassVar[dict[str, str]] = {}

    scope: dict
    _connection: Connection | None
    _early: list[Event] | None
    _is_shut_out: bool
    _joined: tuple[str, ...]
    _opening: asyncio.Task | None
    _transport: Transport

    # --- For subclasses ---------------------------------------------------------------------------------------------
    def groups_to_join(self) -> Iterable[str]:
        """Name the groups whose events are relayed."""
        return ()

    def read_snapshot(self) -> list[dict]:
        """In a thread: return the frames that show the present state, `connection_established` first."""
        return [{"type": "connection_established"}]

    def snapshot_sent(self) -> None:
        """React to the state having been shown."""

    def relay(self, event: Event) -> None:
        """Pass an event on; it is the frame."""
        self.send_text(event.text)

    def closed(self) -> None:
        """Clean up."""

    async def own_group(self) -> str:
        """Name the group of all sockets of who opened this one, as early as the credentials say it. Raises: Refused."""
        return user_group(await self.signed_user_id())

    def counted(self, token: Any) -> Connection:
        """Return the socket as one of those that are counted together; `token` is what `identify` returned."""
        return Connection(self.user.pk, PAGES if getattr(token, "is_of_page", False) else APPS)

    # --- For the outside --------------------------------------------------------------------------------------------
    def deliver(self, event: Event) -> None:
        """Take an event of a group; those of its own group ask whether the socket may stay."""
        if event.group == self._own_group:
            self._take_notice(event)
        elif self._early is not None:
            self._early.append(event)
        elif not self._closing:
            self.relay(event)

    def resync(self) -> None:
        """Show the state again, as events may have been lost."""
        if self._closing:
            return
        if self._early is None:
            self._early = []
            spawn(self._resync())
        else:  # the snapshot that is being read may be older than the loss
            self._subscriptions.resync(self)

    # --- A socket's life ----------------------------------------------------------------------------------------------
    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Live from the handshake to the close. Nothing is received before the state was shown, so nothing piles up."""
        self.scope = scope
        self._begin(send)
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": handshake.subprotocol(scope)})
        scope["headers"].clear()  # a held socket needs neither their memory nor the token in it
        try:
            if flood_backoff.is_held(self._credentials):
                self._shut_out(punish=False)
            else:
                self._opening = spawn(self._open())
                await asyncio.wait([self._opening])
            await self._listen(receive)
        except asyncio.CancelledError:
            if self._is_evicted and self._life is not None:
                self._life.uncancel()
                return
            if not self._closing:  # the server stops without notice
                self._closing = True
                await self.write_close(RESTART)
                await asyncio.sleep(0.05)  # for the frame to leave
            raise
        finally:
            if self._opening is not None:
                self._opening.cancel()
            self._end()

    def _begin(self, send: Callable) -> None:
        self.begin_writing(send)
        self._is_shut_out = False
        self._transport = keepalive.of(self.scope)
        self._subscriptions = subscriptions.of(asyncio.get_running_loop())
        self._early = []
        self._allowance, self._strikes = inbound_frames.Allowance(), inbound_frames.Strikes()
        self.begin_session(handshake.credentials(self.scope))
        self._opening = self._connection = None
        self._joined = ()
        self._own_group = ""
        LIVE.add(self)

    async def _open(self) -> None:
        try:
            # Joined first, so that what ends or changes while the database is asked arrives as an event.
            await self._join(await self.own_group())
            shown, are_too_many = await in_thread(self._sign_in)
            if are_too_many and self._connection is not None:
                layer.publish_now(self._own_group, {"type": EXCEEDED, "limit": self._connection.limit.name})
            self._show(shown)
            self.plan_recheck()
        except Refused as refusal:
            self.close(refusal.code)
        except (DatabaseError, InterfaceError):
            self.close(TRY_LATER)
        except Exception:
            logger.exception("A socket could not be opened")
            self.close(TRY_LATER)
        finally:
            self._opening = None

    async def _join(self, own_group: str) -> None:
        self._own_group = own_group
        self._joined = (own_group, *self.groups_to_join())
        await self._subscriptions.join(self._joined, self)

    def _sign_in(self) -> tuple[list[dict], bool]:
        """In a thread: let the socket in; return the present state, and whether its user has too many now."""
        token = self.check_session(is_shown=True)
        self.extend_expiry()
        shown = self.read_snapshot()
        connection = self.counted(token)
        are_too_many = connection.enter()
        self._connection = connection
        if self._closing:  # gone while we asked
            connection.leave()
        return shown, are_too_many

    async def _resync(self) -> None:
        while not self._closing:
            try:
                await in_thread(self.check_session)
                return self._show(await in_thread(self.read_snapshot))
            except Refused as refusal:
                self.close(refusal.code)
            except Exception as error:
                logger.warning("The state could not be read again yet: %s", type(error).__name__)
                await asyncio.sleep(RESYNC_RETRY)
        return None

    def _show(self, shown: list[dict]) -> None:
        for frame in shown:
            if frame["type"] == "connection_established":
                frame["server_time"] = format_utc(datetime.now(UTC))
        known = {frame.get("event_id") for frame in shown}
        for frame in shown:
            self.send_frame(frame)
        self.snapshot_sent()
        early, self._early = self._early, None
        for event in early or ():
            if event.data.get("event_id") not in known - {None}:
                self.relay(event)

    async def _listen(self, receive: Callable) -> None:
        while not self._is_shut_out:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if message["type"] == FLOOD:
                self._shut_out()
            elif not self._closing:
                await self._take(message)
            elif not self._allowance.take():  # goes on sending although the close frame is on its way
                self._shut_out()
        await self.finish_writing(LAST_WORD)

    async def _take(self, message: dict) -> None:
        """Answer one frame; the socket survives any error in it."""
        text = message.get("text")
        if inbound_frames.is_too_big(text if text is not None else message.get("bytes") or b""):
            return self.close(TOO_BIG)
        metrics.FRAMES_IN.inc()
        if not self._allowance.take():
            return self._shut_out()
        try:
            if text is None:
                raise BadFrame("invalid", "Binary frames are not understood")
            await self._handle(inbound_frames.parse(text))
        except BadFrame as bad:
            self.send_error(bad.code, bad.error, bad.fields)
            if self._strikes.add():
                self.close(MALFORMED)
        except DomainError as refusal:
            self.send_error(refusal.code, refusal.message, refusal.fields)
        except (DatabaseError, InterfaceError):
            self.send_error("unavailable", "Service temporarily unavailable")
        except Exception:
            logger.exception("A frame could not be handled")
            self.send_error("internal", "Something went wrong here")
        return None

    async def _handle(self, frame: dict) -> None:
        kind = frame["type"]
        if kind == "ping":
            self.send_frame({"type": "pong"})
        elif kind not in self.handlers:
            raise BadFrame("unknown_type", "Unknown type of frame")
        elif not self._closing:
            answer: Awaitable | None = getattr(self, self.handlers[kind])(frame)
            if answer is not None:
                await answer  # nothing is received meanwhile, which slows the client down

    # --- Too many connections ------------------------------------------------------------------------------------------
    def _take_notice(self, event: Event) -> None:
        """React to what is said to all sockets of the user."""
        if event.type != EXCEEDED:
            spawn(self.recheck())
        elif self._connection is not None and self._connection.is_meant(event.data["limit"]):
            spawn(self._make_room(self._connection))

    async def _make_room(self, connection: Connection) -> None:
        """Close this socket if it is the one too many."""
        if await connection.is_one_too_many(self._transport, self._answered_at):
            self.close(TOO_MANY)

    def _answered_at(self) -> float:
        """Return when the client answered last, or where the server hides that, when it last said something."""
        return self._transport.answered_at() or time.time() - time.monotonic() + self._allowance.seen_at

    def report_open(self) -> None:
        """In a thread: report that the socket is open, to the limit of connections and to the app."""
        if self._connection is not None and not self._closing:
            self._connection.report(self._answered_at())
            self.renew()

    def _shut_out(self, *, punish: bool = True) -> None:
        """Close a flooder's socket, receive no more from it, and have its token wait before it is let in again."""
        self.close(TOO_MANY)
        if punish and not self._is_shut_out:
            flood_backoff.impose(self._credentials)
        self._is_shut_out = True

    def _end(self) -> None:
        self._closing = True
        LIVE.discard(self)
        self._subscriptions.leave(self._joined, self)
        self.end_session()
        try:
            if self._early is None:
                self.closed()
        finally:
            if self._connection is not None:
                leave_to_thread(self._connection.leave)


def close_all(code: int) -> int:
    """Close every open socket of this process; return how many there were."""
    sockets = list(LIVE)
    for consumer in sockets:
        consumer.close(code)
    return len(sockets)
