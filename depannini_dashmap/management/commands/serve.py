"""`manage.py serve`: REST, pages, sockets and tasks in one process that stops gracefully."""

import os
import socket
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Serves until SIGTERM or Ctrl-C: then running requests finish and sockets close with 1012, in at most 15 s."""

    help = "Serve REST, pages, sockets and tasks; stops gracefully"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the address, or a listening socket that was inherited."""
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument("--ping-interval", type=float, default=20, help="seconds between two pings of a socket")
        parser.add_argument("--ping-timeout", type=float, default=30, help="seconds in which a ping is to be answered")
        parser.add_argument("--fd", type=int, help="a listening socket inherited from the parent, instead of an address")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve."""
        from depannini_dashmap.asgi import application
        from depannini_dashmap.server import graceful_server, shutdown

        host, port = options["host"], options["port"]
        try:
            if options["fd"] is not None:
                listening = socket.socket(fileno=options["fd"])
            else:
                listening = graceful_server.listening_socket(host, port)
        except OSError as error:
            raise CommandError(f"Cannot serve on {host}:{port}: {error.strerror}") from error
        shown = f"http://{f'[{host}]' if ':' in host else host}:{port}/"

        def announce() -> None:
            self.stdout.write(f"Serving at {shown} - Ctrl-C stops", ending="\n")
            self.stdout.flush()

        graceful_server.end_stalled_connections(listening)
        server = graceful_server.GracefulServer(
            application, ready=announce, ping_interval=options["ping_interval"], ping_timeout=options["ping_timeout"]
        )
        server.run([listening])
        with suppress(OSError):  # where the log's volume is full
            self.stdout.write("Stopped")
            self.stdout.flush()
        shutdown.leave()
