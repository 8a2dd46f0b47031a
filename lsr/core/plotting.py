"""Plots: one style, written whole or not at all, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError, MissingDependencyError
from lsr.core.files import atomic_file

SUFFIXES = (".png", ".svg")
"""Endings of the files that can be written."""

MARKERS = "osD^vPX<>p"
"""Of lines, beside their colours."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, which colour-blind readers can tell apart."""


def style(number: int) -> tuple[str, str]:
    """The colour and marker of the line with this number: no two of the first seventy have both in common."""
    return COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]


def plain_numbers(axis: Any) -> None:
    """Label a logarithmic axis with numbers as people write them: 2,000 and 0.5, neither powers nor exponents.

    Of the minor marks, those of 2 and 5 are labelled where the axis spans more than a power of ten, otherwise all.
    """
    lowest, highest = sorted(axis.get_view_interval())
    labelled = "25" if highest / lowest > 10 else "23456789"
    axis.set_major_formatter(lambda value, _: f"{value:,.12g}")
    axis.set_minor_formatter(lambda value, _: f"{value:,.12g}" if f"{value:.0e}"[0] in labelled else "")


def check_plot(path: Path) -> None:
    """Raise InputError if the file's name ends in none of SUFFIXES, MissingDependencyError without matplotlib."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"the name of a plot must end in {' or '.join(SUFFIXES)}", source=str(path))
    _pyplot()


@contextmanager
def figure(paths: Sequence[Path], *, columns: int, title: str = "") -> Iterator[Sequence[Any]]:
    """Give a row of matplotlib axes to draw on; then write the picture to every path, replacing what is there.

    Raises the same errors as `check_plot`, before anything is drawn.
    """
    for path in paths:
        check_plot(path)
    pyplot = _pyplot()
    # Text that stays text, and no date or random name: the same numbers give the same file.
    with pyplot.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lsr"}):
        drawn, panels = pyplot.subplots(1, columns, figsize=(6.4 * columns, 4.8), squeeze=False, layout="constrained")
        try:
            if title:
                drawn.suptitle(title)
            yield panels[0]
            for path in paths:
                with atomic_file(path, force=True) as temporary:
                    metadata = {"Date": None} if path.suffix == ".svg" else {}
                    drawn.savefig(temporary, format=path.suffix[1:], dpi=150, metadata=metadata)
        finally:
            pyplot.close(drawn)


def _pyplot() -> Any:
    try:
        matplotlib = import_module("matplotlib")
    except ModuleNotFoundError as error:
        raise MissingDependencyError("a plot needs matplotlib: pip install matplotlib") from error
    matplotlib.use("agg")
    return import_module("matplotlib.pyplot")
