"""Who signs a socket in: its credentials, checked on connecting and every minute, until the session ends."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings

from depannini_dashmap.lib.errors import Unauthenticated
from depannini_dashmap.lib.realtime.async_tasks import in_thread, spawn
from depannini_dashmap.lib.realtime.close_codes import UNAUTHENTICATED
from depannini_dashmap.lib.realtime.socket_writer import SocketWriter

logger = logging.getLogger(__name__)

RECHECK_EVERY = 55.0  # a minute is promised, and a check takes its time


class Refused(Exception):
    """The socket is closed with this code."""

    def __init__(self, code: int):
        self.code = code
        super().__init__(code)


class SignedInSocket(SocketWriter):
    """A socket with the session of a user.

    Methods named *in a thread* run on a database thread, all others in the event loop.
    """

    __slots__ = ("_credentials", "_expires_at", "_grace", "_timer", "user")

    authenticate: ClassVar[Callable[[str | None, str], Any]]
    user_id_from_signature: ClassVar[Callable[[str | None, str], int | None]]
    groups_need_user: ClassVar[bool] = True  # whether `groups_to_join` looks at more than the path
    snapshot_authorizes: ClassVar[bool] = False  # whether `read_snapshot` refuses whom `authorize` would refuse

    user: Any
    _expires_at: datetime
    _grace: timedelta
    _timer: asyncio.TimerHandle | None

    # --- For subclasses ---------------------------------------------------------------------------------------------
    def authorize(self) -> None:
        """In a thread: check that the user belongs here, on connecting and every minute. Raises: Refused."""

    def recheck_every(self) -> float:
        """Return after how many seconds the login is checked again and the open socket noted."""
        return RECHECK_EVERY

    def renew(self) -> None:
        """In a thread: note that the socket is open, as often as `recheck_every` says."""

    def report_open(self) -> None:
        """In a thread: report that the socket is open, after each check of its session."""
        self.renew()

    # --- The session ------------------------------------------------------------------------------------------------
    def begin_session(self, credentials: tuple[str | None, str] | None) -> None:
        """Take the credentials of the handshake; nothing is checked yet."""
        self._credentials = credentials
        self._timer = None
        self._grace = timedelta()
        self.user = None

    def end_session(self) -> None:
        """Check nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def extend_expiry(self) -> None:
        """Let a token that was accepted by the clock's leeway live that much longer, as an open socket has no leeway."""
        if self._expires_at <= datetime.now(UTC):
            self._grace = settings.CLOCK_LEEWAY
            self._expires_at += self._grace

    async def signed_user_id(self) -> int:
        """Return the id of the user, from the signature of the credentials where it has one, else from the database. Raises: Refused."""
        if self._credentials is None:
            raise Refused(UNAUTHENTICATED)
        if not self.groups_need_user:
            try:
                user_id = type(self).user_id_from_signature(*self._credentials)
            except Unauthenticated:
                raise Refused(UNAUTHENTICATED) from None
            if user_id is not None:
                return user_id
        await in_thread(self.check_session)
        return self.user.pk

    def check_session(self, *, is_shown: bool = False) -> Any:
        """In a thread: check the session and the permission in the database; the snapshot may do the latter. Raises: Refused."""
        token = self.identify()
        self.user, self._expires_at = token.user, token.expires_at + self._grace
        if not (is_shown and self.snapshot_authorizes):
            self.authorize()
        return token

    def identify(self) -> Any:
        """In a thread: return the token of the credentials, with `user` and `expires_at`. Raises: Refused."""
        if self._credentials is None:
            raise Refused(UNAUTHENTICATED)
        try:
            return type(self).authenticate(*self._credentials)
        except Unauthenticated:
            raise Refused(UNAUTHENTICATED) from None

    def plan_recheck(self, delay: float | None = None) -> None:
        """Check the session again after `delay` seconds, at the latest when it expires."""
        if self._closing:  # it may have ended during the check before
            return
        delay = self.recheck_every() if delay is None else delay
        until_expiry = (self._expires_at - datetime.now(UTC)).total_seconds() + 0.05
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.05, min(delay, until_expiry)), self._recheck_and_report)

    def _recheck_and_report(self) -> None:
        spawn(self.recheck(is_open=True))

    async def recheck(self, *, is_open: bool = False) -> None:
        """Close the socket if its session or permission has ended; check again soon if the database cannot be asked."""
        try:
            await in_thread(self.check_session)
            if is_open and not self._closing:
                await in_thread(self.report_open)
        except Refused as refusal:
            self.close(refusal.code)
        except Exception as error:
            logger.warning("A socket's session could not be checked: %s", type(error).__name__)
            self.plan_recheck(5.0)
        else:
            if self._expires_at <= datetime.now(UTC):
                return self.close(UNAUTHENTICATED)
            self.plan_recheck()
        return None
