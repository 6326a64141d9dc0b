"""The drill of several hosts: one dies, the database's primary dies, Redis's primary dies, a cable loses frames and is cut."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.drills.cluster import WEBS, Cluster
from bench.drills.faults import Tally, recovery_times
from bench.drills.load import ReconnectingPair, Writers
from bench.drills.networks import Network
from bench.drills.outcomes import print_table
from testing.process_control import cpu_s
from testing.samples import new_vehicle
from testing.users import Caller, Users
from testing.waiting import wait_until

PAIRS = 12
THREADS, PAUSE = 8, 0.16  # about 40 requests a second
WELL_WITHIN = 10.0  # seconds
LOSS = 0.2
ALLOWED = ("503",)


@dataclass
class Fault:
    """What one fault gave; `tally.figures` hold seconds after the moment from which all could be well."""

    tally: Tally
    deaf: int = 0
    why_not: str = ""

    @property
    def well_after(self) -> float:
        """Return the seconds until the last refusal, and until the last pair heard again."""
        return max([*self.tally.figures["refused"], *self.tally.figures["hearing"], 0.0])


class Drill:
    """A cluster under load."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        users = Users(cluster)
        self.dispatcher: Caller = users.dispatcher()
        self.vehicle = new_vehicle(self.dispatcher)
        self.marker = 0.0
        self.capacity = {"three web hosts": self._capacity(WEBS)}
        cluster.start_nginx(WEBS[:1])
        self.capacity["one web host"] = self._capacity(WEBS[:1])
        cluster.start_nginx(WEBS)
        self.pairs = [ReconnectingPair(cluster.urls, users, index * 2.0) for index in range(PAIRS)]
        for pair in self.pairs:
            pair.wait_until_open()

    def _writers(self, pause: float = 0.0) -> Writers:
        return Writers(self.cluster.urls, self.dispatcher.header, self.vehicle, threads=THREADS, pause=pause)

    def _capacity(self, webs: tuple[str, ...], seconds: float = 8) -> str:
        """Return what so many hosts carry without pause, and the processor time of their servers a request."""
        before = [cpu_s(self.cluster.processes[name]) for name in webs]
        with self._writers() as writers:
            time.sleep(seconds)
        spent = sum(cpu_s(self.cluster.processes[name]) for name in webs) - sum(before)
        number = writers.statuses.total()
        return f"{number / seconds:.0f} requests/s, {1000 * spent / number:.1f} ms of processor each"

    def fault(self, break_it: Callable[[], float], seconds_before: float = 3) -> Fault:
        """Break something under load; `break_it` returns the moment from which all could be well again."""
        fault = Fault(Tally())
        self.marker += 1
        with self._writers(PAUSE) as writers:
            time.sleep(seconds_before)
            healed = break_it()
            heard = recovery_times(self.pairs, healed, self.marker)
            time.sleep(max(0.0, healed + WELL_WITHIN + 2 - time.monotonic()))
        fault.deaf = heard.count(None)
        fault.tally.add(self.cluster, writers, ALLOWED)
        fault.tally.figures["hearing"] = [delay for delay in heard if delay is not None]
        fault.tally.figures["refused"] = [moment - healed for moment in writers.refused_at if moment > healed]
        return fault

    # --- Faults -------------------------------------------------------------------------------------------------------
    def web_host_dies(self) -> float:
        """One of three loses its power: nginx and the apps are told nothing."""
        self.cluster.hosts["web1"].die()
        return time.monotonic()

    def database_dies(self) -> float:
        """The primary loses its power; three seconds later an operator promotes the standby."""
        self.cluster.hosts["db1"].die()
        time.sleep(3)
        self.cluster.promote()
        return time.monotonic()

    def redis_dies(self) -> float:
        """Redis's primary and the Sentinel on its host lose their power; the two others choose."""
        wait_until(self.cluster.sentinels_agree, "the Sentinels know each other", 30)
        self.cluster.hosts["redis1"].die()
        wait_until(self.cluster.is_promoted, "the Sentinels promote the replica", 30)
        return time.monotonic()

    def cable_loses_and_is_cut(self) -> float:
        """The cable of a web host loses a fifth of all frames for fifteen seconds, then all for thirty."""
        wire = self.cluster.hosts["web2"].use_wire()
        wire.loss = LOSS
        time.sleep(15)
        wire.loss = 1.0
        time.sleep(30)
        wire.loss = 0.0
        return time.monotonic()


def hosts() -> bool:
    """Each fault once: nothing acknowledged is lost, nothing but success and 503 with Retry-After, all well within 10 s, no socket deaf."""
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # it tells of each socket to a dead host
    with Network() as network, Cluster(network) as cluster:
        drill = Drill(cluster)
        print_table("Three web hosts beside one, behind nginx, on this machine", **drill.capacity)
        met = [_report("A web host of three loses its power", drill.fault(drill.web_host_dies), is_timed=False)]
        cluster.hosts["web1"].plug()
        cluster.start_web("web1")
        met.append(_report("PostgreSQL's primary loses its power, the standby is promoted", drill.fault(drill.database_dies)))
        met.append(_report("Redis's primary loses its power, Sentinels promote the replica", drill.fault(drill.redis_dies)))
        met.append(_report("A web host's cable loses 20 % for 15 s, then all for 30 s", drill.fault(drill.cable_loses_and_is_cut)))
        ready = [name for name in WEBS if cluster.is_ready(name)]
        for pair in drill.pairs:
            pair.close()
    print_table("Over all faults", web_hosts_that_take_requests=f"{len(ready)} of {len(WEBS)}")
    return all(met) and len(ready) == len(WEBS)


def _report(title: str, fault: Fault, is_timed: bool = True) -> bool:
    tally = fault.tally
    print_table(
        title, requests=dict(tally.requests), other_than_503_with_retry_after=dict(tally.errors) or 0, acknowledged_writes_lost=tally.lost,
        operations_half_done=tally.halves, slowest_answer_s=f"{tally.slowest_s:.2f}",
        last_refusal_after_s=f"{max(tally.figures['refused'], default=0.0):.2f}", pair_hears_again_after_s_median_and_max=tally.spread("hearing"),
        sockets_left_deaf=fault.deaf,
    )  # fmt: skip
    return not (tally.errors or tally.lost or tally.halves or fault.deaf) and (not is_timed or fault.well_after <= WELL_WITHIN)
