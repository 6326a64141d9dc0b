"""`manage.py demo`: what `make run` starts once the packages are there; seeds demo data the first time only."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import segno
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from depannini_dashmap.demo.role_links import lan_address, role_links
from depannini_dashmap.lib import roads
from depannini_dashmap.lib.roads import data, engine, routing
from depannini_dashmap.lib.roads.build import pipeline
from depannini_dashmap.lib.roads.build.failures import BuildFailed

HOST = "127.0.0.1"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - asked for by --phones
EXTRACT = Path(roads.__file__).parent / "extracts" / "monaco-2021.osm.pbf"
START_WITHIN = 30  # seconds


class Command(BaseCommand):
    """Bring the database up to date, fill it once, say where everything is, and serve until Ctrl-C."""

    help = "Start the server with demo data; an existing database keeps its data."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--simulate", action="store_true", help="let vehicles drive and people ask for help")
        parser.add_argument("--duration", type=float, default=0, help="seconds of simulation; 0: until Ctrl-C")
        parser.add_argument("--phones", action="store_true", help="let phones in this network open it, and show codes to scan")

    def handle(self, *args: Any, **options: Any) -> None:
        port = options["port"]
        refuse_busy_port(port)
        host, shown = (ANY_ADDRESS, address_for_phones()) if options["phones"] else (HOST, HOST)
        os.environ.setdefault("ALLOW_FAKE_DATA", "on")
        os.environ.setdefault("BASE_URL", f"http://{shown}:{port}")
        # Pages and phones' emulators of this machine may call: without --phones the server listens on the loopback address alone.
        os.environ.setdefault("ALLOWED_HOSTS", ",".join(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", "10.0.2.2", shown])))
        os.environ.setdefault("CORS_ALLOW_LOCALHOST", "on")
        call_command("migrate", verbosity=0, interactive=False)
        self.build_roads_once()
        with roads_in_reach():
            self.seed_once()
        self.say_where(port)
        self.say_roles(f"http://{shown}:{port}", with_codes=options["phones"])
        self.stdout.write("\nMails and SMS are printed here. Ctrl-C stops the server.\n")
        self.stdout.flush()
        command = server_command(port, host)
        if not options["simulate"]:
            os.execv(command[0], command)  # noqa: S606 - Ctrl-C and SIGTERM reach the server itself
        sys.exit(serve_and_simulate(command, port, options["duration"]))

    def build_roads_once(self) -> None:
        """Build the streets of the demo's city, a matter of seconds, unless somebody built others; without them all else works."""
        if data.current() is not None:
            return
        self.stdout.write("Building streets and driving times of the demo's city ...")
        try:
            pipeline.build(EXTRACT, lambda line: self.stdout.write(f"  {line.strip()}") if "left out" in line else None)
        except BuildFailed as error:
            self.stdout.write(f"  {error} The map then has no streets, and driving times are estimates.")

    def seed_once(self) -> None:
        """Fill a database without people; say so when there is nothing to fill it with."""
        if get_user_model().objects.exists():
            database = connection.settings_dict["NAME"]
            anew = f"remove {database}" if connection.vendor == "sqlite" else f"drop and create the database {database}"
            self.stdout.write(f"The data of the last start is kept ({anew} to begin anew).")
        elif "seed_demo" in get_commands():
            self.stdout.write("Filling the database with demo data ...")
            call_command("seed_demo", force=True, verbosity=0)

    def say_where(self, port: int) -> None:
        """Print the addresses and who can sign in."""
        base = f"http://{HOST}:{port}"
        rows = [
            ("API", f"{base}/api/"),
            ("API documentation", f"{base}/api/docs/"),
            ("Console", f"{base}/admin/"),
            ("Live map", f"{base}/admin/map/"),
            ("Sockets", f"ws://{HOST}:{port}/ws/assistance/<id>/  ws://{HOST}:{port}/ws/assistant/<id>/"),
        ]
        self.stdout.write("\nDepannini DashMap\n")
        for name, address in rows:
            self.stdout.write(f"  {name:<18} {address}")
        logins = demo_logins()
        if logins:
            self.stdout.write("\nDemo logins (role, login, password)")
            for role, login, password in logins:
                self.stdout.write(f"  {role:<18} {login:<32} {password}")

    def say_roles(self, base: str, *, with_codes: bool) -> None:
        """Print where each role begins in a browser, without an app; with a code to scan where phones can come."""
        self.stdout.write("\nWithout an app (role, page)")
        for role, path, hint in role_links():
            self.stdout.write(f"  {role:<18} {base}{path}  ({hint})")
            if with_codes:
                segno.make_qr(f"{base}{path}").terminal(out=self.stdout, compact=True)
        if with_codes:
            self.stdout.write("  Whoever is in this network can open it while it runs. Phones give their position over HTTPS alone: here, type an address or set the pin.")
        else:
            self.stdout.write('  With phones in this network, and codes to scan: make demo ARGS=--phones')


@contextmanager
def roads_in_reach(within: float = 5.0) -> Iterator[None]:
    """Keep the road engine while the demo's drives are made, if this machine has one; the server then keeps its own."""
    keeper = None if get_user_model().objects.exists() else engine.Keeper()
    build = data.current()
    if keeper is None or build is None or not build.file(data.ENGINE_FILES) or settings.ROUTING_URL:
        yield
        return
    keeper.start()
    deadline = time.monotonic() + within
    while not routing.is_known() and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield
    finally:
        keeper.stop()


def refuse_busy_port(port: int) -> None:
    """Raise CommandError where another program listens already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} is busy: another program listens there. "
                f"Stop it, or choose another port: make run PORT={port + 1}"
            ) from error


def demo_logins() -> list[tuple[str, str, str]]:
    """Return the logins that `seed_demo` made and that still exist: role, login, password."""
    try:
        module = import_module("depannini_dashmap.management.commands.seed_demo")
    except ModuleNotFoundError:
        return []
    known = set(get_user_model().objects.values_list("username", flat=True)[:10_000])
    return [row for row in getattr(module, "LOGINS", []) if row[1] in known]


def address_for_phones() -> str:
    """Return this machine's address in its network. Raises: CommandError where it has none."""
    try:
        return lan_address()
    except OSError as error:
        raise CommandError("This machine is in no network that phones could be in.") from error


def server_command(port: int, host: str = HOST) -> list[str]:
    """Return what serves REST, sockets, admin and the task worker in one process."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "serve", "--host", host, "--port", str(port)]


def serve_and_simulate(command: list[str], port: int, duration: float) -> int:
    """Run server and simulation side by side; when one ends, or on Ctrl-C, both do. Returns the exit status."""
    # The simulation signs in more often than one address may.
    server = subprocess.Popen(command, env={**os.environ, "THROTTLING": "off"})  # noqa: S603 - our own command line
    world = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        wait_until_up(server, port)
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py"), "simulate", "--base-url", f"http://{HOST}:{port}"]
        world = subprocess.Popen([*manage, "--duration", str(duration)])  # noqa: S603
        return world.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        for process in (world, server):
            if process and process.poll() is None:
                process.terminate()
                process.wait(20)


def wait_until_up(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait for the first answer of `server`; raises CommandError when it ended or stays silent."""
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CommandError("The server ended before it answered.")
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise CommandError(f"The server did not answer within {START_WITHIN} seconds.")
