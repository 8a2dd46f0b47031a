"""The bounds of the blocks of neighbouring documents, as a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from lsr.index.format.records import SegmentRecord
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart
from lsr.index.parts.summaries.blocks import PREFIX, Summaries, summary_files, write_summaries
from lsr.index.parts.summaries.verification import summary_problems


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
        return summary_problems(segment.part(self.name), segment.part("forward"), PREFIX)

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        block_size = draft.settings.choose_block_size(draft.documents)
        share = draft.settings.choose_frequent_share(draft.documents)
        write_summaries(
            draft.folder, draft.forward, draft.dim, block_size, share, draft.threads, report, compact=draft.compact
        )
