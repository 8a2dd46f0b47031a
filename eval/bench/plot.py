"""Plotting recall against time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsr.core.plotting import COLOURS, figure
from lsr.eval.bench.frontier import pareto
from lsr.eval.bench.report import by_system
from lsr.eval.bench.rows import Row

# Recalls below this are useless, and would squeeze the rest.
_LEAST_RECALL = 0.8
_MARKERS = "osD^vP*"


def save_plot(rows: Sequence[Row], paths: Sequence[Path], title: str = "") -> None:
    """Plot the frontier of each system, in one panel per k, and write it to every path; existing files are replaced.

    Time is logarithmic; configurations off the frontier are faint. Raises as `lsr.core.plotting.check_plot`.
    """
    ks = sorted({row.k for row in rows})
    systems = list(by_system(rows))
    with figure(paths, columns=len(ks), title=title) as panels:
        for panel, k in zip(panels, ks, strict=True):
            _draw(panel, [row for row in rows if row.k == k], k, systems)


def _draw(panel: Any, rows: Sequence[Row], k: int, systems: Sequence[str]) -> None:
    shown = [row for row in rows if row.overall.recall >= _LEAST_RECALL]
    for name, its_rows in by_system(shown).items():
        at = systems.index(name)
        colour, marker = COLOURS[at % len(COLOURS)], _MARKERS[at % len(_MARKERS)]
        panel.plot(*_points(its_rows), marker, color=colour, alpha=0.25, markersize=4, markeredgewidth=0)
        panel.plot(*_points(pareto(its_rows)), marker + "-", color=colour, label=name, markersize=6)
    panel.set(xlabel=f"recall@{k}", ylabel="mean µs a query, one thread", yscale="log")
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    lowest, highest = panel.get_ylim()
    labelled = "25" if highest / lowest > 10 else "23456789"
    panel.yaxis.set_minor_formatter(lambda value, _: f"{value:,.0f}" if f"{value:.0e}"[0] in labelled else "")
    panel.grid(which="both", alpha=0.25)
    if shown:
        panel.legend(frameon=False)


def _points(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    return [row.overall.recall for row in rows], [row.overall.mean_us for row in rows]
