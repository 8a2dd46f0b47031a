"""Progress through long work."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from lsr.cli.bar import bar
from lsr.cli.console import _ProgressLog, progress_bar
from lsr.core.progress import in_proportion, in_speed, remark, silent


@pytest.mark.parametrize(
    ("counted", "reported", "given", "expected"),
    [
        (10, 5, [1, 1, 1, 3, 4], [1, 2, 2]),  # every second
        (12, 4, [12], [4]),
        (3, 10, [1, 1, 1], [3, 3, 4]),
        (7, 7, [3, 0, 4], [3, 4]),
        (0, 6, [0], [6]),  # documents without a posting
        (0, 0, [0], []),
        (8, 0, [4, 4], []),
    ],
)
def test_progress_in_proportion(counted: int, reported: int, given: list[int], expected: list[int]) -> None:
    told: list[int] = []
    count = in_proportion(told.append, counted=counted, reported=reported)
    for number in given:
        count(number)
    assert told == expected and sum(told) == reported


def test_nobody_need_listen() -> None:
    told: list[None] = [in_proportion(None, counted=2, reported=1)(2)]  # type: ignore[func-returns-value]
    with silent("reading", None, "documents") as progress:
        told.append(progress(3))  # type: ignore[func-returns-value]
        remark(progress, "slowly")
    assert told == [None, None]


def test_words_are_shown_where_there_is_a_place_for_them() -> None:
    class Shown(list[str]):
        def __call__(self, count: int) -> None:
            self.append(str(count))

        remark = list.append

    shown = Shown()
    shown(2)
    remark(shown, "loss 3")
    assert shown == ["2", "loss 3"]


@pytest.mark.parametrize(
    ("rate", "unit", "expected"),
    [
        (1 / 12.34, "steps", "12.3 s a step"),
        (0.5, "queries", "2.0 s a query"),
        (0.1, "indexes", "10.0 s an index"),
        (2.5, "documents", "2.5 documents/s"),
        (12345.6, "documents", "12,346 documents/s"),
        (0, "steps", "0 steps/s"),
    ],
)
def test_slow_work_says_how_long_a_piece_takes(rate: float, unit: str, expected: str) -> None:
    assert in_speed(rate, unit) == expected


def test_a_log_has_the_remark_and_no_speed_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("training", 4, "steps") as progress:
        remark(progress, "loss [0.5]")
        assert isinstance(progress, _ProgressLog)
        progress.write()
        progress.start -= 20
        progress(2)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "training: 0 of 4 steps, loss [0.5]"
    # 20 seconds, and what the machine took beside them.
    assert re.fullmatch(r"training: 2 of 4 steps, [1-9]\d\.\d s a step, [2-9]\d s left, loss \[0\.5\]", last)


def test_a_bar_shows_the_remark_beside_its_name() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with bar(console, "training", 4, "steps") as progress:
        progress(1)
        remark(progress, "loss [0.5]")
    assert "training (loss [0.5])" in console.file.getvalue()  # type: ignore[attr-defined]
