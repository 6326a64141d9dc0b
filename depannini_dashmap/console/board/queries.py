"""What the board shows: a fixed number of queries over live rows, never over a history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from assistance import approval
from assistance.models import Assistance, AssistantProfile, Offer
from depannini_dashmap.console.live_map.arrival_times import NextStop, count_late, next_stops
from depannini_dashmap.console.trip_status_order import URGENCY
from depannini_dashmap.lib.time_zone import display_zone
from fleet.models import Vehicle
from orders.lifecycle import PENDING
from orders.models import Order
from telematics import silence
from trips.lifecycle import DRAFT, IN_PROGRESS, PLANNED
from trips.models import Trip

TRIPS_SHOWN = 25
ROWS_SHOWN = 8
OVERDUE_DAYS = 7
UNSTARTED = (DRAFT, PLANNED)
STALLED = Q(status="accepted", stalled_since__isnull=False)


@dataclass(frozen=True)
class TripLine:
    """A trip of today with how far it has come."""

    trip: Trip
    total: int
    done: int
    late_stops: int
    starts_late: bool
    expected_late_min: int = 0
    next_stop: NextStop | None = None

    @property
    def is_late(self) -> bool:
        """Whether a dispatcher should look at it."""
        return self.starts_late or self.late_stops > 0 or self.expected_late_min > 0


@dataclass(frozen=True)
class Help:
    """Requests for roadside help: open ones, the unanswered first."""

    jobs: list[Assistance]
    counts: Mapping[str, int]
    unanswered: int
    unapproved: int = 0


@dataclass(frozen=True)
class Board:
    """Everything on the board."""

    now: dt.datetime
    trips: list[TripLine]
    trip_counts: Mapping[str, int]
    waiting: list[Order]
    waiting_count: int
    silent: list[Vehicle]
    silent_count: int
    orders_by_status: Mapping[str, int]
    help: Help | None = None
    asked: list[tuple[dt.datetime, dt.datetime | None]] = field(default_factory=list)
    links: Mapping[str, str] = field(default_factory=dict)
    late_trips: int = 0

    @property
    def open_trips(self) -> int:
        """How many of today's trips are still to be driven or under way."""
        return sum(self.trip_counts.get(status, 0) for status in (*UNSTARTED, IN_PROGRESS))


def read_board(user: User, now: dt.datetime | None = None) -> Board:
    """Read the board of somebody's companies; those on the roadside side also see who asks for help."""
    now = now or timezone.now()
    here = now.astimezone(display_zone())
    today = todays_trips(user, here.date())
    late_stops = count_late(user, now)
    counts = {"count": Count("pk"), "overdue": Count("pk", filter=starts_late(here))}
    trip_counts = list(today.order_by().values_list("status").annotate(**counts))
    orders = Order.objects.listed_for(user)
    waiting = orders.available_for_trip()
    open_orders = _counted(orders.open(), "status")
    silent = silence.silent(Vehicle.objects.visible_to(user), now)
    return Board(
        now=now,
        trips=_trip_lines(today, here, late_stops),
        late_trips=len(late_stops) + sum(overdue for _, _, overdue in trip_counts),
        trip_counts={status: count for status, count, _ in trip_counts},
        waiting=list(waiting.with_stops().order_by("created_at", "id")[:ROWS_SHOWN]),
        waiting_count=open_orders.get(PENDING, 0),  # what a trip holds is not pending
        silent=list(silent.select_related("latest_position").order_by("-on_trip", "-latest_position__timestamp", "-id")[:ROWS_SHOWN]),
        silent_count=silent.order_by().count(),
        orders_by_status=open_orders,
        help=_help(now) if user.is_roadside else None,
        asked=_asked(now) if user.is_roadside else [],
        links=_links(here.date()),
    )


def todays_trips(user: User, today: dt.date) -> QuerySet[Trip]:
    """Keep the trips of today, those under way, and those of the last days that nobody started."""
    overdue = Q(planned_start_date__gte=today - dt.timedelta(days=OVERDUE_DAYS), planned_start_date__lt=today, status=PLANNED)
    return Trip.objects.visible_to(user).filter(Q(planned_start_date=today) | Q(status=IN_PROGRESS) | overdue)


def _counted(rows: QuerySet, name: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(name).annotate(Count("pk")))


def starts_late(here: dt.datetime) -> Q:
    """Return the condition of trips that should have started before `here`, local time."""
    before = Q(planned_start_date__lt=here.date()) | Q(planned_start_date=here.date(), planned_start_time__lt=here.time())
    return Q(status__in=UNSTARTED) & before


