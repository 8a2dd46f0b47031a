"""Counts of each term: documents that contain it, and documents in whose text it is a token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.arrays import STORED, narrow, open_array, write_array
from lsr.index.format.checks import chunks, largest
from lsr.index.format.files import RESTORE
from lsr.index.format.postings import Postings
from lsr.index.format.records import SegmentRecord
from lsr.index.kernels.inversion import count_terms
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart
from lsr.index.parts.rare_terms.turns import RareTerms, term_ids_in_order

DOCUMENTS_NAME = "term_documents.npy"
TOKENS_NAME = "term_tokens.npy"
_COUNT_AT_A_TIME = 1 << 26


@dataclass(frozen=True, slots=True)
class TermCounts:
    """The number of documents of each term.

    Attributes:
        documents: int64 [dim]: in whose vector it occurs.
        tokens: int64 [dim]: in whose text it is a token, or None if these were not counted.
    """

    documents: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64] | None

    def of(self, ids: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """int64 [n]: in how many documents' vectors each of these terms is."""
        return self.documents[ids]


class TermsPart(WrittenPart):
    """See `TermCounts`."""

    name = "terms"
    title = "how many documents hold each term"
    files = (DOCUMENTS_NAME, TOKENS_NAME)

    def open(self, folder: Path, record: SegmentRecord) -> TermCounts:
        """See `Part.open`."""
        counted = TOKENS_NAME in record.files
        return TermCounts(
            documents=_open_counts(folder / DOCUMENTS_NAME, record),
            tokens=_open_counts(folder / TOKENS_NAME, record) if counted else None,
        )

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        counts: TermCounts = segment.part(self.name)
        record = segment.record
        rare = None if record.shared is None else segment.part("rare_terms")
        found = documents_of_terms(segment.part("forward"), rare, record.terms)
        if found is not None and not np.array_equal(found, counts.documents):
            yield f"{DOCUMENTS_NAME}: not the number of documents of each term"

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        counts = np.zeros(draft.dim if draft.shared is None else draft.shared.terms, np.int64)
        if draft.rare_terms is None:
            for start in range(0, len(draft.forward.indices), _COUNT_AT_A_TIME):
                count_terms(draft.forward.indices[start : start + _COUNT_AT_A_TIME], counts)
        else:
            for ids in term_ids_in_order(draft.forward, draft.rare_terms):
                counts += np.bincount(ids, minlength=len(counts))
        for name, found in ((DOCUMENTS_NAME, counts), (TOKENS_NAME, draft.token_frequencies)):
            if found is not None:
                write_array(draft.folder / name, narrow(found) if draft.compact else found)


def _open_counts(path: Path, record: SegmentRecord) -> npt.NDArray[np.int64]:
    counts = open_array(path, np.int64, record.terms, or_else=STORED)
    if not ((counts >= 0) & (counts <= record.documents)).all():
        raise IndexFormatError(
            f"{path}: a term stands in more documents than there are, or in fewer than none",
            remedies=[BUILD_AGAIN, RESTORE],
        )
    return counts.astype(np.int64, copy=False)


def documents_of_terms(forward: Postings, rare: RareTerms | None, dim: int) -> npt.NDArray[np.int64] | None:
    """Count the documents of each term: int64 [dim]; None if one is out of range, as `forward` reports."""
    counts = np.zeros(dim, np.int64)
    try:
        for chunk in chunks(forward.indices) if rare is None else term_ids_in_order(forward, rare):
            if largest(chunk) >= dim:
                return None
            counts += np.bincount(chunk, minlength=dim)
    except IndexFormatError:  # as `rare_terms` reports
        return None
    return counts
