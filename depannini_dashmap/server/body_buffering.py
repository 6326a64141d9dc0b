"""Request bodies, read whole before a thread is taken: with any framing, the application sees a length.

WSGI knows no body without a length, so Django would take a chunked one for empty; and a thread that reads from a slow
client serves nobody else. What cannot be read is refused, by the application itself, so that the answer has the form,
the headers and the count of every other one: see `RefusalMiddleware`.
"""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import IO, Any

from django.conf import settings

from depannini_dashmap.lib import errors
from depannini_dashmap.server.framing import Framing, read_head, require_whole, whole

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict, Receive, Send], Awaitable[None]]

REFUSAL = "dashmap.refusal"  # key of a scope: the error to answer with
IN_MEMORY = 128 * 1024  # bytes of one body; the rest waits on the disk
ON_DISK = 512 * 1024 * 1024  # bytes of all bodies of this process together
PIECE = 256 * 1024  # bytes read back from the disk at once
# A body may take this long, and a second more for as many bytes as came, never more than `CREDIT` ahead: a photo from a
# phone with little reception gets through, a byte now and then does not.
GRACE = 30.0
LEAST_RATE = 500  # bytes per second
CREDIT = 60.0
LINGER = 2.0  # seconds in which a refused client may go on sending before it reads why

_on_disk = 0


class _Gone(Exception):
    """The client left before its body was there."""


class WholeBodies:
    """Hands requests on to an application once their body is there, with its length."""

    def __init__(self, application: Application):
        self.application = application

    async def __call__(self, scope: dict, receive: Receive, send: Send) -> None:
        """Read the body, then have the request answered, or refused."""
        # Some servers add trailers to the list while the body is read: who writes them is no proxy of ours.
        scope = {**scope, "headers": list(scope["headers"])}
        reader = Reader(receive)
        try:
            try:
                await reader.read(read_head(scope))
            except errors.DomainError as refusal:
                await self._refuse(refusal, scope, reader, send)
            else:
                whole_scope = {**scope, "headers": whole(scope["headers"], reader.body.size)}
                await self.application(whole_scope, reader.body.receive, send)
        except _Gone:
            return
        finally:
            reader.body.close()

    async def _refuse(self, refusal: errors.DomainError, scope: dict, reader: "Reader", send: Send) -> None:
        """Have the refusal answered as the connection's last; what the client still sends is read away a while."""

        async def send_last(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            elif not message.get("more_body"):
                await send({**message, "more_body": True})
                await reader.read_away()
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        headers = [header for header in whole(scope["headers"], 0) if header[0] != b"content-encoding"]
        await self.application({**scope, "headers": headers, REFUSAL: refusal}, Body().receive, send_last)


class Reader:
    """Reads one body from a server."""

    def __init__(self, receive: Receive):
        self.body = Body()
        self._receive = receive
        self._has_ended = False

    async def read(self, framing: Framing) -> None:
        """Read the body to its end. Raises: DomainError for a body too big, too slow or incomplete; _Gone."""
        if framing.is_empty:
            self._has_ended = True
            return
        limit = settings.UPLOAD_MAX_BYTES if framing.is_form else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if (framing.length or 0) > limit:
            self._has_ended = framing.waits  # who waits for our word to go on sends nothing now
            raise errors.BodyTooLarge()
        try:
            await self._gather(limit)
        except TimeoutError:
            raise errors.RequestTimeout() from None
        require_whole(framing, self.body.size)

    async def read_away(self) -> None:
        """Take what a refused client still sends: closing with its bytes unread would reset the connection."""
        try:
            async with asyncio.timeout(LINGER):
                while not self._has_ended:
                    await self._next()
        except (TimeoutError, _Gone):
            return

    async def _gather(self, limit: int) -> None:
        clock_now = asyncio.get_running_loop().time
        until = clock_now() + GRACE
        async with asyncio.timeout_at(until) as clock:
            while not self._has_ended:
                piece = await self._next()
                if self.body.size + len(piece) > limit:
                    raise errors.BodyTooLarge()
                if piece:
                    await self.body.add(piece)
                until = min(until + len(piece) / LEAST_RATE, clock_now() + CREDIT)
                clock.reschedule(until)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        self._has_ended = not message.get("more_body")
        return message.get("body", b"")


class Body:
    """The bytes of one body: the first in memory, more of them on the disk."""

    def __init__(self) -> None:
        self.size = 0
        self._held = bytearray()
        self._file: IO[bytes] | None = None
        self._written = self._read = 0

    async def add(self, piece: bytes) -> None:
        """Keep a piece. Raises: Unavailable where the disk is full."""
        global _on_disk
        self.size += len(piece)
        self._held += piece
        if len(self._held) > IN_MEMORY:
            held, self._held = self._held, bytearray()
            if _on_disk + len(held) > ON_DISK:
                raise _no_room(f"{_on_disk} bytes of others are there already")
            _on_disk += len(held)
            self._written += len(held)
            await self._on_thread(self._write, held)

    async def receive(self) -> dict[str, Any]:
        """Return the body out again, as an ASGI server does."""
        if self._read < self._written:
            piece = await self._on_thread(self._read_back)
            self._read += len(piece)
        else:
            piece, self._held = bytes(self._held), bytearray()
        return {"type": "http.request", "body": piece, "more_body": self._read < self._written or bool(self._held)}

    def close(self) -> None:
        """Let go of everything."""
        global _on_disk
        _on_disk -= self._written
        self._written, self._held = 0, bytearray()
        if self._file is not None:
            self._file.close()

    async def _on_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(_threads(), work, *arguments)
        except OSError as error:
            raise _no_room(str(error.strerror)) from error

    def _write(self, held: bytearray) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
        rest = memoryview(held)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _read_back(self) -> bytes:
        assert self._file is not None
        if not self._read:
            self._file.seek(0)
        return self._file.read(PIECE)


def _no_room(why: str) -> errors.Unavailable:
    # `gettempdir` itself raises where no folder at all can be written.
    logger.error("A body could not be kept in %s: %s", tempfile.tempdir or "any temporary folder", why)
    return errors.Unavailable("Bodies of this size cannot be taken now", code="storage_unavailable")


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="bodies")
