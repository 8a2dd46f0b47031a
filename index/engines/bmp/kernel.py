"""Search by Block-Max Pruning (Mallia, Suel and Tonellotto, SIGIR 2024, arXiv:2405.01117).

The upper bounds of all blocks are added up, the blocks sorted by them, and visited from the largest down until none
promises more than the k-th best score. As in the authors' code, sums stop at the largest uint16, which is a bound too.
"""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.accumulate import SummaryArguments, accumulate
from lsr.index.kernels.bounds import ROUNDING, BoundArguments, bound_scale, integer_weights
from lsr.index.kernels.filter import is_allowed
from lsr.index.kernels.scoring import (
    ForwardArguments,
    common_terms,
    empty_lookup,
    fill_lookup,
    prefetch_documents,
    score_document,
)
from lsr.index.kernels.selection import CHUNK
from lsr.index.kernels.topk import offer, sort_positive_best_first

_LARGEST = 65_535


@kernel
def _least_score(kth_weights, forward_deficits, terms, term_turns, term_weights):
    """A score (float32) that at least k documents reach by the weight of a single term.

    kth_weights: uint8 [dim], or empty, which gives a score of 0. Rare terms are left out: the weights of their columns
    are other terms' too.
    """
    least = np.float32(0)
    if kth_weights.size == 0:
        return least
    for i in range(common_terms(terms, term_turns)):
        weight = np.float32(kth_weights[terms[i]])
        if forward_deficits is not None:
            # Rounded up, by less than one.
            weight = max(weight - np.float32(1), np.float32(0))
        least = max(least, term_weights[i] * weight)
    return least


@kernel
def _sort_blocks(bounds, maxima, largest, least, counts, ordered):
    """Put the blocks whose bound is at least `least` into `ordered`, the largest first; return their number.

    A counting sort: of equal bounds the first block comes first. bounds: uint16 [blocks padded to whole chunks], the
    largest of them `largest`; maxima: of the chunks. counts: int64 [65536], scratch; ordered: uint32 [like bounds].
    """
    counts[least : largest + 1] = 0
    for chunk in range(maxima.size):
        if maxima[chunk] >= least:
            for block in range(chunk * CHUNK, (chunk + 1) * CHUNK):
                if bounds[block] >= least:
                    counts[bounds[block]] += 1
    start = 0
    for bound in range(largest, least - 1, -1):
        count = counts[bound]
        counts[bound] = start
        start += count
    for chunk in range(maxima.size):
        if maxima[chunk] >= least:
            for block in range(chunk * CHUNK, (chunk + 1) * CHUNK):
                if bounds[block] >= least:
                    ordered[counts[bounds[block]]] = block
                    counts[bounds[block]] += 1
    return start


SEARCH_BMP_GROUPS = (ForwardArguments, SummaryArguments, BoundArguments)


@kernel
def search_bmp(
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
    kth_weights,
    terms,
    term_turns,
    term_weights,
    alpha,
    allow,
    lookup,
    scores,
    rows,
    counters,
):
    """Fill `scores` and `rows` with the best documents, best first; return how many there are.

    forward_*: see `lsr.index.kernels.scoring`. document_rows: uint32 [documents]: the row of each position.
    frequent_numbers … window: the blocks' summaries, see `accumulate`. block_size: documents of a block.
    weights … ordered: scratch, the first four hold at least as many values as the query has terms; accumulators are
    uint16, see `accumulate`; histogram: int64 [65536], see `_sort_blocks`.
    kth_weights: uint8 [dim]: a weight of each term that at least k documents reach, or empty if none is known.
    terms: uint32 [m], ascending; term_turns: int32, see `common_terms`; term_weights: float32 [m]: the query, weights
    times the index's scale.
    alpha: above 0, at most 1. Once k documents are known, the search stops at the first block of which the worst of
    their scores exceeds alpha times the bound.
    allow: uint8 bitmap of rows, or empty.
    lookup: see `lsr.index.kernels.scoring`; empty before and after. scores: float32 [k], rows: int64 [k]: the heap.
    counters: int64 [4], receives postings added, cells of frequent terms added, blocks visited, documents scored.
    """
    documents = forward_indptr.size - 1
    scale, strongest = bound_scale(terms, term_weights, term_maxima, _LARGEST)
    integer_weights(terms, term_weights, term_maxima, scale, strongest, 0.0, weights, cuts)
    added, frequent_added, largest = accumulate(
        frequent_numbers,
        frequent_weights,
        list_starts,
        list_blocks,
        list_weights,
        term_maxima,
        window,
        terms,
        weights,
        cuts,
        frequent_rows,
        frequent_factors,
        accumulators,
        maxima,
    )
    # The bound that a block needs for a score of 1.0.
    factor = scale * (1 - ROUNDING)
    least = _least_score(kth_weights, forward_deficits, terms, term_turns, term_weights)
    needed = max(np.int64(min(factor * least, _LARGEST)), 1)
    count = _sort_blocks(accumulators, maxima, largest, needed, histogram, ordered)

    fill_lookup(lookup, terms, term_turns, term_weights)
    size, visited, scored = 0, 0, 0
    for i in range(count):
        block = np.int64(ordered[i])
        if accumulators[block] < needed:
            break
        visited += 1
        if i + 1 < count:
            # The rest of the block follows its first document in memory.
            ahead = np.int64(ordered[i + 1]) * block_size
            prefetch_documents(forward_indptr, forward_terms, forward_weights, ahead, ahead + 1)
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
            if score > 0 and (size < scores.size or score >= scores[0]):
                size = offer(scores, rows, size, score, row)
        if size == scores.size:
            # A sum that stopped at the largest integer may stand for more.
            needed = max(needed, np.int64(min(factor * scores[0] / alpha, _LARGEST)))
    empty_lookup(lookup, terms)
    counters[0], counters[1], counters[2], counters[3] = added, frequent_added, visited, scored
    sort_positive_best_first(scores, rows, size)
    return size
