"""Cutting inverted lists into blocks of similar documents, with a summary of each block.

After Seismic (Bruch, Nardini, Rulli and Venturini, SIGIR 2024, arXiv:2404.18812, section 5): the strongest postings of
each list are kept and clustered around random documents by the inner product of their strongest terms with the
centroid; a block's summary is the coordinate-wise maximum of its documents, its strongest terms kept up to a share of
its L1 mass. Stored weights are whole numbers on one scale, so a maximum of them needs no further rounding: a summary
with all of its mass is a true upper bound.
"""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.random import mix, sample

# A list this short is one block that is always visited: scoring its documents costs no more than a summary would.
SHORT_LIST = 32
# Local block numbers are uint16.
MAX_BLOCKS = 65_535
# A block whose documents have more pairs than this has no summary and is always visited. Without this, documents with
# tens of thousands of terms, which occur in as many lists, would take space that grows with the square of their length.
MAX_BLOCK_PAIRS = 1 << 15


@kernel
def sketch_documents(forward_indptr, forward_terms, forward_weights, first, terms, weights):
    """Each document's strongest terms (ties: the lower term), in ascending order.

    first: the row of the first line of the output. terms: unsigned [rows, cut]; weights: uint8 [rows, cut],
    zero where a document has fewer terms; both are overwritten.
    """
    cut = terms.shape[1]
    counts = np.zeros(256, np.int64)
    for line in range(terms.shape[0]):
        start, stop = forward_indptr[first + line], forward_indptr[first + line + 1]
        weights[line] = 0
        terms[line] = 0
        level, spare = _threshold(forward_weights[start:stop], cut, counts)
        at = 0
        for p in range(start, stop):
            weight = forward_weights[p]
            if weight < level or (weight == level and spare == 0):
                continue
            if weight == level:
                spare -= 1
            terms[line, at] = forward_terms[p]
            weights[line, at] = weight
            at += 1


@kernel
def _threshold(values, keep, counts):
    """(level, spare): the `keep` largest uint8 values are those above `level` and the first `spare` equal to it.

    counts: int64 [256], scratch.
    """
    if values.size <= keep:
        return 0, 0
    counts[:] = 0
    for value in values:
        counts[value] += 1
    level = 255
    while counts[level] < keep:
        keep -= counts[level]
        level -= 1
    return level, keep


@kernel
def _strongest(rows, weights, keep, counts):
    """The rows of the `keep` largest weights (ties: the lower row), ascending."""
    if rows.size <= keep:
        return rows.copy()
    level, spare = _threshold(weights, keep, counts)
    kept = np.empty(keep, rows.dtype)
    at = 0
    for i in range(rows.size):
        if weights[i] > level or (weights[i] == level and spare > 0):
            if weights[i] == level:
                spare -= 1
            kept[at] = rows[i]
            at += 1
    return kept


@kernel
def _grown(array, size):
    """The array, or a copy with room for at least `size` values."""
    if size <= array.size:
        return array
    larger = np.empty(max(size, 2 * array.size), array.dtype)
    larger[: array.size] = array
    return larger


@kernel
def _invert(forward_indptr, forward_terms, forward_weights, centroids, begins, ends):
    """Inverted lists of the centroids: (terms met, centroid numbers, weights).

    centroids: uint32 rows. begins, ends: int64 [dim], all zero; receive where each met term's list lies.
    """
    pairs = 0
    for row in centroids:
        pairs += forward_indptr[row + 1] - forward_indptr[row]
    met = np.empty(pairs, np.uint32)
    numbers = np.empty(pairs, np.uint16)
    weights = np.empty(pairs, np.uint8)
    count = 0
    for row in centroids:
        for p in range(forward_indptr[row], forward_indptr[row + 1]):
            term = forward_terms[p]
            if ends[term] == 0:
                met[count] = term
                count += 1
            ends[term] += 1
    at = 0
    for term in met[:count]:
        length = ends[term]
        begins[term] = at
        ends[term] = at
        at += length
    for number in range(centroids.size):
        row = centroids[number]
        for p in range(forward_indptr[row], forward_indptr[row + 1]):
            term = forward_terms[p]
            numbers[ends[term]] = number
            weights[ends[term]] = forward_weights[p]
            ends[term] += 1
    return met[:count], numbers, weights


@kernel
def _nearest(terms, weights, begins, ends, numbers, centroid_weights, alive, scores):
    """The living centroid with the largest inner product with a sketch (ties: the lower number).

    scores: uint32 [centroids], all zero, left all zero.
    """
    for i in range(terms.size):
        weight = np.uint32(weights[i])
        for e in range(np.uint64(begins[terms[i]]), np.uint64(ends[terms[i]])):
            scores[numbers[e]] += weight * np.uint32(centroid_weights[e])
    best = -1
    for number in range(scores.size):
        if alive[number] and (best < 0 or scores[number] > scores[best]):
            best = number
    scores[:] = 0
    return best


