"""Plots: what every one of them has in common."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from lsr.core import plotting
from lsr.core.plotting import figure, plain_numbers, style
from lsr.eval.bench.plot import save_plot
from lsr.eval.bench.rows import Row, Summary

pytest.importorskip("matplotlib")


def row(engine: str, mode: str, recall: float, mean: float, **parameters: Any) -> Row:
    summary = Summary(recall, mean, mean, mean, mean, mean)
    return Row(engine, mode, {}, parameters, 10, summary, (summary, summary), 1, 1.0, {1: 2.0})


def test_no_two_lines_look_the_same() -> None:
    assert len({style(number) for number in range(70)}) == 70
    assert len({style(number)[0] for number in range(7)}) == len({style(number)[1] for number in range(10)}) - 3 == 7


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((0.05, 3000), "0.05 0.1 0.2 0.5 1 2 5 10 20 50 100 200 500 1,000 2,000"),
        ((100, 500), "100 200 300 400 500"),
        ((50_000, 5_000_000), "50,000 100,000 200,000 500,000 1,000,000 2,000,000 5,000,000"),
    ],
)
def test_logarithmic_axes_have_plain_numbers(tmp_path: Path, limits: tuple[float, float], expected: str) -> None:
    with figure([tmp_path / "plot.svg"], columns=1) as (panel,):
        panel.set(yscale="log", ylim=limits)
        plain_numbers(panel.yaxis)
        marks = [
            (place, label.get_text())
            for minor in (False, True)
            for place, label in zip(panel.get_yticks(minor=minor), panel.get_yticklabels(minor=minor), strict=True)
        ]
    shown = [text for place, text in sorted(marks) if text and limits[0] <= place <= limits[1]]
    assert " ".join(shown) == expected


def test_every_system_of_a_benchmark_has_a_look_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        row(engine, mode, recall, mean * 1.2**number, cut=recall, same=1)
        for number, (engine, mode) in enumerate(product(("lsr", "seismic", "bmp"), ("a", "b", "c")))
        for recall, mean in ((0.9, 50.0), (0.99, 500.0))
    ]
    drawn: list[Any] = []
    original = plotting._pyplot().subplots

    def keeping(*arguments: Any, **options: Any) -> Any:
        made = original(*arguments, **options)
        drawn.append(made[1][0][0])
        return made

    monkeypatch.setattr(plotting._pyplot(), "subplots", keeping)
    save_plot(rows, [tmp_path / "bench.svg"])
    (panel,) = drawn
    looks = {(line.get_color(), line.get_marker()) for line in panel.lines if line.get_linestyle() == "-"}
    assert len(looks) == 9
    # Ends are named by what changes along the line.
    assert {text.get_text() for text in panel.texts} == {"cut 0.9", "cut 0.99"}
    # All names in sight, none on another, though the points lie close together.
    boxes = [text.get_window_extent() for text in panel.texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    frame = panel.get_window_extent()
    assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)


def test_rows_are_read_back_for_drawing_again() -> None:
    made = row("lsr", "approximate", 0.95, 12.5, cut=0.1)
    assert Row.from_record(made.to_record()) == made
