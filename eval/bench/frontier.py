"""Choosing configurations: the frontier, and the fastest that reaches a recall."""

from __future__ import annotations

from collections.abc import Iterable

from lsr.eval.bench.rows import Row

TARGETS = (0.90, 0.95, 0.98, 0.99)
"""Recalls at which engines are compared."""


def pareto(rows: Iterable[Row]) -> list[Row]:
    """The rows that no other beats in both recall and mean time over all queries, slowest and best recall last."""
    best: list[Row] = []
    for row in sorted(rows, key=lambda row: (row.overall.mean_us, -row.overall.recall)):
        if not best or row.overall.recall > best[-1].overall.recall:
            best.append(row)
    return best


def fastest(rows: Iterable[Row], recall: float) -> Row | None:
    """The row with the least mean time among those that reach `recall`, both on the first half of the queries.

    Report its second half, which had no part in the choice. None if no row reaches the recall.
    """
    reaching = [row for row in rows if row.halves[0].recall >= recall]
    return min(reaching, key=lambda row: row.halves[0].mean_us, default=None)