@kernel
def _cluster(
    rows,
    centroids,
    min_size,
    forward_indptr,
    forward_terms,
    forward_weights,
    sketch_terms,
    sketch_weights,
    begins,
    ends,
):
    """The number of the centroid that each row belongs to, int64 [rows]. begins, ends: as for `_invert`, left zero."""
    met, numbers, weights = _invert(forward_indptr, forward_terms, forward_weights, centroids, begins, ends)
    scores = np.zeros(centroids.size, np.uint32)
    sizes = np.zeros(centroids.size, np.int64)
    alive = np.ones(centroids.size, np.bool_)
    nearest = np.empty(rows.size, np.int64)
    for i in range(rows.size):
        row = rows[i]
        number = _nearest(sketch_terms[row], sketch_weights[row], begins, ends, numbers, weights, alive, scores)
        nearest[i] = number
        sizes[number] += 1
    if sizes.max() >= min_size:
        alive[:] = sizes >= min_size
        for i in range(rows.size):
            if not alive[nearest[i]]:
                row = rows[i]
                nearest[i] = _nearest(
                    sketch_terms[row], sketch_weights[row], begins, ends, numbers, weights, alive, scores
                )
    begins[met] = 0
    ends[met] = 0
    return nearest


@kernel
def _summarise(rows, forward_indptr, forward_terms, forward_weights, energy, maxima, met, counts):
    """Coordinate-wise maximum of some documents, cut to a share of its mass.

    maxima: uint8 [dim], all zero; receives the kept weights. met: uint32, room for every pair; receives the kept terms.
    counts: int64 [256], scratch. Returns the number of kept terms. Of equal weights the first met are kept.
    """
    met_count = 0
    for row in rows:
        for p in range(forward_indptr[row], forward_indptr[row + 1]):
            term = forward_terms[p]
            if maxima[term] == 0:
                met[met_count] = term
                met_count += 1
            maxima[term] = max(maxima[term], forward_weights[p])
    counts[:] = 0
    mass = 0
    for term in met[:met_count]:
        counts[maxima[term]] += 1
        mass += maxima[term]
    wanted = np.int64(np.ceil(energy * mass))
    level = 255
    while wanted > counts[level] * level:
        wanted -= counts[level] * level
        level -= 1
    spare = (wanted + level - 1) // level
    kept = 0
    for term in met[:met_count]:
        weight = maxima[term]
        if weight > level or (weight == level and spare > 0):
            if weight == level:
                spare -= 1
            met[kept] = term
            kept += 1
        else:
            maxima[term] = 0
    return kept


