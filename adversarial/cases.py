"""`python -m adversarial.cases`: print the number of each case next to the names of its tests, without running one."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from adversarial.conftest import GROUPS

BEYOND = "Beyond the numbered cases"


def cases(folder: Path = Path(__file__).parent) -> dict[str, dict[str, list[str]]]:
    """Return the sentences of each case by group, from the names of the tests.

    `test_a01_extra_fields_give_nothing` belongs to A01 of group A; a test without a number is listed by its file.
    """
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for file in sorted(folder.glob("test_*.py")):
        for node in ast.parse(file.read_text()).body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
                continue
            name = node.name.removeprefix("test_")
            numbered = re.match(r"([a-z])\d\d_", name)
            case, words = (name[:3].upper(), name[4:]) if numbered else (f"`{file.name}`", name)
            group = f"{case[0]}. {GROUPS.get(name[0], 'other').capitalize()}" if numbered else BEYOND
            found[group][case].append(words.replace("_", " "))
    return dict(sorted(found.items(), key=lambda one: (one[0] == BEYOND, one[0])))


def main() -> None:
    """Print a table for each group."""
    for group, own in cases().items():
        print(f"\n### {group}\n\n| case | what is tested |\n|---|---|")
        for case, sentences in sorted(own.items()):
            print(f"| {case} | {' · '.join(sentences)} |")


if __name__ == "__main__":
    main()
