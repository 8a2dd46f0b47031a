"""Whether Seismic's lists and summaries are those of the documents, found by making some of them again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lsr.index.format.postings import Postings
from lsr.index.parts.seismic.blocks import SeismicBlocks

# Lists that are made again, drawn by chance, and the pairs of their documents that this may take.
_LISTS = 1024
_PAIRS = 1 << 22


def list_problems(blocks: SeismicBlocks, forward: Postings) -> Iterator[str]:
    """What is wrong with some lists, whose numbers are known to be in range, beginning with a file's name."""
    dim, pairs = len(blocks.indptr) - 1, 0
    filled = np.flatnonzero(np.diff(blocks.starts[blocks.indptr]))
    for term in np.random.default_rng().permutation(filled)[:_LISTS].tolist():
        first, last = int(blocks.indptr[term]), int(blocks.indptr[term + 1])
        rows = blocks.rows[blocks.starts[first] : blocks.starts[last]].astype(np.int64)
        owners = np.repeat(np.arange(last - first), np.diff(blocks.starts[first : last + 1]))
        lengths = forward.indptr[rows + 1] - forward.indptr[rows]
        pairs += int(lengths.sum())
        if pairs > _PAIRS:
            return
        places = np.arange(lengths.sum()) + np.repeat(forward.indptr[rows] - np.cumsum(lengths) + lengths, lengths)
        terms = forward.indices[places].astype(np.int64)
        # Where terms share a column, a document may hold several of them.
        held = np.bincount(np.repeat(np.arange(len(rows)), lengths), terms == term, minlength=len(rows))
        _, numbers, listed = np.unique(rows, return_inverse=True, return_counts=True)
        if (listed[numbers] > held).any():
            yield f"seismic_rows.npy: the list of term {term} holds documents without it, or twice"
            return
        unmet = np.bincount(blocks.entry_blocks[_entry_range(blocks, term)], minlength=last - first) == 0
        if (unmet & (blocks.unbounded[first:last] == 0)).any():
            yield f"seismic_unbounded.npy: a block of term {term} has no summary, and is not among those always visited"
            return
        keys, heaviest = _maxima(np.repeat(owners, lengths) * dim + terms, forward.weights[places])
        wanted, weights = _entries(blocks, term, dim)
        found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        wrong = np.flatnonzero((keys[found] != wanted) | (heaviest[found] != weights))
        if len(wrong):
            block, summarised = divmod(int(wanted[wrong[0]]), dim)
            yield (
                f"seismic_entry_weights.npy: the summary of block {block} of term {term} says {weights[wrong[0]]} of "
                f"term {summarised}, which is not the largest weight there"
            )
            return


def _maxima(keys: npt.NDArray[np.int64], weights: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int64], ...]:
    """The different keys, ascending, and the largest weight of each."""
    order = np.argsort(keys, kind="stable")
    distinct, starts = np.unique(keys[order], return_index=True)
    return distinct, np.maximum.reduceat(weights[order], starts)


def _entries(blocks: SeismicBlocks, term: int, dim: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """The entries of a list's summaries: block times `dim` plus term, and weight."""
    summary = slice(int(blocks.summary_indptr[term]), int(blocks.summary_indptr[term + 1]))
    entry = _entry_range(blocks, term)
    ends = blocks.summary_ends[summary].astype(np.int64)
    terms = np.repeat(blocks.summary_terms[summary].astype(np.int64), np.concatenate([ends[:1], np.diff(ends)]))
    return blocks.entry_blocks[entry].astype(np.int64) * dim + terms, blocks.entry_weights[entry]


def _entry_range(blocks: SeismicBlocks, term: int) -> slice:
    return slice(int(blocks.entry_indptr[term]), int(blocks.entry_indptr[term + 1]))
