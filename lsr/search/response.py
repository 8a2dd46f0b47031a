"""What a search by text answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lsr.core.documents import Document
from lsr.text.windows import Window
from lsr.vectors.explanation import TermMatch

if TYPE_CHECKING:
    from lsr.index import SearchStats
    from lsr.index.parts.dense.vectors import DenseStats


@dataclass(frozen=True, slots=True)
class StageScore:
    """What one stage said of a hit.

    Attributes:
        score: of the stage itself; None where it did not score the document.
        rank: from 1; None where it did not return it.
        contribution: the share of the hit's score; None for a stage that adds nothing to it.
    """

    score: float | None
    rank: int | None
    contribution: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer.

    Attributes:
        rank: from 1; id, score; document: as stored. In an index of windows its text is that of the best window, the
            whole being `Index.document(id)`'s.
        matches: the shared terms, largest contribution first, if they were asked for: those of the best window.
        window: which window that is, or None in an index of whole documents.
        stages: what "sparse", "dense" and "rerank" said of it; empty for a search of the sparse index alone.
    """

    rank: int
    id: str
    score: float
    document: Document
    matches: list[TermMatch] | None = None
    stages: dict[str, StageScore] = field(default_factory=dict)
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class SearchResponse:
    """Ranked hits with what the search did and how long it took.

    Attributes:
        hits: best first.
        stats: what the (last) search of the sparse index did; None if it was not searched.
        encode_ms, search_ms: milliseconds for the query's vectors, and for all the rest.
        mode: that was asked for, where it is not one of the sparse index alone.
        dense_stats: what the search of dense vectors did, or None.
        dense_weight: that scores or ranks were fused with, or None.
        stages_ms: milliseconds of each stage, encoding included, in the order in which they ran.
    """

    hits: list[Hit]
    stats: SearchStats | None
    encode_ms: float
    search_ms: float
    mode: str | None = None
    dense_stats: DenseStats | None = None
    dense_weight: float | None = None
    stages_ms: dict[str, float] = field(default_factory=dict)
