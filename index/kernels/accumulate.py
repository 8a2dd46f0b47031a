"""Adding up the bounds of all blocks, term at a time, in small integers.

A bound is the sum over the query's terms of (integer query weight) x (the term's largest weight in the block). Sums
stop at the largest value of their type, which is a bound too, so nothing wraps.

    summaries of the blocks, in windows of at most 65,536 blocks (see `lsr.index.parts.summaries.blocks.Summaries`):
        frequent_numbers: int32 [dim]: the row of a frequent term in frequent_weights, -1 for the others.
        frequent_weights: uint8 [frequent terms, blocks padded to whole chunks].
        list_starts: int64 [windows * dim + 1]; list_blocks: uint16, counted from the window's first block;
        list_weights: uint8, descending within a list.
    accumulators: unsigned [blocks padded to whole chunks].
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.jit import kernel
from lsr.index.kernels.integers import add_saturating
from lsr.index.kernels.prefetch import prefetch
from lsr.index.kernels.selection import CHUNK, chunk_maxima

# A row is added whole or not at all, costs as much as many postings, and distinguishes blocks the least: with a cut,
# its largest weight has to exceed the cut this many times.
FREQUENT_CUT = 3
# Postings between two checks of whether a list has fallen below its cut.
_STRIDE = 64
# The head of a list is prefetched so many lists before it is added: most lists of a small segment are short.
_AHEAD = 8
_PREFETCHED_POSTINGS = 512


class SummaryArguments(NamedTuple):
    """The summaries of blocks, as kernels take them; block_size: documents per block."""

    frequent_numbers: npt.NDArray[np.int32]
    frequent_weights: npt.NDArray[np.uint8]
    list_starts: npt.NDArray[np.int64]
    list_blocks: npt.NDArray[np.uint16]
    list_weights: npt.NDArray[np.uint8]
    term_maxima: npt.NDArray[np.uint8]
    window: int
    block_size: int


@kernel
def _set_row(sums, row, weight):
    for i in range(sums.size):
        sums[i] = sums.dtype.type(sums.dtype.type(row[i]) * weight)


@kernel
def _add_row(sums, row, weight):
    for i in range(sums.size):
        sums[i] = add_saturating(sums[i], sums.dtype.type(sums.dtype.type(row[i]) * weight))


@kernel
def _add_four_rows(sums, first, second, third, fourth, weights):
    # Four rows in one pass over the sums: loading and storing these is most of the work.
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    kind = sums.dtype.type
    for i in range(sums.size):
        left = add_saturating(kind(kind(first[i]) * a), kind(kind(second[i]) * b))
        right = add_saturating(kind(kind(third[i]) * c), kind(kind(fourth[i]) * d))
        sums[i] = add_saturating(sums[i], add_saturating(left, right))


@kernel
def _add_list(sums, blocks, weights, weight):
    # Unsigned positions spare the check for negative ones.
    for p in range(np.uint64(blocks.size)):
        product = sums.dtype.type(sums.dtype.type(weights[p]) * weight)
        sums[blocks[p]] = add_saturating(sums[blocks[p]], product)


@kernel
def first_below(values, first, last, wanted):
    """Position of the first of the descending values[first:last] that is below `wanted`, or `last`.

    Goes forward by strides: the values skipped are about to be read anyway.
    """
    while first + _STRIDE <= last and values[first + _STRIDE - 1] >= wanted:
        first += _STRIDE
    while first < last and values[first] >= wanted:
        first += 1
    return first


@kernel(forceinline=True)
def _prefetch_head(list_starts, list_blocks, list_weights, number):
    first = list_starts[number]
    last = min(first + _PREFETCHED_POSTINGS, list_starts[number + 1])
    for p in range(first, last, 64):
        prefetch(list_weights, p)
        prefetch(list_blocks, p)
        prefetch(list_blocks, p + 32)


@kernel
def accumulate(
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
):
    """Overwrite `accumulators` with the bounds and `maxima` with the largest of each chunk.

    Returns the number of postings and of cells of frequent terms that were added, and the largest bound.

    term_maxima: uint8 [dim]: each term's largest weight anywhere. window: blocks of a window.
    terms: uint32 [m]; weights: [m], of the accumulators' type, at least 1.
    cuts: int64 [m]: smaller weights of a term are left out (1 leaves out none), and so are rows of weights that hardly
    exceed it.
    frequent_rows: int64 [m]; frequent_factors: like weights; both scratch.
    accumulators: whole chunks of them (see `lsr.index.kernels.selection`); maxima: one for each, of the same type.
    """
    dim = term_maxima.size
    frequent = 0
    for i in range(terms.size):
        number = frequent_numbers[terms[i]]
        if number >= 0 and (cuts[i] == 1 or term_maxima[terms[i]] >= FREQUENT_CUT * cuts[i]):
            frequent_rows[frequent] = number
            frequent_factors[frequent] = weights[i]
            frequent += 1
    added, largest = 0, 0
    for start in range(0, accumulators.size, window):
        stop = min(start + window, accumulators.size)
        sums = accumulators[start:stop]
        lists = start // window * dim
        for i in range(terms.size):
            prefetch(list_starts, lists + terms[i])
        if frequent:
            _set_row(sums, frequent_weights[frequent_rows[0], start:stop], frequent_factors[0])
        else:
            sums[:] = 0
        i = 1
        while i + 4 <= frequent:
            _add_four_rows(
                sums,
                frequent_weights[frequent_rows[i], start:stop],
                frequent_weights[frequent_rows[i + 1], start:stop],
                frequent_weights[frequent_rows[i + 2], start:stop],
                frequent_weights[frequent_rows[i + 3], start:stop],
                frequent_factors[i : i + 4],
            )
            i += 4
        while i < frequent:
            _add_row(sums, frequent_weights[frequent_rows[i], start:stop], frequent_factors[i])
            i += 1
        for i in range(min(_AHEAD, terms.size)):
            _prefetch_head(list_starts, list_blocks, list_weights, lists + terms[i])
        for i in range(terms.size):
            if i + _AHEAD < terms.size:
                _prefetch_head(list_starts, list_blocks, list_weights, lists + terms[i + _AHEAD])
            first = list_starts[lists + terms[i]]
            last = list_starts[lists + terms[i] + 1]
            if cuts[i] > 1:
                last = first_below(list_weights, first, last, cuts[i])
            added += last - first
            _add_list(sums, list_blocks[first:last], list_weights[first:last], weights[i])
        # While the window is in the cache.
        largest = max(largest, chunk_maxima(sums, maxima[start // CHUNK : stop // CHUNK]))
    return added, frequent * accumulators.size, largest
