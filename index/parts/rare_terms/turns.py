"""Which terms the shared columns of a document stand for (`lsr.index.format.columns`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.arrays import open_array, open_offsets
from lsr.index.format.columns import SharedColumns
from lsr.index.format.files import RESTORE
from lsr.index.format.postings import Postings
from lsr.index.kernels.ordering import gather_documents

INDPTR_NAME = "forward_rare_indptr.npy"
TURNS_NAME = "forward_rare_turns.npy"
DOCUMENTS_AT_A_TIME = 1 << 15


@dataclass(frozen=True, slots=True)
class RareTerms:
    """The rare terms of the documents, by position.

    Attributes:
        columns: which columns are shared.
        indptr: int64 [documents + 1]: the turns of each document.
        turns: uint16: which of the terms of its column each of the document's last postings, those of shared columns,
            is of.
        path: of the file of the turns, for messages.
    """

    columns: SharedColumns
    indptr: npt.NDArray[np.int64]
    turns: npt.NDArray[np.uint16]
    path: Path

    @classmethod
    def open(cls, folder: Path, columns: SharedColumns, documents: int) -> RareTerms:
        """Map the files of a segment."""
        turns = open_array(folder / TURNS_NAME, np.uint16)
        return cls(columns, open_offsets(folder / INDPTR_NAME, documents + 1, len(turns)), turns, folder / TURNS_NAME)

    def term_ids(self, forward: Postings, positions: npt.NDArray[np.integer]) -> npt.NDArray[np.uint32]:
        """The term ids of all postings of these documents, one after another, in the order of their columns.

        IndexFormatError if there are not as many turns as there are postings of shared columns.
        """
        columns = _gathered(forward.indptr, forward.indices, positions)
        ids = self.columns.term_ids(columns, _gathered(self.indptr, self.turns, positions))
        if ids is None:
            problem = f"{self.path}: not one for each posting of a shared column"
            raise IndexFormatError(problem, remedies=[BUILD_AGAIN, RESTORE])
        return ids


def term_ids_in_order(forward: Postings, rare: RareTerms | None) -> Iterator[npt.NDArray[np.integer]]:
    """The term ids of all postings, some documents at a time. Raises as `RareTerms.term_ids`."""
    for first in range(0, len(forward), DOCUMENTS_AT_A_TIME):
        last = min(first + DOCUMENTS_AT_A_TIME, len(forward))
        if rare is None:
            yield forward.indices[forward.indptr[first] : forward.indptr[last]]
        else:
            yield rare.term_ids(forward, np.arange(first, last, dtype=np.uint32))


def _gathered(
    indptr: npt.NDArray[np.int64], values: npt.NDArray[np.uint16], positions: npt.NDArray[np.integer]
) -> npt.NDArray[np.uint16]:
    """The values of these documents, one after another."""
    at = positions.astype(np.int64)
    found = np.empty(int((indptr[at + 1] - indptr[at]).sum()), values.dtype)
    gather_documents(indptr, values, positions, found)
    return found
