"""Counters of this process for `/metrics`: requests and frames. Figures read from tables are in operations/metrics_page.py.

Any module may count here; nothing else of the project is imported. Each process counts for itself.
"""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Histogram(
    "dashmap_request_seconds",
    "Time from the first middleware to the answer, by method, route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
IN_FLIGHT = Gauge("dashmap_requests_in_flight", "Requests being answered now.")
FRAMES = Counter("dashmap_frames", "Frames over all sockets, by direction.", ["direction"])
FRAMES_IN = FRAMES.labels("in")
FRAMES_OUT = FRAMES.labels("out")
MESSAGES_SENT = Counter("dashmap_messages_sent", "Mails and SMS handed over, by kind and channel.", ["kind", "channel"])
MESSAGES_REFUSED = Counter(
    "dashmap_messages_refused", "Mails and SMS that the budget did not let through, by kind and reason.", ["kind", "reason"]
)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def requests_in_flight() -> int:
    """Return how many requests this process is answering now."""
    return int(next(iter(IN_FLIGHT.collect())).samples[0].value)


class MetricsMiddleware:
    """Time every request; the route is its pattern, never its path, so that ids make no series."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        IN_FLIGHT.inc()
        try:
            response = self.get_response(request)
        finally:
            IN_FLIGHT.dec()
        match = request.resolver_match
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, match.route if match else "unmatched", response.status_code).observe(
            time.perf_counter() - began
        )
        return response
