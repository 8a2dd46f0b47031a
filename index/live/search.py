"""Searching all segments of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsr.index.engines.choose import Choice, engine_for
from lsr.index.engines.hits import Found
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.engines.together import Together
from lsr.index.filters.allowed import AllowedRows
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.searched_memory import Searched


def search_segments(
    segments: Sequence[Searched],
    queries: Sequence[PreparedQueries],
    k: int,
    choice: Choice,
    allowed: Sequence[AllowedRows],
) -> list[list[Found]]:
    """What each segment has of the k best of all, for each query; queries and rows are given as each takes them.

    Segments of files are searched together, but for those where a filter allows so few rows that these are scored
    directly; memory comes last, and looks for what is as good as the worst of the others' best.
    """
    found: list[list[Found]] = [[] for _ in segments]
    of_files = [(number, each) for number, each in enumerate(segments) if isinstance(each, SearchedSegment)]
    by_engine: dict[Choice, list[int]] = {}
    rows = {number: allowed[number].among(each.alive) for number, each in of_files}
    for number, _ in of_files:
        by_engine.setdefault(engine_for(choice, rows[number]), []).append(number)
    files = {number: each.segment for number, each in of_files}
    for chosen, numbers in by_engine.items():
        if len(numbers) == 1:
            (number,) = numbers
            found[number] = segments[number].search(queries[number], k, choice, allowed[number])
            continue
        answers = chosen.engine.search_together(
            Together.of([files[number] for number in numbers]),
            [queries[number] for number in numbers],
            k,
            [rows[number] for number in numbers],
            chosen.parameters,
        )
        for number, answer in zip(numbers, answers, strict=True):
            found[number] = answer
    least = _reached(found, len(queries[0]), k)
    for number, each in enumerate(segments):
        if not isinstance(each, SearchedSegment):
            found[number] = each.search(queries[number], k, choice, allowed[number], least)
    return found


def _reached(found: Sequence[Sequence[Found]], queries: int, k: int) -> list[float]:
    """For each query, the score of the last of the k best so far, 0 if there are not so many."""
    answered = [each for each in found if each]
    least = [0.0] * queries
    for number in range(queries if answered else 0):
        scores = np.concatenate([of_segment[number][1] for of_segment in answered])
        if len(scores) >= k:
            least[number] = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    return least
