"""Counts of each term: documents that contain it, and documents in whose text it is a token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.index.format.arrays import open_array, write_array
from lsr.index.format.checks import chunks
from lsr.index.format.manifest import SegmentRecord
from lsr.index.format.postings import Postings
from lsr.index.kernels.inversion import count_terms
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart

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


class TermsPart(WrittenPart):
    """See `TermCounts`."""

    name = "terms"
    title = "how many documents hold each term"
    files = (DOCUMENTS_NAME, TOKENS_NAME)

    def open(self, folder: Path, record: SegmentRecord) -> TermCounts:
        """See `Part.open`."""
        counted = TOKENS_NAME in record.files
        return TermCounts(
            documents=open_array(folder / DOCUMENTS_NAME, np.int64, record.dim),
            tokens=open_array(folder / TOKENS_NAME, np.int64, record.dim) if counted else None,
        )

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        counts: TermCounts = segment.part(self.name)
        found = _documents_of_terms(segment.part("forward"), segment.record.dim)
        if found is not None and not np.array_equal(found, counts.documents):
            yield f"{DOCUMENTS_NAME}: not the number of documents of each term"
        tokens = counts.tokens
        if tokens is not None and not ((tokens >= 0) & (tokens <= segment.record.documents)).all():
            yield f"{TOKENS_NAME}: a token count is negative, or larger than the number of documents"

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        counts = np.zeros(draft.dim, np.int64)
        for start in range(0, len(draft.forward.indices), _COUNT_AT_A_TIME):
            count_terms(draft.forward.indices[start : start + _COUNT_AT_A_TIME], counts)
        write_array(draft.folder / DOCUMENTS_NAME, counts)
        if draft.token_frequencies is not None:
            write_array(draft.folder / TOKENS_NAME, draft.token_frequencies)


def _documents_of_terms(forward: Postings, dim: int) -> npt.NDArray[np.int64] | None:
    """Count the documents of each term: int64 [dim]; None if one is out of range, as `forward` reports."""
    counts = np.zeros(dim, np.int64)
    for chunk in chunks(forward.indices):
        found = np.bincount(chunk, minlength=dim)
        if len(found) > dim:
            return None
        counts += found
    return counts
