"""GET `/metrics`: figures for Prometheus, for who holds METRICS_TOKEN; without that setting there is no such page."""

import hmac
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Count, ExpressionWrapper, F, Min, QuerySet, Sum
from django.db.models.fields import DurationField
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django_tasks_db.models import DBTaskResult
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from assistance.models import Assistance, Offer
from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.exception_handler import error_response
from depannini_dashmap.lib.api.plain_views import safe_methods_only
from depannini_dashmap.lib.realtime import consumers

WINDOW = timedelta(hours=1)


@never_cache
@safe_methods_only
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the figures of this process and of the tables; 404 without METRICS_TOKEN, 401 without it in the header."""
    if not settings.METRICS_TOKEN:
        return error_response(errors.NotFound())
    expected = f"Bearer {settings.METRICS_TOKEN}".encode()
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected):
        return error_response(errors.Unauthenticated())
    tables = CollectorRegistry()
    tables.register(State())
    return HttpResponse(generate_latest(REGISTRY) + generate_latest(tables), content_type=CONTENT_TYPE_LATEST)


class State(Collector):
    """Gauges: read at the time of the request, so that nothing has to be counted before."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Name nothing in advance: registering must not read the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the gauges; those of the database are missing while it is away, and `dashmap_database_up` is 0."""
        yield sockets_open()
        yield GaugeMetricFamily("dashmap_http_threads", "Threads that answer requests.", settings.HTTP_THREADS)
        try:
            found = [*task_queue(), *assistance_hour(), *connections()]
        except (DatabaseError, InterfaceError):
            connection.close()
            found = []
        yield GaugeMetricFamily("dashmap_database_up", "Whether the database answers.", 1 if found else 0)
        yield from found


def sockets_open() -> GaugeMetricFamily:
    """Count this process's sockets by consumer."""
    family = GaugeMetricFamily("dashmap_sockets", "Open sockets of this process.", labels=["kind"])
    for kind, number in Counter(type(consumer).__name__ for consumer in list(consumers.LIVE)).items():
        family.add_metric([kind], number)
    return family


def task_queue() -> Iterator[GaugeMetricFamily]:
    """Return how many tasks wait and for how long the oldest that is due has waited."""
    now = timezone.now()
    due = DBTaskResult.objects.ready()
    number = due.count()
    at_once = due.filter(run_after__gt=now).aggregate(since=Min("enqueued_at"))["since"]
    delayed = due.filter(run_after__lte=now).aggregate(since=Min("run_after"))["since"]
    oldest = min((moment for moment in (at_once, delayed) if moment), default=now)
    yield GaugeMetricFamily("dashmap_tasks_due", "Tasks that are due and wait for a worker.", number)
    yield GaugeMetricFamily(
        "dashmap_tasks_oldest_seconds", "Age of the oldest due task.", max(0.0, (now - oldest).total_seconds())
    )
    parked = DBTaskResult.objects.failed().count()
    yield GaugeMetricFamily("dashmap_tasks_parked", "Tasks given up after their last try.", parked)


def assistance_hour() -> Iterator[GaugeMetricFamily]:
    """Sum up the last hour: requests by status, and the times to the first offer and to acceptance."""
    since = timezone.now() - WINDOW
    recent = Assistance.objects.filter(created_at__gt=since)
    family = GaugeMetricFamily("dashmap_assistance_hour", "Requests made in the last hour.", labels=["status"])
    for status, number in recent.order_by().values_list("status").annotate(number=Count("pk")):
        family.add_metric([status], number)
    yield family
    waiting = Assistance.objects.waiting().aggregate(number=Count("pk"), oldest=Min("created_at"))
    age = (timezone.now() - waiting["oldest"]).total_seconds() if waiting["oldest"] else 0
    yield GaugeMetricFamily("dashmap_assistance_waiting", "Requests that nobody has accepted.", waiting["number"])
    yield GaugeMetricFamily("dashmap_assistance_waiting_oldest_seconds", "Age of the oldest of them.", age)
    accepted = recent.filter(accepted_at__isnull=False)
    yield mean_seconds("dashmap_accept", "Time to acceptance, last hour.", accepted, "accepted_at", "created_at")
    offers = Offer.objects.filter(assistance__created_at__gt=since)
    wave = GaugeMetricFamily("dashmap_wave_offers_hour", "Offers of the last hour, by wave.", labels=["wave"])
    for number, count in offers.order_by().values_list("wave").annotate(count=Count("pk")):
        wave.add_metric([str(number)], count)
    yield wave
    yield mean_seconds(
        "dashmap_offer", "Time to an offer, last hour.", offers, "offered_at", "assistance__created_at"
    )


def mean_seconds(name: str, text: str, rows: QuerySet, end: str, start: str) -> GaugeMetricFamily:
    """Return the mean of `end - start` over `rows` in seconds; NaN without rows."""
    taken = ExpressionWrapper(F(end) - F(start), output_field=DurationField())
    total = rows.order_by().aggregate(time=Sum(taken), number=Count("pk"))
    mean = total["time"].total_seconds() / total["number"] if total["number"] else float("nan")
    return GaugeMetricFamily(f"{name}_mean_seconds", text, mean)


def connections() -> Iterator[GaugeMetricFamily]:
    """Count the connections that PostgreSQL holds for this database, and how many it allows in all."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(state, 'none'), count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1"
        )
        family = GaugeMetricFamily("dashmap_database_connections", "Connections to this database.", labels=["state"])
        for state, number in cursor.fetchall():
            family.add_metric([state], number)
        yield family
        cursor.execute("SELECT current_setting('max_connections')::int")
        yield GaugeMetricFamily("dashmap_database_connections_limit", "Connections allowed.", cursor.fetchone()[0])
