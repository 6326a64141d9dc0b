"""`manage.py simulate`: simulated vehicles and requests through the real API; demo, training and soak test."""

import asyncio
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from depannini_dashmap.demo.people_and_places import ASSISTANTS, CLIENTS, Person
from depannini_dashmap.demo.simulator.fleet import run_fleet
from depannini_dashmap.demo.simulator.roadside import run_assistant, run_client
from depannini_dashmap.demo.simulator.world import World


def _cast(people: tuple[Person, ...], wanted: int) -> list[Person]:
    """Return so many people; past the demo's own, further ones with phones of their own."""
    extra = [
        Person(f"+21356{index:07d}" if people[0].role == "client" else f"+21357{index:07d}", f"Extra {index}", people[0].role, "towing")
        for index in range(len(people), wanted)
    ]
    return [*people[:wanted], *extra]


class Command(BaseCommand):
    """Vehicles drive trips and post positions, motorists ask for help, assistants answer on their sockets."""

    help = "Run a moving world against a running server: vehicles, motorists and assistants."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare number, speed-up, duration, seed and base URL."""
        parser.add_argument("--base-url", default="http://127.0.0.1:8000")
        parser.add_argument("--clients", type=int, default=4)
        parser.add_argument("--assistants", type=int, default=6)
        parser.add_argument("--vehicles", type=int, default=5)
        parser.add_argument("--speed-up", type=float, default=10.0, help="how much faster than life (default 10)")
        parser.add_argument("--duration", type=float, default=120.0, help="seconds of real time (default 120); 0: until Ctrl-C")
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, **options: Any) -> None:
        """Run until the duration is over; exit status 1 if anything failed."""
        world = World(
            options["base_url"], speed_up=options["speed_up"], duration_s=options["duration"], seed=options["seed"]
        )
        try:
            asyncio.run(self._run(world, options))
        except KeyboardInterrupt:
            self.stdout.write("\nStopped.")
        self._report(world)

    async def _run(self, world: World, options: dict) -> None:
        actors = [run_assistant(world, person) for person in _cast(ASSISTANTS, options["assistants"])]
        actors += [run_client(world, person) for person in _cast(CLIENTS, options["clients"])]
        if options["vehicles"]:
            actors.append(run_fleet(world, options["vehicles"]))
        progress = asyncio.create_task(self._progress(world))
        await asyncio.gather(*actors)
        await progress
        await world.http.aclose()

    async def _progress(self, world: World) -> None:
        while not world.is_over:
            counts = world.tally.counts
            self.stdout.write(
                f"\r{counts['requests']} requests · {counts['accepted']} accepted · {counts['completed']} completed · "
                f"{counts['positions']} positions · {counts['frames in']} frames · {sum(world.tally.errors.values())} errors ",
                ending="",
            )
            self.stdout.flush()
            await asyncio.sleep(1)
        self.stdout.write("")

    def _report(self, world: World) -> None:
        rows = world.tally.rows()
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.stdout.write(f"{name:<{width}}  {value}")
        for what, number in world.tally.errors.most_common():
            self.stderr.write(f"{number} × {what}")
        if world.tally.errors:
            sys.exit(1)
