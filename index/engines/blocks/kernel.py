"""Search by block bounds: the blocks are visited best bound first, and their documents scored in full.

Blocks are runs of neighbouring documents whose summary is the largest weight of each term, as in Block-Max Pruning
(Mallia, Suel and Tonellotto, SIGIR 2024, arXiv:2405.01117). Unlike there, blocks are a few documents long, their bounds
are added up from impact-ordered lists (as documents' scores are in JASS: Lin and Trotman, ICTIR 2015), and nothing is
scored before all bounds are known.
"""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.accumulate import SummaryArguments, accumulate
from lsr.index.kernels.bounds import ROUNDING, BoundArguments, bound_scale, integer_weights
from lsr.index.kernels.clock import nanoseconds
from lsr.index.kernels.scoring import ForwardArguments, empty_lookup, fill_lookup
from lsr.index.kernels.selection import gather, threshold
from lsr.index.kernels.topk import sort_positive_best_first
from lsr.index.kernels.visits import (
    AHEAD,
    FAR,
    SCORED,
    VISITED,
    next_bound,
    prefetch_block,
    prefetch_offsets,
    visit_blocks,
)

SEARCH_BLOCKS_GROUPS = (ForwardArguments, SummaryArguments, BoundArguments)


@kernel
def search_blocks(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    frequent_numbers,
    frequent_weights,
    list_starts,
    list_blocks,
    list_weights,
    term_maxima,
    window,
    block_size,
    weights,
    cuts,
    frequent_rows,
    frequent_factors,
    accumulators,
    maxima,
    histogram,
    ordered,
    document_rows,
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
    found,
    lookup,
    scores,
    rows,
    counters,
):
    """Search one query after another: fill `scores` and `rows` with the best documents of each, best first.

    forward_*: see `lsr.index.kernels.scoring`. document_rows: uint32 [documents]: the row of each position.
    frequent_numbers … window: the blocks' summaries, see `accumulate`. block_size: documents of a block.
    weights … ordered, found: scratch, see `accumulate` and `gather`; the first four hold at least as many values as a
    query has terms.
    query_indptr: int64 [n + 1]; query_terms: uint32, ascending within a query; query_turns: int32, see `common_terms`;
    query_weights: float32, times the index's scale.
    cut, heap_factor: see `lsr.index.engines.blocks.search.search_approximate`; 0.0 and 1.0 make the search exact.
    first_blocks: blocks to look at before the first threshold; max_blocks: the most to visit. budget: int64,
        nanoseconds from the start of a query after which no block is visited, 0 for no such limit.
    allow: uint8 bitmap of rows, or empty.
    lookup: see `lsr.index.kernels.scoring`; empty before and after.
    scores: float32 [n, k], rows: int64 [n, k]: the heaps.
    counters: int64 [n, 5], receives postings added, cells of frequent terms added, blocks visited, documents scored,
    and the number of documents found.
    """
    largest = np.int64(1) << 8 * accumulators.itemsize
    state = np.empty(3, np.int64)
    for q in range(query_indptr.size - 1):
        started = nanoseconds() if budget else np.int64(0)
        terms = query_terms[query_indptr[q] : query_indptr[q + 1]]
        term_weights = query_weights[query_indptr[q] : query_indptr[q + 1]]
        m = terms.size
        scale, strongest = bound_scale(terms, term_weights, term_maxima, largest - 1)
        integer_weights(terms, term_weights, term_maxima, scale, strongest, cut, weights[:m], cuts[:m])
        added, frequent_added, best_bound = accumulate(
            frequent_numbers,
            frequent_weights,
            list_starts,
            list_blocks,
            list_weights,
            term_maxima,
            window,
            terms,
            weights[:m],
            cuts[:m],
            frequent_rows,
            frequent_factors,
            accumulators,
            maxima,
        )
        fill_lookup(lookup, terms, query_turns[query_indptr[q] : query_indptr[q + 1]], term_weights)
        # The bound below which a block is skipped, for a threshold of 1.0.
        factor = heap_factor * scale * (1 - ROUNDING)
        wanted = min(first_blocks, max(maxima.size // 4, 1))
        low, high, needed = threshold(maxima, best_bound, wanted, histogram), largest, np.int64(1)
        size, stopped, state[:] = 0, False, 0
        while True:
            count = gather(accumulators, maxima, low, high, found, histogram, ordered)
            for i in range(min(FAR, count)):
                prefetch_offsets(forward_indptr, document_rows, block_size, ordered[i])
            for i in range(min(AHEAD, count)):
                prefetch_block(forward_indptr, forward_terms, forward_weights, block_size, ordered[i])
            size, needed, stopped = visit_blocks(
                forward_indptr,
                forward_terms,
                forward_weights,
                forward_deficits,
                forward_rare_indptr,
                forward_rare_turns,
                block_size,
                document_rows,
                accumulators,
                ordered[:count],
                needed,
                factor,
                max_blocks,
                started,
                budget,
                allow,
                lookup,
                scores[q],
                rows[q],
                size,
                None,
                state,
            )
            if stopped or low <= needed:
                break
            low, high = next_bound(low, best_bound, needed), low
        empty_lookup(lookup, terms)
        sort_positive_best_first(scores[q], rows[q], size)
        counters[q, 0], counters[q, 1] = added, frequent_added
        counters[q, 2], counters[q, 3], counters[q, 4] = state[VISITED], state[SCORED], size
