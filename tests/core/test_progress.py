"""Progress through long work."""

from __future__ import annotations

import pytest

from lsr.core.progress import in_proportion, silent


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
    in_proportion(None, counted=2, reported=1)(2)
    with silent("reading", None, "documents") as progress:
        progress(3)
