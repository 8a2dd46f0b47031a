"""Which rare terms share columns, as a part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lsr.index.format.checks import ascend_within_rows
from lsr.index.format.postings import Postings
from lsr.index.format.records import SegmentRecord
from lsr.index.kernels.scoring import rare_keys
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart
from lsr.index.parts.rare_terms.turns import DOCUMENTS_AT_A_TIME, INDPTR_NAME, TURNS_NAME, RareTerms


class RareTermsPart(WrittenPart):
    """See `RareTerms`. The builder writes it with the forward index."""

    name = "rare_terms"
    title = "which rare terms share the last columns"
    files = (INDPTR_NAME, TURNS_NAME)
    holds_weights = True
    rare = True

    def is_in(self, record: SegmentRecord) -> bool:
        """Whether terms share columns."""
        return record.shared is not None

    def open(self, folder: Path, record: SegmentRecord) -> RareTerms:
        """See `Part.open`."""
        assert record.shared is not None
        return RareTerms.open(folder, record.shared, record.documents)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        rare: RareTerms = segment.part(self.name)
        forward: Postings = segment.part("forward")
        for first in range(0, len(forward), DOCUMENTS_AT_A_TIME):
            last = min(first + DOCUMENTS_AT_A_TIME, len(forward))
            pairs = slice(forward.indptr[first], forward.indptr[last])
            part = forward.indices[pairs]
            shared = part >= rare.columns.first
            ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(shared)])
            indptr = rare.indptr[first : last + 1] - rare.indptr[first]
            if not np.array_equal(ends[forward.indptr[first : last + 1] - forward.indptr[first]], indptr):
                yield f"{INDPTR_NAME}: not as many rare terms as a document has postings of shared columns"
                return
            columns, turns = part[shared], rare.turns[rare.indptr[first] : rare.indptr[last]]
            ids = rare.columns.term_ids(columns, turns)
            if ids is not None and len(ids) and int(ids.max()) >= rare.columns.terms:
                yield f"{TURNS_NAME}: a term id is not below {rare.columns.terms:,}"
                return
            if not ascend_within_rows(indptr, rare_keys(columns, turns)):
                yield f"{TURNS_NAME}: numbers do not ascend within a column of a row"
                return

    def wanted(self, draft: SegmentDraft) -> bool:
        """See `WrittenPart.wanted`."""
        return draft.shared is not None
