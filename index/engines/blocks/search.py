"""Search by the bounds of the blocks, exact or approximate."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.index.engines.blocks.kernel import search_pruned
from lsr.index.engines.engine import Found, Queries, Scratch
from lsr.index.engines.exhaustive.search import search_rows
from lsr.index.engines.hits import SearchStats
from lsr.index.parts.segment import Segment

CUT = 0.12
HEAP_FACTOR = 0.7
# What the defaults were chosen on; larger collections need more blocks, about with the square root of their size.
_USUAL_DOCUMENTS = 300_000
# Some three years: a longer budget is none.
_LONGEST_NS = 1e17
# One document in so many: where a filter allows fewer, they are scored directly.
_DIRECT_SHARE = 400


def search_exact(
    segment: Segment, queries: Queries, k: int, allow: npt.NDArray[np.uint8], scratch: Scratch
) -> list[Found]:
    """The true k best: blocks are skipped only when their bound shows that they hold none of them."""
    return _search(segment, queries, k, allow, scratch, "exact", 0.0, 1.0, None, 0)


def usual_blocks(k: int, documents: int) -> int:
    """The blocks that approximate search visits unless told: 60 + 2 k, and more in more than 300,000 documents."""
    return round((60 + 2 * k) * max(1.0, documents / _USUAL_DOCUMENTS) ** 0.5)


def search_approximate(
    segment: Segment,
    queries: Queries,
    k: int,
    allow: npt.NDArray[np.uint8],
    scratch: Scratch,
    *,
    cut: float = CUT,
    heap_factor: float = HEAP_FACTOR,
    max_blocks: int | None = None,
    budget_us: float | None = None,
) -> list[Found]:
    """Visit the blocks with the best bounds until they no longer promise enough.

    Args:
        cut: in [0, 1). Postings that add less than this share of the most that any term of the query can add are left
            out of the bounds (not of the scores). Larger is faster and misses more. Under a filter nothing is left out.
        heap_factor: above 0. Once k documents are known, a block is skipped when its bound is below heap_factor times
            the k-th score. With a cut, bounds are too low by what was left out, and a factor below 1 makes up for it.
            It has the sense that it has in Seismic's code: larger is faster.
        max_blocks: visit no more blocks than this, those with the best bounds; ones without an allowed document do not
            count. None stands for `usual_blocks`.
        budget_us: visit no further block after so many microseconds from the start of the search; the bounds of all
            blocks, which come first, are computed in any case.
    """
    if not 0 <= cut < 1:
        raise InputError(f"cut must lie in [0, 1), not {cut}")
    if not (math.isfinite(heap_factor) and heap_factor > 0):
        raise InputError(f"heap_factor must be a positive number, not {heap_factor}")
    if max_blocks is not None and max_blocks < 1:
        raise InputError(f"max_blocks must be at least 1, not {max_blocks}")
    if budget_us is not None and not (math.isfinite(budget_us) and budget_us > 0):
        raise InputError(f"budget_us must be a positive number, not {budget_us}")
    budget = 0 if budget_us is None else max(int(min(budget_us * 1000, _LONGEST_NS)), 1)
    max_blocks = min(int(max_blocks or usual_blocks(k, len(segment.forward))), segment.summaries.blocks)
    return _search(
        segment, queries, k, allow, scratch, "approximate", float(cut), float(heap_factor), max_blocks, budget
    )


def _search(
    segment: Segment,
    queries: Queries,
    k: int,
    allow: npt.NDArray[np.uint8],
    scratch: Scratch,
    mode: str,
    cut: float,
    heap_factor: float,
    max_blocks: int | None,
    budget: int,
) -> list[Found]:
    summaries = segment.summaries
    # An exact search looks at a few blocks before it knows what bound the others need.
    wanted = max_blocks or k + k // 5 + 8 * summaries.block_size
    if allow.size:
        documents = len(segment.forward)
        allowed = min(int(np.bitwise_count(allow).sum()), documents)  # the last bits may stand for no document
        if allowed * _DIRECT_SHARE <= documents:
            rows = _rows(allow, documents)
            return [search_rows(segment, query, k, rows, scratch, mode) for query in queries]
        wanted = wanted * documents // allowed
        # The few that are allowed may match by nothing but what a cut leaves out.
        cut = 0.0
    found: list[Found] = []
    for part in queries.narrow_and_wide():
        n, most = len(part), part.most_terms
        scores, rows, counters = np.empty((n, k), np.float32), np.empty((n, k), np.int64), np.empty((n, 5), np.int64)
        search_pruned(
            *segment.forward_arrays,
            segment.document_rows,
            *summaries.arrays,
            part.indptr,
            part.terms,
            part.weights,
            cut,
            heap_factor,
            wanted,
            max_blocks or summaries.blocks,
            budget,
            allow,
            *scratch.bounds(most).arrays,
            scratch.lookup(most),
            scores,
            rows,
            counters,
        )
        for i, (postings, cells, visited, scored, size) in enumerate(counters.tolist()):
            stats = SearchStats(mode, postings, cells, summaries.blocks, summaries.blocks - visited, scored)
            found.append((rows[i, :size], scores[i, :size], stats))
    return found


def _rows(allow: npt.NDArray[np.uint8], documents: int) -> npt.NDArray[np.int64]:
    """The rows whose bits are set, where few are: only the bytes that are not zero are taken apart."""
    places = np.flatnonzero(allow)
    bits = np.unpackbits(allow[places, np.newaxis], axis=1, bitorder="little").astype(np.bool_)
    rows = (places[:, np.newaxis] * 8 + np.arange(8))[bits]
    return rows[rows < documents]
