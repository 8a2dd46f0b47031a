"""The term ids that a segment's columns stand for, where these are fewer than the ids that there could be.

Ids that a hash made are few among billions. Whatever is kept by term goes by columns then, numbered from 0; queries,
and vectors that are given back, go by term ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.index.format.arrays import open_array, write_array
from lsr.index.format.checks import chunks
from lsr.index.format.manifest import SegmentRecord
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart

FILE_NAME = "term_ids.npy"

TermIds = npt.NDArray[np.uint32]


class TermIdsPart(WrittenPart):
    """uint32 [columns]: the term id of each column, ascending."""

    name = "term_ids"
    title = "the term ids that there are, of very many that there could be"
    files = (FILE_NAME,)
    rare = True

    def is_in(self, record: SegmentRecord) -> bool:
        """Whether the segment's columns are not its term ids."""
        return FILE_NAME in record.files

    def open(self, folder: Path, record: SegmentRecord) -> TermIds:
        """See `Part.open`."""
        return open_array(folder / FILE_NAME, np.uint32, record.dim)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        ids: TermIds = segment.part(self.name)
        last = -1
        for chunk in chunks(ids):
            if int(chunk[0]) <= last or (chunk[1:] <= chunk[:-1]).any():
                yield f"{FILE_NAME}: term ids do not ascend"
                return
            last = int(chunk[-1])

    def wanted(self, draft: SegmentDraft) -> bool:
        """Of vectors without a vocabulary, whose ids may be anything; which they are is known at the end."""
        return draft.vocabulary is None and draft.shared is None

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        if draft.term_ids is not None:
            write_array(draft.folder / FILE_NAME, draft.term_ids)
