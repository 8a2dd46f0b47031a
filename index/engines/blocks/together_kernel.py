"""Search of several segments by block bounds: each begins at the score that the others have reached."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba.typed import List

from lsr.core.jit import kernel
from lsr.index.engines.blocks.kernel import search_query
from lsr.index.kernels.accumulate import SummaryArguments
from lsr.index.kernels.bounds import BoundArguments
from lsr.index.kernels.clock import nanoseconds
from lsr.index.kernels.scoring import ForwardArguments
from lsr.index.kernels.selection import CHUNK
from lsr.index.kernels.topk import offer


class SegmentArguments(NamedTuple):
    """What the kernels of `lsr.index.engines.blocks.kernel` take of a segment; document_rows: uint32 [documents]."""

    forward: ForwardArguments
    summaries: SummaryArguments
    document_rows: npt.NDArray[np.uint32]


SEARCH_SEGMENTS_GROUPS = (BoundArguments,)


@kernel
def list_of(segment):
    """A list that holds this segment, as kernels take segments of the same types."""
    segments = List()
    segments.append(segment)
    return segments


@kernel
def append_to(segments, segment):
    """Append a segment of the same types."""
    segments.append(segment)


@kernel
def search_segments(
    weights,
    cuts,
    frequent_rows,
    frequent_factors,
    accumulators,
    maxima,
    histogram,
    ordered,
    segments,
    numbers,
    query_indptr,
    query_terms,
    query_turns,
    query_weights,
    cut,
    heap_factor,
    first_blocks,
    max_blocks,
    budget,
    allow,
    allow_starts,
    found,
    lookup,
    best_scores,
    best_rows,
    best_sizes,
    taken,
    scores,
    rows,
    counters,
):
    """Search some of s segments, one after another, for every one of n queries.

    The arguments that are not here are those of `search_blocks`. Scratch is large enough for each of the segments.

    segments: list of `SegmentArguments`; numbers: int64, of each of them: its place in what has one for each segment.
    query_indptr: int64 [s, n + 1], into query_terms, query_turns and query_weights, as each segment takes the queries.
    first_blocks, max_blocks: int64 [s].
    allow: uint8, the bitmaps of all segments, one after another, from allow_starts (int64 [s + 1]) on; an empty one
        allows every row.
    best_scores: float32 [n, k], best_rows: int64 [n, k], best_sizes: int64 [n]: heaps of the best scores so far, in all
        segments; of rows, which are not told apart by segment, nothing is made.
    taken: int64 [n]: nanoseconds that each query has taken so far.
    scores: float32 [s, n, k], rows: int64 [s, n, k], counters: int64 [s, n, 5]: what each segment gives. Of rows that
        score as the last of the k best, all segments' are found.
    """
    k = best_scores.shape[1]
    for i in range(len(segments)):
        segment = segments[i]
        s = numbers[i]
        blocks = segment.summaries.frequent_weights.shape[1]
        bounds = BoundArguments(
            weights,
            cuts,
            frequent_rows,
            frequent_factors,
            accumulators[:blocks],
            maxima[: blocks // CHUNK],
            histogram,
            ordered,
        )
        allowed = allow[allow_starts[s] : allow_starts[s + 1]]
        for q in range(best_scores.shape[0]):
            started = nanoseconds() - taken[q] if budget else np.int64(0)
            first, last = query_indptr[s, q], query_indptr[s, q + 1]
            search_query(
                segment.forward,
                segment.summaries,
                bounds,
                segment.document_rows,
                query_terms[first:last],
                query_turns[first:last],
                query_weights[first:last],
                cut,
                heap_factor,
                first_blocks[s],
                max_blocks[s],
                started,
                budget,
                best_scores[q, 0] if best_sizes[q] == k else np.float32(0),
                allowed,
                found,
                lookup,
                scores[s, q],
                rows[s, q],
                counters[s, q],
            )
            for j in range(counters[s, q, 4]):
                best_sizes[q] = offer(best_scores[q], best_rows[q], best_sizes[q], scores[s, q, j], rows[s, q, j])
            if budget:
                taken[q] = nanoseconds() - started
