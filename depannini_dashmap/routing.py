"""Every WebSocket path, behind the check of the page that opens it."""

from collections.abc import Callable

from channels.routing import URLRouter
from django.urls import re_path

from assistance.routing import websocket_urlpatterns as assistance
from depannini_dashmap.lib.realtime.handshake import OriginGuard, refuse
from telematics.routing import websocket_urlpatterns as telematics
from trips.routing import websocket_urlpatterns as trips


async def unknown_path(scope: dict, receive: Callable, send: Callable) -> None:
    """Refuse what no consumer serves."""
    await refuse(receive, send)


sockets = OriginGuard(URLRouter([*assistance, *telematics, *trips, re_path(r"", unknown_path)]))
