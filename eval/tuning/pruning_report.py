"""The curves of static pruning, as a table and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from lsr.core.plotting import figure, style
from lsr.eval.reports.markdown import markdown_table
from lsr.eval.tuning.pruning import CurvePoint

_NEARLY = 0.97


def curve_table(points: Sequence[CurvePoint]) -> str:
    """A table with a line for each point, in the order given."""
    head = ["rule", "postings", "share", "nDCG@10", "index MB", "of it vectors", "mean µs", "p95 µs"]
    lines = [
        [
            rule_in_words(point),
            f"{point.postings:,}",
            f"{point.share:.1%}",
            f"{point.ndcg:.4f}",
            f"{point.bytes / 1e6:,.2f}",
            f"{point.vector_bytes / 1e6:,.2f}",
            f"{point.latency.mean_ms * 1e3:.1f}",
            f"{point.latency.p95_ms * 1e3:.1f}",
        ]
        for point in points
    ]
    return markdown_table(head, lines)


def rule_in_words(point: CurvePoint) -> str:
    """The rule with its parameter, and the threshold that a quantile gave."""
    if point.rule is None:
        return "unpruned"
    weight = "" if point.weight is None else f" (threshold {point.weight:.4g})"
    return f"{point.rule} {point.value:g}{weight}"


def save_plot(points: Sequence[CurvePoint], paths: Sequence[Path], title: str = "") -> None:
    """Plot nDCG@10 over size and over latency, with a line for each rule.

    Written to every path; existing files are replaced.

    Raises as `lsr.core.plotting.check_plot`.
    """
    with figure(paths, columns=2, title=title) as (size, time):
        _draw(size, points, [point.vector_bytes / 1e6 for point in points], "MB of terms and weights in the index")
        _draw(time, points, [point.latency.mean_ms * 1e3 for point in points], "mean µs an exact search, one thread")


def _draw(panel: Any, points: Sequence[CurvePoint], places: Sequence[float], label: str) -> None:
    whole = next(number for number, point in enumerate(points) if point.rule is None)
    pruned = [number for number, point in enumerate(points) if point.rule is not None]
    for at, (rule, numbers) in enumerate(groupby(pruned, lambda number: points[number].rule)):
        line = [whole, *numbers]
        values = [places[number] for number in line], [points[number].ndcg for number in line]
        colour, marker = style(at)
        panel.plot(*values, marker + "-", color=colour, label=rule, markersize=4)
        # Nearly the unpruned are where the lines meet, and their settings would cover one another.
        for number in (each for each in line[1:] if points[each].ndcg < _NEARLY * points[whole].ndcg):
            place = places[number], points[number].ndcg
            words = f"{points[number].value:g}"
            panel.annotate(words, place, (4, -7), textcoords="offset points", fontsize=6, color=colour)
    panel.axhline(points[whole].ndcg, color="black", linewidth=0.8, linestyle="--")
    panel.plot([places[whole]], [points[whole].ndcg], "*", color="black", markersize=12, label="unpruned", zorder=3)
    panel.set(xlabel=label, ylabel="nDCG@10", xlim=(0, None))
    panel.grid(alpha=0.25)
    panel.legend(frameon=False, loc="lower right")
