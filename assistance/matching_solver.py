"""`python -m assistance.matching_solver`: a table of costs as JSON on stdin, the pairs of the best matching on stdout."""

from __future__ import annotations

import json
import sys

from assistance.request_matching import Costs


def solve(costs: Costs) -> list[tuple[int, int]]:
    """Return (row, column) of each row that gets a column. A forbidden pair costs more than all others together."""
    from scipy.optimize import linear_sum_assignment

    forbidden = 1 + sum(cost for cells in costs for cost in cells if cost is not None)
    table = [[forbidden if cost is None else cost for cost in cells] for cells in costs]
    rows, columns = linear_sum_assignment(table)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if costs[row][column] is not None]


if __name__ == "__main__":
    json.dump(solve(json.load(sys.stdin)), sys.stdout)
