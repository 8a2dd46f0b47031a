"""The blocks of Block-Max Pruning, as a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from lsr.index.format.records import SegmentRecord
from lsr.index.format.settings import BmpSettings
from lsr.index.parts.bmp.blocks import KTH_WEIGHTS_NAME, LEVELS, PREFIX, BmpBlocks, kth_weights, write_bmp_blocks
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart
from lsr.index.parts.summaries.blocks import summary_files
from lsr.index.parts.summaries.verification import summary_problems


class BmpPart(WrittenPart):
    """See `BmpBlocks`."""

    name = "bmp"
    title = "blocks of mode bmp"
    files = (*summary_files(PREFIX), KTH_WEIGHTS_NAME)
    Settings = BmpSettings
    holds_weights = True
    passes = 1

    def open(self, folder: Path, record: SegmentRecord) -> BmpBlocks:
        """See `Part.open`."""
        assert record.settings.bmp is not None
        return BmpBlocks.open(folder, record.documents, record.dim, record.settings.bmp.block_size)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        blocks: BmpBlocks = segment.part(self.name)
        yield from summary_problems(blocks.summaries, segment.part("forward"), PREFIX)
        levels = blocks.kth_weights.reshape(len(LEVELS), -1)
        if (levels[0] != blocks.summaries.term_maxima).any() or (levels[1:] > levels[:-1]).any():
            yield f"{KTH_WEIGHTS_NAME}: weights do not descend from their term's maximum"
        elif not np.array_equal(levels, kth_weights(segment.part("forward"), segment.record.dim)):
            yield f"{KTH_WEIGHTS_NAME}: not the k-th largest weights of the terms"

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        settings = draft.settings
        assert settings.bmp is not None
        share = settings.choose_frequent_share(draft.documents)
        write_bmp_blocks(
            draft.folder, draft.forward, draft.dim, settings.bmp, share, draft.threads, report, draft.compact
        )
