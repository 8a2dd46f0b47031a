"""In how many documents of a snapshot each term is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lsr.index.live.searched_memory import Searched
from lsr.index.live.terms import TermNumbers

Counts = npt.NDArray[np.int64]


class SnapshotCounts:
    """Counts of each term over the segments of a snapshot, of what lives: as `lsr.index.parts.terms.TermCounts`."""

    def __init__(self, segments: Sequence[Searched], terms: TermNumbers) -> None:
        self._segments, self._terms = segments, terms
        self._counts = [segment.counts for segment in segments]

    def of(self, ids: npt.NDArray[np.integer]) -> Counts:
        """int64 [n]: how many rows hold each of these terms; faster than `documents` for a few."""
        found = np.zeros(len(ids), np.int64)
        for place, id in enumerate(ids.tolist()):
            for segment, number in enumerate(self._numbers(id)):
                if number >= 0:
                    found[place] += self._counts[segment].documents[number]
        return found

    def _numbers(self, id: int) -> list[int]:
        if id < self._terms.model or self._terms.one:
            return [id] * len(self._segments)
        return self._terms.numbers(id).tolist()

    @cached_property
    def documents(self) -> Counts:
        """int64 [dim]: in how many rows' vectors each term is; 0 for a word that is known by another id."""
        model = self._terms.model
        total = np.zeros(self._terms.dim, np.int64)
        for number, counts in enumerate(self._counts):
            total[:model] += counts.documents[:model]
            words = counts.documents[model:]
            if len(words):
                ids = self._terms.of_segment(number, np.arange(model, model + len(words)))
                np.add.at(total, ids, words)
        return total

    @cached_property
    def tokens(self) -> Counts | None:
        """int64 [dim]: in how many rows' texts each term is a token; None if these were not counted."""
        total = np.zeros(self._terms.dim, np.int64)
        for counts in self._counts:
            if counts.tokens is None:
                return None
            total[: self._terms.model] += counts.tokens[: self._terms.model]
        return total
