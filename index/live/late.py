"""The token vectors of a snapshot of several segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lsr.index.live.rows import RowNumbers
from lsr.index.parts.late.vectors import LateVectors

Floats = npt.NDArray[np.float32]


class SnapshotLate:
    """Token vectors of several segments: as `LateVectors`, by the rows of a snapshot.

    Attributes:
        record: what they are, in the first segment.
    """

    def __init__(self, parts: Sequence[LateVectors], rows: RowNumbers) -> None:
        self._parts, self._rows = parts, rows
        self.record = parts[0].record

    def __len__(self) -> int:
        return len(self._rows)

    def scores(self, query: Floats, rows: npt.NDArray[np.integer]) -> Floats:
        """See `LateVectors.scores`."""
        scores = np.empty(len(rows), np.float32)
        for segment, places, own in self._rows.split(np.asarray(rows, np.int64)):
            scores[places] = self._parts[segment].scores(query, own)
        return scores

    def explain(self, query: Floats, row: int) -> tuple[npt.NDArray[np.int64], Floats]:
        """See `LateVectors.explain`."""
        segment, own = self._rows.place(row)
        return self._parts[segment].explain(query, own)
