"""Visiting the blocks of a segment, the best bound first."""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.clock import nanoseconds
from lsr.index.kernels.filter import is_allowed
from lsr.index.kernels.prefetch import prefetch
from lsr.index.kernels.scoring import prefetch_documents, score_document
from lsr.index.kernels.topk import offer

# A block's documents are prefetched this many blocks before they are scored, and their offsets before that.
AHEAD = 4
FAR = 2 * AHEAD

# What `state` counts.
VISITED, SCORED, BEST = 0, 1, 2


@kernel(forceinline=True)
def needed_bound(factor, score, largest):
    """The bound, at least 1, that a block needs to hold a document of this score; factor: for a score of 1.0."""
    return np.int64(min(max(factor * score, 1.0), largest - 1))


@kernel
def next_bound(low, best_bound, needed):
    """How far to go down next: as far as is needed, in growing steps, for what is needed rises with the threshold."""
    lower = low - (best_bound - low) // 8 - 1
    return max(lower if 16 * lower > best_bound else 1, needed)


@kernel(forceinline=True)
def prefetch_offsets(forward_indptr, document_rows, block_size, block):
    """Start loading where the documents of a block are, which must be known before these can be prefetched."""
    first = np.int64(block) * block_size
    prefetch(forward_indptr, first)
    prefetch(document_rows, first)


@kernel(forceinline=True)
def prefetch_block(forward_indptr, forward_terms, forward_weights, block_size, block):
    """Start loading the documents of a block."""
    first = np.int64(block) * block_size
    last = min(first + block_size, forward_indptr.size - 1)
    prefetch_documents(forward_indptr, forward_terms, forward_weights, first, last)


@kernel
def visit_blocks(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    block_size,
    document_rows,
    accumulators,
    ordered,
    needed,
    factor,
    max_blocks,
    started,
    budget,
    allow,
    lookup,
    scores,
    rows,
    size,
    best,
    state,
):
    """Visit blocks of a segment in turn, for the best documents of one query.

    Arguments that are not here are those of `lsr.index.engines.blocks.kernel.search_blocks`.

    ordered: uint32 [count]: the blocks, best bound first. The caller has prefetched the offsets of the first FAR, and
        the documents of the first AHEAD.
    needed: int64, the least bound of a block that may hold one of the best; factor: see `needed_bound`.
    started: when the search began, in nanoseconds.
    scores, rows: float32 [k], int64 [k]: the heap of the segment's best; size: how many of them are filled.
    best: None if what is searched is this segment alone; else the heap of the best scores of all segments, and their
        rows, which are not told apart.
    state: int64 [3], of all segments: blocks visited, documents scored, how much of `best` is filled.

    Returns the new size, the bound that is needed now, and whether no block is to be visited any more.
    """
    documents = forward_indptr.size - 1
    k = scores.size
    largest = np.int64(1) << 8 * accumulators.itemsize
    count = ordered.size
    visited, scored = state[VISITED], state[SCORED]
    stopped = False
    for i in range(count):
        block = np.int64(ordered[i])
        if np.int64(accumulators[block]) < needed:
            continue
        if visited == max_blocks or (budget and nanoseconds() - started > budget):
            stopped = True
            break
        if i + FAR < count:
            prefetch_offsets(forward_indptr, document_rows, block_size, ordered[i + FAR])
        if i + AHEAD < count:
            prefetch_block(forward_indptr, forward_terms, forward_weights, block_size, ordered[i + AHEAD])
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
            if score > 0 and (size < k or score >= scores[0]):
                # Numba compiles only the branch that the type of `best` chooses.
                if best is None:
                    size = offer(scores, rows, size, score, row)
                elif state[BEST] < k or score >= best[0][0]:
                    size = offer(scores, rows, size, score, row)
                    state[BEST] = offer(best[0], best[1], state[BEST], score, row)
        # A block without an allowed document costs little, and does not count.
        visited += scored > scored_before
        if best is None:
            if size == k:
                needed = needed_bound(factor, scores[0], largest)
        elif state[BEST] == k:
            needed = needed_bound(factor, best[0][0], largest)
    state[VISITED], state[SCORED] = visited, scored
    return size, needed, stopped or visited == max_blocks
