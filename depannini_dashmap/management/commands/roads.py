"""`manage.py roads FILE`: build streets, places and driving times out of an extract of OpenStreetMap (`make roads FILE=…`)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from depannini_dashmap.lib.roads.build import pipeline
from depannini_dashmap.lib.roads.build.failures import BuildFailed


class Command(BaseCommand):
    """Build beside the data in use, then switch; running servers take the new data up within seconds."""

    help = "Build streets, places and driving times out of an OpenStreetMap extract (.osm.pbf)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the extract, e.g. algeria-latest.osm.pbf")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            built = pipeline.build(options["file"], self._say)
        except BuildFailed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"In use now: {built.directory}  ({built.source['attribution']})")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
