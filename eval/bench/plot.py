"""Plotting recall against time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lsr.core.plotting import figure, plain_numbers, style
from lsr.eval.bench.frontier import pareto
from lsr.eval.bench.report import by_system
from lsr.eval.bench.rows import Row, in_words

# Recalls below this are useless, and would squeeze the rest.
_LEAST_RECALL = 0.8
# Of names, so that they can be read over points and lines.
_BACKGROUND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}
# Points between lines of names, and how many lines a name may be moved.
_LINE, _MOST_LINES = 8, 8


def save_plot(rows: Sequence[Row], paths: Sequence[Path], title: str = "") -> None:
    """Plot the frontier of each system, in one panel per k, and write it to every path; existing files are replaced.

    Time is logarithmic; configurations off the frontier are faint. Raises as `lsr.core.plotting.check_plot`.
    """
    ks = sorted({row.k for row in rows})
    systems = list(by_system(rows))
    with figure(paths, columns=len(ks), title=title) as panels:
        for panel, k in zip(panels, ks, strict=True):
            _draw(panel, [row for row in rows if row.k == k], k, systems)
        panels[0].figure.draw_without_rendering()
        for panel in panels:
            _set_apart(panel.texts)


def _draw(panel: Any, rows: Sequence[Row], k: int, systems: Sequence[str]) -> None:
    shown = [row for row in rows if row.overall.recall >= _LEAST_RECALL]
    for name, its_rows in by_system(shown).items():
        colour, marker = style(systems.index(name))
        panel.plot(*_points(its_rows), marker, color=colour, alpha=0.25, markersize=4, markeredgewidth=0)
        best = pareto(its_rows)
        panel.plot(*_points(best), marker + "-", color=colour, label=name, markersize=6)
        _name_ends(panel, best, colour)
    panel.set(xlabel=f"recall@{k}", ylabel="mean µs a query, one thread", yscale="log")
    plain_numbers(panel.yaxis)
    panel.margins(y=0.12)  # room for the names
    panel.grid(which="both", alpha=0.25)
    if shown:
        panel.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)


def _name_ends(panel: Any, best: Sequence[Row], colour: str) -> None:
    """Write the settings that change along a frontier below its fastest point and above its best, off its line."""
    varied = {
        name
        for row in best
        for name, value in row.parameters.items()
        if not isinstance(value, Mapping) and any(value != each.parameters.get(name) for each in best)
    }
    for row, side, up in ((best[0], "left", -13), (best[-1], "right", 7))[: len(best)]:
        words = in_words({name: value for name, value in row.parameters.items() if name in varied})
        place = row.overall.recall, row.overall.mean_us
        look = {"fontsize": 6, "color": colour, "ha": side, "bbox": _BACKGROUND}
        named = panel.annotate(words, place, (0, up), textcoords="offset points", **look)
        named.set_in_layout(False)


def _set_apart(names: Sequence[Any]) -> None:
    """Move names further from their points until none lies on another."""
    placed: list[Any] = []
    for name in names:
        across, away = name.get_position()
        for further in range(_MOST_LINES):
            name.set_position((across, away + math.copysign(further * _LINE, away)))
            box = name.get_window_extent()
            if not any(box.overlaps(other) for other in placed):
                break
        placed.append(name.get_window_extent())


def _points(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    return [row.overall.recall for row in rows], [row.overall.mean_us for row in rows]
