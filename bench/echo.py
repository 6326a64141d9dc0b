"""The floor: an ASGI application that sends every frame back, on the same server."""

from collections.abc import Callable


async def application(scope: dict, receive: Callable, send: Callable) -> None:
    """Echo."""
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
