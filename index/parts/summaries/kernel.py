"""Making the blocks' summaries from the forward index: the largest weight of each term in each block."""

import numpy as np

from lsr.core.jit import kernel


@kernel
def count_blocks(forward_indptr, forward_terms, block_size, first_block, last_block, counts, last_seen):
    """Add to counts (int64 [dim]) the number of blocks first_block … last_block - 1 that each term occurs in.

    last_seen: int64 [dim], scratch, no value in it a block of the run.
    """
    documents = forward_indptr.size - 1
    for block in range(first_block, last_block):
        last = min((block + 1) * block_size, documents)
        for p in range(np.uint64(forward_indptr[block * block_size]), np.uint64(forward_indptr[last])):
            term = forward_terms[p]
            if last_seen[term] != block:
                last_seen[term] = block
                counts[term] += 1


@kernel
def _sort_descending(blocks, weights, spare_blocks, spare_weights, counts):
    """Sort a list by weight, the largest first; blocks of equal weight keep their order."""
    size = blocks.size
    if size <= 32:
        for i in range(1, size):
            block, weight = blocks[i], weights[i]
            at = i
            while at > 0 and weights[at - 1] < weight:
                blocks[at], weights[at] = blocks[at - 1], weights[at - 1]
                at -= 1
            blocks[at], weights[at] = block, weight
        return
    counts[:] = 0
    for i in range(size):
        counts[weights[i]] += 1
    end = size
    for weight in range(256):
        end -= counts[weight]
        counts[weight] = end
    for i in range(size):
        spare_blocks[i], spare_weights[i] = blocks[i], weights[i]
    for i in range(size):
        at = counts[spare_weights[i]]
        counts[spare_weights[i]] += 1
        blocks[at], weights[at] = spare_blocks[i], spare_weights[i]


@kernel
def summarise_window(
    forward_indptr,
    forward_terms,
    forward_weights,
    block_size,
    first_block,
    last_block,
    frequent_numbers,
    frequent_weights,
):
    """Summarise the blocks first_block … last_block - 1, at most 65,536 of them.

    frequent_numbers: int32 [dim]: which row of frequent_weights (uint8 [frequent terms, blocks], zero) a term's weights
    go to, -1 for the terms that get a list.

    Returns lengths int64 [dim], and, for the terms in order, list_blocks uint16 (counted from first_block) and
    list_weights uint8, descending within a list.
    """
    documents = forward_indptr.size - 1
    dim = frequent_numbers.size
    counts = np.zeros(dim, np.int64)
    last_seen = np.full(dim, -1, np.int64)
    count_blocks(forward_indptr, forward_terms, block_size, first_block, last_block, counts, last_seen)
    ends = np.empty(dim, np.int64)
    nnz, longest = 0, 0
    for term in range(dim):
        if frequent_numbers[term] >= 0:
            counts[term] = 0
        ends[term] = nnz
        nnz += counts[term]
        longest = max(longest, counts[term])
    blocks, weights = np.empty(nnz, np.uint16), np.empty(nnz, np.uint8)
    last_seen[:] = -1
    for block in range(first_block, last_block):
        last = min((block + 1) * block_size, documents)
        for p in range(np.uint64(forward_indptr[block * block_size]), np.uint64(forward_indptr[last])):
            term = forward_terms[p]
            weight = forward_weights[p]
            number = frequent_numbers[term]
            if number >= 0:
                frequent_weights[number, block] = max(frequent_weights[number, block], weight)
            elif last_seen[term] == block:
                weights[ends[term] - 1] = max(weights[ends[term] - 1], weight)
            else:
                last_seen[term] = block
                blocks[ends[term]] = block - first_block
                weights[ends[term]] = weight
                ends[term] += 1
    spare_blocks, spare_weights = np.empty(longest, np.uint16), np.empty(longest, np.uint8)
    histogram = np.empty(256, np.int64)
    for term in range(dim):
        part = slice(ends[term] - counts[term], ends[term])
        _sort_descending(blocks[part], weights[part], spare_blocks, spare_weights, histogram)
    return counts, blocks, weights
