"""Search by block bounds: the blocks are visited best bound first, and their documents scored in full.

Blocks are runs of neighbouring documents whose summary is the largest weight of each term, as in Block-Max Pruning
(Mallia, Suel and Tonellotto, SIGIR 2024, arXiv:2405.01117). Unlike there, blocks are a few documents long, their bounds
are added up from impact-ordered lists (as documents' scores are in JASS: Lin and Trotman, ICTIR 2015), and nothing is
scored before all bounds are known.
"""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.accumulate import SummaryArguments, accumulate
from lsr.index.kernels.bounds import ROUNDING, BoundArguments, integer_weights
from lsr.index.kernels.clock import nanoseconds
from lsr.index.kernels.filter import is_allowed
from lsr.index.kernels.prefetch import prefetch
from lsr.index.kernels.scoring import (
    ForwardArguments,
    empty_lookup,
    fill_lookup,
    prefetch_documents,
    score_document,
)
from lsr.index.kernels.selection import gather, threshold
from lsr.index.kernels.topk import offer, sort_best_first

# A block's documents are prefetched this many blocks before they are scored.
PREFETCH_AHEAD = 4


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
    forward = ForwardArguments(
        forward_indptr,
        forward_terms,
        forward_weights,
        forward_deficits,
        forward_rare_indptr,
        forward_rare_turns,
    )
    summaries = SummaryArguments(
        frequent_numbers,
        frequent_weights,
        list_starts,
        list_blocks,
        list_weights,
        term_maxima,
        window,
        block_size,
    )
    bounds = BoundArguments(weights, cuts, frequent_rows, frequent_factors, accumulators, maxima, histogram, ordered)
    for q in range(query_indptr.size - 1):
        terms = query_terms[query_indptr[q] : query_indptr[q + 1]]
        turns = query_turns[query_indptr[q] : query_indptr[q + 1]]
        term_weights = query_weights[query_indptr[q] : query_indptr[q + 1]]
        started = nanoseconds() if budget else np.int64(0)
        search_query(
            forward,
            summaries,
            bounds,
            document_rows,
            terms,
            turns,
            term_weights,
            cut,
            heap_factor,
            first_blocks,
            max_blocks,
            started,
            budget,
            np.float32(0),
            allow,
            found,
            lookup,
            scores[q],
            rows[q],
            counters[q],
        )


@kernel
def search_query(
    forward,
    summaries,
    bounds,
    document_rows,
    terms,
    turns,
    term_weights,
    cut,
    heap_factor,
    first_blocks,
    max_blocks,
    started,
    budget,
    least,
    allow,
    found,
    lookup,
    best_scores,
    best_rows,
    counters,
):
    """Search one query, as `search_blocks`, for documents that score at least `least` (float32, 0 for any).

    forward, summaries, bounds: `search_blocks`' arguments of these groups. terms … term_weights: those of
    the query. started: when it began, in nanoseconds. best_scores … counters: its heap and its row of `counters`.
    """
    (
        forward_indptr,
        forward_terms,
        forward_weights,
        forward_deficits,
        forward_rare_indptr,
        forward_rare_turns,
    ) = forward
    (
        frequent_numbers,
        frequent_weights,
        list_starts,
        list_blocks,
        list_weights,
        term_maxima,
        window,
        block_size,
    ) = summaries
    weights, cuts, frequent_rows, frequent_factors, accumulators, maxima, histogram, ordered = bounds
    documents = forward_indptr.size - 1
    k = best_scores.size
    largest = np.int64(1) << 8 * accumulators.itemsize
    m = terms.size
    scale = integer_weights(terms, term_weights, term_maxima, cut, largest - 1, weights[:m], cuts[:m])
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
    fill_lookup(lookup, terms, turns, term_weights)
    # The bound below which a block is skipped, for a threshold of 1.0.
    factor = heap_factor * scale * (1 - ROUNDING)

    size, visited, scored = 0, 0, 0
    needed = _needed(factor, least, largest)
    wanted = min(first_blocks, max(maxima.size // 4, 1))
    low, high = max(threshold(maxima, best_bound, wanted, histogram), needed), largest
    stopped = best_bound < needed
    while not stopped:
        count = gather(accumulators, maxima, low, high, found, histogram, ordered)
        for i in range(min(2 * PREFETCH_AHEAD, count)):
            first = np.int64(ordered[i]) * block_size
            prefetch(forward_indptr, first)
            prefetch(document_rows, first)
        for i in range(min(PREFETCH_AHEAD, count)):
            first = np.int64(ordered[i]) * block_size
            prefetch_documents(
                forward_indptr, forward_terms, forward_weights, first, min(first + block_size, documents)
            )
        for i in range(count):
            block = np.int64(ordered[i])
            if np.int64(accumulators[block]) < needed:
                continue
            if visited == max_blocks or (budget and nanoseconds() - started > budget):
                stopped = True
                break
            if i + 2 * PREFETCH_AHEAD < count:
                # The offsets of these documents must be in the cache before their pairs can be prefetched.
                far_ahead = np.int64(ordered[i + 2 * PREFETCH_AHEAD]) * block_size
                prefetch(forward_indptr, far_ahead)
                prefetch(document_rows, far_ahead)
            if i + PREFETCH_AHEAD < count:
                ahead = np.int64(ordered[i + PREFETCH_AHEAD]) * block_size
                prefetch_documents(
                    forward_indptr, forward_terms, forward_weights, ahead, min(ahead + block_size, documents)
                )
            scored_before = scored
            for position in range(block * block_size, min((block + 1) * block_size, documents)):
                row = np.int64(document_rows[position])
                if not is_allowed(allow, row):
                    continue
                scored += 1
                score = score_document(
                    forward_indptr,
                    forward_terms,
                    forward_weights,
                    forward_deficits,
                    forward_rare_indptr,
                    forward_rare_turns,
                    position,
                    lookup,
                )
                if score > 0 and score >= least and (size < k or score >= best_scores[0]):
                    size = offer(best_scores, best_rows, size, score, row)
            # A block without an allowed document costs little, and does not count.
            visited += scored > scored_before
            if size == k:
                needed = _needed(factor, best_scores[0], largest)
        if stopped or visited == max_blocks or low <= needed:
            break
        # Go down as far as is needed, in growing steps: what is needed rises with the threshold.
        high = low
        low -= (best_bound - low) // 8 + 1
        low = max(low if 16 * low > best_bound else 1, needed)
    empty_lookup(lookup, terms)
    sort_best_first(best_scores, best_rows, size)
    counters[0], counters[1], counters[2], counters[3] = added, frequent_added, visited, scored
    counters[4] = size


@kernel(forceinline=True)
def _needed(factor, score, largest):
    """The bound that a block needs for a document of this score, at least 1."""
    return np.int64(min(max(factor * score, 1.0), largest - 1))
