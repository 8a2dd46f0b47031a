"""Recall against time, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lsr.errors import InputError, MissingDependencyError
from lsr.eval.bench.frontier import pareto
from lsr.eval.bench.report import by_system
from lsr.eval.bench.rows import Row
from lsr.files import atomic_file

SUFFIXES = (".png", ".svg")
"""Of the files that `save_plot` can write."""

# Recalls below this are of no use to anyone, and would squeeze the rest.
_LEAST_RECALL = 0.8
# Okabe and Ito's palette, which colour-blind readers can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vP*"


def check_plot(path: Path) -> None:
    """InputError if the file's name ends in none of SUFFIXES; MissingDependencyError without matplotlib."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"plots are named {' or '.join(SUFFIXES)}", source=str(path))
    _pyplot()


def save_plot(rows: Sequence[Row], paths: Sequence[Path], title: str = "") -> None:
    """Draw the frontier of each system, a panel for each k, and write it to every path; those there are replaced.

    Time is logarithmic; the configurations off the frontier are faint. Raises as `check_plot`.
    """
    for path in paths:
        check_plot(path)
    pyplot = _pyplot()
    ks = sorted({row.k for row in rows})
    # Text that stays text, and no date or random name: the same rows give the same file.
    with pyplot.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lsr"}):
        figure, panels = pyplot.subplots(1, len(ks), figsize=(6.4 * len(ks), 4.8), squeeze=False, layout="constrained")
        if title:
            figure.suptitle(title)
        systems = list(by_system(rows))
        for panel, k in zip(panels[0], ks, strict=True):
            _draw(panel, [row for row in rows if row.k == k], k, systems)
        for path in paths:
            with atomic_file(path, force=True) as temporary:
                metadata = {"Date": None} if path.suffix == ".svg" else {}
                figure.savefig(temporary, format=path.suffix[1:], dpi=150, metadata=metadata)
        pyplot.close(figure)


def _draw(panel: Any, rows: Sequence[Row], k: int, systems: Sequence[str]) -> None:
    shown = [row for row in rows if row.overall.recall >= _LEAST_RECALL]
    for name, its_rows in by_system(shown).items():
        at = systems.index(name)
        colour, marker = _COLOURS[at % len(_COLOURS)], _MARKERS[at % len(_MARKERS)]
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


def _pyplot() -> Any:
    try:
        matplotlib = import_module("matplotlib")
    except ModuleNotFoundError as error:
        raise MissingDependencyError("a plot needs matplotlib: pip install 'lsr-engine[bench]'") from error
    matplotlib.use("agg")
    return import_module("matplotlib.pyplot")