def _trip_lines(today: QuerySet[Trip], here: dt.datetime, late_stops: Mapping[int, int]) -> list[TripLine]:
    """Read the first lines, the late ones before all others: what is cut off is never an alarm while a calm one is shown."""
    is_late = Q(pk__in=list(late_stops)) | Q(expected_late_min__gt=0) | starts_late(here)
    trips = list(
        today.select_related("vehicle", "company")
        .with_progress()
        .with_driver_told()
        .with_expected_delay()
        .annotate(urgency=URGENCY, calm=Case(When(is_late, then=Value(0)), default=Value(1)))
        .order_by("calm", "urgency", "planned_start_date", "planned_start_time", "id")[:TRIPS_SHOWN]
    )
    following = next_stops(trips, here)
    return [_trip_line(trip, here, following.get(trip.pk), late_stops.get(trip.pk, 0)) for trip in trips]


def _trip_line(trip: Any, here: dt.datetime, next_stop: NextStop | None, late_stops: int) -> TripLine:
    start = (trip.planned_start_date, trip.planned_start_time)
    is_overdue = trip.status in UNSTARTED and start < (here.date(), here.time())
    return TripLine(trip, trip.total, trip.done, late_stops, is_overdue, trip.expected_late_min, next_stop)


def _help(now: dt.datetime) -> Help:
    """Read open requests, oldest unanswered first, then stalled and endless ones, with the offers that are out, and count those given up today."""
    offers = Offer.objects.filter(assistance_id=OuterRef("pk")).order_by()
    asked = Subquery(offers.values("assistance_id").annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    too_old = Q(status="ongoing", started_at__lte=now - settings.ASSISTANCE_LONGEST)
    waiting = Case(
        When(status="requested", then=Value(0)),
        When(STALLED | too_old, then=Value(1)),
        When(status="accepted", then=Value(2)),
        default=Value(3),
    )
    jobs: list[Any] = list(
        Assistance.objects.open()
        .select_related("client", "assistant")
        .annotate(offers_made=Coalesce(asked, 0), rank=waiting)
        .order_by("rank", "created_at", "id")[:TRIPS_SHOWN]
    )
    given_up = Assistance.objects.unanswered().filter(created_at__gte=now - dt.timedelta(days=1))
    counts = Assistance.objects.open().aggregate(
        **{status: Count("pk", filter=Q(status=status)) for status in ("requested", "accepted", "ongoing")},
        stalled=Count("pk", filter=STALLED),
        too_long=Count("pk", filter=too_old),
    )
    for job in jobs:
        job.is_too_long = job.status == "ongoing" and job.started_at <= now - settings.ASSISTANCE_LONGEST
    return Help(jobs, counts, given_up.order_by().count(), _unapproved())


def _unapproved() -> int:
    """Count the assistants whom staff still have to look at, where they are asked to."""
    if not settings.ASSISTANT_APPROVAL:
        return 0
    waiting = AssistantProfile.objects.filter(approved_at__isnull=True, user__closed_at__isnull=True)
    return waiting.exclude(driving_license_expiry__lte=approval.today()).count()


def _asked(now: dt.datetime) -> list[tuple[dt.datetime, dt.datetime | None]]:
    """Read when help was asked for and accepted in the last day."""
    rows = Assistance.objects.filter(created_at__gte=now - dt.timedelta(days=1)).order_by(F("created_at"))
    return list(rows.values_list("created_at", "accepted_at"))


def _links(today: dt.date) -> dict[str, str]:
    def to(view: str, **query: Any) -> str:
        return f"{reverse(f'admin:{view}_changelist')}?{urlencode(query)}"

    return {
        "trips": to("trips_trip", state="all", planned_start_date=today.isoformat()),
        "running": to("trips_trip", state=IN_PROGRESS),
        "planned": to("trips_trip", state=PLANNED, planned_start_date=today.isoformat()),
        "draft": to("trips_trip", state=DRAFT, planned_start_date=today.isoformat()),
        "completed": to("trips_trip", state="completed", planned_start_date=today.isoformat()),
        "waiting": to("orders_order", waiting="yes"),
        "orders": to("orders_order"),
        "vehicles": to("fleet_vehicle", is_active__exact=1),
        "requested": to("assistance_assistance", status__exact="requested"),
        "accepted": to("assistance_assistance", status__exact="accepted"),
        "ongoing": to("assistance_assistance", status__exact="ongoing"),
        "unapproved": to("assistance_assistantprofile", standing=approval.WAITING),
        "unanswered": to("assistance_assistance", status__exact="canceled", reason__exact="unanswered"),
    }
