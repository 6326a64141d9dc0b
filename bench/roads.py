"""What streets, places and driving times cost: `python -m bench.roads [--quick]`; needs the packages of requirements-roads.txt.

Places: suggestions out of 300,000 invented names of northern Algeria, with and without a place near which is looked,
among them the words that a third of all names have.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import figures, running_trips
from bench.django_setup import load_django
from testing.databases import own_database

RUNS = 3
SYLLABLES = ["ab", "al", "am", "ba", "bou", "ben", "cha", "da", "dou", "el", "fa", "gha", "had", "hou", "id", "ka", "kha", "la", "ma", "mou", "na", "ou", "ra", "sa", "sid", "ta", "tou", "ya", "za", "zer"]
KINDS = ("Rue", "Avenue", "Boulevard", "Cité", "Place", "Chemin", "شارع", "حي")


def _word(dice: random.Random) -> str:
    return "".join(dice.choice(SYLLABLES) for _ in range(dice.randint(2, 4))).title()


def invented_places(count: int, dice: random.Random) -> list:
    """Invent towns, streets of two words in them, and shops."""
    from depannini_dashmap.lib.roads.build.places import Found

    towns = [(_word(dice), dice.uniform(34, 37), dice.uniform(-2, 8)) for _ in range(1500)]
    words = [_word(dice) for _ in range(4000)]
    rows = [Found("town", 85, (name, "", "", ""), "", lat, lng, 7.0) for name, lat, lng in towns]
    while len(rows) < count:
        town, lat, lng = dice.choice(towns)
        name = f"{dice.choice(KINDS)} {dice.choice(words)} {dice.choice(words)}"
        kind, weight = ("street", 45) if dice.random() < 0.6 else ("poi", 28)
        at = lat + dice.gauss(0, 0.02), lng + dice.gauss(0, 0.02)
        rows.append(Found(kind, weight, (name, "", "", ""), "", *at, context=town))
    return sorted(rows, key=lambda row: -row.weight)


def places(count: int, rounds: int) -> None:
    """Measure the search: typed letter by letter, as people do."""
    from django.conf import settings

    from depannini_dashmap.lib.roads import data
    from depannini_dashmap.lib.roads import places as search
    from depannini_dashmap.lib.roads.build.places import write_places

    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        settings.ROADS_DIR = Path(folder)
        build = Path(folder) / "b"
        build.mkdir()
        rows = invented_places(count, dice)
        started = time.perf_counter()
        write_places(build / data.PLACES, rows)
        print(f"{count:,} places written in {time.perf_counter() - started:.1f} s, {(build / data.PLACES).stat().st_size / 1e6:.0f} MB")
        (build / data.SOURCE).write_text(json.dumps({"box": [34, -2, 37, 8]}))
        data.switch_to(build)
        asked = []
        for row in dice.sample(rows, 60):
            whole = f"{row.names[0]} {row.context}".strip()
            asked += [(whole[:length], (row.lat, row.lng) if number % 2 else None) for number, length in enumerate(range(2, len(whole), 3))]
        asked += [("rue", None), ("cité", (36.7, 3.0)), ("ru", None), ("rue qqqq zzzz", (36.7, 3.0)), ("12 avenue", None)] * 5
        p95s = []
        for _ in range(rounds):
            times = sorted(milliseconds(lambda one=one: search.search(one[0], near=one[1])) for one in asked)
            p95s.append(times[int(len(times) * 0.95)])
            print(f"places: {len(times)} searches, median {statistics.median(times):.2f} ms, p95 {p95s[-1]:.2f} ms, worst {times[-1]:.2f} ms")
    figures.report(f"places: p95 of a search, {count:,} names", p95s, at_most=30, unit="ms")


def roads(rounds: int) -> None:
    """Measure driving times and tiles on the extract of Liechtenstein, with an engine of its own."""
    from django.conf import settings

    from depannini_dashmap.lib import roads as room
    from depannini_dashmap.lib.geo import haversine_km
    from depannini_dashmap.lib.roads import data, engine, routing, tiles
    from depannini_dashmap.lib.roads.build import pipeline

    with tempfile.TemporaryDirectory() as folder:
        settings.ROADS_DIR = Path(folder)
        pipeline.build(Path(room.__file__).parent / "extracts" / "liechtenstein-2015.osm.pbf", print)
        keeper = engine.Keeper()
        keeper.start()
        while not routing.is_known():
            time.sleep(0.05)
        try:
            places = on_roads(120)
            near, by_air = [], []
            for _ in range(rounds):
                times = [milliseconds(lambda: routing.matrix(places[:20], [places[20]])) for _ in range(200)]
                near.append(statistics.median(times))
                by_air.append(statistics.median(milliseconds(lambda: [haversine_km(*one, *places[20]) for one in places[:20]]) for _ in range(200)))
            print(f"20 by driving time: {near[-1]:.2f} ms, by air {by_air[-1]:.3f} ms")
            figures.report("nearest 20 by driving time, more than by air", [a - b for a, b in zip(near, by_air, strict=True)], at_most=5, unit="ms")
            trips = [[places[number], *places[number + 1 : number + 6]] for number in range(100)]
            whole = [milliseconds(lambda: [routing.route(trip, with_line=False) for trip in trips]) for _ in range(rounds)]
            print(f"arrivals of 100 trips of five stops: {whole[-1]:.1f} ms")
            figures.report("arrivals of 100 running trips, five stops each", whole, at_most=150, unit="ms")
            build = data.current()
            assert build is not None
            times = [milliseconds(lambda x=x, y=y: tiles.read_tile(build.name, 14, 8625 + x, 5740 + y)) for x in range(10) for y in range(30)]
            print(f"a tile: {statistics.median(times):.3f} ms")
            figures.report("a tile of streets, read", [statistics.median(times)] * rounds, at_most=1, unit="ms")
            eta_error(places)
            running_trips.measure(places, rounds)
        finally:
            keeper.stop()


def on_roads(count: int) -> list[tuple[float, float]]:
    """Draw places on roads of the valley."""
    from depannini_dashmap.lib.roads import routing

    dice, found = random.Random(3), []
    while len(found) < count:
        here = routing.snap(dice.uniform(47.06, 47.26), dice.uniform(9.48, 9.56), within=2.0)
        if here.source == routing.ROAD:
            found.append((here.lat, here.lng))
    return found


def eta_error(places: list[tuple[float, float]]) -> None:
    """Compare what was expected with simulated drives: along the road, each at a pace of its own (0.85 to 1.35 of the profile's)."""
    from depannini_dashmap.lib.roads import routing

    dice = random.Random(5)
    by_road, by_line = [], []
    for _ in range(300):
        start, goal = dice.sample(places, 2)
        leg = routing.matrix([start], [goal], within=2.0)[0][0]
        if leg.source != routing.ROAD or not leg.duration_s:
            continue
        took = leg.duration_s * dice.uniform(0.85, 1.35)
        by_road.append(abs(leg.duration_s - took))
        by_line.append(abs((routing.straight(start, goal).duration_s or 0) - took))
    for name, errors in (("by road", by_road), ("straight line", by_line)):
        errors.sort()
        print(f"error of an arrival, {name}: median {statistics.median(errors):.0f} s, p90 {errors[int(len(errors) * 0.9)]:.0f} s of {len(errors)} drives")
    figures.report("error of an arrival by road, of the straight line's", [statistics.median(by_road) / statistics.median(by_line)], at_most=1)


def milliseconds(act: Callable[[], object]) -> float:
    """Return how long something took."""
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Measure everything in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with own_database(os.environ.get("DATABASE_URL", ""), "bench") as url:
        load_django(url)
        measure(is_quick=options.quick)


def measure(*, is_quick: bool) -> None:
    """Take every figure."""
    roads(1 if is_quick else RUNS)
    places(30_000 if is_quick else 300_000, 1 if is_quick else RUNS)


if __name__ == "__main__":
    main()
