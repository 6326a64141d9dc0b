"""What an answer says of its connection and its time, whichever server sends it."""

from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from depannini_dashmap.server import shutdown

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict, Receive, Send], Awaitable[None]]


class ConnectionHeaders:
    """Adds `Date` where the server does not, and `Connection: close` while the process stops."""

    def __init__(self, application: Application):
        self.application = application

    async def __call__(self, scope: dict, receive: Receive, send: Send) -> None:
        """Have the request answered."""
        # Servers that share a lifespan's state (uvicorn, granian, hypercorn) write `Date` themselves; Daphne does neither.
        needs_date = "state" not in scope

        async def send_on(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start" and (needs_date or shutdown.is_stopping()):
                message = {**message, "headers": _completed(list(message.get("headers", ())), needs_date)}
            await send(message)

        await self.application(scope, receive, send_on)


def _completed(headers: list[tuple[bytes, bytes]], needs_date: bool) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in headers}
    if needs_date and b"date" not in names:
        headers.append((b"date", formatdate(usegmt=True).encode()))
    if shutdown.is_stopping() and b"connection" not in names:
        headers.append((b"connection", b"close"))
    return headers
