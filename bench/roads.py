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

from bench import figures
from bench.own_database import load_django, own_database

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
    with own_database(os.environ.get("DATABASE_URL", "")) as url:
        load_django(url)
        measure(is_quick=options.quick)


def measure(*, is_quick: bool) -> None:
    """Take every figure."""
    places(30_000 if is_quick else 300_000, 1 if is_quick else RUNS)


if __name__ == "__main__":
    main()
