"""Hosts on a network of their own: Linux network namespaces on one bridge, none of whose addresses is known outside of them."""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import secrets
import select
import shutil
import struct
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.drills.outcomes import NotRun
from testing.process_control import stop_all

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_ATTACH, _TAP, _NO_HEADER = 0x400454CA, 0x0002, 0x1000  # TUNSETIFF, IFF_TAP, IFF_NO_PI
_FRAME = 65536
# In a host's own name, as processes know each other's machine by it; the process that is started keeps its number.
_NAMED = ("unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"')


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Network:
    """A namespace with a bridge, in which this thread and all that it starts are until the block ends."""

    PREFIX = "10.213.0"

    def __init__(self) -> None:
        self.name = f"drill{secrets.token_hex(2)}"
        self.hosts: list[Host] = []
        self._libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self) -> Network:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise NotRun("network namespaces need root, and the program ip of iproute2")
        self._outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if self._libc.unshare(_NEW_NETWORK):
            os.close(self._outside)
            raise NotRun(f"no network namespace can be made here: {os.strerror(ctypes.get_errno())}")
        try:
            _ip("link", "set", "lo", "up")
            _ip("link", "add", "bridge", "type", "bridge")
            _ip("address", "add", f"{self.PREFIX}.1/24", "dev", "bridge")
            _ip("link", "set", "bridge", "up")
        except subprocess.CalledProcessError as error:
            self.__exit__()
            raise NotRun(f"no bridge can be made here: {error.stderr.decode().strip()}") from error
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts:
            host.remove()
        self._libc.setns(self._outside, _NEW_NETWORK)  # the bridge goes with the namespace
        os.close(self._outside)

    def add(self, name: str, number: int) -> Host:
        """Add a host with the address that ends in this number."""
        host = Host(self, name, f"{self.PREFIX}.{number}")
        self.hosts.append(host)
        return host


class Host:
    """A namespace with one cable to the bridge, and the processes in it."""

    def __init__(self, network: Network, name: str, address: str) -> None:
        self.name, self.address = name, address
        self.namespace, self.port = f"{network.name}-{name}", f"p-{name}"
        self.processes: dict[str, subprocess.Popen] = {}
        self.wire: Wire | None = None
        _ip("netns", "add", self.namespace)
        _ip("-n", self.namespace, "link", "set", "lo", "up")
        _ip("link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        self._connect()

    def _connect(self) -> None:
        _ip("link", "set", self.port, "master", "bridge")
        _ip("link", "set", self.port, "up")
        _ip("-n", self.namespace, "address", "add", f"{self.address}/24", "dev", "eth0")
        _ip("-n", self.namespace, "link", "set", "eth0", "up")

    def start(self, label: str, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None, user: str = "", cwd: Path | None = None) -> subprocess.Popen:
        """Start a process on this host, as another user if one is given."""
        whose = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        whole = ["ip", "netns", "exec", self.namespace, *_NAMED, self.name, *whose, *command]
        with log.open("ab") as output:
            self.processes[label] = subprocess.Popen(whole, env=environment, cwd=cwd, stdout=output, stderr=subprocess.STDOUT)
        return self.processes[label]

    def die(self) -> None:
        """Lose the power: no connection is closed, nobody answers."""
        self.unplug()
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.processes.clear()

    def unplug(self) -> None:
        """Cut the cable; neither side is told more than that."""
        _ip("link", "set", self.port, "down")

    def plug(self) -> None:
        """Mend the cable."""
        _ip("link", "set", self.port, "up")

    def use_wire(self) -> Wire:
        """Replace the cable by one that loses what it is told to."""
        _ip("link", "delete", self.port)
        self.wire = Wire(self.port, "eth0", self.namespace)
        self._connect()
        return self.wire

    def stop(self) -> None:
        """End the processes."""
        stop_all(self.processes.values(), 10)
        self.processes.clear()

    def remove(self) -> None:
        """End the processes, and all that there is of this host."""
        self.stop()
        if self.wire is not None:
            self.wire.close()
        subprocess.run(["ip", "netns", "delete", self.namespace], check=False, capture_output=True)


class Wire:
    """A cable made of two TAP devices, between which a thread carries frames and drops the share `loss` of them."""

    def __init__(self, near: str, far: str, namespace: str) -> None:
        self.loss = 0.0
        self._ends = [self._tap(near), self._tap(f"{near}-far"[:15])]
        _ip("link", "set", f"{near}-far"[:15], "netns", namespace, "name", far)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    @staticmethod
    def _tap(name: str) -> int:
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, _ATTACH, struct.pack("16sH", name.encode(), _TAP | _NO_HEADER))
        return end

    def _carry(self) -> None:
        waiting = select.poll()
        for end in self._ends:
            waiting.register(end, select.POLLIN)
        while not self._closing.is_set():
            for end, _ in waiting.poll(100):
                try:
                    frame = os.read(end, _FRAME)
                    if random.random() >= self.loss:
                        os.write(self._ends[1 - self._ends.index(end)], frame)
                except OSError:  # the device is down at the other side
                    continue

    def close(self) -> None:
        """Take both devices away."""
        self._closing.set()
        self._thread.join()
        for end in self._ends:
            os.close(end)
