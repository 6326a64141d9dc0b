"""The base of every WebSocket consumer: a socket's life from handshake to close; what is talked about is left to apps.

accept → who is it (4401) → may they (4403) → a seat (4429) → join groups → snapshot → frames and events → close.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar
from weakref import WeakSet

import orjson
from channels.consumer import AsyncConsumer
from django.db import DatabaseError, InterfaceError

from depannini_dashmap.lib import frames, handshake, hub, metrics, penalties
from depannini_dashmap.lib.background import in_thread, leave_to_thread, spawn
from depannini_dashmap.lib.errors import DomainError, Unauthenticated
from depannini_dashmap.lib.frames import BadFrame
from depannini_dashmap.lib.hub import Event
from depannini_dashmap.lib.seats import Seat
from depannini_dashmap.lib.transport import FLOOD, Transport

logger = logging.getLogger(__name__)

MALFORMED = 4400
UNAUTHENTICATED = 4401
FORBIDDEN = 4403
TOO_MANY = 4429
TOO_BIG = 1009
RESTART = 1012
TRY_LATER = 1013
TOO_SLOW = 1008

RECHECK_EVERY = 55.0  # a minute is promised, and a check takes its time
RESYNC_RETRY = 2.0
OUTBOX_LIMIT = 512  # frames that may wait for a slow client

LIVE: "WeakSet[SocketConsumer]" = WeakSet()


class Refused(Exception):
    """The socket is closed with this code."""

    def __init__(self, code: int):
        self.code = code
        super().__init__(code)


class SocketConsumer(AsyncConsumer):
    """One signed-in socket. Subclasses say who may join, what is shown first and which frames they take.

    Methods named *in a thread* run on a database thread, all others in the event loop. A process holds thousands, so
    one keeps little: slots, what waits to be written only while it waits, no task of its own while nothing happens.
    """

    __slots__ = (
        "_allowance", "_closing", "_credentials", "_early", "_expires_at", "_hub", "_joined", "_opening", "_outbox",
        "_seat", "_send", "_strikes", "_timer", "_transport", "_user_group", "_writer", "scope", "user",
    )  # fmt: skip

    authenticate: ClassVar[Callable[[str | None, str], Any]]
    handlers: ClassVar[dict[str, str]] = {}

    scope: dict
    user: Any
    _early: list[Event] | None
    _expires_at: datetime
    _closing: bool
    _joined: tuple[str, ...]
    _opening: asyncio.Task | None
    _outbox: list[dict] | None
    _seat: Seat | None
    _timer: asyncio.TimerHandle | None
    _writer: asyncio.Task | None

    # --- For subclasses ---------------------------------------------------------------------------------------------
    def authorize(self) -> None:
        """In a thread: check that the user belongs here, on connecting and every minute. Raises: Refused."""

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

    def recheck_every(self) -> float:
        """Return after how many seconds the login is checked again and the open socket noted."""
        return RECHECK_EVERY

    def renew(self) -> None:
        """In a thread: note that the socket is open, as often as `recheck_every` says."""

    def closed(self) -> None:
        """Clean up."""

    # --- For the outside --------------------------------------------------------------------------------------------
    def deliver(self, event: Event) -> None:
        """Take an event from the hub; those of the user's own group ask whether the session still counts."""
        if event.group == self._user_group:
            spawn(self._recheck())
        elif self._early is not None:
            self._early.append(event)
        elif not self._closing:
            self.relay(event)

    def resync(self) -> None:
        """Show the state again, as events may have been lost."""
        if self._early is None and not self._closing:
            self._early = []
            spawn(self._resync())

    def send_frame(self, frame: dict) -> None:
        """Queue a frame."""
        self.send_text(orjson.dumps(frame).decode())

    def send_text(self, text: str) -> None:
        """Queue an encoded frame; a client that does not read is cut off."""
        if self._closing:
            return
        if (self._outbox and len(self._outbox) >= OUTBOX_LIMIT) or self._transport.is_clogged():
            self._evict()
            return
        metrics.FRAMES_OUT.inc()
        self._write_soon({"type": "websocket.send", "text": text})

    def close(self, code: int) -> None:
        """Queue the close; what was queued before goes out first."""
        if not self._closing:
            self._closing = True
            self._write_soon({"type": "websocket.close", "code": code})

    # --- A socket's life ----------------------------------------------------------------------------------------------
    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Live from the handshake to the close."""
        self.scope = scope
        self._begin(send)
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": handshake.subprotocol(scope)})
        self._transport.settle()
        if penalties.hold(self._credentials):
            self._shut_out(punish=False)
        else:
            self._opening = spawn(self._open())
        try:
            await self._listen(receive)
        except asyncio.CancelledError:  # the server stops without having told us
            if not self._closing:
                if not self._transport.close(RESTART):
                    await send({"type": "websocket.close", "code": RESTART})
                await asyncio.sleep(0.05)  # for the frame to leave
            raise
        finally:
            if self._opening is not None:
                self._opening.cancel()
            self._end()

    def _begin(self, send: Callable) -> None:
        self._send = send
        self._transport = Transport(send)
        self._hub = hub.of(asyncio.get_running_loop())
        self._outbox = self._writer = None
        self._early = []
        self._closing = False
        self._allowance, self._strikes = frames.Allowance(), frames.Strikes()
        self._credentials = handshake.credentials(self.scope)
        self._opening = self._seat = self._timer = None
        self._joined = ()
        self._user_group = ""
        self.user = None
        LIVE.add(self)

    async def _open(self) -> None:
        try:
            await in_thread(self._sign_in)
            self._user_group = f"user.{self.user.pk}"
            await self._hub.start()
            self._joined = (self._user_group, *self.groups_to_join())
            for group in self._joined:
                self._hub.join(group, self)
            # Joined first, so nothing is missed; asked again, so that a token ended in between does not slip through.
            await in_thread(self._check)
            await self._show_state()
            self._plan_recheck()
        except Refused as refusal:
            self.close(refusal.code)
        except (DatabaseError, InterfaceError):
            self.close(TRY_LATER)
        except Exception:
            logger.exception("A socket could not be opened")
            self.close(TRY_LATER)
        finally:
            self._opening = None
            self._transport.listen()

    def _sign_in(self) -> None:
        self._check()
        seat = Seat(self.user.pk)
        if not seat.take():
            raise Refused(TOO_MANY)
        self._seat = seat
        if self._closing:  # gone while we asked
            seat.leave()

    def _check(self) -> None:
        """In a thread: hold the login and the right to be here against the database."""
        token = self.identify()
        self.user, self._expires_at = token.user, token.expires_at
        self.authorize()

    def identify(self) -> Any:
        """In a thread: return whose socket this is, with `user` and `expires_at`. Raises: Refused."""
        if self._credentials is None:
            raise Refused(UNAUTHENTICATED)
        try:
            return type(self).authenticate(*self._credentials)
        except Unauthenticated:
            raise Refused(UNAUTHENTICATED) from None

    async def _resync(self) -> None:
        while not self._closing:
            try:
                await in_thread(self._check)
                return await self._show_state()
            except Refused as refusal:
                self.close(refusal.code)
            except Exception as error:
                logger.warning("The state could not be read again yet: %s", type(error).__name__)
                await asyncio.sleep(RESYNC_RETRY)
        return None

    async def _show_state(self) -> None:
        shown = await in_thread(self.read_snapshot)
        known = {frame.get("event_id") for frame in shown}
        for frame in shown:
            self.send_frame(frame)
        self.snapshot_sent()
        early, self._early = self._early, None
        for event in early or ():
            if event.data.get("event_id") not in known - {None}:
                self.relay(event)

    async def _listen(self, receive: Callable) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if message["type"] == FLOOD:
                self._shut_out()
            elif not self._closing:
                await self._take(message)
            elif not self._allowance.take():  # was told to go, and goes on
                self._shut_out()

    async def _take(self, message: dict) -> None:
        """Answer one frame; whatever is wrong with it, the socket lives on."""
        text = message.get("text")
        if frames.is_too_big(text if text is not None else message.get("bytes") or b""):
            return self.close(TOO_BIG)
        metrics.FRAMES_IN.inc()
        if not self._allowance.take():
            return self._shut_out()
        try:
            if text is None:
                raise BadFrame("invalid", "Binary frames are not understood")
            await self._handle(frames.parse(text))
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
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if kind == "ping":
            self.send_frame({"type": "pong"})
        elif kind not in self.handlers:
            raise BadFrame("unknown_type", "Unknown type of frame")
        elif not self._closing:
            answer: Awaitable | None = getattr(self, self.handlers[kind])(frame)
            if answer is not None:
                self._transport.pause()  # so that nothing piles up meanwhile
                try:
                    await answer
                finally:
                    self._transport.listen()

    def send_error(self, code: str, error: str, fields: dict[str, list[str]] | None = None) -> None:
        """Queue an error frame."""
        self.send_frame({"type": "error", "code": code, "error": error} | ({"fields": fields} if fields else {}))

    # --- Login, checked again -----------------------------------------------------------------------------------------
    def _plan_recheck(self, delay: float | None = None) -> None:
        if self._closing:  # it may have ended during the check before
            return
        delay = self.recheck_every() if delay is None else delay
        until_expiry = (self._expires_at - datetime.now(UTC)).total_seconds() + 0.05
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.05, min(delay, until_expiry)), self._recheck_now)

    def _recheck_now(self) -> None:
        spawn(self._recheck(renew=True))

    async def _recheck(self, *, renew: bool = False) -> None:
        """Close if the login or the right to be here is gone; one that cannot be checked now is checked soon."""
        try:
            await in_thread(self._check)
            if renew and not self._closing:
                await in_thread(self._renew)
        except Refused as refusal:
            self.close(refusal.code)
        except Exception as error:
            logger.warning("A socket's login could not be checked: %s", type(error).__name__)
            self._plan_recheck(5.0)
        else:
            self._plan_recheck()

    def _renew(self) -> None:
        if self._seat is not None and not self._closing:
            self._seat.renew()
            self.renew()

    # --- Writing --------------------------------------------------------------------------------------------------------
    def _write_soon(self, message: dict) -> None:
        if self._outbox is None:
            self._outbox = []
        self._outbox.append(message)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._outbox:
                message = self._outbox.pop(0)
                if message["type"] == "websocket.close" and self._transport.close(message["code"]):
                    continue
                lifted = self._transport.lift_limit(len(message.get("text", "")))
                await self._send(message)
                if lifted:
                    self._transport.limit_frames()
        except Exception as error:  # the connection is gone; `receive` says so too
            logger.info("A frame could not be sent: %s", type(error).__name__)
            self._closing = True
        finally:
            self._outbox = self._writer = None

    def _shut_out(self, *, punish: bool = True) -> None:
        """Tell a flooder to go, now and when he comes back, and read no more: what he has on its way costs nothing."""
        self.close(TOO_MANY)
        if self._transport.shut_out() and punish:
            penalties.impose(self._credentials)

    def _evict(self) -> None:
        logger.info("A client that does not read was cut off")
        self._outbox = None
        self.close(TOO_SLOW)
        self._transport.abort()

    def _end(self) -> None:
        self._closing = True
        LIVE.discard(self)
        for group in self._joined:
            self._hub.leave(group, self)
        if self._timer is not None:
            self._timer.cancel()
        try:
            if self._early is None:
                self.closed()
        finally:
            if self._seat is not None:
                leave_to_thread(self._seat.leave)


def close_all(code: int) -> int:
    """Close every open socket of this process; return how many there were."""
    sockets = list(LIVE)
    for consumer in sockets:
        consumer.close(code)
    return len(sockets)
