"""Has running trips and alarms looked at, customers notified, cash counted and ended trips measured, again and again, by one of the processes that run tasks."""

from functools import cache

from django.core.cache import cache as shared

from alarms import services as alarms
from assistance.services.job_distances import measure_jobs
from depannini_dashmap.lib.ops.periodic import PeriodicThread
from payments import services as payments
from telematics.services.trip_measurement import measure_trips as measure_ended_trips
from trips.services import customer_push, delays

DELAYS_EVERY = 30.0  # seconds
ALARMS_EVERY = 10.0
CASH_EVERY = 600.0
TRIPS_EVERY = 60.0
CUSTOMERS_EVERY = 15.0


def run_delay_round() -> bool:
    """Look at the running trips, unless another process just did; return whether this call did. Two at once would say nothing twice."""
    if is_ours := _claim_turn("delays", DELAYS_EVERY):
        delays.check_delays(actor=None)
    return is_ours


def run_alarm_round() -> bool:
    """Raise and close alarms, unless another process just did; return whether this call did. Two at once would raise nothing twice."""
    if is_ours := _claim_turn("alarms", ALARMS_EVERY):
        alarms.refresh_alarms(actor=None)
    return is_ours


def count_cash() -> bool:
    """Count the cash that people took and handed in, unless another process just did; return whether this call did."""
    if is_ours := _claim_turn("cash", CASH_EVERY):
        payments.count_cash(actor=None)
    return is_ours


def measure_trips() -> bool:
    """Measure how far ended trips and jobs went, unless another process just did; return whether this call did."""
    if is_ours := _claim_turn("trips", TRIPS_EVERY):
        measure_ended_trips(actor=None)
        measure_jobs(actor=None)
    return is_ours


def look_after_customers() -> bool:
    """Notify the browsers of customers, unless another process just did; return whether this call did."""
    if is_ours := _claim_turn("customers", CUSTOMERS_EVERY):
        customer_push.look_after_customers(actor=None)
    return is_ours


def _claim_turn(name: str, every: float) -> bool:
    return shared.add(f"{name}.looked", 1, timeout=every - 1)


@cache
def start() -> tuple[PeriodicThread, ...]:
    """Start this process's threads, once; each round has its own, so that none waits behind another."""
    threads = (
        PeriodicThread("delays", run_delay_round, DELAYS_EVERY),
        PeriodicThread("alarms", run_alarm_round, ALARMS_EVERY),
        PeriodicThread("cash", count_cash, CASH_EVERY),
        PeriodicThread("trips", measure_trips, TRIPS_EVERY),
        PeriodicThread("customers", look_after_customers, CUSTOMERS_EVERY),
    )
    for thread in threads:
        thread.start()
    return threads
