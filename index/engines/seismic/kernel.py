"""Approximate search over blocks with summaries.

After Seismic (Bruch, Nardini, Rulli and Venturini, SIGIR 2024, arXiv:2404.18812, algorithm 2), with the pruning rule of
its authors' code, which multiplies the threshold by the heap factor where the paper divides. Unlike there, all lists'
summaries are scored before any document, and the best blocks of all lists are visited first, so that the threshold is
high from the start.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.jit import kernel
from lsr.index.kernels.bounds import ROUNDING
from lsr.index.kernels.filter import is_allowed
from lsr.index.kernels.scoring import (
    ForwardArguments,
    empty_lookup,
    fill_lookup,
    prefetch_documents,
    score_document,
)
from lsr.index.kernels.topk import offer, sort_best_first, sort_positive_best_first

# This many blocks with the best summaries are visited first, best first.
LEADING_BLOCKS = 32
# A document's pairs are prefetched this many documents before they are read.
PREFETCH_AHEAD = 3
_BLOCKS_OF_TWO_BYTES = 1 << 16


@kernel
def _visit(
    members,
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    document_rows,
    allow,
    lookup,
    visited,
    generation,
    scores,
    rows,
    size,
):
    """Score the documents at positions `members` that are allowed and not yet visited.

    Returns (heap size, documents scored).
    """
    scored = 0
    for i in range(members.size):
        if i + PREFETCH_AHEAD < members.size:
            ahead = np.int64(members[i + PREFETCH_AHEAD])
            prefetch_documents(forward_indptr, forward_terms, forward_weights, ahead, ahead + 1)
        position = members[i]
        # Of a damaged index, any number may stand there.
        if position >= visited.size or visited[position] == generation:
            continue
        visited[position] = generation
        row = np.int64(document_rows[position])
        if is_allowed(allow, row):
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
            if score > 0:
                size = offer(scores, rows, size, score, row)
    return size, scored


@kernel
def _first_not_below(values, first, last, wanted):
    """Position of the first of the ascending values[first:last] that is not below `wanted`, or `last`."""
    while first < last:
        middle = (first + last) // 2
        if values[middle] < wanted:
            first = middle + 1
        else:
            last = middle
    return first


@kernel
def _add_summaries(summary_terms, summary_ends, entry_blocks, entry_weights, terms, term_weights, bounds):
    """Add to `bounds` the inner products of one list's summaries with the query.

    summary_*, entry_*: the list's part of them. bounds: float32 [blocks of the list], with room behind them for any
    block of two bytes: there falls what a damaged index adds to blocks that it does not have.
    """
    at = 0
    for i in range(terms.size):
        at = _first_not_below(summary_terms, at, summary_terms.size, terms[i])
        if at == summary_terms.size:
            break
        if summary_terms[at] == terms[i]:
            begin = summary_ends[at - 1] if at > 0 else np.uint32(0)
            weight = term_weights[i]
            for e in range(np.uint64(begin), min(np.uint64(summary_ends[at]), np.uint64(entry_blocks.size))):
                bounds[entry_blocks[e]] += weight * np.float32(entry_weights[e])


class SeismicArguments(NamedTuple):
    """The blocks of Seismic, as `search_seismic` takes them."""

    block_indptr: npt.NDArray[np.int64]
    block_starts: npt.NDArray[np.int64]
    block_rows: npt.NDArray[np.uint32]
    block_unbounded: npt.NDArray[np.uint8]
    summary_indptr: npt.NDArray[np.int64]
    summary_terms: npt.NDArray[Any]
    summary_ends: npt.NDArray[np.uint32]
    entry_indptr: npt.NDArray[np.int64]
    entry_blocks: npt.NDArray[np.uint16]
    entry_weights: npt.NDArray[np.uint8]


SEARCH_SEISMIC_GROUPS = (ForwardArguments, SeismicArguments)


@kernel
def search_seismic(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    block_indptr,
    block_starts,
    block_rows,
    block_unbounded,
    summary_indptr,
    summary_terms,
    summary_ends,
    entry_indptr,
    entry_blocks,
    entry_weights,
    document_rows,
    terms,
    term_turns,
    term_weights,
    lists,
    heap_factor,
    allow,
    lookup,
    visited,
    generation,
    scores,
    rows,
    counters,
):
    """Fill `scores` and `rows` with the best documents found, best first; return how many there are.

    block_*, summary_*, entry_*: see `lsr.index.parts.seismic.blocks.SeismicBlocks`. forward_*: see
    `lsr.index.kernels.scoring`. document_rows: uint32 [documents]: the row of each position.
    terms: uint32 [m], ascending; term_turns: int32, see `common_terms`; term_weights: float32 [m]: the query, weights
    times the index's scale.
    lists: int64, positions in `terms` of the lists to go through.
    heap_factor: float32. A block is skipped when k documents are known and its summary's inner product with the query
    is below heap_factor times the worst of their scores: a smaller factor skips less.
    allow: uint8 bitmap of rows, or empty.
    lookup: see `lsr.index.kernels.scoring`; empty before and after.
    visited: uint8 [documents], with no value equal to `generation`.
    scores: float32 [k], rows: int64 [k]: the heap.
    counters: int64 [4]; receives blocks seen, blocks skipped, documents scored.

    With summaries of all mass, whole lists, all terms and heap_factor at most 1 the result is that of exhaustive
    search: a block is skipped only if its bound is lower by more than what rounding can take from it.
    """
    fill_lookup(lookup, terms, term_turns, term_weights)
    total = 0
    for position in lists:
        total += block_indptr[terms[position] + 1] - block_indptr[terms[position]]
    bounds = np.empty(total + _BLOCKS_OF_TWO_BYTES, np.float32)
    blocks = np.empty(total, np.int64)
    offset = 0
    for position in lists:
        term = terms[position]
        first = block_indptr[term]
        count = block_indptr[term + 1] - first
        for b in range(count):
            bounds[offset + b] = np.inf if block_unbounded[first + b] else 0
            blocks[offset + b] = first + b
        summaries = slice(summary_indptr[term], summary_indptr[term + 1])
        entries = slice(entry_indptr[term], entry_indptr[term + 1])
        _add_summaries(
            summary_terms[summaries],
            summary_ends[summaries],
            entry_blocks[entries],
            entry_weights[entries],
            terms,
            term_weights,
            bounds[offset : offset + count],
        )
        offset += count

    leader_bounds = np.empty(min(LEADING_BLOCKS, total), np.float32)
    leaders = np.empty(leader_bounds.size, np.int64)
    leading = 0
    for i in range(total):
        leading = offer(leader_bounds, leaders, leading, bounds[i], i)
    sort_best_first(leader_bounds, leaders, leading)

    # Bounds are added up in float32, with a product and a sum to be rounded for each term.
    factor = np.float64(heap_factor) * (1 - ROUNDING * (terms.size + 2))
    size, skipped, scored = 0, 0, 0
    for turn in range(leading + total):
        i = leaders[turn] if turn < leading else turn - leading
        if bounds[i] < 0:
            continue
        if size == scores.size and bounds[i] < factor * scores[0]:
            skipped += 1
        else:
            members = block_rows[block_starts[blocks[i]] : block_starts[blocks[i] + 1]]
            size, more = _visit(
                members,
                forward_indptr,
                forward_terms,
                forward_weights,
                forward_deficits,
                forward_rare_indptr,
                forward_rare_turns,
                document_rows,
                allow,
                lookup,
                visited,
                generation,
                scores,
                rows,
                size,
            )
            scored += more
        bounds[i] = -1  # done with

    empty_lookup(lookup, terms)
    counters[0], counters[1], counters[2] = total, skipped, scored
    sort_positive_best_first(scores, rows, size)
    return size
