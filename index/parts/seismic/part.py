"""The blocks of Seismic, as a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from lsr.core.progress import in_proportion
from lsr.index.format.checks import ascend_within_rows, holds_zero, largest
from lsr.index.format.records import SegmentRecord
from lsr.index.format.settings import SeismicSettings
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart
from lsr.index.parts.seismic.blocks import ARRAYS, SeismicBlocks, write_seismic_blocks
from lsr.index.parts.seismic.inversion import inverted_lists
from lsr.index.parts.seismic.verification import list_problems


class SeismicPart(WrittenPart):
    """See `SeismicBlocks`."""

    name = "seismic"
    title = "blocks of mode seismic"
    files = tuple(f"seismic_{array}.npy" for array in ARRAYS)
    Settings = SeismicSettings
    holds_weights = True
    passes = 1

    def open(self, folder: Path, record: SegmentRecord) -> SeismicBlocks:
        """See `Part.open`."""
        return SeismicBlocks.open(folder, record.dim)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        blocks: SeismicBlocks = segment.part(self.name)
        sound = True
        for problem in _range_problems(blocks, segment.record.documents, segment.record.dim):
            sound = False
            yield problem
        if sound:
            yield from list_problems(blocks, segment.part("forward"))

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        settings, forward = draft.settings, draft.forward
        assert settings.seismic is not None
        # Converts progress in postings to progress in documents.
        count = in_proportion(report, counted=len(forward.indices), reported=draft.documents)
        with inverted_lists(draft.folder, forward, draft.dim) as inverted:
            write_seismic_blocks(draft.folder, forward, inverted, settings.seismic, settings.seed, draft.threads, count)


def _range_problems(blocks: SeismicBlocks, documents: int, dim: int) -> Iterator[str]:
    if largest(blocks.rows) >= documents:
        yield f"seismic_rows.npy: a number is not below {documents:,}"
    if largest(blocks.summary_terms) >= dim or not ascend_within_rows(blocks.summary_indptr, blocks.summary_terms):
        yield f"seismic_summary_terms.npy: numbers are not below {dim:,} and ascending within a list"
    summarised = np.flatnonzero(np.diff(blocks.summary_indptr))
    last_ends = blocks.summary_ends[blocks.summary_indptr[summarised + 1] - 1]
    entries = np.diff(blocks.entry_indptr)
    ascend = ascend_within_rows(blocks.summary_indptr, blocks.summary_ends)
    if not ascend or (last_ends != entries[summarised]).any():
        yield "seismic_summary_ends.npy: ends do not ascend to the number of entries of a list"
    filled = np.flatnonzero(entries)
    if len(filled):
        highest = np.maximum.reduceat(blocks.entry_blocks, blocks.entry_indptr[filled])
        if (highest >= np.diff(blocks.indptr)[filled]).any():
            yield "seismic_entry_blocks.npy: a block is outside its list"
    if holds_zero(blocks.entry_weights):
        yield "seismic_entry_weights.npy: a weight is zero"
