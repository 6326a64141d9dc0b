"""What a serving process asks of the C library's memory."""

import platform
import subprocess
import sys

import pytest

# Eight threads hold some memory of their own at the same time; the process then says how many heaps that made.
THREADS_AT_WORK = """
import ctypes, sys, threading
from depannini_dashmap.server import memory_tuning
if "shared" in sys.argv:
    memory_tuning.share_one_heap()
met = threading.Barrier(8)
def work():
    met.wait()
    held = [bytes(5_000) for _ in range(20)]
    met.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def _heaps(*options: str) -> int:
    done = subprocess.run([sys.executable, "-c", THREADS_AT_WORK, *options], capture_output=True, text=True, check=True)
    return done.stdout.count("<heap nr=")


BURST = """
import gc, sys
from depannini_dashmap.server import memory_tuning
if "shared" in sys.argv:
    memory_tuning.share_one_heap()
def held():
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("RssAnon"))
before = held()
burst = [bytes(5_000) for _ in range(10_000)]
last = bytes(5_000)
del burst
gc.collect(1)
print(held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives threads heaps of their own")
def test_threads_share_one_heap() -> None:
    assert _heaps("shared") == 1
    assert _heaps() > 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is free")
def test_what_a_burst_leaves_is_given_back() -> None:
    shared, kept = (
        int(subprocess.run([sys.executable, "-c", BURST, option], capture_output=True, text=True, check=True).stdout)
        for option in ("shared", "")
    )
    assert shared < 10 < 40 < kept