@kernel
def build_blocks(
    first_term,
    last_term,
    list_indptr,
    list_rows,
    list_weights,
    forward_indptr,
    forward_terms,
    forward_weights,
    sketch_terms,
    sketch_weights,
    n_postings,
    centroid_fraction,
    min_cluster_size,
    energy,
    seed,
):
    """Cut the lists of terms first_term … last_term - 1 into blocks.

    list_*: the inverted lists; forward_*: the forward index; sketch_*: what `sketch_documents` made of all documents.
    n_postings and the rest: see `lsr.index.format.settings.SeismicSettings`; seed: uint64.

    Returns, for the terms in order,
        block_counts: int64 [terms]: blocks of each list.
        lengths: uint32 [blocks]; rows: uint32 [sum of lengths]: documents of each block, ascending.
        unbounded: uint8 [blocks]: 1 for a block without a summary.
        summary_counts: int64 [terms]: different terms in all summaries of each list.
        summary_terms: like forward_terms, ascending within a list; summary_ends: uint32: where each such term's
            entries end, counted from the first entry of its list.
        entry_counts: int64 [terms]: entries of each list.
        entry_blocks: uint16, the block counted from the first of its list; entry_weights: uint8.
    """
    terms = last_term - first_term
    dim = list_indptr.size - 1
    block_counts = np.zeros(terms, np.int64)
    summary_counts = np.zeros(terms, np.int64)
    entry_counts = np.zeros(terms, np.int64)
    lengths = np.empty(1024, np.uint32)
    unbounded = np.empty(1024, np.uint8)
    rows = np.empty(1024, np.uint32)
    summary_terms = np.empty(1024, forward_terms.dtype)
    summary_ends = np.empty(1024, np.uint32)
    entry_blocks = np.empty(1024, np.uint16)
    entry_weights = np.empty(1024, np.uint8)
    blocks, rows_end, summaries_end, entries_end = 0, 0, 0, 0

    begins, ends = np.zeros(dim, np.int64), np.zeros(dim, np.int64)
    maxima = np.zeros(dim, np.uint8)
    counts = np.zeros(256, np.int64)
    met = np.empty(MAX_BLOCK_PAIRS, np.uint32)
    # Entries of the current list, block after block, before they are sorted by term.
    found_terms = np.empty(1024, np.uint32)
    found_blocks = np.empty(1024, np.uint16)
    found_weights = np.empty(1024, np.uint8)

    for term in range(first_term, last_term):
        start, stop = list_indptr[term], list_indptr[term + 1]
        if start == stop:
            continue
        kept = _strongest(list_rows[start:stop], list_weights[start:stop], n_postings, counts)
        rows = _grown(rows, rows_end + kept.size)
        if kept.size <= SHORT_LIST:
            lengths, unbounded = _grown(lengths, blocks + 1), _grown(unbounded, blocks + 1)
            rows[rows_end : rows_end + kept.size] = kept
            rows_end += kept.size
            lengths[blocks], unbounded[blocks] = kept.size, 1
            blocks += 1
            block_counts[term - first_term] = 1
            continue

        size = min(int(np.ceil(centroid_fraction * kept.size)), MAX_BLOCKS)
        chosen = np.empty(kept.size, np.int64)
        sample(kept.size, size, mix(seed ^ mix(np.uint64(term))), chosen)
        nearest = _cluster(
            kept,
            kept[chosen[:size]],
            min_cluster_size,
            forward_indptr,
            forward_terms,
            forward_weights,
            sketch_terms,
            sketch_weights,
            begins,
            ends,
        )
        sizes = np.zeros(size + 1, np.int64)
        for number in nearest:
            sizes[number + 1] += 1
        places = rows_end + np.cumsum(sizes)[:size]
        for i in range(kept.size):
            rows[places[nearest[i]]] = kept[i]
            places[nearest[i]] += 1

        found = 0
        list_blocks = 0
        lengths, unbounded = _grown(lengths, blocks + size), _grown(unbounded, blocks + size)
        for length in sizes[1:]:
            if length == 0:
                continue
            members = rows[rows_end : rows_end + length]
            rows_end += length
            lengths[blocks] = length
            pairs = 0
            for row in members:
                pairs += forward_indptr[row + 1] - forward_indptr[row]
            unbounded[blocks] = pairs > MAX_BLOCK_PAIRS
            if pairs <= MAX_BLOCK_PAIRS:
                count = _summarise(members, forward_indptr, forward_terms, forward_weights, energy, maxima, met, counts)
                found_terms = _grown(found_terms, found + count)
                found_blocks = _grown(found_blocks, found + count)
                found_weights = _grown(found_weights, found + count)
                for i in range(count):
                    found_terms[found + i] = met[i]
                    found_blocks[found + i] = list_blocks
                    found_weights[found + i] = maxima[met[i]]
                    maxima[met[i]] = 0
                found += count
            blocks += 1
            list_blocks += 1
        block_counts[term - first_term] = list_blocks

        # Sort the entries by term: the summaries of a list are stored as an inverted index of its blocks.
        distinct = np.empty(found, np.uint32)
        distinct_count = 0
        for i in range(found):
            if ends[found_terms[i]] == 0:
                distinct[distinct_count] = found_terms[i]
                distinct_count += 1
            ends[found_terms[i]] += 1
        distinct = np.sort(distinct[:distinct_count])
        summary_terms = _grown(summary_terms, summaries_end + distinct_count)
        summary_ends = _grown(summary_ends, summaries_end + distinct_count)
        at = 0
        for i in range(distinct_count):
            summary_terms[summaries_end + i] = distinct[i]
            begins[distinct[i]] = at
            at += ends[distinct[i]]
            summary_ends[summaries_end + i] = at
        entry_blocks = _grown(entry_blocks, entries_end + found)
        entry_weights = _grown(entry_weights, entries_end + found)
        for i in range(found):
            place = entries_end + begins[found_terms[i]]
            begins[found_terms[i]] += 1
            entry_blocks[place] = found_blocks[i]
            entry_weights[place] = found_weights[i]
        for i in range(distinct_count):
            begins[distinct[i]] = 0
            ends[distinct[i]] = 0
        summaries_end += distinct_count
        entries_end += found
        summary_counts[term - first_term] = distinct_count
        entry_counts[term - first_term] = found

    return (
        block_counts,
        lengths[:blocks],
        unbounded[:blocks],
        rows[:rows_end],
        summary_counts,
        summary_terms[:summaries_end],
        summary_ends[:summaries_end],
        entry_counts,
        entry_blocks[:entries_end],
        entry_weights[:entries_end],
    )
