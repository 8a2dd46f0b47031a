"""Parameters of approximate search over the blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lsr.core.errors import InputError

# The size that the defaults were chosen for; larger collections need more blocks, roughly by the square root of their
# size.
_USUAL_DOCUMENTS = 300_000
# What a word says, a term of the model often says too, so each adds a smaller share: with words, 0.12 finds .945 of the
# ten best where it finds .983 without them, and 0.08 finds .991 (nfcorpus, lsr-doc-tiny; benchmarks/words_recall.py).
_CUT, _CUT_WITH_WORDS = 0.12, 0.08


@dataclass(frozen=True, slots=True)
class ApproximateParameters:
    """How much of the blocks an approximate search leaves out.

    Attributes:
        cut: In [0, 1). Postings that add less than this share of the most that any term of the query can add are left
            out of the bounds (not of the scores). Larger is faster and misses more. None chooses 0.12, and 0.08 in an
            index that holds words. Under a filter nothing is left out.
        heap_factor: Above 0. Once k documents are known, a block is skipped when its bound is below heap_factor times
            the k-th score. With a cut, bounds are too low by what was left out, and a factor below 1 makes up for it.
            As in Seismic's code, larger is faster.
        max_blocks: Visit no more blocks than this, those with the best bounds; ones without an allowed document do not
            count. None chooses by k and the number of documents (see `usual_blocks`).
        budget_us: Visit no further block after so many microseconds from the start of the search; the bounds of all
            blocks, which come first, are computed in any case. None sets no limit.
    """

    cut: float | None = None
    heap_factor: float = 0.7
    max_blocks: int | None = None
    budget_us: float | None = None

    def __post_init__(self) -> None:
        if self.cut is not None and not 0 <= self.cut < 1:
            raise InputError(f"cut must lie in [0, 1), not {self.cut}")
        if not (math.isfinite(self.heap_factor) and self.heap_factor > 0):
            raise InputError(f"heap_factor must be a positive number, not {self.heap_factor}")
        if self.max_blocks is not None and self.max_blocks < 1:
            raise InputError(f"max_blocks must be at least 1, not {self.max_blocks}")
        if self.budget_us is not None and not (math.isfinite(self.budget_us) and self.budget_us > 0):
            raise InputError(f"budget_us must be a positive number, not {self.budget_us}")


def usual_cut(*, words: bool) -> float:
    """The share that approximate search leaves out if `cut` is None."""
    return _CUT_WITH_WORDS if words else _CUT


def usual_blocks(k: int, documents: int) -> int:
    """The number of blocks that approximate search visits if `max_blocks` is None.

    60 + 2 k, and more for collections larger than the one that the defaults were chosen on.
    """
    return round((60 + 2 * k) * max(1.0, documents / _USUAL_DOCUMENTS) ** 0.5)
