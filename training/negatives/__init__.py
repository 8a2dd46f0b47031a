"""Hard negatives: mined with any searcher, filtered by a teacher, and mined again while a student learns."""

from __future__ import annotations

from lsr.training.negatives.filters import TeacherMargin
from lsr.training.negatives.mining import mine, refresh
from lsr.training.negatives.searchers import CandidateSearcher, DenseSearcher, IndexSearcher, SparseSearcher
from lsr.training.negatives.settings import MiningSettings

__all__ = [
    "CandidateSearcher",
    "DenseSearcher",
    "IndexSearcher",
    "MiningSettings",
    "SparseSearcher",
    "TeacherMargin",
    "mine",
    "refresh",
]
