"""Statistics of searches: in words, and averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lsr.core.counted import counted

if TYPE_CHECKING:
    from lsr.index import SearchStats


def in_words(stats: SearchStats) -> str:
    """Format statistics: "exact: 5,210 weights added, 438 of 1,250 blocks visited, 1,540 documents scored"."""
    parts = []
    if weights := stats.postings + stats.frequent_cells:
        parts.append(f"{counted(weights, 'weights')} added")
    if stats.blocks:
        parts.append(f"{stats.blocks - stats.blocks_skipped:,} of {stats.blocks:,} blocks visited")
    allowed = " that the filter allows" if stats.direct else ""
    parts.append(f"{counted(stats.documents_scored, 'documents')}{allowed} scored")
    return f"{stats.mode}: {', '.join(parts)}"


def mean_stats(stats: Sequence[SearchStats]) -> SearchStats:
    """The rounded mean over one or more searches in the same mode."""

    def mean(name: str) -> int:
        return round(sum(getattr(each, name) for each in stats) / len(stats))

    return stats[0]._replace(
        postings=mean("postings"),
        frequent_cells=mean("frequent_cells"),
        blocks=mean("blocks"),
        blocks_skipped=mean("blocks_skipped"),
        documents_scored=mean("documents_scored"),
    )
