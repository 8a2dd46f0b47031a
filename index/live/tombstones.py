"""Deleting rows of a segment that is written: what is to be searched no longer, and no longer counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.index.parts.deleted import NAME, Counts, DeletedRows
from lsr.index.parts.segment import Segment
from lsr.text.windows import window_id


class Tombstones:
    """The deleted rows of one segment; changed by one thread, read by any.

    Attributes:
        segment: whose rows they are.
        changed: whether there are more than the manifest says.
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.changed = False
        rows, terms = len(segment), segment.record.terms
        self._documents, self._tokens = np.zeros(terms, np.int64), np.zeros(terms, np.int64)
        self._count = 0
        self._alive = np.packbits(np.ones(rows, np.bool_), bitorder="little")
        self._state: DeletedRows | None = None
        if segment.has_part(NAME):
            found: DeletedRows = segment.part(NAME)
            self._alive, self._count, self._state = found.alive, found.count, found
            self._documents[found.terms[0]] = found.terms[1]
            self._tokens[found.tokens[0]] = found.tokens[1]

    def __repr__(self) -> str:
        return f"Tombstones({self._count:,} of {len(self.segment):,} rows)"

    @property
    def count(self) -> int:
        """How many rows are deleted."""
        return self._count

    def find(self, id: str) -> range | None:
        """The rows of the document of this id, if it is there and not deleted."""
        windows = self.segment.part("windows") if self.segment.has_part("windows") else None
        row = self.segment.part("ids").find(id if windows is None else window_id(id, 0))
        if row is None or not self._alive[row >> 3] >> (row & 7) & 1:
            return None
        return range(row, row + 1) if windows is None else windows.rows_beside(row)

    def bury(self, rows: range, tokens: npt.NDArray[np.integer]) -> None:
        """Delete rows that are not deleted. `tokens`: those of each row's text, where these count."""
        alive = self._alive.copy()  # what a search has of it stays as it is
        for row in rows:
            alive[row >> 3] &= np.uint8(~(1 << (row & 7)) & 0xFF)
            self._documents[self._terms_of(row)] += 1
        np.add.at(self._tokens, tokens, 1)
        self._alive, self._count = alive, self._count + len(rows)
        self._state, self.changed = None, True

    def state(self) -> DeletedRows | None:
        """The deleted rows as they are now; None if there are none."""
        if not self._count:
            return None
        if self._state is None:
            self._state = DeletedRows(self._alive, self._count, _sparse(self._documents), _sparse(self._tokens))
        return self._state

    def _terms_of(self, row: int) -> npt.NDArray[np.integer]:
        segment = self.segment
        position = int(segment.row_positions[row])
        if segment.rare_terms is not None:
            return segment.rare_terms.term_ids(segment.forward, np.array([position]))
        first, last = segment.forward.indptr[position : position + 2].tolist()
        return segment.forward.indices[first:last]


def _sparse(counts: npt.NDArray[np.int64]) -> Counts:
    ids = np.flatnonzero(counts)
    return np.stack([ids, counts[ids]])
