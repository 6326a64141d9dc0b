"""The whole server as one ASGI application: REST and pages on a few threads, sockets in the loop, tasks in a thread.

SERVE says which part this process plays: `all`, `http` (with the tasks) or `sockets`.
"""

import asyncio
import os
from collections.abc import Callable
from urllib.parse import quote

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "depannini_dashmap.settings")

from a2wsgi import WSGIMiddleware
from django.conf import settings

from depannini_dashmap.wsgi import application as wsgi_application  # isort: skip - sets Django up
from depannini_dashmap.lib.db import watchdog
from depannini_dashmap.lib.ops import process_registry, worker
from depannini_dashmap.lib.realtime import subscriptions
from depannini_dashmap.lib.realtime.handshake import refuse
from depannini_dashmap.lib.roads import engine
from depannini_dashmap.operations import nightly, periodic_jobs
from depannini_dashmap.routing import sockets
from depannini_dashmap.server import access_log, memory_tuning, shutdown
from depannini_dashmap.server.body_buffering import WholeBodies
from depannini_dashmap.server.connection_headers import ConnectionHeaders
from depannini_dashmap.server.framing import origin_form

if settings.SERVE not in {"all", "http", "sockets"}:
    raise ValueError("SERVE must be all, http or sockets")

_ASCII = "".join(map(chr, range(33, 127)))

http = WSGIMiddleware(wsgi_application, workers=settings.HTTP_THREADS)
# Probes have a thread of their own: with every other one waiting for the database, the process still lives and says so.
probes = WSGIMiddleware(wsgi_application, workers=1)
# Metrics ask the database, too, and may have to wait for it: no probe waits behind them.
metrics = WSGIMiddleware(wsgi_application, workers=1)
ALWAYS_SERVED = {"/healthz": probes, "/readyz": probes, "/metrics": metrics}


async def application(scope: dict, receive: Callable, send: Callable) -> None:
    """Hand a connection to the part that serves it."""
    if "state" not in scope and scope["type"] != "lifespan":  # Daphne, which announces no end
        shutdown.leave_after(asyncio.get_running_loop())
    if scope["type"] == "http":
        await _answer(scope, receive, send)
    elif scope["type"] == "websocket":
        await (refuse(receive, send) if settings.SERVE == "http" else sockets(scope, receive, send))
    elif scope["type"] == "lifespan":
        await _live(receive, send)


async def _serve_http(scope: dict, receive: Callable, send: Callable) -> None:
    asked = origin_form(scope["path"])
    serve = next((own for path, own in ALWAYS_SERVED.items() if asked.startswith(path)), http)
    if settings.SERVE == "sockets" and serve is http:
        return await _not_here(send)
    # The mount point is no client's to choose, and WSGI wants the query in ASCII.
    query = quote(scope["query_string"], safe=_ASCII).encode()
    return await serve({**scope, "path": asked, "root_path": "", "query_string": query}, receive, send)


_answer = ConnectionHeaders(WholeBodies(_serve_http))


async def _not_here(send: Callable) -> None:
    body = b'{"error": "This process serves sockets only", "code": "not_found", "request_id": ""}'
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Callable, send: Callable) -> None:
    """Take part in the start and stop of servers that announce them (uvicorn; Daphne does not)."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            shutdown.begin()
            process_registry.leave()
            return


memory_tuning.share_one_heap()
access_log.redact_uvicorn()
# A change may have been carried out whose event nobody could send: sockets read the state again.
watchdog.start(lambda: subscriptions.deliver_here([subscriptions.RESYNC]))
process_registry.enter()
engine.start()
memory_tuning.spare_what_stays()
if worker.should_run_here():
    worker.start()
    nightly.start()
    periodic_jobs.start()
