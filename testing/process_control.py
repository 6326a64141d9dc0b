"""What a process of this machine uses, and ways to stop, freeze and end it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def memory_mb(process: subprocess.Popen) -> float:
    """Return the resident memory in MB, 0 for a process that has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE_BYTES / 2**20
    return 0.0


def cpu_s(process: subprocess.Popen) -> float:
    """Return the processor seconds of all threads so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def signal_with_children(process: subprocess.Popen, number: signal.Signals) -> None:
    """Send a signal to a process and to its children."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in [process.pid, *map(int, children)]:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def stop_all(processes: Iterable[subprocess.Popen], seconds: float = 20) -> None:
    """End processes, frozen ones too, in the order given; those that do not stop in time are killed."""
    ending = list(processes)
    for process in ending:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.terminate()
    for process in ending:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
