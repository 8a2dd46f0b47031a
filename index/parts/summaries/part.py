"""The bounds of the blocks of neighbouring documents, as a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from lsr.index.format.checks import largest
from lsr.index.format.records import SegmentRecord
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart
from lsr.index.parts.summaries.blocks import PREFIX, Summaries, summary_files, write_summaries


class SummariesPart(WrittenPart):
    """See `Summaries`."""

    name = "summaries"
    title = "bounds of the blocks of documents"
    files = summary_files()
    holds_weights = True
    passes = 1

    def open(self, folder: Path, record: SegmentRecord) -> Summaries:
        """See `Part.open`."""
        block_size = record.settings.choose_block_size(record.documents)
        return Summaries.open(folder, record.documents, record.dim, block_size)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        return summary_problems(segment.part(self.name), PREFIX)

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        block_size = draft.settings.choose_block_size(draft.documents)
        share = draft.settings.choose_frequent_share(draft.documents)
        write_summaries(draft.folder, draft.forward, draft.dim, block_size, share, draft.threads, report)


def summary_problems(summaries: Summaries, prefix: str) -> Iterator[str]:
    """Problems inside the files of summaries."""
    starts, blocks, dim = summaries.list_starts, summaries.list_blocks, len(summaries.term_maxima)
    for term in np.flatnonzero(summaries.frequent_numbers >= 0):
        if summaries.frequent_weights[summaries.frequent_numbers[term]].max() > summaries.term_maxima[term]:
            yield f"{prefix}_dense_weights.npy: a weight exceeds its term's maximum"
            break
    for number, first in enumerate(range(0, summaries.blocks, summaries.window)):
        last = min(first + summaries.window, summaries.blocks)
        window = slice(int(starts[number * dim]), int(starts[(number + 1) * dim]))
        if largest(blocks[window]) >= last - first:
            yield f"{prefix}_list_blocks.npy: a block is outside its window"
        weights = summaries.list_weights[window]
        ascents = np.flatnonzero(weights[1:] > weights[:-1]) + 1 + window.start
        if not np.array_equal(starts[np.searchsorted(starts, ascents)], ascents):
            yield f"{prefix}_list_weights.npy: weights do not descend within a list"
        if (weights > np.repeat(summaries.term_maxima, np.diff(starts[number * dim : (number + 1) * dim + 1]))).any():
            yield f"{prefix}_term_maxima.npy: a weight exceeds its term's maximum"
