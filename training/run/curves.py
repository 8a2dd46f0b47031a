"""Plotting a run's curves: loss, ranking quality and sparsity against steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsr.core.plotting import check_plot, figure, plain_numbers, style
from lsr.training.losses.registry import OBJECTIVES

_LOGARITHMIC = ("active terms", "FLOPS")


def save_curves(log: Sequence[dict[str, Any]], path: Path, title: str = "") -> None:
    """Plot a log and write it to `path`, .png or .svg; an existing file is replaced.

    Raises InputError and MissingDependencyError as `lsr.core.plotting.check_plot`.
    """
    check_plot(path)
    panels = {name: lines for name, lines in _panels().items() if any(_points(log, key)[0] for key, _ in lines)}
    with figure([path], columns=max(1, len(panels)), title=title) as axes:
        for panel, (name, lines) in zip(axes, panels.items(), strict=False):
            for number, (key, label) in enumerate(lines):
                steps, values = _points(log, key)
                if steps:
                    colour, marker = style(number)
                    # Some twenty marks a line, that tell it from others.
                    every = max(1, len(steps) // 20)
                    panel.plot(steps, values, color=colour, label=label, marker=marker, markevery=every, markersize=4)
            panel.set(xlabel="step", ylabel=name)
            if name in _LOGARITHMIC:
                panel.set_yscale("log")
                plain_numbers(panel.yaxis)
            panel.grid(alpha=0.3)
            if len(panel.lines) > 1:
                panel.legend(frameon=False)


def _panels() -> dict[str, list[tuple[str, str]]]:
    """The panels, and what each shows: (name in the log, label)."""
    return {
        "loss": [("loss", "total"), *((name, each.title or name) for name, each in OBJECTIVES.items())],
        "development nDCG@10": [("eval_ndcg@10", "nDCG@10")],
        "active terms": [
            ("document_terms", "documents"),
            ("query_terms", "queries"),
            ("eval_document_terms", "documents, development"),
        ],
        "FLOPS": [("flops", "training"), ("eval_flops", "development")],
    }


def _points(log: Sequence[dict[str, Any]], key: str) -> tuple[list[int], list[float]]:
    found = [(line["step"], line[key]) for line in log if key in line]
    return [step for step, _ in found], [value for _, value in found]
