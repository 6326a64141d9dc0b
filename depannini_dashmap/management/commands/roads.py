"""`manage.py roads FILE`: build streets, places and driving times out of an extract of OpenStreetMap (`make roads FILE=…`)."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from depannini_dashmap.lib.roads import engine
from depannini_dashmap.lib.roads.build import pipeline
from depannini_dashmap.lib.roads.build.failures import BuildFailed


class Command(BaseCommand):
    """Build next to the data in use, then switch; running servers take the new data up within seconds."""

    help = "Build streets, places and driving times out of an OpenStreetMap extract (.osm.pbf)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="the extract, e.g. algeria-latest.osm.pbf")

        parser.add_argument("--serve", metavar="HOST:PORT", help="answer for roads to other hosts, whose ROUTING_URL names this one")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["serve"]:
            _serve(options["serve"])
            return
        if options["file"] is None:
            raise CommandError("Which extract? For example algeria-latest.osm.pbf, from download.geofabrik.de.")
        try:
            built = pipeline.build(options["file"], self._say)
        except BuildFailed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"In use now: {built.directory}  ({built.source['attribution']})")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _serve(where: str) -> None:
    host, _, port = where.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise CommandError("--serve takes HOST:PORT, e.g. 0.0.0.0:5000.")
    ended = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: ended.set())
    engine.serve(host, int(port), ended)
